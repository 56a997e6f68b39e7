"""Whole frames a camera runs late: which shift of its frames makes it agree with another camera.

Used when many shared views disagree. Then no residual of the common solution can be trusted; pairs
of cameras are solved by themselves, once for every shift.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mocap.calibrate import graph, planar
from mocap.calibrate.adjust import Loss, RigState, adjust
from mocap.calibrate.planar import PlanarPoses
from mocap.calibrate.views import BoardViews
from mocap.core.detections import Corners
from mocap.core.lens import CAUCHY
from mocap.core.shapes import FloatArray, IntArray

# Shifts tried; a larger one is a missing trim that a person sees.
MAX_LAG_FRAMES = 4
# Frames of a pair that are solved, evenly spread, and the least that tell.
MAX_FRAMES, MIN_FRAMES = 40, 6
# A shift is believed when it lowers the robust cost to this share of that without shift.
BELIEVED_SHARE = 0.4


def camera_lags_frames(
    views: BoardViews, lens: FloatArray, pairs: Sequence[graph.Pair]
) -> FloatArray:
    """Return per camera (camera,) by how many frames it is late against most cameras.

    NaN for cameras without a pair that tells.
    """
    poses = planar.planar_poses(views, lens, planar.homographies(views)).best()
    measured: list[tuple[int, int, int, int]] = []
    for pair in pairs:
        lag = _pair_lag(views, lens, poses, pair.first, pair.second)
        if lag is not None:
            measured.append((pair.shared, pair.first, pair.second, lag))
    lags = np.full(len(views.camera_names), np.nan)
    lags[0] = 0.0
    # Strongest pairs first, as in the spanning tree of the poses.
    while True:
        edges = [m for m in measured if np.isfinite(lags[m[1]]) != np.isfinite(lags[m[2]])]
        if not edges:
            break
        _, first, second, lag = max(edges)
        if np.isfinite(lags[first]):
            lags[second] = lags[first] + lag
        else:
            lags[first] = lags[second] - lag
    known = Counter(lags[np.isfinite(lags)].tolist())
    return lags - known.most_common(1)[0][0]


def shift_frames(corners: Corners, late_frames: int) -> Corners:
    """Return the corners of a camera as if it did not run late by that many frames.

    Corners before the first instant common to all cameras are lost.
    """
    frame = corners.frame - late_frames
    keep = frame >= 0
    return replace(
        corners,
        frame=frame[keep],
        corner_id=corners.corner_id[keep],
        pixels=corners.pixels[keep],
    )


def _pair_lag(
    views: BoardViews, lens: FloatArray, poses: PlanarPoses, first: int, second: int
) -> int | None:
    """Return by how many frames `second` is late against `first`; None if too few frames tell."""
    costs = {}
    for lag in range(-MAX_LAG_FRAMES, MAX_LAG_FRAMES + 1):
        cost = _cost_at_lag(views, lens, poses, (first, second), lag)
        if cost is not None:
            costs[lag] = cost
    if 0 not in costs:
        return None
    best = min(costs, key=lambda lag: costs[lag])
    return best if costs[best] < BELIEVED_SHARE * costs[0] else 0


def _cost_at_lag(
    views: BoardViews, lens: FloatArray, poses: PlanarPoses, pair: tuple[int, int], lag: int
) -> float | None:
    """Return the robust cost per corner (px²) of a pair of cameras at a shift of frames."""
    a, b = _shifted_pairs(views, poses, pair, lag)
    if len(a) < MIN_FRAMES:
        return None
    if len(a) > MAX_FRAMES:
        chosen = np.linspace(0, len(a) - 1, MAX_FRAMES).astype(np.int64)
        a, b = a[chosen], b[chosen]
    from_a, from_b = poses.camera_from_board[a], poses.camera_from_board[b]
    relative = graph.consensus(pair[0], pair[1], from_a, from_b).second_from_first
    cameras = np.tile(np.eye(4), (len(lens), 1, 1))
    cameras[pair[1]] = relative
    both = np.stack([poses.view[a], poses.view[b]], axis=1).ravel()
    frames = np.arange(len(a), dtype=np.int64)
    trial = views.regroup(both, np.full(len(a), 2, dtype=np.int64), frames)
    state = RigState(lens, cameras, from_a)
    first = state.parameters * pair[1]
    free = np.eye(state.parameters * len(lens))[:, first : first + 6]
    for scale in (20.0, 2.0):
        fit = adjust(
            trial,
            state,
            Loss(CAUCHY, scale),
            prior=None,
            free=free,
            max_iterations=8,
            min_gain_share=1e-3,
        )
        state = fit.state
    return fit.cost / len(trial.arrays.pixels)


def _shifted_pairs(
    views: BoardViews, poses: PlanarPoses, pair: tuple[int, int], lag: int
) -> tuple[IntArray, IntArray]:
    """Return indices into the poses (n,), (n,) of both cameras, the second `lag` frames later."""
    camera = views.arrays.view_camera[poses.view]
    number = views.frames[views.view_frame[poses.view]]
    a, b = np.flatnonzero(camera == pair[0]), np.flatnonzero(camera == pair[1])
    _, in_a, in_b = np.intersect1d(number[a] + lag, number[b], return_indices=True)
    return a[in_a], b[in_b]
