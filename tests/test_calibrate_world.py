"""The floor comes from the board lying still, and nothing else is accepted as one."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.calibrate.world import check_cameras_above_floor, world_from_board_on_floor
from mocap.core.board import Board
from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.core.transform import invert, rigid
from mocap.synthetic.boards import scatter_board
from mocap.synthetic.rigs import ring

BOARD = Board("test", 7, 5, 0.1, 0.075, "DICT_4X4_50", thickness_m=0.02)
RIG = ring(4)
# Face up on the floor, turned by 30 degrees: x along the floor, z down into the board.
TURN = matrix_from_rotvec(np.array([0.0, 0.0, np.deg2rad(30.0)]))
LYING = rigid(TURN @ np.diag([1.0, -1.0, -1.0]), np.array([0.3, -0.2, BOARD.thickness_m]))


def moving_then_lying(old_from_true: FloatArray, still: int = 40) -> FloatArray:
    """Return board poses in some other world: 60 frames in hand, then still on the floor."""
    random = np.random.default_rng(0)
    wobble = rigid(
        matrix_from_rotvec(random.normal(0, 5e-4, (still, 3))),
        random.normal(0, 5e-4, (still, 3)),
    )
    poses = np.concatenate([scatter_board(RIG, BOARD, 60, seed=1), LYING @ wobble])
    return np.asarray(old_from_true @ poses)


@pytest.fixture(scope="module")
def old_from_true() -> FloatArray:
    return RIG.cameras[0].camera_from_world


@pytest.fixture(scope="module")
def old_rig(old_from_true: FloatArray) -> Calibration:
    return RIG.transformed(old_from_true)


def test_floor_under_the_lying_board(old_rig: Calibration, old_from_true: FloatArray) -> None:
    poses = moving_then_lying(old_from_true)
    world = world_from_board_on_floor(old_rig, poses, np.arange(100), BOARD)
    assert world.frames.tolist() == list(range(60, 100))
    # Origin below the corner of the first square, x along the columns, z up, thickness taken off.
    floor_from_true = invert(rigid(TURN, np.array([0.3, -0.2, 0.0])))
    truth = RIG.transformed(floor_from_true)
    for ours, true in zip(world.calibration.cameras, truth.cameras, strict=True):
        # 0.5 mm and 0.5 mrad of wobble averaged over 40 frames, 4 m away: below 1 mm.
        np.testing.assert_allclose(ours.center, true.center, atol=1e-3)
    assert world.calibration.cameras[0].center[2] == pytest.approx(1.3, abs=1e-3)
    assert "frames 60 to 99" in world.notes[0]
    np.testing.assert_allclose(
        old_rig.transformed(world.new_from_old).vectors(), world.calibration.vectors()
    )


def test_a_given_frame_is_enough(old_rig: Calibration, old_from_true: FloatArray) -> None:
    poses = moving_then_lying(old_from_true, still=3)
    world = world_from_board_on_floor(old_rig, poses, np.arange(63), BOARD, at_frame=61)
    assert world.calibration.cameras[0].center[2] == pytest.approx(1.3, abs=5e-3)


def test_back_of_the_board_up(old_rig: Calibration, old_from_true: FloatArray) -> None:
    # The print touches the floor and the cameras see it through the board.
    face_down = rigid(np.eye(3), np.array([0.1, 0.1, 0.0]))
    poses = np.tile(old_from_true @ face_down, (20, 1, 1))
    world = world_from_board_on_floor(old_rig, poses, np.arange(20), BOARD)
    assert world.calibration.cameras[1].center[2] == pytest.approx(2.2, abs=1e-9)


def test_a_board_never_still_is_refused(old_rig: Calibration, old_from_true: FloatArray) -> None:
    poses = moving_then_lying(old_from_true)[:60]
    with pytest.raises(CalibrationError, match=r"never lay still for 1\.5 s"):
        world_from_board_on_floor(old_rig, poses, np.arange(60), BOARD)


def test_a_board_held_still_among_the_cameras_is_refused(
    old_rig: Calibration, old_from_true: FloatArray
) -> None:
    held = rigid(matrix_from_rotvec(np.array([np.pi / 2, 0.0, 0.0])), np.array([0.0, 0.0, 1.0]))
    poses = np.tile(old_from_true @ held, (20, 1, 1))
    with pytest.raises(CalibrationError, match="some camera is on its other side"):
        world_from_board_on_floor(old_rig, poses, np.arange(20), BOARD)
    with pytest.raises(CalibrationError, match=r"cameras under the floor: 'cam"):
        world_from_board_on_floor(old_rig, poses, np.arange(20), BOARD, at_frame=3)


def test_a_frame_without_board_is_refused(old_rig: Calibration, old_from_true: FloatArray) -> None:
    poses = moving_then_lying(old_from_true)
    with pytest.raises(CalibrationError, match="near frame 500; the nearest is frame 99"):
        world_from_board_on_floor(old_rig, poses, np.arange(100), BOARD, at_frame=500)


def test_buried_camera_is_named() -> None:
    check_cameras_above_floor(RIG)
    sunk = RIG.transformed(rigid(np.eye(3), np.array([0.0, 0.0, -1.5])))
    with pytest.raises(CalibrationError, match=r"'cam1' at -0\.20 m, 'cam3' at -0\.20 m"):
        check_cameras_above_floor(sunk)
