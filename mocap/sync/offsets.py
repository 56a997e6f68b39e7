"""Offsets of all cameras from what pairs of cameras say.

C cameras make C (C - 1) / 2 pairs for C - 1 unknown offsets, so the loops check the pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from mocap.core.shapes import FloatArray

Pair = tuple[int, int]

# A pair's curve counts within this much of its peak: a scan every 40 ms of three cameras closes a
# loop to no better than that.
LOOP_TOLERANCE_S = 0.06
MAX_SWEEPS = 10
# What a pair that never overlaps at a lag says about it: a little worse than nothing known.
UNKNOWN_SCORE = -1.0
REWEIGHTING_ROUNDS = 20
# Least absolute deviations by reweighting: residuals below this many sigmas count as zero.
SMALL_RESIDUAL_SIGMAS = 0.3


def all_pairs(cameras: int) -> list[Pair]:
    """Return every pair (i, j) with i < j."""
    return list(combinations(range(cameras), 2))


class PairCurves:
    """Scores of lags: `curves[i, j][k]` is that of offset_j - offset_i = grid[k]; NaN = unknown."""

    def __init__(
        self,
        curves: Mapping[Pair, FloatArray],
        grid_s: FloatArray,
        cameras: int,
        overlap_s: Mapping[Pair, FloatArray] | None = None,
    ) -> None:
        """Take curves on one even grid, symmetric about zero, and what each lag overlaps."""
        self.raw = dict(curves)
        self._overlap_s = dict(overlap_s or {})
        self.grid_s, self.cameras = grid_s, cameras
        self.step_s = float(grid_s[1] - grid_s[0])
        known = {p: np.where(np.isfinite(s), s, UNKNOWN_SCORE) for p, s in curves.items()}
        self.known = known
        self.wide = {p: _smeared(s, LOOP_TOLERANCE_S, self.step_s) for p, s in known.items()}

    def of_camera(self, camera: int, offsets: FloatArray) -> FloatArray:
        """Return the sum (lag,) of a camera's curves, moved to where the others are.

        `grid_s` then is the offset of the camera itself.
        """
        return self._summed(self.wide, camera, offsets, UNKNOWN_SCORE)

    def overlap_of_camera(self, camera: int, offsets: FloatArray) -> FloatArray:
        """Return the seconds (lag,) a camera recorded together with each other one, summed."""
        return self._summed(self._overlap_s, camera, offsets, 0.0)

    def _summed(
        self, table: Mapping[Pair, FloatArray], camera: int, offsets: FloatArray, outside: float
    ) -> FloatArray:
        total = np.full(len(self.grid_s), 0.0)
        for (i, j), score in table.items():
            if camera not in (i, j):
                continue
            other = i if camera == j else j
            values = score if camera == j else score[::-1]
            index = np.arange(len(self.grid_s)) - round(offsets[other] / self.step_s)
            inside = (index >= 0) & (index < len(self.grid_s))
            clipped = np.clip(index, 0, len(self.grid_s) - 1)
            total += np.where(inside, values[clipped], outside)
        return total

    def total(self, offsets: FloatArray) -> float:
        """Return the sum of all curves at these offsets (camera,)."""
        value = 0.0
        for (i, j), score in self.wide.items():
            index = round((offsets[j] - offsets[i] - self.grid_s[0]) / self.step_s)
            value += score[index] if 0 <= index < len(self.grid_s) else UNKNOWN_SCORE
        return float(value)


def _smeared(score: FloatArray, tolerance_s: float, step_s: float) -> FloatArray:
    """Widen the peaks of a curve (lag,) by the tolerance."""
    reach = max(1, round(tolerance_s / step_s))
    padded = np.pad(score, reach, constant_values=-np.inf)
    return np.asarray(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=-1))


def joint_offsets(curves: PairCurves) -> FloatArray:
    """Return offsets (camera,), the first 0, that maximise the sum of the pairs' curves.

    Starts from the tree of strongest peaks, with each camera tried as its root, then moves one
    camera at a time to where all its pairs together want it.
    """
    best, best_score = np.zeros(curves.cameras), -np.inf
    for root in range(curves.cameras):
        offsets = _moved_one_by_one(curves, _tree(curves, root))
        score = curves.total(offsets)
        if score > best_score:
            best, best_score = offsets - offsets[0], score
    return best


def _tree(curves: PairCurves, root: int) -> FloatArray:
    """Return offsets that follow the strongest peaks outward from a camera."""
    offsets, reached = np.zeros(curves.cameras), {root}
    while len(reached) < curves.cameras:
        edges = [p for p in curves.known if (p[0] in reached) != (p[1] in reached)]
        if not edges:
            break
        i, j = max(edges, key=lambda p: float(curves.known[p].max()))
        lag = float(curves.grid_s[int(np.argmax(curves.known[i, j]))])
        if i in reached:
            offsets[j] = offsets[i] + lag
        else:
            offsets[i] = offsets[j] - lag
        reached |= {i, j}
    return offsets


def _moved_one_by_one(curves: PairCurves, offsets: FloatArray) -> FloatArray:
    offsets = offsets.copy()
    for _ in range(MAX_SWEEPS):
        before = offsets.copy()
        for camera in range(curves.cameras):
            wanted = curves.of_camera(camera, offsets)
            # Without a pair that tells, every offset is as good: the recorded one stays.
            if np.ptp(wanted) > 0:
                offsets[camera] = curves.grid_s[int(np.argmax(wanted))]
        if np.array_equal(before, offsets):
            break
    return offsets


def connected(pairs: Mapping[Pair, object], root: int = 0) -> list[int]:
    """Return the cameras that a chain of pairs ties to `root`, ascending."""
    reached, grown = {root}, True
    while grown:
        tied = {c for p in pairs if (p[0] in reached) != (p[1] in reached) for c in p}
        grown = not tied <= reached
        reached |= tied
    return sorted(reached)


def consistent_offsets(
    lags: Mapping[Pair, tuple[float, float]], cameras: int
) -> tuple[FloatArray, dict[Pair, float]]:
    """Return offsets (camera,), the first 0, by least absolute deviations, and pairs' residuals.

    `lags` is (offset_j - offset_i, sigma) in seconds by pair; a wrong pair does not move the rest.
    Cameras no pair reaches from the first are NaN.
    """
    reached = connected(lags)
    used = {pair: value for pair, value in lags.items() if pair[0] in reached}
    offsets = np.full(cameras, np.nan)
    offsets[0] = 0.0
    if not used:
        return offsets, {}
    column = {camera: k for k, camera in enumerate(reached)}
    rows = np.zeros((len(used), len(reached)))
    for row, (i, j) in zip(rows, used, strict=True):
        row[column[i]], row[column[j]] = -1.0, 1.0
    lag, sigma = np.array(list(used.values())).T
    weight = 1.0 / sigma
    for _ in range(REWEIGHTING_ROUNDS):
        solved = np.linalg.lstsq(rows[:, 1:] * weight[:, None], lag * weight, rcond=None)[0]
        residual = rows[:, 1:] @ solved - lag
        size = np.maximum(np.abs(residual) / sigma, SMALL_RESIDUAL_SIGMAS)
        weight = 1.0 / (sigma * np.sqrt(size))
    offsets[reached[1:]] = solved
    return offsets, dict(zip(used, residual.tolist(), strict=True))
