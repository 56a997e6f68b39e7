"""The honest test: frames the calibration has not seen, and lengths it must get right."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate.adjust import RigState, fit_boards, free_parameters, residuals
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.refine import COARSE_LOSS, Refined, noise_sigma, refine_final
from mocap.calibrate.verdict.length_cells import LengthCell, length_cells
from mocap.calibrate.views import BoardViews
from mocap.core.board import Board
from mocap.core.lens import undistort_points
from mocap.core.shapes import FloatArray, IntArray
from mocap.core.transform import invert

# Every fifth frame with two views or more is held out.
HELD_OUT_STRIDE = 5
# Fewer held-out frames give no stable figure.
MIN_HELD_OUT_FRAMES = 4
# The second solve starts near its optimum and only judges: it may stop early.
HELD_OUT_GAIN = 1.0


@dataclass(frozen=True)
class HeldOut:
    """What a calibration without the held-out frames makes of them.

    Attributes:
        frames: number of held-out frames.
        training_px: residual per axis and degree of freedom of the other frames.
        error_px: the same of the held-out frames; above `training_px` by what was over-fitted.
        length_bias_mm: mean error of distances between neighbouring corners, triangulated freely.
        length_rms_mm: root mean square of those errors.
        cells: the same by part of the volume.
    """

    frames: int
    training_px: float
    error_px: float
    length_bias_mm: float
    length_rms_mm: float
    cells: tuple[LengthCell, ...] = ()


def judge_held_out(
    views: BoardViews, refined: Refined, board: Board, *, plan: LensPlan | None = None
) -> HeldOut | None:
    """Solve again without every fifth shared frame and judge it by those; None if too few."""
    shared = np.flatnonzero(np.diff(views.arrays.frame_start) > 1)
    chosen = shared[HELD_OUT_STRIDE // 2 :: HELD_OUT_STRIDE]
    if len(chosen) < MIN_HELD_OUT_FRAMES:
        return None
    out = np.zeros(views.frame_count, dtype=bool)
    out[chosen] = True
    training, test = views.keep_frames(~out), views.keep_frames(out)
    if (training.frames_per_camera() == 0).any():
        return None
    boards = refined.state.world_from_board
    start = replace(refined.state, world_from_board=boards[~out])
    solved = refine_final(training, start, plan=plan, gain=HELD_OUT_GAIN)
    moved = replace(solved.state, world_from_board=boards[out])
    # The cameras have moved under the held-out boards: catch these again from afar first.
    coarse, _ = fit_boards(test, moved, COARSE_LOSS)
    fitted, _ = fit_boards(test, coarse, solved.loss)
    errors = residuals(test, fitted)
    training_unknowns = 6 * training.frame_count + free_parameters(solved.state, plan).shape[1]
    points = triangulated_corners(test, solved.state, errors, solved.loss.scale_px)
    bias, rms = length_errors_mm(points, board)
    return HeldOut(
        frames=len(chosen),
        training_px=_per_freedom(residuals(training, solved.state), training_unknowns),
        error_px=_per_freedom(errors, 6 * len(chosen)),
        length_bias_mm=bias,
        length_rms_mm=rms,
        cells=length_cells(points, board) if board.count == 1 else (),
    )


def _per_freedom(errors_px: FloatArray, unknowns: int) -> float:
    """Return the robust noise per axis of residual vectors (n, 2), per degree of freedom."""
    count = 2 * len(errors_px)
    return float(noise_sigma(errors_px) * np.sqrt(count / max(count - unknowns, 1)))


def length_errors_mm(points: FloatArray, board: Board) -> tuple[float, float]:
    """Return mean and rms error in mm of one-square distances between corners (frame, corner, 3).

    Corners are triangulated one by one from the views of their frame, without the board model, so
    the distances test scale and relative poses. NaN when no two neighbours are seen twice.
    """
    grid = points.reshape(-1, board.rows - 1, board.columns - 1, 3)
    across = np.linalg.norm(np.diff(grid, axis=2), axis=-1).ravel()
    along = np.linalg.norm(np.diff(grid, axis=1), axis=-1).ravel()
    lengths = np.concatenate([across, along])
    error = 1000.0 * (lengths[np.isfinite(lengths)] - board.square_length_m)
    if len(error) == 0:
        return float("nan"), float("nan")
    return float(error.mean()), float(np.sqrt(np.mean(error**2)))


def triangulated_corners(
    views: BoardViews, state: RigState, errors_px: FloatArray, limit_px: float
) -> FloatArray:
    """Return corners (frame, corner, 3) seen by two views or more, NaN otherwise.

    The point nearest to all rays, sum of w (I - d d') (X - c) = 0, where w = (focal length /
    distance of the board)² turns distances to a ray into pixels.
    """
    corners = len(views.arrays.board_xy)
    inlying = np.hypot(errors_px[:, 0], errors_px[:, 1]) < limit_px
    camera = views.arrays.view_camera[views.observation_view]
    origin, direction = _rays(state, camera, views.arrays.pixels)
    good = np.flatnonzero(inlying & np.isfinite(direction).all(axis=1))
    origin, direction = origin[good], direction[good]
    view = views.observation_view[good]
    group = views.view_frame[view] * corners + views.arrays.corner[good]
    distance = np.linalg.norm(
        origin - state.world_from_board[views.view_frame[view], :3, 3], axis=1
    )
    weight = (state.lens[camera[good], 0] / distance) ** 2
    across = np.eye(3) - direction[:, :, None] * direction[:, None, :]
    across *= weight[:, None, None]
    total = views.frame_count * corners
    normal, right, count = np.zeros((total, 3, 3)), np.zeros((total, 3)), np.zeros(total)
    np.add.at(normal, group, across)
    np.add.at(right, group, np.einsum("nij,nj->ni", across, origin))
    np.add.at(count, group, 1)
    points = np.full((total, 3), np.nan)
    twice = count > 1
    points[twice] = np.linalg.solve(normal[twice], right[twice][..., None])[..., 0]
    return points.reshape(views.frame_count, corners, 3)


def _rays(state: RigState, camera: IntArray, pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return origins and unit directions (n, 3) in the world of pixels (n, 2) of cameras (n,)."""
    world_from_camera = invert(state.camera_from_world)
    normalised = np.full((len(pixels), 2), np.nan)
    for index in np.unique(camera):
        mine = camera == index
        vector = np.concatenate([np.zeros(6), state.lens[index]])[None]
        part = np.zeros((1, int(mine.sum()), 2))
        undistort_points(vector, np.ascontiguousarray(pixels[mine][None]), part)
        normalised[mine] = part[0]
    inside = np.concatenate([normalised, np.ones((len(pixels), 1))], axis=1)
    inside /= np.linalg.norm(inside, axis=1, keepdims=True)
    direction = np.einsum("nij,nj->ni", world_from_camera[camera][:, :3, :3], inside)
    return world_from_camera[camera][:, :3, 3], direction
