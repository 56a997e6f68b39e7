"""Corners of cameras with clocks of their own, at the instants of the reference's frames."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core.clocks import CameraClock, lateness_of
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


def unrolled(corners: Corners, times_s: FloatArray, rows: FloatArray) -> Corners:
    """Return the corners where they were at the instant of their image, not of their row.

    A rolling shutter reads a corner later than its image by what `rows` says (`core.clocks`). The
    parabola through it and its neighbours, each at the time of its own row, is read at the image's
    instant; a straight line where one neighbour is missing. Corners that no frame nearby has too
    are left out: how they moved is not known.

    Args:
        corners: of the camera, by its own frames.
        times_s: (own frame,) on its own clock.
        rows: (3,) lateness of a pixel.
    """
    looked = np.unique(corners.frame)
    if not rows.any() or len(looked) < 2:
        return corners
    table = _Table(corners, looked, times_s)
    t, p = table.times[:, None] + lateness_of(rows, table.pixels), table.pixels
    at = np.broadcast_to(table.times[:, None], t.shape)
    before, after = np.full((2, *p.shape), np.nan)
    t_before, t_after = np.full((2, *t.shape), np.nan)
    before[1:], after[:-1], t_before[1:], t_after[:-1] = p[:-1], p[1:], t[:-1], t[1:]
    before[t - t_before > MAX_INTERPOLATED_S] = np.nan
    after[t_after - t > MAX_INTERPOLATED_S] = np.nan
    moved = _parabola((t_before, t, t_after), (before, p, after), at)
    for near_t, near in ((t_before, before), (t_after, after)):
        straight = p + ((at - t) / (near_t - t))[..., None] * (near - p)
        moved = np.where(np.isfinite(moved), moved, straight)
    pixels = moved[np.searchsorted(looked, corners.frame), corners.corner_id]
    known = np.isfinite(pixels[:, 0])
    return replace(
        corners,
        frame=corners.frame[known],
        corner_id=corners.corner_id[known],
        pixels=pixels[known],
    )


def _parabola(
    t: tuple[FloatArray, FloatArray, FloatArray],
    p: tuple[FloatArray, FloatArray, FloatArray],
    at: FloatArray,
) -> FloatArray:
    """Return the parabola through three places p (..., 2) at times t (...,), at others (...,)."""
    a, b, c = t
    weights = (
        (at - b) * (at - c) / ((a - b) * (a - c)),
        (at - a) * (at - c) / ((b - a) * (b - c)),
        (at - a) * (at - b) / ((c - a) * (c - b)),
    )
    return np.asarray(sum(w[..., None] * each for w, each in zip(weights, p, strict=True)))


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
