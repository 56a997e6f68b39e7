"""Calibrate a rig of cameras from the corners of one board seen by all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate.covariance import uncertainty
from mocap.calibrate.initial import InitialEstimate, initial_estimate
from mocap.calibrate.lag import camera_lags_frames
from mocap.calibrate.refine import Refined, refine_from_start
from mocap.calibrate.timing import time_offsets_frames
from mocap.calibrate.verdict import figures, rules
from mocap.calibrate.verdict.checks import check_connected, check_corners, check_view_counts
from mocap.calibrate.verdict.drift import find_movements
from mocap.calibrate.verdict.held_out import judge_held_out
from mocap.calibrate.verdict.report import CalibrationReport
from mocap.calibrate.verdict.shifted import DroppedView, disagreeing_share, find_shifted_views
from mocap.calibrate.views import BoardViews, pack_views
from mocap.core.board import Board
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Corners
from mocap.core.errors import CalibrationError
from mocap.core.shapes import BoolArray, FloatArray, IntArray, check_shapes

# Each round drops at most one view of a frame; a frame has few stale views.
MAX_DROP_ROUNDS = 3
# From this share of disagreeing shared views on, a camera may run late as a whole.
MANY_DISAGREE = 0.1
# A camera later than this is named for that, and not for having moved.
LATE_FRAMES = 0.3


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """A calibrated rig and what is known about it.

    Attributes:
        calibration: the cameras. The world is that of the first camera (x right, y down, z forward)
            until `world.world_from_board_on_floor` gives it a floor.
        report: figures, verdict, findings.
        world_from_board: (frame, 4, 4) pose of the board.
        frames: (frame,) frame numbers of those poses.
    """

    calibration: Calibration
    report: CalibrationReport
    world_from_board: FloatArray
    frames: IntArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, world_from_board="frame 4 4", frames="frame")


def calibrate(
    corners: Sequence[Corners], board: Board, *, lenses: Sequence[Camera] = ()
) -> CalibrationResult:
    """Calibrate lenses and poses of all cameras, and judge the result.

    Args:
        corners: one per camera, frame numbers meaning the same instant in all of them.
        board: with the square measured on the print.
        lenses: cameras whose lens is known (matched by name): camera matrix and distortion are
            kept as they are.

    Raises:
        CalibrationError: a camera never or hardly saw the board, the rig is not connected, no
            corner was found at all, a video was given twice.
    """
    check_corners(corners, board)
    views = pack_views(corners, board)
    check_view_counts(views, corners)
    known, fixed = _known_lenses(views, lenses)
    start = initial_estimate(views, known)
    refined = refine_from_start(start.views, start.state, lens_fixed=fixed)
    offsets = _time_offsets(start, refined)
    views, refined, dropped = _drop_shifted(start.views, refined, fixed)
    check_view_counts(views, corners)
    check_connected(views)
    return _result(views, refined, dropped, start, board, corners, fixed, offsets)


def _time_offsets(start: InitialEstimate, refined: Refined) -> FloatArray:
    """Return how many frames late each camera is (camera,); NaN where it cannot be told."""
    offsets = time_offsets_frames(start.views, refined.state)
    if disagreeing_share(start.views, refined.state) < MANY_DISAGREE:
        return offsets
    lags = camera_lags_frames(start.views, refined.state.lens, start.pairs)
    # A whole-frame lag is certain; fractions are only meaningful around a sound solution.
    return np.where(np.isfinite(lags) & (lags != 0.0), lags, offsets)


def _known_lenses(
    views: BoardViews, lenses: Sequence[Camera]
) -> tuple[FloatArray | None, BoolArray | None]:
    """Return the given lenses (camera, 9) and which are given (camera,).

    Raises:
        CalibrationError: a lens was calibrated at another image size, or only some are given.
    """
    if not lenses:
        return None, None
    by_name = {camera.name: camera for camera in lenses}
    missing = [name for name in views.camera_names if name not in by_name]
    if missing:
        raise CalibrationError(
            f"lenses are given, but not for camera '{missing[0]}'. Give the lenses of all cameras "
            "or of none."
        )
    for name, size in zip(views.camera_names, views.image_sizes, strict=True):
        if by_name[name].image_size != size:
            old = by_name[name].image_size
            raise CalibrationError(
                f"the lens of camera '{name}' was calibrated at {old[0]} x {old[1]} px, its video "
                f"has {size[0]} x {size[1]}. Record at the same size or calibrate the lens anew."
            )
    known = np.stack([by_name[name].lens for name in views.camera_names])
    return known, np.ones(len(known), dtype=bool)


def _drop_shifted(
    views: BoardViews, refined: Refined, fixed: BoolArray | None
) -> tuple[BoardViews, Refined, tuple[DroppedView, ...]]:
    """Drop views of another instant and adjust again, until none is left."""
    dropped: list[DroppedView] = []
    for _ in range(MAX_DROP_ROUNDS):
        drop, found = find_shifted_views(views, refined.state)
        if not found:
            break
        dropped += found
        frame_stays = np.zeros(views.frame_count, dtype=bool)
        frame_stays[views.view_frame[~drop]] = True
        views = views.keep_views(~drop)
        kept = refined.state.world_from_board[frame_stays]
        state = replace(refined.state, world_from_board=kept)
        again = refine_from_start(views, state, lens_fixed=fixed)
        refined = replace(again, iterations=again.iterations + refined.iterations)
    dropped.sort(key=lambda view: (view.camera, view.frame))
    return views, refined, tuple(dropped)


def _result(
    views: BoardViews,
    refined: Refined,
    dropped: tuple[DroppedView, ...],
    start: InitialEstimate,
    board: Board,
    corners: Sequence[Corners],
    fixed: BoolArray | None,
    offsets: FloatArray,
) -> CalibrationResult:
    """Measure and judge the refined rig."""
    # A camera that runs late pulls on every pose as a moved one does: only one can be told.
    late = bool(np.any(np.abs(np.nan_to_num(offsets)) >= LATE_FRAMES))
    movements = () if late else find_movements(views, refined.state, refined.loss, refined.sigma_px)
    sd = uncertainty(views, refined, lens_fixed=fixed)
    cameras = figures.camera_reports(views, refined, sd, offsets, dropped, movements)
    calibration = figures.calibration_of(
        views, refined, [camera.rms_px for camera in cameras], board.name
    )
    pairs = figures.pair_reports(start.pairs, start.tree, calibration)
    held_out = judge_held_out(views, refined, board, lens_fixed=fixed)
    assumed = [n for n, a in zip(views.camera_names, start.focal_assumed, strict=True) if a]
    level, findings = rules.judge(
        cameras,
        pairs,
        dropped,
        held_out,
        square_length_m=board.square_length_m,
        focal_assumed=assumed,
        converged=refined.converged,
    )
    report = CalibrationReport(
        verdict=level,
        findings=findings,
        board=board.name,
        frames=views.frame_count,
        sigma_px=refined.sigma_px,
        cameras=cameras,
        pairs=pairs,
        dropped_views=dropped,
        held_out=held_out,
        converged=refined.converged,
        iterations=refined.iterations,
        notes=tuple(f"camera '{c.camera}': {note}" for c in corners for note in c.notes),
    )
    return CalibrationResult(calibration, report, refined.state.world_from_board, views.frames)
