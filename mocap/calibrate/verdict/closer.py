"""What a technician looks at closer: residuals over the recording, single views of the board."""

from __future__ import annotations

import numpy as np

from mocap.calibrate.adjust import RigState
from mocap.calibrate.refine import group_median
from mocap.calibrate.verdict.report import BoardView, OverTime
from mocap.calibrate.views import BoardViews
from mocap.core.shapes import FloatArray, IntArray

# Views of which the tilt is kept.
MOST_TILTS = 150
# Points of a curve; views in between are taken together.
MOST_POINTS = 30
# A view with fewer corners shows little.
LEAST_CORNERS = 8


def over_time(views: BoardViews, errors_px: FloatArray, camera: int) -> OverTime:
    """Return the residuals of a camera over the recording, from those of all corners (n, 2).

    A part's shift is the median of its residuals with their sign: noise has none, a camera that
    was moved, a stale image and a wrong clock have.
    """
    mine = _views_of(views, camera)
    if not len(mine):
        return OverTime((), (), ())
    start = views.arrays.view_start
    numbers = views.frames[views.view_frame[mine]]
    frames, medians, shifts = [], [], []
    for part in np.array_split(np.arange(len(mine)), min(MOST_POINTS, len(mine))):
        error = np.concatenate([errors_px[start[v] : start[v + 1]] for v in mine[part]])
        error = error[np.isfinite(error[:, 0])]
        if not len(error):
            continue
        frames.append(int(numbers[part[len(part) // 2]]))
        medians.append(round(float(np.median(np.hypot(error[:, 0], error[:, 1]))), 4))
        shifts.append(round(float(np.hypot(*np.median(error, axis=0))), 4))
    return OverTime(tuple(frames), tuple(medians), tuple(shifts))


def board_tilts_deg(
    views: BoardViews, state: RigState, camera: int
) -> tuple[tuple[float, float], ...]:
    """Return how the board stood to a camera in its views, in degrees.

    By how much it looked to the right of the camera's image, and upwards; (0, 0) looks into the
    camera. At most `MOST_TILTS` views, evenly chosen. A back counts as a front.
    """
    mine = _views_of(views, camera)
    mine = mine[:: max(1, -(-len(mine) // MOST_TILTS))]
    into = state.world_from_board[views.view_frame[mine], :3, 2]
    x, y, z = state.camera_from_world[camera, :3, :3] @ into.T
    x, y, z = np.where(z < 0, -1.0, 1.0) * (x, y, z)
    tilts = np.rad2deg(np.stack([np.arctan2(-x, z), np.arctan2(y, z)], axis=1))
    return tuple((round(float(right), 1), round(float(up), 1)) for right, up in tilts)


def view_medians(views: BoardViews, errors_px: FloatArray) -> FloatArray:
    """Return the median length of the residuals of each view; infinite behind a camera."""
    length = np.nan_to_num(np.hypot(errors_px[:, 0], errors_px[:, 1]), nan=np.inf)
    return group_median(length, views.arrays.view_start)


def board_views(
    views: BoardViews, errors_px: FloatArray, medians: FloatArray, camera: int
) -> tuple[BoardView, ...]:
    """Return a usual view of the board and the worst one of a camera, with their residuals.

    Args:
        views: of all cameras.
        errors_px: (n, 2) of all corners.
        medians: (view,) as `view_medians` returns them.
        camera: which one.
    """
    counts = np.diff(views.arrays.view_start)
    mine = _views_of(views, camera)
    mine = mine[(counts[mine] >= LEAST_CORNERS) & np.isfinite(medians[mine])]
    if not len(mine):
        return ()
    order = mine[np.argsort(medians[mine], kind="stable")]
    chosen = dict.fromkeys((int(order[len(order) // 2]), int(order[-1])))
    words = ("a usual view", "the worst view")
    return tuple(
        _view(views, errors_px, view, what, float(medians[view]))
        for view, what in zip(chosen, words, strict=False)
    )


def _view(
    views: BoardViews, errors_px: FloatArray, view: int, what: str, median_px: float
) -> BoardView:
    rows = slice(views.arrays.view_start[view], views.arrays.view_start[view + 1])
    return BoardView(
        what,
        int(views.frames[views.view_frame[view]]),
        median_px,
        _pairs(views.arrays.pixels[rows]),
        _pairs(errors_px[rows]),
    )


def _views_of(views: BoardViews, camera: int) -> IntArray:
    """Return the views of a camera in the order of time."""
    mine = np.flatnonzero(views.arrays.view_camera == camera)
    return mine[np.argsort(views.frames[views.view_frame[mine]], kind="stable")]


def _pairs(values: FloatArray) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in values)
