"""The thirteen joints, their clock, and features that do not care where somebody stands."""

from __future__ import annotations

import numpy as np
import pytest
from understand_clips import clip_of, keypoints_of

from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17_FEET
from mocap.understand.joints import JOINT_NAMES, body_size_m, joint_clip, pick_joints
from mocap.understand.window_features import FEATURES, POSE, window_features

NAMES = COCO_17_FEET.keypoint_names


def test_the_head_lies_between_the_ears_and_limbs_keep_their_names() -> None:
    xyz = keypoints_of("walk")
    joints = pick_joints(xyz, NAMES)
    ears = 0.5 * (xyz[:, NAMES.index("left_ear")] + xyz[:, NAMES.index("right_ear")])
    assert np.array_equal(joints[:, 0], ears)
    assert np.array_equal(
        joints[:, JOINT_NAMES.index("right_knee")], xyz[:, NAMES.index("right_knee")]
    )


def test_a_missing_limb_is_named() -> None:
    xyz = keypoints_of("walk")
    kept = [name for name in NAMES if name != "left_wrist"]
    with pytest.raises(InputError, match="left_wrist"):
        pick_joints(xyz[:, [NAMES.index(name) for name in kept]], kept)


def test_another_frame_rate_gives_the_same_clip() -> None:
    # Both clips sample one smooth motion; linear steps of 1/60 s on a 2 m/s limb with 30 m/s2 are
    # off by a t^2 / 8 = 1 mm.
    slow, fast = clip_of("squat"), clip_of("squat", fps=60.0)
    frames = min(len(slow.xyz), len(fast.xyz))
    assert np.abs(slow.xyz[:frames] - fast.xyz[:frames]).max() < 1e-3
    assert slow.size_m == pytest.approx(fast.size_m, rel=1e-3)


def test_long_gaps_are_marked_and_short_ones_bridged() -> None:
    xyz = keypoints_of("walk").copy()
    wrist = NAMES.index("left_wrist")
    xyz[60:64, wrist] = np.nan  # 0.17 s
    xyz[100:130, wrist] = np.nan  # 1 s
    clip = joint_clip(xyz, NAMES, np.arange(len(xyz)) / 30.0)
    seen = clip.seen[:, JOINT_NAMES.index("left_wrist")]
    assert seen[55:70].all()
    assert not seen[101:129].any()
    assert clip.seen[:, JOINT_NAMES.index("right_wrist")].all()


def test_a_body_with_one_leg_unseen_has_the_size_of_the_other() -> None:
    joints = pick_joints(keypoints_of("walk"), NAMES)
    whole = body_size_m(joints)
    joints[:, [JOINT_NAMES.index("left_knee"), JOINT_NAMES.index("left_ankle")]] = np.nan
    # The two legs of a body are equal within a few millimetres.
    assert body_size_m(joints) == pytest.approx(whole, rel=0.01)


def test_features_forget_place_heading_and_size() -> None:
    clip = clip_of("walk")
    window = clip.xyz[None, :60]
    turn = np.array(
        [[np.cos(2.0), -np.sin(2.0), 0.0], [np.sin(2.0), np.cos(2.0), 0.0], [0, 0, 1.0]]
    )
    moved = 1.2 * (window @ turn.T) + np.array([3.0, -2.0, 0.4])
    here = window_features(window, np.array([clip.size_m]))
    there = window_features(moved, np.array([1.2 * clip.size_m]))
    assert here.shape == (1, 60, FEATURES)
    # float32 features of order one.
    assert np.abs(here - there).max() < 1e-5


def test_unseen_joints_are_zero() -> None:
    clip = clip_of("walk")
    seen = np.ones((1, 60, 13), bool)
    seen[0, 10:20, 5] = False
    features = window_features(clip.xyz[None, :60], np.array([clip.size_m]), seen)
    pose = features[..., POSE].reshape(60, 13, 3)
    assert not pose[10:20, 5].any()
    assert pose[9, 5].any()
