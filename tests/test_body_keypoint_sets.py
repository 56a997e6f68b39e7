"""Every keypoint set's names are landmarks of the body, and the fit works from each."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.body.anatomical_markers import marker_vertices
from mocap.body.body_skeleton import skeleton_of
from mocap.body.fit.fit import fit
from mocap.body.landmarks import bind_landmarks, face_keypoints, landmark_of, unmeasured_offsets
from mocap.body.model import BodyModel, load_free_body
from mocap.core.errors import BodyError
from mocap.core.keypoint_names import INNER_FACE, JAW_LINE
from mocap.core.keypoints import (
    BODY_25,
    COCO_17,
    COCO_17_FEET,
    HALPE_26,
    KEYPOINT_SETS,
    SYNTHPOSE_52,
    WHOLEBODY_133,
    KeypointSet,
    mirrored_name,
)
from mocap.core.rotation import angle_between_deg
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.random_motion import measured_points, random_motion, true_points

FRAMES, FPS, NOISE_M = 60, 60.0, 0.01

# Noise of 10 mm per axis is 16 mm in the mean (sqrt(8 / pi) sigma). A fit must at least halve it
# where there is a keypoint: bones do not stretch, and neighbouring frames agree. Seven of the 22
# joints (pelvis, vertebrae, neck, collars) have none in COCO's sets: they may be off by all of it.
_NOISE_MM = 16.0
_HALVED_MM = 0.5 * _NOISE_MM
_COCO_MM = (15 * _HALVED_MM + 7 * _NOISE_MM) / 22
# Without heel and toe the ball of the foot, 14 cm from the ankle, is known to the 25 degrees of a
# posture.
_NO_FEET_MM = (13 * _HALVED_MM + 7 * _NOISE_MM + 2 * 60.0) / 22


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


@pytest.fixture(scope="module")
def truth() -> SyntheticMotion:
    return random_motion(FRAMES, FPS, seed=611)


def errors(
    body: BodyModel, truth: SyntheticMotion, names: tuple[str, ...]
) -> tuple[float, float, float]:
    """Return the mean errors of 22 joints in mm, of the upper arms and of the forearms in deg."""
    points = measured_points(true_points(truth, names), names, FPS, sigma_m=NOISE_M, seed=6)
    positions, turns = skeleton_of(fit(points, body).motion, body).forward_kinematics()
    there, true_turns = truth.skeleton.forward_kinematics()
    joints_mm = 1000.0 * np.linalg.norm(positions - there, axis=-1)[:, :22].mean()
    angle = angle_between_deg(turns, true_turns)
    arms, forearms = (
        float(angle[:, [body.joint(f"{side}_{joint}") for side in ("left", "right")]].mean())
        for joint in ("shoulder", "elbow")
    )
    return float(joints_mm), arms, forearms


@pytest.mark.parametrize(
    ("keypoints", "limit_mm"),
    [
        (COCO_17, _NO_FEET_MM),
        (COCO_17_FEET, _COCO_MM),
        (BODY_25, _COCO_MM),
        (HALPE_26, _COCO_MM),
        (WHOLEBODY_133, _COCO_MM),
        # All segments have markers, two or more for one keypoint of COCO.
        (SYNTHPOSE_52, _HALVED_MM / np.sqrt(2.0)),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_the_body_is_fitted_from_every_set(
    body: BodyModel, truth: SyntheticMotion, keypoints: KeypointSet, limit_mm: float
) -> None:
    joints_mm, _, _ = errors(body, truth, keypoints.keypoint_names)
    assert joints_mm < limit_mm


def test_markers_at_the_elbow_show_the_twist_of_the_upper_arm(
    body: BodyModel, truth: SyntheticMotion
) -> None:
    """Epicondyles 75 mm apart tell the twist to 10 sqrt(2) / 75 = 11 deg in one frame.

    Smoothing over a few frames halves it. Without them it comes from the bend of the elbow alone.
    """
    names = SYNTHPOSE_52.keypoint_names
    without = tuple(name for name in names if not name.endswith(("al_elbow", "al_wrist")))
    _, arms, forearms = errors(body, truth, names)
    _, bare_arms, bare_forearms = errors(body, truth, without)
    assert arms < 8.0 and forearms < 8.0
    assert arms < bare_arms and forearms < bare_forearms


@pytest.mark.parametrize("keypoints", KEYPOINT_SETS.values(), ids=lambda each: each.name)
def test_all_names_are_known_and_mirrored(body: BodyModel, keypoints: KeypointSet) -> None:
    names = keypoints.keypoint_names
    assert len(set(names)) == len(names)
    found = bind_landmarks(body, names)
    assert found.names == names
    rest = dict(zip(names, found.rest_points(np.zeros(body.shape_count)), strict=True))
    for name, point in rest.items():
        if mirrored_name(name) not in rest:
            assert keypoints.name.endswith("_hand_21")  # the set of one hand alone
            continue
        # vertices are stored to 1e-6 m and mirrored exactly; regressors are rounded
        np.testing.assert_allclose(
            rest[mirrored_name(name)], point * [-1.0, 1.0, 1.0], atol=1e-5, err_msg=name
        )
        if name.startswith("left_"):
            assert point[0] > 0.0, name


def test_lateral_is_outside_of_medial(body: BodyModel) -> None:
    """T-pose with the palms down: outside of the elbow is up, of the wrist (the thumb) in front."""
    names = SYNTHPOSE_52.keypoint_names
    found = bind_landmarks(body, names)
    at = dict(zip(names, found.rest_points(np.zeros(body.shape_count)), strict=True))
    for joint, axis, least_m in (("elbow", 1, 0.06), ("wrist", 2, 0.04), ("knee", 0, 0.08)):
        apart = at[f"left_lateral_{joint}"] - at[f"left_medial_{joint}"]
        assert apart[axis] > least_m
    assert at["left_lateral_ankle"][0] > at["left_medial_ankle"][0] + 0.04
    assert at["left_fifth_metatarsal"][0] > at["left_second_metatarsal"][0] + 0.02
    down = [at[name][1] for name in ("c7", "t6", "t11", "l2", "left_psis")]
    assert (np.diff(down) < -0.05).all()
    assert at["left_asis"][2] > at["left_psis"][2] + 0.1
    assert at["sternum"][2] > at["t6"][2] + 0.1


def test_bony_markers_move_with_their_bone(body: BodyModel) -> None:
    """A bent elbow or a turned forearm does not move the epicondyles against the upper arm."""
    names = ("left_lateral_elbow", "left_medial_elbow", "left_lateral_knee", "left_asis", "c7")
    found = bind_landmarks(body, names)
    carriers = [body.joint_names[joint] for joint in found.joint]
    assert carriers == ["left_shoulder", "left_shoulder", "left_hip", "pelvis", "spine3"]
    assert landmark_of("right_lateral_elbow") is not None
    right = bind_landmarks(body, ("right_lateral_elbow",))
    assert body.joint_names[right.joint[0]] == "right_shoulder"
    np.testing.assert_allclose(right.rest[0], body.template[marker_vertices(body)["RLEL"]])


def test_the_face_is_told_from_the_body(body: BodyModel) -> None:
    names = WHOLEBODY_133.keypoint_names
    assert face_keypoints(names) == JAW_LINE + INNER_FACE
    rigid, soft = (face_keypoints(names, rigid=each) for each in (True, False))
    assert len(rigid) == 8 and len(rigid) + len(soft) == 68
    head = body.joint("head")
    # the skull's points follow the head alone
    assert set(bind_landmarks(body, rigid).joint) == {head}
    assert body.joint("jaw") in set(bind_landmarks(body, ("chin",)).joint)


def test_a_body_without_a_jaw_line_leaves_it_out(body: BodyModel) -> None:
    faceless = replace(
        body, jaw_line_vertices=np.zeros((0, 3), np.int64), jaw_line_weights=np.zeros((0, 3))
    )
    assert bind_landmarks(faceless, ("nose", "chin", "upper_lip")).names == ("nose", "upper_lip")


def test_a_body_without_skin_where_a_marker_should_lie_is_named(body: BodyModel) -> None:
    hollow = replace(body, template=body.template * [1.0, 1.0, 1.0] + [0.0, 0.0, 9.0])
    with pytest.raises(BodyError, match=r"has no skin of .* where a marker should lie"):
        bind_landmarks(hollow, ("left_asis",))


def test_unmeasured_detectors_scatter_everywhere() -> None:
    offsets = unmeasured_offsets(SYNTHPOSE_52.keypoint_names)
    found = bind_landmarks(load_free_body(), SYNTHPOSE_52.keypoint_names, offsets)
    np.testing.assert_array_equal(found.sigma_m, 0.012)
