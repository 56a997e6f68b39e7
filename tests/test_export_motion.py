"""Retiming, rest poses, mirror images, gaps: the same poses, told differently."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from skinned import posed_skin, spinning_character

from mocap.body.model import load_free_body
from mocap.body.skin import skinned_mesh
from mocap.core.errors import ExportError
from mocap.core.keypoints import mirrored_name
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import angle_between_deg, matrix_from_quaternion_wxyz
from mocap.core.shapes import FloatArray
from mocap.export.character.character import Character
from mocap.export.character.gaps import with_missing, without_gaps
from mocap.export.character.rest_pose import mirrored, reposed, with_rest_pose
from mocap.export.quaternions import continuous, slerp
from mocap.export.retime import resampled, trimmed
from mocap.synthetic.motion.spinning import spinning_body


def joints(motion: SkeletonMotion) -> FloatArray:
    return motion.forward_kinematics()[0]


def test_resampling_keeps_the_frames_it_shares() -> None:
    motion = spinning_body(61, 60.0)
    for fps in (20.0, 30.0, 60.0, 120.0):
        again = resampled(motion, fps)
        assert again.fps == fps
        assert len(again.root_positions) == round(fps) + 1
        common = np.linspace(0.0, 1.0, 11)
        np.testing.assert_allclose(
            joints(again)[np.round(common * fps).astype(int)],
            joints(motion)[np.round(common * 60).astype(int)],
            atol=1e-12,
        )


def test_resampling_turns_at_constant_speed_between_frames() -> None:
    motion = spinning_body(31, 30.0)
    fine = resampled(motion, 120.0)
    shoulder = motion.joint_names.index("right_shoulder")
    turns = matrix_from_quaternion_wxyz(fine.local_rotations_wxyz[:, shoulder])
    steps = angle_between_deg(turns[:-1], turns[1:]).reshape(-1, 4)
    np.testing.assert_allclose(steps, steps[:, :1] * np.ones(4), atol=1e-9)
    # The truth at 120 Hz: an arm that turns at 792 degrees a second deviates from a geodesic
    # between frames 1/30 s apart only by its swing, a few hundredths of a radian on half a metre.
    truth = spinning_body(121, 120.0)
    assert np.abs(joints(fine) - joints(truth)).max() < 0.03


def test_ntsc_and_odd_rates_cover_the_take() -> None:
    motion = spinning_body(100, 60.0)
    for fps in (24.0, 59.94, 60.0 / 1.001, 47.3):
        last = (len(resampled(motion, fps).root_positions) - 1) / fps
        assert 0.0 <= 99 / 60.0 - last < 1.0 / fps + 1e-9
    with pytest.raises(ExportError, match="impossible"):
        resampled(motion, 0.0)


def test_trimming_includes_both_ends() -> None:
    motion = spinning_body(60, 60.0)
    part = trimmed(motion, 0.25, 0.5)
    np.testing.assert_array_equal(part.root_positions, motion.root_positions[15:31])
    assert len(trimmed(motion).root_positions) == 60
    with pytest.raises(ExportError, match=r"between 5 s and 6 s; .* lasts 0\.983 s"):
        trimmed(motion, 5.0, 6.0)
    with pytest.raises(ExportError, match=r"between 5 s and 0\.983333 s"):
        trimmed(motion, 5.0)


def test_an_a_pose_changes_the_rest_and_nothing_else() -> None:
    character = spinning_character(20)
    posed = with_rest_pose(character, "a")
    np.testing.assert_allclose(joints(posed.motion), joints(character.motion), atol=1e-12)
    for frame in (0, 13):
        moved = np.abs(posed_skin(posed, frame) - posed_skin(character, frame)).max(axis=1)
        # A linear blend is not undone by a linear blend: round the armpits, where collar and arm
        # share the skin, it ends up elsewhere by up to 3 cm in these extreme poses.
        assert (moved > 1e-9).mean() < 0.08
        assert moved.max() < 0.035
    names = character.motion.joint_names
    wrist, shoulder = names.index("left_wrist"), names.index("left_shoulder")
    before, after = character.motion.rest_positions(), posed.motion.rest_positions()
    turned = after[wrist] - after[shoulder]
    assert turned[2] == pytest.approx(-turned[0], abs=0.06)
    assert np.linalg.norm(turned) == pytest.approx(np.linalg.norm(before[wrist] - before[shoulder]))
    assert with_rest_pose(character, "t") is character
    with pytest.raises(ExportError, match="rest pose 'x'"):
        with_rest_pose(character, "x")


def test_any_frame_can_be_the_rest_pose() -> None:
    motion = spinning_body(12)
    seventh = matrix_from_quaternion_wxyz(motion.local_rotations_wxyz[7])
    again = reposed(Character(motion), dict(zip(motion.joint_names, seventh, strict=True))).motion
    np.testing.assert_allclose(joints(again), joints(motion), atol=1e-12)
    np.testing.assert_allclose(np.abs(again.local_rotations_wxyz[7, :, 0]), 1.0, atol=1e-12)


def test_a_mirror_image_swaps_the_sides() -> None:
    character = spinning_character(15)
    image = mirrored(character)
    names = character.motion.joint_names
    other = [names.index(mirrored_name(name)) for name in names]
    expected = joints(character.motion)[:, other] * [-1.0, 1.0, 1.0]
    np.testing.assert_allclose(joints(image.motion), expected, atol=1e-12)
    skin = posed_skin(image, 9)
    np.testing.assert_allclose(skin, posed_skin(character, 9) * [-1.0, 1.0, 1.0], atol=1e-9)
    assert image.mesh is not None
    # The skin's volume is positive when its faces are seen from outside: 0.05 m³ and more.
    assert np.linalg.det(image.mesh.vertices[image.mesh.faces]).sum() / 6.0 > 0.04
    twice = mirrored(image)
    np.testing.assert_array_equal(
        twice.motion.local_rotations_wxyz, character.motion.local_rotations_wxyz
    )


def test_mirroring_needs_both_sides() -> None:
    motion = spinning_body(2)
    one_sided = replace(motion, joint_names=("left_pelvis", *motion.joint_names[1:]))
    with pytest.raises(ExportError, match="left_pelvis"):
        mirrored(Character(one_sided, skinned_mesh(load_free_body())))


def test_gaps_are_held_filled_or_cut() -> None:
    motion = spinning_body(30)
    missing = np.zeros((30, 55), dtype=bool)
    missing[10:14, 0] = True
    missing[25:, 4] = True
    gappy = with_missing(motion, missing)
    (held,) = without_gaps(gappy, "hold")
    np.testing.assert_array_equal(
        held.motion.root_positions[10:14], np.tile(motion.root_positions[9], (4, 1))
    )
    np.testing.assert_array_equal(
        held.motion.local_rotations_wxyz[25:, 4],
        np.tile(motion.local_rotations_wxyz[24, 4], (5, 1)),
    )
    (filled,) = without_gaps(gappy, "interpolate")
    steps = np.diff(filled.motion.root_positions[9:15], axis=0)
    np.testing.assert_allclose(steps, np.tile(steps[0], (5, 1)), atol=1e-12)
    np.testing.assert_array_equal(
        filled.motion.local_rotations_wxyz[:10], motion.local_rotations_wxyz[:10]
    )
    pieces = without_gaps(gappy, "split")
    assert [(piece.first_frame, len(piece.motion.root_positions)) for piece in pieces] == [
        (0, 10),
        (14, 11),
    ]
    (whole,) = without_gaps(motion, "split")
    assert whole.motion is motion
    with pytest.raises(ExportError, match="'left_knee' is unknown in every frame"):
        never = np.zeros((30, 55), dtype=bool)
        never[:, 4] = True
        without_gaps(with_missing(motion, never), "hold")
    with pytest.raises(ExportError, match="gap policy 'guess'"):
        without_gaps(gappy, "guess")


def test_slerp_is_exact_for_tiny_and_for_half_turns() -> None:
    one = np.array([1.0, 0.0, 0.0, 0.0])
    for angle in (1e-9, 1e-3, 1.0, np.pi - 1e-9):
        end = np.array([np.cos(angle / 2), np.sin(angle / 2), 0.0, 0.0])
        quarter = slerp(one, -end, np.array(0.25))
        assert quarter[1] / quarter[0] == pytest.approx(np.tan(angle / 8), rel=1e-9)


def test_continuous_signs() -> None:
    values = spinning_body(50).local_rotations_wxyz
    flipped = values * np.where(np.arange(50) % 3 == 0, -1.0, 1.0)[:, None, None]
    smooth = continuous(flipped)
    assert (np.sum(smooth[1:] * smooth[:-1], axis=-1) > 0).all()
    np.testing.assert_allclose(np.abs(smooth), np.abs(values))
