"""The skeleton built from keypoints: known rotations come back, gaps are named, nothing flips."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from walker import MEASURES, keypoints_on, walk

from mocap.body.model import load_free_body
from mocap.body.skeleton.build import fit_skeleton, joint_errors_m, skeleton_from_points
from mocap.body.skeleton.gap_filling import fill_directions, fill_rotations
from mocap.core.errors import BodyError, InputError
from mocap.core.keypoints import COCO_17, COCO_17_FEET, KeypointSet, mirrored_name
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.rotation import angle_between_deg, matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.motion import body_keypoints, throw


def without(points: Points3D, keypoint: str, frames: slice) -> Points3D:
    xyz = points.xyz.copy()
    xyz[frames, :, points.keypoint_names.index(keypoint)] = np.nan
    return replace(points, xyz=xyz)


def rotation_errors_deg(truth: SkeletonMotion, found: SkeletonMotion) -> dict[str, FloatArray]:
    """World rotation error (frame,) by joint."""
    rows = [truth.joint_names.index(name) for name in found.joint_names]
    expected = truth.forward_kinematics()[1][:, rows]
    errors = angle_between_deg(expected, found.forward_kinematics()[1])
    return {name: errors[:, joint] for joint, name in enumerate(found.joint_names)}


def test_known_rotations_come_back() -> None:
    truth = walk()
    found = skeleton_from_points(keypoints_on(truth), 0)
    assert found.joint_names == truth.joint_names
    # Bone directions are kept exactly. Only the twist is averaged, over about half a frame: the
    # walker's elbow plane turns at most 3 degrees per frame, so it lags by less than 1.5 degrees.
    for name, error in rotation_errors_deg(truth, found).items():
        assert error.max() < 1.5, name
    expected, _ = truth.forward_kinematics()
    positions, _ = found.forward_kinematics()
    np.testing.assert_allclose(positions, expected, atol=1e-9)


def test_the_walker_shows_every_bone_turning() -> None:
    """Guard of the test above: each joint it checks really moves."""
    _, world = walk().forward_kinematics()
    assert (angle_between_deg(world[:1], world).max(axis=0) > 10.0).all()


@pytest.mark.parametrize("keypoint_set", [COCO_17, COCO_17_FEET], ids=lambda each: each.name)
def test_noise_gives_the_errors_that_bone_lengths_predict(keypoint_set: KeypointSet) -> None:
    truth = walk()
    noise = 0.005
    points = keypoints_on(truth, keypoint_set, noise_m=noise)
    fit = fit_skeleton(points, 0)
    errors = rotation_errors_deg(truth, fit.motion)
    # Direction of a 0.4 m bone between two ends with 5 mm noise per axis: 5 sqrt(2) / 400 rad
    # = 1.0 degree across each of two axes; the twist from a plane bent by 0.5 to 1.3 rad of a
    # 0.4 m shank adds at most 1 / sin(0.5) of that: together below 3 degrees rms.
    for name in ("left_hip", "right_hip", "left_knee", "right_knee"):
        assert np.sqrt(np.mean(errors[name] ** 2)) < 3.0
    # Constant lengths cannot follow radial noise: about 5 mm per bone, and it adds up along the
    # pelvis, trunk and arm to a median of at most two bones' worth.
    assert np.nanmedian(joint_errors_m(fit, points, 0)) < 2.0 * noise
    assert ("left_foot" in fit.motion.joint_names) == (keypoint_set is COCO_17_FEET)


def test_a_throwing_arm_keeps_its_rotation() -> None:
    """Another body, another motion, true rotations: external rotation up to 170 degrees."""
    body = load_free_body()
    motion = throw(duration_s=2.55, fps=240.0)
    _, rotations = body.forward_kinematics(motion.rotations, motion.betas, motion.transl)
    template = keypoints_on(walk(frames=len(rotations), fps=240.0))
    found = skeleton_from_points(replace(template, xyz=body_keypoints(motion)[:, None]), 0)
    _, world = found.forward_kinematics()
    # The body's own axes are Y up and face +Z, the skeleton's Z up and face -Y.
    skeleton_from_body = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    for name in ("left_shoulder", "right_shoulder", "left_elbow", "right_elbow"):
        truth = rotations[:, body.joint(name)] @ skeleton_from_body.T
        error = angle_between_deg(truth, world[:, found.joint_names.index(name)])
        # The arm bends by more than 15 degrees throughout: half a frame of lag at the fastest
        # twist (about 9 degrees per frame) and what is left of the spine is below 3 degrees.
        assert np.percentile(error, 95.0) < 3.0, name
        assert error.max() < 6.0, name


def test_rest_pose_is_a_t_pose_facing_minus_y() -> None:
    fitted = skeleton_from_points(keypoints_on(walk()), 0)
    identity = np.zeros((1, len(fitted.joint_names), 4))
    identity[..., 0] = 1.0
    rest = replace(fitted, local_rotations_wxyz=identity, root_positions=np.zeros((1, 3)))
    positions = rest.forward_kinematics()[0][0]
    at = dict(zip(rest.joint_names, positions, strict=True))
    arm = MEASURES.bone["left_elbow"] + MEASURES.bone["left_wrist"]
    np.testing.assert_allclose(at["left_wrist"] - at["left_shoulder"], [arm, 0, 0], atol=1e-9)
    np.testing.assert_allclose(at["right_wrist"] - at["right_shoulder"], [-arm, 0, 0], atol=1e-9)
    np.testing.assert_allclose(at["neck"], [0, 0, MEASURES.trunk], atol=1e-9)
    leg = MEASURES.bone["left_knee"] + MEASURES.bone["left_ankle"]
    np.testing.assert_allclose(at["left_ankle"] - at["left_hip"], [0, 0, -leg], atol=1e-9)
    assert at["left_foot"][1] < at["left_ankle"][1]


def test_mirrored_motion_gives_the_mirrored_skeleton() -> None:
    points = keypoints_on(walk(), noise_m=0.003)
    order = [points.keypoint_names.index(mirrored_name(name)) for name in points.keypoint_names]
    flip = np.array([-1.0, 1.0, 1.0])
    mirrored = replace(points, xyz=points.xyz[:, :, order] * flip)
    one, other = (skeleton_from_points(each, 0) for each in (points, mirrored))
    rows = [other.joint_names.index(mirrored_name(name)) for name in one.joint_names]
    reflection = np.diag(flip)
    expected = reflection @ one.forward_kinematics()[1] @ reflection
    assert angle_between_deg(expected, other.forward_kinematics()[1][:, rows]).max() < 1e-4


@pytest.mark.parametrize("knee_bend", [0.0, 0.1, 0.3])
def test_straight_legs_never_flip(knee_bend: float) -> None:
    # The knee sweeps from 23 degrees backwards (what noise and soft tissue do to a straight leg)
    # to 23 forwards. A flip of the twist would be an error near 180 degrees.
    truth = walk(knee_bend=knee_bend)
    fit = fit_skeleton(keypoints_on(truth, COCO_17, noise_m=0.005), 0)
    errors = rotation_errors_deg(truth, fit.motion)
    for name in ("left_hip", "right_hip"):
        assert errors[name].max() < 30.0
    hip = fit.motion.joint_names.index("left_hip")
    assert 0.1 < fit.twist_observed[:, hip].mean() < 0.9


def test_foot_heading_stands_in_for_a_straight_knee() -> None:
    truth = walk(knee_bend=0.0)
    fit = fit_skeleton(keypoints_on(truth, COCO_17_FEET), 0)
    hip = truth.joint_names.index("left_hip")
    found = fit.motion.forward_kinematics()[1][:, hip]
    assert angle_between_deg(truth.forward_kinematics()[1][:, hip], found).max() < 0.1


def test_quaternions_and_rotations_are_continuous() -> None:
    fit = fit_skeleton(keypoints_on(walk(frames=240)), 0)
    quaternion = fit.motion.local_rotations_wxyz
    assert (np.sum(quaternion[1:] * quaternion[:-1], axis=-1) > 0.9).all()


def test_short_gaps_are_bridged_and_marked() -> None:
    truth = walk()
    fit = fit_skeleton(without(keypoints_on(truth), "left_wrist", slice(40, 52)), 0)
    elbow = fit.motion.joint_names.index("left_elbow")
    assert fit.filled[40:52, elbow].all()
    assert fit.filled.sum() == 12
    assert any("left_elbow" in note and "12 of 120" in note for note in fit.notes)
    # 0.2 s of a 1 Hz swing of 0.3 rad, bridged at constant speed: sagitta of at most
    # 0.3 rad * (1 - cos(0.1 s * 2 pi)) = 3.3 degrees in the bend, the same again in the arm.
    assert rotation_errors_deg(truth, fit.motion)["left_elbow"][40:52].max() < 10.0


def test_long_gaps_are_refused_by_name_or_filled_on_request() -> None:
    points = without(keypoints_on(walk()), "right_ankle", slice(10, 80))
    with pytest.raises(BodyError, match="right_knee in frames 10 to 79"):
        fit_skeleton(points, 0)
    fit = fit_skeleton(points, 0, long_gaps="fill")
    assert fit.filled[10:80, fit.motion.joint_names.index("right_knee")].all()
    assert np.isfinite(fit.motion.local_rotations_wxyz).all()


def test_frames_without_a_trunk_at_the_ends_are_cut() -> None:
    points = without(keypoints_on(walk()), "left_hip", slice(0, 30))
    fit = fit_skeleton(points, 0)
    assert fit.first_frame == 30
    assert len(fit.motion.root_positions) == 90
    assert "30 of 120 frames were cut" in fit.notes[0]


def test_a_face_that_is_rarely_seen_leaves_the_head_to_the_trunk() -> None:
    fit = fit_skeleton(without(keypoints_on(walk()), "nose", slice(0, 100)), 0)
    head = fit.motion.joint_names.index("head")
    np.testing.assert_allclose(fit.motion.local_rotations_wxyz[:, head, 0], 1.0)
    assert any("head moves with the trunk" in note for note in fit.notes)


def test_impossible_input_is_explained() -> None:
    points = keypoints_on(walk(frames=5))
    with pytest.raises(InputError, match="no person 3"):
        fit_skeleton(points, 3)
    with pytest.raises(BodyError, match="no frame in which both hips"):
        fit_skeleton(without(points, "left_hip", slice(None)), 0)
    with pytest.raises(BodyError, match="right_wrist are never known"):
        fit_skeleton(without(points, "right_wrist", slice(None)), 0, long_gaps="fill")


def test_one_frame_is_enough() -> None:
    assert len(skeleton_from_points(keypoints_on(walk(frames=1)), 0).root_positions) == 1


def test_filled_rotations_and_directions_take_the_shortest_way() -> None:
    known = np.array([False, True, False, False, True, False])
    angle = np.array([9.0, 0.0, 9.0, 9.0, 0.9, 9.0])
    rotations = matrix_from_rotvec(np.outer(angle, [0.0, 0.0, 1.0]))
    expected = np.array([0.0, 0.0, 0.3, 0.6, 0.9, 0.9])
    filled = fill_rotations(rotations, known)
    np.testing.assert_allclose(np.arctan2(filled[:, 1, 0], filled[:, 0, 0]), expected, atol=1e-12)
    directions = fill_directions(rotations[:, :, 0], known)
    np.testing.assert_allclose(np.arctan2(directions[:, 1], directions[:, 0]), expected, atol=1e-12)


def test_opposite_directions_are_held_not_averaged_to_nothing() -> None:
    directions = np.array([[1.0, 0, 0], [0, 0, 0], [0, 0, 0], [-1.0, 0, 0]])
    filled = fill_directions(directions, np.array([True, False, False, True]))
    np.testing.assert_allclose(filled[:, 0], [1, 1, -1, -1])
