"""Joint angles against skeletons whose angles are known, and mirror images."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from stick_person import JOINTS, keypoints_of, mirror_image, person

from mocap.core.errors import BodyError, InputError
from mocap.core.shapes import FloatArray
from mocap.measure.angles import (
    LIMB_JOINTS,
    continuous_deg,
    euler_angles,
    joint_angles,
)
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import THORAX_SHOULDER_LINE, frame_yx, frame_yz, frame_zy

EXACT_DEG = 1e-6  # rounding of quaternions and arctangents; the promise is 0.05


def random_angles(rng: np.random.Generator, frames: int) -> dict[str, FloatArray]:
    """Angles away from the singular poses of their sequences."""
    ranges = {"shoulder": ((-60, 120), (20, 150), (-90, 175))}
    usual = ((-40, 120), (-30, 30), (-60, 60))
    return {
        joint: np.stack(
            [rng.uniform(low, high, frames) for low, high in ranges.get(joint, usual)], axis=-1
        )
        for joint in JOINTS
    }


@pytest.mark.parametrize("side", ["right", "left"])
def test_angles_of_every_joint_are_those_that_were_set(side: str) -> None:
    rng = np.random.default_rng(5)
    given = random_angles(rng, 60)
    motion = person(60, pelvis=Rotation.random(60, rng=rng).as_matrix(), **{side: given})  # type: ignore[arg-type]
    found = joint_angles(segments_from_skeleton(motion))
    for joint in LIMB_JOINTS:
        for k, angle in enumerate(joint.angles):
            error = found[f"{side}_{joint.name}_{angle}"] - given[joint.name][:, k]
            error = (error + 180.0) % 360.0 - 180.0
            assert np.abs(error).max() < EXACT_DEG, (joint.name, angle)


def test_signs_by_where_the_limbs_point() -> None:
    # Thrower's cocked arm: out to the side, elbow at 90, turned out by 90: the forearm is upright.
    motion = person(right={"shoulder": (0, 90, 90), "elbow": (90, 0, 0)})
    positions, _ = motion.forward_kinematics()
    at = dict(zip(motion.joint_names, positions[0], strict=True))
    np.testing.assert_allclose(at["right_wrist"] - at["right_elbow"], [0, 0, 0.25], atol=1e-12)
    np.testing.assert_allclose(at["right_elbow"] - at["right_shoulder"], [-0.3, 0, 0], atol=1e-12)
    # Arm raised forwards is a plane of elevation of 90.
    motion = person(left={"shoulder": (90, 90, 0)})
    at = dict(zip(motion.joint_names, motion.forward_kinematics()[0][0], strict=True))
    np.testing.assert_allclose(at["left_elbow"] - at["left_shoulder"], [0, -0.3, 0], atol=1e-12)
    # A bent knee brings the foot behind, a flexed hip the knee forward, adduction inwards.
    motion = person(right={"knee": (90, 0, 0)}, left={"hip": (90, 0, 0)})
    at = dict(zip(motion.joint_names, motion.forward_kinematics()[0][0], strict=True))
    np.testing.assert_allclose(at["right_ankle"] - at["right_knee"], [0, 0.4, 0], atol=1e-12)
    np.testing.assert_allclose(at["left_knee"] - at["left_hip"], [0, -0.42, 0], atol=1e-12)
    motion = person(right={"hip": (0, 30, 0)})
    at = dict(zip(motion.joint_names, motion.forward_kinematics()[0][0], strict=True))
    assert (at["right_knee"] - at["right_hip"])[0] > 0.2  # left of the person is +X
    # Toes up is dorsiflexion.
    motion = person(right={"ankle": (20, 0, 0)})
    _, rotations = motion.forward_kinematics()
    toes = rotations[0, motion.joint_names.index("right_ankle")] @ [0, -1.0, 0]
    assert toes[2] > 0.3


def test_trunk_signs() -> None:
    forward = Rotation.from_euler("x", 30, degrees=True).as_matrix()
    found = joint_angles(segments_from_skeleton(person(thorax=forward)))
    assert found["trunk_flexion"][0] == pytest.approx(30)
    assert found["thorax_forward_tilt"][0] == pytest.approx(30)
    right = Rotation.from_euler("y", -20, degrees=True).as_matrix()  # the head goes to -X
    found = joint_angles(segments_from_skeleton(person(thorax=right)))
    assert found["trunk_right_lateral_bend"][0] == pytest.approx(20)
    left = Rotation.from_euler("z", 25, degrees=True).as_matrix()
    found = joint_angles(segments_from_skeleton(person(pelvis=left)))
    assert found["pelvis_left_rotation"][0] == pytest.approx(-90 + 25)  # the rest pose faces -Y
    assert found["trunk_left_rotation"][0] == pytest.approx(0, abs=1e-9)


def test_left_and_right_of_the_mirror_image_are_identical() -> None:
    rng = np.random.default_rng(7)
    motion = person(
        40,
        right=random_angles(rng, 40),
        left=random_angles(rng, 40),
        pelvis=Rotation.random(40, rng=rng).as_matrix(),
        thorax=Rotation.from_rotvec(rng.normal(0, 0.3, (40, 3))).as_matrix(),
    )
    found = joint_angles(segments_from_skeleton(motion))
    mirrored = joint_angles(segments_from_skeleton(mirror_image(motion)))
    for joint in LIMB_JOINTS:
        for angle in joint.angles:
            difference = (
                found[f"left_{joint.name}_{angle}"] - mirrored[f"right_{joint.name}_{angle}"]
            )
            assert np.nanmax(np.abs(difference)) < EXACT_DEG
    np.testing.assert_allclose(
        found["trunk_left_rotation"], -mirrored["trunk_left_rotation"], atol=EXACT_DEG
    )


def test_turning_and_mirroring_segments_keeps_joint_angles() -> None:
    rng = np.random.default_rng(3)
    segments = segments_from_skeleton(person(10, right=random_angles(rng, 10)))
    before, after = joint_angles(segments), joint_angles(segments.turned(37.0))
    kept = [k for k, name in enumerate(before.names) if not name.startswith(("pelvis_", "thorax_"))]
    np.testing.assert_allclose(
        before.values_deg[:, kept], after.values_deg[:, kept], atol=EXACT_DEG
    )
    moved = after["pelvis_left_rotation"] - before["pelvis_left_rotation"]
    np.testing.assert_allclose((moved + 180) % 360 - 180, -37.0, atol=EXACT_DEG)
    twice = segments.mirrored().mirrored()
    np.testing.assert_array_equal(twice.rotations, segments.rotations)


def test_shoulder_plane_and_rotation_are_masked_where_they_are_undefined() -> None:
    found = joint_angles(segments_from_skeleton(person(right={"shoulder": (0, 4, 0)})))
    assert np.isnan(found["right_shoulder_external_rotation"][0])
    assert found["right_shoulder_elevation"][0] == pytest.approx(4)
    assert "undefined" in found.reasons["right_shoulder_external_rotation"]


def test_key_points_measure_hinges_and_say_what_they_cannot() -> None:
    flexion = np.linspace(2.0, 110.0, 50)
    zero = np.zeros(50)
    bent = np.stack([flexion, zero, zero], axis=-1)
    motion = person(
        50, right={"knee": bent, "elbow": bent, "shoulder": (0, 80, 60)}, left={"knee": bent}
    )
    segments = segments_from_points(keypoints_of(motion))
    found = joint_angles(segments)
    for name in ("right_knee_flexion", "left_knee_flexion", "right_elbow_flexion"):
        np.testing.assert_allclose(found[name], flexion, atol=EXACT_DEG)
    straight = flexion < 20.0
    for name in ("right_hip_internal_rotation", "right_shoulder_external_rotation"):
        np.testing.assert_array_equal(np.isnan(found[name]), straight)
        assert "cannot be seen" in found.reasons[name]
    np.testing.assert_allclose(
        found["right_shoulder_external_rotation"][~straight], 60.0, atol=EXACT_DEG
    )
    for name in ("right_elbow_pronation", "left_knee_adduction", "left_knee_internal_rotation"):
        assert np.isnan(found[name]).all() and "do not show" in found.reasons[name]
    assert segments.thorax == THORAX_SHOULDER_LINE
    assert "thorax_forward_tilt" not in found.names
    assert "shoulder_line_forward_tilt" in found.names


def test_segments_refuse_what_they_cannot_use() -> None:
    points = keypoints_of(person())
    with pytest.raises(InputError, match="no person 7"):
        segments_from_points(points, 7)
    names = tuple("knee_l" if name == "left_knee" else name for name in points.keypoint_names)
    with pytest.raises(InputError, match="left_knee"):
        segments_from_points(dataclasses.replace(points, keypoint_names=names))
    motion = person()
    with pytest.raises(BodyError, match="spine3"):
        renamed = tuple("chest" if name == "spine3" else name for name in motion.joint_names)
        segments_from_skeleton(dataclasses.replace(motion, joint_names=renamed))


@pytest.mark.parametrize("sequence", ["ZXY", "YXZ", "YXY"])
def test_euler_angles_rebuild_their_rotation(sequence: str) -> None:
    rotations = Rotation.random(200, rng=np.random.default_rng(1)).as_matrix()
    angles = euler_angles(rotations, sequence)
    again = Rotation.from_euler(sequence, angles).as_matrix()
    np.testing.assert_allclose(again, rotations, atol=1e-12)
    if sequence == "YXY":
        assert np.all(angles[:, 1] <= 0)
    with pytest.raises(ValueError, match="XYZ"):
        euler_angles(rotations, "XYZ")


def test_continuous_angles_pass_a_half_turn_and_keep_gaps() -> None:
    true = np.concatenate([np.linspace(150, 250, 40), np.full(3, np.nan), np.linspace(10, 20, 5)])
    wrapped = (true + 180.0) % 360.0 - 180.0
    found = continuous_deg(wrapped)
    # The median of the first run is 200: the same angles less a full turn.
    np.testing.assert_allclose(found[:40], true[:40] - 360.0)
    assert np.isnan(found[40:43]).all()
    np.testing.assert_allclose(found[43:], true[43:])


def test_frames_from_two_directions_are_right_handed_and_exact() -> None:
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 20, 3))
    for build, column in ((frame_yz, 1), (frame_zy, 2), (frame_yx, 1)):
        frames = build(a, b)
        np.testing.assert_allclose(
            np.swapaxes(frames, -1, -2) @ frames, np.broadcast_to(np.eye(3), (20, 3, 3)), atol=1e-12
        )
        np.testing.assert_allclose(np.linalg.det(frames), 1.0)
        np.testing.assert_allclose(
            frames[..., column], a / np.linalg.norm(a, axis=-1, keepdims=True), atol=1e-12
        )
