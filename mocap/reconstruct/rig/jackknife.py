"""How wrong points in space will be with a rig that people told: solve again without parts.

Without half of the frames shows noise; without a third of the joints (delete-a-group jackknife, Wu
1986) shows what a detector gets wrong in the same way in every frame. Frames held out share that
fault and cannot show it: they promise half a millimetre where six are true.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.shapes import FloatArray
from mocap.core.transform import similarity
from mocap.reconstruct.rig.views import robust_points

# Points that are compared, evenly chosen.
MAX_POINTS = 1500
# A similarity needs this many points that both rigs see.
MIN_POINTS = 30


def space_errors_m(
    rig: Calibration,
    points: FloatArray,
    count: int,
    halves: Sequence[Calibration],
    thirds: Sequence[Sequence[Calibration]],
) -> tuple[FloatArray, FloatArray]:
    """Return the error (point,) in metres that frames and that joints make of points (point, 3).

    After the similarity that brings the first `count` points of a rig onto those of `rig`; NaN
    where two cameras do not see a point.

    Args:
        rig: solved from everything.
        points: where people were, then where else it is asked.
        count: how many of these are where people were.
        halves: two rigs, each from half of the frames.
        thirds: for each way to part the joints in three, three rigs without one of the parts. One
            way has few degrees of freedom; several are averaged.
    """
    # Views without noise of the same points: only the rigs differ.
    views = np.moveaxis(rig.project(points), 0, 1)

    def placed(each: Calibration) -> FloatArray:
        return _aligned(robust_points(each, views)[0], points, count)

    first, second = (placed(each) for each in halves)
    frames = 0.5 * np.linalg.norm(first - second, axis=1)
    variances = []
    for way in thirds:
        groups = np.stack([placed(each) for each in way])
        squares = ((groups - groups.mean(axis=0)) ** 2).sum(axis=(0, 2))
        variances.append(squares * (len(groups) - 1) / len(groups))
    return frames, np.sqrt(np.mean(variances, axis=0))


def median_mm(values_m: FloatArray) -> float:
    """Return the median in mm of what is known; infinite where nothing is."""
    seen = values_m[np.isfinite(values_m)]
    return 1000.0 * float(np.median(seen)) if len(seen) else float("inf")


def thinned(points: FloatArray) -> FloatArray:
    """Return at most `MAX_POINTS` of the points (n, 3) that are known."""
    known = points[np.isfinite(points[:, 0])]
    return known[:: max(1, len(known) // MAX_POINTS)]


def _aligned(points: FloatArray, base: FloatArray, count: int) -> FloatArray:
    """Return points after the similarity that brings the first `count` onto those of `base`."""
    seen = np.flatnonzero(np.isfinite(points[:count, 0]))
    if len(seen) < MIN_POINTS:
        return np.full_like(points, np.nan)
    scale, rotation, shift = similarity(points[seen], base[seen])
    return np.asarray(scale * points @ rotation.T + shift)
