"""Synthetic rigs and boards are what they say."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.board import Board
from mocap.core.rotation import angle_between_deg
from mocap.core.transform import apply
from mocap.synthetic.boards import observe_board, scatter_board, wave_board
from mocap.synthetic.rigs import laboratory, ring

BOARD = Board("test", 5, 7, 0.11, 0.0825, "DICT_4X4_250")


def test_ring_looks_at_its_target() -> None:
    rig = ring(4, radius_m=4.0, heights_m=(1.3, 2.2))
    for camera, height in zip(rig.cameras, (1.3, 2.2, 1.3, 2.2), strict=True):
        assert np.hypot(*camera.center[:2]) == pytest.approx(4.0)
        assert camera.center[2] == pytest.approx(height)
        # Undistorted at the principal point, so the target lies exactly there.
        pixel = camera.project(np.array([0.0, 0.0, 1.0]))
        np.testing.assert_allclose(pixel, camera.camera_matrix[:2, 2], atol=1e-9)


def test_half_circle_uses_both_ends() -> None:
    rig = ring(3, arc_deg=180.0)
    np.testing.assert_allclose(rig.cameras[0].center[:2], -rig.cameras[2].center[:2], atol=1e-9)


def test_jitter_is_reproducible_and_moves_cameras() -> None:
    first, again, other = laboratory(1), laboratory(1), laboratory(2)
    np.testing.assert_array_equal(first.vectors(), again.vectors())
    assert not np.allclose(first.vectors(), other.vectors())


@pytest.mark.parametrize(("count", "arc_deg"), [(2, 60.0), (4, 360.0), (8, 360.0)])
def test_a_waved_board_is_seen_by_every_camera_and_by_pairs(count: int, arc_deg: float) -> None:
    rig = ring(count, arc_deg=arc_deg)
    corners = observe_board(rig, BOARD, wave_board(rig, BOARD, 180, seed=3), seed=1)
    frames = [set(c.frame.tolist()) for c in corners]
    assert all(len(seen) >= 20 for seen in frames)
    for index in range(count - 1):
        assert len(frames[index] & frames[index + 1]) >= 5


def test_a_waved_board_moves_smoothly() -> None:
    poses = wave_board(ring(4), BOARD, 300, fps=15.0, seed=2)
    middle = poses[:, :3, :3] @ BOARD.corner_points().mean(axis=0) + poses[:, :3, 3]
    steps = np.linalg.norm(np.diff(middle, axis=0), axis=1)
    # Only from camera to camera and from pair to pair, seven times, the board may jump.
    assert np.sum(steps > 0.5) <= 7
    turns = angle_between_deg(poses[:-1, :3, :3], poses[1:, :3, :3])
    assert np.sum(turns > 30.0) <= 7


def test_observed_corners_are_the_projections_with_the_noise_asked_for() -> None:
    rig = laboratory()
    poses = scatter_board(rig, BOARD, 40, seed=1)
    for camera, corners in zip(
        rig.cameras, observe_board(rig, BOARD, poses, noise_px=0.5, outliers=0.0), strict=True
    ):
        points = BOARD.corner_points()
        exact = np.stack(
            [
                camera.project(apply(poses[f], points[i]))
                for f, i in zip(corners.frame, corners.corner_id, strict=True)
            ]
        )
        error = corners.pixels - exact
        # A standard deviation from n values is certain to 1 / sqrt(2 n); n is above 300.
        assert error.std() == pytest.approx(0.5, rel=0.15)
        assert len(error) > 150
        assert corners.frame_count == 40


def test_outliers_are_as_frequent_as_asked_for() -> None:
    rig = laboratory()
    poses = scatter_board(rig, BOARD, 60, seed=1)
    clean = observe_board(rig, BOARD, poses, noise_px=0.0, outliers=0.0, seed=4)
    dirty = observe_board(rig, BOARD, poses, noise_px=0.0, outliers=0.1, missing=0.0, seed=4)
    exact = {
        (c.camera, f, i): p
        for c in clean
        for f, i, p in zip(c.frame.tolist(), c.corner_id.tolist(), c.pixels, strict=True)
    }
    moved = [
        np.linalg.norm(p - exact[key]) > 1.0
        for c in dirty
        for f, i, p in zip(c.frame.tolist(), c.corner_id.tolist(), c.pixels, strict=True)
        if (key := (c.camera, f, i)) in exact
    ]
    # Binomial with n of some thousands: sd below 0.01.
    assert np.mean(moved) == pytest.approx(0.1, abs=0.03)
