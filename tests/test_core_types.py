"""Keypoint sets, boards, rigs and the skeleton."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.board import Board
from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17, COCO_17_FEET, KEYPOINT_SETS, keypoint_set_of
from mocap.core.motion import SkeletonMotion
from mocap.core.rig import Rig, RigCamera
from mocap.core.rotation import matrix_from_rotvec, quaternion_wxyz_from_matrix


@pytest.mark.parametrize("name", sorted(KEYPOINT_SETS))
def test_keypoint_sets_are_symmetric(name: str) -> None:
    keypoint_set = KEYPOINT_SETS[name]
    mirror = keypoint_set.mirror_indices()
    assert tuple(mirror[index] for index in mirror) == tuple(range(len(mirror)))
    bones = {frozenset(bone) for bone in keypoint_set.bone_indices()}
    assert bones == {frozenset(mirror[end] for end in bone) for bone in bones}
    assert keypoint_set_of(keypoint_set.keypoint_names) is keypoint_set


def test_feet_extend_coco() -> None:
    assert COCO_17_FEET.keypoint_names[:17] == COCO_17.keypoint_names


def test_unknown_keypoints_are_refused() -> None:
    with pytest.raises(InputError, match="no known keypoint set"):
        keypoint_set_of(("nose", "tail"))


def test_board_corners_are_row_by_row_in_squares() -> None:
    board = Board("b", 5, 4, 0.1, 0.07, "DICT_4X4_50")
    corners = board.corner_points()
    assert corners.shape == (board.corner_count, 3) == (12, 3)
    np.testing.assert_allclose(corners[0], [0.1, 0.1, 0])
    np.testing.assert_allclose(corners[1] - corners[0], [0.1, 0, 0])
    np.testing.assert_allclose(corners[4] - corners[0], [0, 0.1, 0])


@pytest.mark.parametrize(("columns", "marker"), [(2, 0.07), (5, 0.1), (5, 0.0)])
def test_impossible_boards_are_refused(columns: int, marker: float) -> None:
    with pytest.raises(ValueError, match="board 'b'"):
        Board("b", columns, 4, 0.1, marker, "DICT_4X4_50")


def test_rig_needs_two_names() -> None:
    with pytest.raises(ValueError, match="two cameras with different names"):
        Rig("r", 30.0, "none", (RigCamera("a"), RigCamera("a")))


def test_forward_kinematics_of_a_bent_arm() -> None:
    # Shoulder turned 90 deg about z: the arm along x points along y. The elbow turns another
    # 90 deg: the forearm points along -x. Lengths 0.3 and 0.25.
    quarter = quaternion_wxyz_from_matrix(matrix_from_rotvec(np.array([0, 0, np.pi / 2])))
    rest = np.array([[0.0, 0, 0], [0.3, 0, 0], [0.25, 0, 0]])
    local = np.stack([quarter, quarter, np.array([1.0, 0, 0, 0])])[None]
    arm = SkeletonMotion(
        ("shoulder", "elbow", "wrist"), (-1, 0, 1), rest, local, np.array([[1.0, 1.0, 1.0]]), 60.0
    )
    positions, rotations = arm.forward_kinematics()
    np.testing.assert_allclose(
        positions[0], np.array([[1.0, 1, 1], [1, 1.3, 1], [0.75, 1.3, 1]]), atol=1e-12
    )
    np.testing.assert_allclose(rotations[0, 2] @ np.array([1, 0, 0]), [-1, 0, 0], atol=1e-12)


def test_children_before_parents_are_refused() -> None:
    with pytest.raises(ValueError, match="parents come first"):
        SkeletonMotion(
            ("a", "b"), (-1, 1), np.zeros((2, 3)), np.ones((1, 2, 4)), np.zeros((1, 3)), 30.0
        )
