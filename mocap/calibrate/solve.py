"""Calibrate a rig of cameras from the corners of one board seen by all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate.body import laid_out, refine_body
from mocap.calibrate.cause.explain import Cause, explain
from mocap.calibrate.cause.own_lenses import own_lenses
from mocap.calibrate.covariance import camera_covariance, uncertainty
from mocap.calibrate.initial import InitialEstimate, initial_estimate
from mocap.calibrate.lag import camera_lags_frames
from mocap.calibrate.lenses.plan import OWN_LENSES, LensPlan, LensWish, lens_plan
from mocap.calibrate.refine import Refined, refine_final, refine_from_start
from mocap.calibrate.still import StillRuns, merge_still
from mocap.calibrate.timing import time_offsets_frames
from mocap.calibrate.verdict import figures, rules
from mocap.calibrate.verdict.causes import (
    findings_of_cause,
    findings_of_copies,
    findings_of_stretch,
    findings_of_variety,
    reason,
)
from mocap.calibrate.verdict.checks import (
    check_connected,
    check_corners,
    check_not_all_mirrored,
    check_view_counts,
)
from mocap.calibrate.verdict.drift import change_score
from mocap.calibrate.verdict.given_lenses import GivenLenses, ask_given
from mocap.calibrate.verdict.held_out import judge_held_out
from mocap.calibrate.verdict.report import CalibrationReport
from mocap.calibrate.verdict.shifted import (
    DroppedView,
    disagreeing_share,
    find_shifted_views,
    moved_at_frame,
)
from mocap.calibrate.verdict.stretch import Stretch, measure_stretch, stretched
from mocap.calibrate.verdict.variety import board_variety
from mocap.calibrate.views import BoardViews, pack_views
from mocap.core.board import Board
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Corners
from mocap.core.errors import CalibrationError
from mocap.core.shapes import FloatArray, IntArray, check_shapes

# Each round drops at most one view of a frame; a frame has few stale views.
MAX_DROP_ROUNDS = 3
# From this share of disagreeing shared views on, a camera may run late as a whole.
MANY_DISAGREE = 0.1
# A camera later than this is named for that.
LATE_FRAMES = 0.3
# Cheap signs that something does not fit; then causes are tried, which takes some seconds. Sound
# synthetic recordings stay below 0.5 px, 1 % of views and a score of 16.
SUSPICIOUS_SIGMA_PX = 1.0
SUSPICIOUS_SHARE = 0.02
SUSPICIOUS_SCORE = 20.0
# From this score on a pose has changed, whether one camera explains it or several might. Webcams
# without a trigger come to 66 (they are a part of a frame apart), a camera turned by 0.3 deg
# to several hundred.
CERTAIN_SCORE = 100.0
# Stale frames that webcams deliver now and then need no other explanation.
FEW_DROPPED = 0.1


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
    corners: Sequence[Corners],
    board: Board,
    *,
    lenses: Sequence[Camera] = (),
    lens: LensWish = OWN_LENSES,
) -> CalibrationResult:
    """Calibrate lenses and poses of all cameras, and judge the result.

    Args:
        corners: one per camera, frame numbers meaning the same instant in all of them.
        board: with the square measured on the print.
        lenses: cameras whose lens is known (matched by name): camera matrix and distortion are
            kept as they are, unless `lens.refine`. The lenses of the others are calibrated along.
        lens: model of the lenses that are calibrated, whether all cameras have one lens, and
            whether the given ones are only a start.

    Raises:
        CalibrationError: a camera never or hardly saw the board, the rig is not connected, no
            corner was found at all, a video was given twice.
    """
    check_corners(corners, board)
    once, still = merge_still(corners)
    views = pack_views(once, board)
    plan = lens_plan(views, lenses, lens)
    check_view_counts(views, corners, plan)
    check_not_all_mirrored(once, board)
    several = board.count > 1
    if lens.model != OWN_LENSES.model or several:
        # A wide lens is too far from the pinhole that the first poses would be found with.
        plan = plan.started_at(own_lenses(views, plan).lens)
    if several:
        views = laid_out(views, plan.known)
    try:
        start = initial_estimate(views, plan)
    except CalibrationError as error:
        cause = None if several else explain(once, board, plan=plan)
        raise error if cause is None else CalibrationError(f"{reason(cause)} {error}") from error
    refined = refine_from_start(start.views, start.state, plan=plan)
    if several:
        on_body, refined = refine_body(start.views, refined, plan)
        start = replace(start, views=on_body)
    looked = _looked_at(start, refined, plan)
    views, cleaned, dropped, offsets = looked.views, looked.cleaned, looked.dropped, looked.offsets
    suspicion, cause = looked.suspicion, None
    given = ask_given(start.views, plan)
    if suspicion.any and given.misfit.any():
        # With a lens that does not fit, a camera that stood still looks as if it had moved.
        freed = given.freed(plan)
        other = refine_from_start(start.views, start.state, plan=freed)
        suspicion = _looked_at(start, other, freed).suspicion
    if suspicion.any and not several:
        cause = explain(once, board, plan=given.freed(plan), changed=suspicion.changed)
    if cause is None:
        refined = cleaned
        check_view_counts(views, corners, plan)
        check_connected(views)
    else:
        views, dropped = start.views, ()
        offsets = _late_offsets(views.camera_names, offsets, cause)
    print_stretch = measure_stretch(views, refined, plan=plan)
    if print_stretch.believed and cause is None and not several:
        views = stretched(views, print_stretch.share)
        again = refine_final(views, refined.state, plan=plan)
        refined = replace(again, iterations=again.iterations + refined.iterations)
    solved = Solved(views, refined, dropped, start, plan, offsets, cause, print_stretch, given)
    return _result(solved, board, corners, still)


@dataclass(frozen=True, eq=False)
class Solved:
    """A solved rig and what was found out on the way."""

    views: BoardViews
    refined: Refined
    dropped: tuple[DroppedView, ...]
    start: InitialEstimate
    plan: LensPlan
    offsets: FloatArray
    cause: Cause | None
    print_stretch: Stretch
    given: GivenLenses


@dataclass(frozen=True)
class Suspicion:
    """Cheap signs that cameras do not agree: any at all; a pose that changed for certain."""

    any: bool
    changed: bool


@dataclass(frozen=True, eq=False)
class Looked:
    """A refined rig without views of another instant, and what hints at cameras that disagree."""

    views: BoardViews
    cleaned: Refined
    dropped: tuple[DroppedView, ...]
    offsets: FloatArray
    suspicion: Suspicion


def _looked_at(start: InitialEstimate, refined: Refined, plan: LensPlan) -> Looked:
    """Drop views of another instant, and ask whether anything hints at a cause."""
    offsets = _time_offsets(start, refined)
    views, cleaned, dropped = _drop_shifted(start.views, refined, plan)
    suspicion = _suspicion(start.views, refined, offsets)
    if suspicion.any and len(dropped) <= FEW_DROPPED * views.view_count:
        # Dropped views may be stale frames, or all that shows that a pose has changed.
        after = _suspicion(views, cleaned, offsets)
        changed = suspicion.changed or after.changed or _dropped_at_one_end(start.views, dropped)
        suspicion = Suspicion(after.any or changed, changed)
    return Looked(views, cleaned, dropped, offsets, suspicion)


def _suspicion(views: BoardViews, refined: Refined, offsets: FloatArray) -> Suspicion:
    """Return what hints at cameras that do not agree."""
    late = np.abs(np.nan_to_num(offsets)) >= LATE_FRAMES
    score = change_score(views, refined.state, refined.loss, refined.sigma_px)
    some = (
        refined.sigma_px > SUSPICIOUS_SIGMA_PX
        or late.any()
        or disagreeing_share(views, refined.state) > SUSPICIOUS_SHARE
        or score > SUSPICIOUS_SCORE
    )
    return Suspicion(bool(some), score > CERTAIN_SCORE)


def _dropped_at_one_end(views: BoardViews, dropped: Sequence[DroppedView]) -> bool:
    """Return whether some camera lost its first or its last shared views: it has moved."""
    shared = np.diff(views.arrays.frame_start)[views.view_frame] > 1
    for index, name in enumerate(views.camera_names):
        mine = shared & (views.arrays.view_camera == index)
        seen = views.frames[views.view_frame[mine]]
        gone = np.array([view.frame for view in dropped if view.camera == name], dtype=np.int64)
        kept = np.setdiff1d(seen, gone)
        if any(moved_at_frame(sign * kept, sign * gone) is not None for sign in (1, -1)):
            return True
    return False


def _late_offsets(names: Sequence[str], offsets: FloatArray, cause: Cause) -> FloatArray:
    """Return the offsets (camera,) that a cause explains; those of its symptoms go."""
    if cause.kind != "unsynchronised":
        return np.full(len(names), np.nan)
    late = dict(zip(cause.cameras, cause.late_frames, strict=True))
    return np.array([float(late.get(name, 0)) for name in names])


def _time_offsets(start: InitialEstimate, refined: Refined) -> FloatArray:
    """Return how many frames late each camera is (camera,); NaN where it cannot be told."""
    offsets = time_offsets_frames(start.views, refined.state)
    if disagreeing_share(start.views, refined.state) < MANY_DISAGREE:
        return offsets
    lags = camera_lags_frames(start.views, refined.state.lens, start.pairs)
    # A whole-frame lag is certain; fractions are only meaningful around a sound solution.
    return np.where(np.isfinite(lags) & (lags != 0.0), lags, offsets)


def _drop_shifted(
    views: BoardViews, refined: Refined, plan: LensPlan
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
        again = refine_from_start(views, state, plan=plan)
        refined = replace(again, iterations=again.iterations + refined.iterations)
    dropped.sort(key=lambda view: (view.camera, view.frame))
    return views, refined, tuple(dropped)


def _result(
    solved: Solved, board: Board, corners: Sequence[Corners], still: StillRuns
) -> CalibrationResult:
    """Measure and judge the refined rig."""
    views, refined, cause = solved.views, solved.refined, solved.cause
    covariance = camera_covariance(views, refined, plan=solved.plan)
    sd = uncertainty(refined.state, covariance)
    cameras = figures.camera_reports(views, refined, sd, solved.offsets, solved.dropped, cause)
    calibration = figures.calibration_of(
        views, refined, [camera.rms_px for camera in cameras], board.name
    )
    pairs = figures.pair_reports(solved.start.pairs, solved.start.tree, calibration, views)
    held_out = judge_held_out(views, refined, board, plan=solved.plan)
    held_out = figures.with_predicted_lengths(held_out, views, refined, covariance)
    assumed = [n for n, a in zip(views.camera_names, solved.start.focal_assumed, strict=True) if a]
    level, findings = rules.judge(
        cameras,
        pairs,
        solved.dropped,
        held_out,
        square_length_m=board.square_length_m,
        focal_assumed=assumed,
        converged=refined.converged,
        more=(
            *findings_of_cause(cause),
            *solved.given.findings(),
            *findings_of_copies(calibration),
            *findings_of_variety(
                board_variety(refined.state, board), lenses_known=bool(solved.plan.fixed.any())
            ),
            *findings_of_stretch(solved.print_stretch, board),
        ),
    )
    report = CalibrationReport(
        verdict=level,
        findings=findings,
        board=board.name,
        frames=views.frame_count,
        sigma_px=refined.sigma_px,
        cameras=cameras,
        pairs=pairs,
        dropped_views=solved.dropped,
        held_out=held_out,
        converged=refined.converged,
        iterations=refined.iterations,
        notes=tuple(f"camera '{c.camera}': {note}" for c in corners for note in c.notes),
        board_print=_print_of(board),
        error_map=figures.error_map_report(views, refined, covariance),
    )
    frames, poses = still.expand(views.frames, refined.state.world_from_board)
    return CalibrationResult(calibration, report, poses, frames)


def _print_of(board: Board) -> str:
    """Return what was printed, in words."""
    kinds = [
        word
        for word, said in (
            ("inverted", board.inverted),
            ("legacy layout", board.legacy_pattern),
            ("two-sided", board.two_sided),
        )
        if said
    ]
    return ", ".join(
        [
            f"{board.columns} x {board.rows} squares of {1000 * board.square_length_m:.2f} mm",
            f"markers of {1000 * board.marker_length_m:.2f} mm",
            board.dictionary,
            *kinds,
        ]
    )
