"""Corners of cameras with clocks of their own, at the instants of the reference's frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core.clocks import CameraClock
from mocap.core.detections import Corners
from mocap.core.shapes import FloatArray, IntArray

# A frame this near to the instant, in frames, is the instant: it is taken as it is.
EXACT = 1e-4
# This near it stands in for corners that a neighbouring frame lacks.
SAME_INSTANT = 0.05
# Between frames farther apart than this a waved board does what it likes: the nearest is taken.
MAX_INTERPOLATED_S = 0.075


def corners_at(
    corners: Corners,
    times_s: FloatArray,
    clock: CameraClock,
    reference_times_s: FloatArray,
    frames: IntArray,
) -> Corners:
    """Return the corners a camera would have found at other instants, numbered as they are.

    Corners are interpolated between neighbouring frames that both have them: by a parabola's
    third-order mean of four frames (Catmull & Rom 1974) where there are four, else straight.

    Args:
        corners: of the camera, by its own frames.
        times_s: (own frame,) on its own clock.
        clock: of the camera.
        reference_times_s: (frame,) instants of the reference's frames on the common clock.
        frames: the reference's frames that are wanted, ascending.
    """
    looked = np.unique(corners.frame)
    out_frame, out_id, out_pixels = [], [], []
    if len(looked):
        table = _Table(corners, looked, times_s)
        for frame in frames:
            ids, pixels = table.at(float(clock.local(reference_times_s[frame])))
            out_frame.append(np.full(len(ids), frame))
            out_id.append(ids)
            out_pixels.append(pixels)
    none = np.zeros(0, dtype=np.int64)
    return replace(
        corners,
        frame_count=len(reference_times_s),
        frame=np.concatenate([none, *out_frame]).astype(np.int64),
        corner_id=np.concatenate([none, *out_id]).astype(np.int64),
        pixels=np.concatenate([np.zeros((0, 2)), *out_pixels]),
    )


class _Table:
    """Corners by frame, on the camera's own clock."""

    def __init__(self, corners: Corners, looked: IntArray, times_s: FloatArray) -> None:
        self.times = times_s[looked]
        self.frame_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
        count = int(corners.corner_id.max()) + 1
        self.pixels = np.full((len(looked), count, 2), np.nan)
        row = np.searchsorted(looked, corners.frame)
        self.pixels[row, corners.corner_id] = corners.pixels

    def at(self, local_s: float) -> tuple[IntArray, FloatArray]:
        """Return ids (n,) and pixels (n, 2) at a local time."""
        values = self._values(local_s)
        ids = np.flatnonzero(np.isfinite(values[:, 0]))
        return ids, values[ids]

    def _values(self, local_s: float) -> FloatArray:
        nearest = int(np.abs(self.times - local_s).argmin())
        off = abs(self.times[nearest] - local_s)
        own = self.pixels[nearest]
        if off <= EXACT * self.frame_s:
            return np.asarray(own)
        k = int(np.searchsorted(self.times, local_s)) - 1
        inside = 0 <= k < len(self.times) - 1
        if not inside or self.times[k + 1] - self.times[k] > MAX_INTERPOLATED_S:
            near = off <= 0.5 * self.frame_s + 1e-9
            return own if near else np.full_like(own, np.nan)
        between = self._between(k, local_s)
        if off <= SAME_INSTANT * self.frame_s:
            return np.where(np.isfinite(between), between, own)
        return between

    def _between(self, k: int, local_s: float) -> FloatArray:
        t, p = self.times, self.pixels
        gap = t[k + 1] - t[k]
        f = (local_s - t[k]) / gap
        straight = (1.0 - f) * p[k] + f * p[k + 1]
        even = 0 < k < len(t) - 2 and max(t[k] - t[k - 1], t[k + 2] - t[k + 1]) < 1.5 * gap
        if not even:
            return np.asarray(straight)
        p0, p1, p2, p3 = p[k - 1 : k + 3]
        curved = p1 + 0.5 * f * (
            p2 - p0 + f * (2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3 + f * (3.0 * (p1 - p2) + p3 - p0))
        )
        return np.where(np.isfinite(curved), curved, straight)
