"""Views of another instant: the whole board shifted in exactly one camera of a frame.

Webcams deliver a stale frame now and then and their timestamps do not show it; the geometry does.
Such a view is found by fitting the board without it, dropped whole, and listed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate.adjust import Loss, RigState, fit_boards, residuals
from mocap.calibrate.refine import group_median, noise_sigma, view_medians
from mocap.calibrate.views import BoardViews
from mocap.core.lens import CAUCHY
from mocap.core.shapes import BoolArray, FloatArray, IntArray

# A view is suspect when the median error of its corners exceeds this many sigmas of the noise
# (a median of 12 corners of pure noise stays below 2) and this many pixels.
SUSPECT_SIGMAS = 6.0
SUSPECT_PX = 1.5


@dataclass(frozen=True)
class DroppedView:
    """A view left out: camera, frame number, the board's shift in pixels, and why."""

    camera: str
    frame: int
    shift_px: float
    reason: str


def find_shifted_views(
    views: BoardViews, state: RigState
) -> tuple[BoolArray, tuple[DroppedView, ...]]:
    """Return which views to drop (view,), at most one a frame, and a record of each."""
    errors = residuals(views, state)
    limit = max(SUSPECT_PX, SUSPECT_SIGMAS * noise_sigma(errors))
    suspect_frame = np.zeros(views.frame_count, dtype=bool)
    suspect_frame[views.view_frame[view_medians(views, errors) > limit]] = True
    drop = np.zeros(views.view_count, dtype=bool)
    if not suspect_frame.any():
        return drop, ()
    left_out = _leave_one_out(views, suspect_frame)
    remaining, shift = _scores(views, state, left_out)
    dropped = []
    for frame in np.flatnonzero(suspect_frame):
        mine = np.flatnonzero(views.view_frame[left_out] == frame)
        chosen = mine[_most_guilty(views, left_out[mine], remaining[mine])]
        view = left_out[chosen]
        drop[view] = True
        name = views.camera_names[views.arrays.view_camera[view]]
        reason = _reason(len(mine), remaining[chosen] <= limit)
        dropped.append(DroppedView(name, int(views.frames[frame]), float(shift[chosen]), reason))
    return drop, tuple(dropped)


def _leave_one_out(views: BoardViews, suspect_frame: BoolArray) -> IntArray:
    """Return all views of suspect frames: each is left out once."""
    return np.flatnonzero(suspect_frame[views.view_frame])


def _scores(
    views: BoardViews, state: RigState, left_out: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Fit each frame without one view; return the worst median error (px) of the views that stay.

    Also returned: how far the view left out lies from where the others put the board (px); NaN
    when no other view exists.
    """
    frame = views.view_frame[left_out]
    starts = views.arrays.frame_start
    others = [
        np.setdiff1d(np.arange(starts[f], starts[f + 1]), v)
        for f, v in zip(frame, left_out, strict=True)
    ]
    counts = np.array([len(o) for o in others])
    remaining, shift = np.zeros(len(left_out)), np.full(len(left_out), np.nan)
    some = np.flatnonzero(counts > 0)
    if len(some) == 0:
        return remaining, shift
    flat = np.concatenate([others[i] for i in some])
    trial = views.regroup(flat, counts[some], np.arange(len(some)))
    start = RigState(state.lens, state.camera_from_world, state.world_from_board[frame[some]])
    # Two scales: the start may be pulled far off by the very view that is left out.
    coarse, _ = fit_boards(trial, start, Loss(CAUCHY, 20.0))
    fitted, _ = fit_boards(trial, coarse, Loss(CAUCHY, 2.0))
    medians = view_medians(trial, residuals(trial, fitted))
    worst = np.zeros(len(some))
    np.maximum.at(worst, trial.view_frame, medians)
    remaining[some] = worst
    single = views.regroup(left_out[some], np.ones(len(some), dtype=np.int64), np.arange(len(some)))
    off = residuals(single, fitted)
    components = [group_median(np.nan_to_num(c, nan=1e6), single.arrays.view_start) for c in off.T]
    shift[some] = np.hypot(components[0], components[1])
    return remaining, shift


def _most_guilty(views: BoardViews, candidates: IntArray, remaining: FloatArray) -> int:
    """Return which view to leave out of one frame.

    With three views or more, the one without which the others fit best. Two views accuse each
    other equally: the one with fewer corners goes.
    """
    if len(candidates) <= 2:
        return int(np.argmin(views.view_corner_count[candidates]))
    return int(np.argmin(remaining))


def _reason(view_count: int, others_fit: bool) -> str:
    """Return in words what is known about a dropped view."""
    if view_count == 1:
        return "its corners fit no flat board"
    if view_count == 2:
        return "two cameras disagree; this one saw fewer corners"
    if others_fit:
        return "the other cameras agree without it: a frame from another instant"
    return "several cameras of this frame disagree"
