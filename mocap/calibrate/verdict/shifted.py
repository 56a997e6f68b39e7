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
SUSPECT_SIGMAS = 5.0
SUSPECT_PX = 1.5
# A camera keeps its views when more than this share of its shared ones would go.
MAX_DROPPED_SHARE = 0.5
# A bump shows in so many frames at least, and in this share of all shared frames after it.
MIN_MOVED_FRAMES, MOVED_SHARE = 5, 0.8


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
    limit, suspect_frame = _suspect_frames(views, state)
    drop = np.zeros(views.view_count, dtype=bool)
    if not suspect_frame.any():
        return drop, ()
    left_out = np.flatnonzero(suspect_frame[views.view_frame])
    remaining, shift = _scores(views, state, left_out)
    accused = accusation_rates(views, suspect_frame)
    records: dict[int, DroppedView] = {}
    for frame in np.flatnonzero(suspect_frame):
        mine = np.flatnonzero(views.view_frame[left_out] == frame)
        chosen = mine[_most_guilty(views, left_out[mine], remaining[mine], accused)]
        view = int(left_out[chosen])
        drop[view] = True
        name = views.camera_names[views.arrays.view_camera[view]]
        reason = _reason(len(mine), bool(remaining[chosen] <= limit))
        record = DroppedView(name, int(views.frames[frame]), float(shift[chosen]), reason)
        records[view] = record
    drop &= ~_too_many(views, drop)[views.arrays.view_camera]
    return drop, tuple(record for view, record in records.items() if drop[view])


def _suspect_frames(views: BoardViews, state: RigState) -> tuple[float, BoolArray]:
    """Return the limit in px and which frames (frame,) hold a view that exceeds it."""
    errors = residuals(views, state)
    limit = max(SUSPECT_PX, SUSPECT_SIGMAS * noise_sigma(errors))
    suspect = np.zeros(views.frame_count, dtype=bool)
    suspect[views.view_frame[view_medians(views, errors) > limit]] = True
    return limit, suspect


def disagreeing_share(views: BoardViews, state: RigState) -> float:
    """Return the share of frames seen by several cameras in which some view does not fit."""
    several = np.diff(views.arrays.frame_start) > 1
    _, suspect = _suspect_frames(views, state)
    return float(suspect[several].mean()) if several.any() else 0.0


def accusation_rates(views: BoardViews, suspect_frame: BoolArray) -> FloatArray:
    """Return per camera the share of its shared views that lie in a suspect frame."""
    shared = _shared(views)
    cameras = len(views.camera_names)
    camera = views.arrays.view_camera
    accused = shared & suspect_frame[views.view_frame]
    total = np.bincount(camera[shared], minlength=cameras)
    return np.bincount(camera[accused], minlength=cameras) / np.maximum(total, 1)


def _shared(views: BoardViews) -> BoolArray:
    """Return which views (view,) have company in their frame."""
    return np.asarray(np.diff(views.arrays.frame_start)[views.view_frame] > 1)


def _too_many(views: BoardViews, drop: BoolArray) -> BoolArray:
    """Return the cameras (camera,) that would lose most of what ties them to the others.

    Such a camera is not stale now and then but wrong throughout: late, moved, or badly modelled.
    Its views stay, so that the residuals show it.
    """
    shared = _shared(views)
    cameras = len(views.camera_names)
    camera = views.arrays.view_camera
    total = np.bincount(camera[shared], minlength=cameras)
    lost = np.bincount(camera[shared & drop], minlength=cameras)
    return np.asarray(lost > MAX_DROPPED_SHARE * total)


def moved_at_frame(kept_frames: IntArray, dropped_frames: IntArray) -> int | None:
    """Return the frame from which on a camera disagrees with the others nearly always.

    Both arguments are frame numbers of its shared views. None when views were dropped here and
    there: stale frames, not a bump.
    """
    if len(dropped_frames) < MIN_MOVED_FRAMES:
        return None
    # The earliest drops may be stale frames: try each as the beginning.
    for first in np.sort(dropped_frames):
        after = int(np.sum(dropped_frames >= first))
        agreeing_after = int(np.sum(kept_frames >= first))
        before = int(np.sum(kept_frames < first))
        if min(after, before) < MIN_MOVED_FRAMES:
            return None
        if after >= MOVED_SHARE * (after + agreeing_after):
            return int(first)
    return None


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


def _most_guilty(
    views: BoardViews, candidates: IntArray, remaining: FloatArray, accused: FloatArray
) -> int:
    """Return which view to leave out of one frame.

    With three views or more, the one without which the others fit best. Two views accuse each
    other equally: the camera goes that is accused more often in all frames.
    """
    if len(candidates) <= 2:
        return int(np.argmax(accused[views.arrays.view_camera[candidates]]))
    return int(np.argmin(remaining))


def _reason(view_count: int, others_fit: bool) -> str:
    """Return in words what is known about a dropped view."""
    if view_count == 1:
        return "its corners fit no flat board"
    if view_count == 2:
        return "two cameras disagree; this one disagrees more often"
    if others_fit:
        return "the other cameras agree without it: a frame from another instant"
    return "several cameras of this frame disagree"
