"""Where, over a minute of lags, two calibrated cameras agree about the people they saw.

Rays of one keypoint from two cameras meet only when both images show the same instant. The mean
of 1 / (1 + d²/tau²) over keypoints and time, d the epipolar distance, needs no start and does not
mind wrong detections. Curves of all pairs are maximised together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.files.replay import Remember, anew
from mocap.core.shapes import FloatArray
from mocap.core.transform import invert
from mocap.sync.offsets import PairCurves, all_pairs
from mocap.sync.scan_kernels import scan_lags
from mocap.sync.streams import Stream, median_size_px

MAX_LAG_S = 30.0
# A hand moves 40 px in this time at most, the width of a peak; fine enough for the refinement.
STEP_S = 0.04
# Frames compared, of the first camera: more would tell the same again.
EVERY_S = 0.1
# Where the agreement halves: the error of a good detector (3 % of the person's size) and of a rig
# that is a little off.
TAU_OF_SIZE, LEAST_TAU_PX = 0.035, 12.0
# Two cameras must have recorded together for this long, or half of the shorter recording.
MIN_OVERLAP_S = 4.0
# A short overlap agrees by chance: somebody stood still. Its score is worth sqrt(T / (T + this)).
CHANCE_S = 4.0


def essential_of(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return E (3, 3) with b' E a = 0 for rays a, b of cameras at camera_from_world (4, 4)."""
    relative = second @ invert(first)
    t, rotation = relative[:3, 3], relative[:3, :3]
    cross = np.array([[0.0, -t[2], t[1]], [t[2], 0.0, -t[0]], [-t[1], t[0], 0.0]])
    length = float(np.linalg.norm(t))
    return np.asarray(cross @ rotation / (length if length > 0 else 1.0))


class AgreementScan:
    """Compares the streams of a calibrated rig at any lag."""

    def __init__(
        self, streams: Sequence[Stream], calibration: Calibration, remember: Remember = anew
    ) -> None:
        """Take streams in the order of the calibration's cameras; scores are remembered."""
        self.streams, self.remember = streams, remember
        self.tau_px = max(LEAST_TAU_PX, TAU_OF_SIZE * median_size_px(streams))
        self._poses = [camera.camera_from_world for camera in calibration.cameras]
        self._focal = [camera.camera_matrix[0, 0] for camera in calibration.cameras]

    def scale(self, pair: tuple[int, int]) -> float:
        """Return what turns squared epipolar distances of rays into those in units of tau."""
        focal = 0.5 * (self._focal[pair[0]] + self._focal[pair[1]])
        return float((focal / self.tau_px) ** 2)

    def scores(
        self,
        pair: tuple[int, int],
        lags_s: FloatArray,
        *,
        table_s: float = STEP_S / 2,
        window_s: tuple[float, float] = (-np.inf, np.inf),
    ) -> tuple[FloatArray, FloatArray]:
        """Return agreement and number of keypoints compared (lag,) of a pair.

        `lags_s` are local time of the second camera minus that of the first; `window_s` limits
        the first's frames; the second's are looked up every `table_s`, where the first's lead.
        """
        return self.remember(lambda: self._scores(pair, lags_s, table_s, window_s))

    def _scores(
        self,
        pair: tuple[int, int],
        lags_s: FloatArray,
        table_s: float,
        window_s: tuple[float, float],
    ) -> tuple[FloatArray, FloatArray]:
        first, second = self.streams[pair[0]], self.streams[pair[1]]
        stride = max(1, round(EVERY_S / first.frame_s))
        times, rays = first.times_s[::stride], first.rays[::stride]
        inside = slice(*np.searchsorted(times, window_s))
        compared = np.ascontiguousarray(times[inside])  # a kernel is compiled for each layout
        lookup = _lookup(second, compared, lags_s, table_s)
        score, seen = np.zeros(len(lags_s)), np.zeros(len(lags_s))
        scan_lags(
            np.ascontiguousarray(rays[inside]),
            compared,
            second.nearest(lookup),
            lookup[0],
            table_s,
            lags_s,
            essential_of(self._poses[pair[0]], self._poses[pair[1]]),
            self.scale(pair),
            score,
            seen,
        )
        return score, seen


def _lookup(stream: Stream, times_s: FloatArray, lags_s: FloatArray, table_s: float) -> FloatArray:
    """Return times of a stream, every `table_s` from its beginning, where others' times lead.

    For one second of a long take all of them would be as many as for the whole take.
    """
    start, end = stream.times_s[0], stream.times_s[-1] + table_s
    step = (start + table_s) - start  # as `np.arange` counts
    count = int(np.ceil((end - start) / table_s))
    first, last = 0, 0
    if len(times_s) and len(lags_s):
        low, high = times_s[0] + lags_s.min() - start, times_s[-1] + lags_s.max() - start
        first = min(max(int(low / table_s) - 1, 0), count - 1)
        last = min(max(int(high / table_s) + 2, first), count - 1)
    return np.asarray(start + step * np.arange(first, last + 1))


def scan_pairs(
    scan: AgreementScan, told: Callable[[str, int, int], None] | None = None
) -> PairCurves:
    """Return the curves of all pairs: 0 is the agreement of a wrong lag, 1 a perfect one.

    `told` hears of every pair.
    """
    streams = scan.streams
    shortest = min(each.length_s for each in streams)
    overlap_s = min(MIN_OVERLAP_S, 0.5 * shortest)
    longest = max(each.length_s for each in streams)
    reach = max(1, int(min(MAX_LAG_S, longest) / STEP_S))
    grid: FloatArray = np.arange(-reach, reach + 1, dtype=np.float64) * STEP_S
    curves, overlaps = {}, {}
    pairs = all_pairs(len(streams))
    for done, pair in enumerate(pairs, 1):
        # offset_j - offset_i = local_i - local_j of one instant.
        score, seen = scan.scores(pair, -grid)
        together_s = seen * EVERY_S / streams[pair[0]].pixels.shape[2]
        if told is not None:
            told("pairs of cameras", done, len(pairs))
        enough = together_s >= 0.5 * overlap_s
        if not enough.any():
            continue
        known = np.where(enough, score, np.nan)
        floor = float(np.nanmedian(known))
        share = (known - floor) / max(1e-6, 1.0 - floor)
        curves[pair] = share * np.sqrt(together_s / (together_s + CHANCE_S))
        overlaps[pair] = together_s
    return PairCurves(curves, grid, len(streams), overlaps)
