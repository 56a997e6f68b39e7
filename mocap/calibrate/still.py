"""Frames in which the board lies still count once.

A board that lies on the floor for a minute gives a thousand frames with one and the same error (a
print that is not quite flat, a lens that is not quite the model). Counted a thousand times, that
error outvotes everything else and looks like a camera that moved. So the frames of one still board
become one frame with the median corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate.refine import group_median
from mocap.core.detections import Corners
from mocap.core.shapes import BoolArray, FloatArray, IntArray

# The median shift of a still board is the noise of a corner over the root of their number, below
# 0.1 px; a board in a hand moves by several pixels from one frame to the next.
STILL_PX = 0.5
# A board that turns on the spot shifts its corners, though not their median; two looks at a still
# corner are half a pixel apart by noise alone.
STILL_CORNER_PX = 1.0
# Fewer frames than this are no error counted often.
MIN_RUN = 12


@dataclass(frozen=True, eq=False)
class StillRuns:
    """Which frames were put together.

    Attributes:
        frame: (n,) frame numbers before, ascending.
        kept: (n,) the frame number that stands for each.
    """

    frame: IntArray
    kept: IntArray

    def expand(self, frames: IntArray, poses: FloatArray) -> tuple[IntArray, FloatArray]:
        """Return frame numbers and poses (frame, 4, 4) with those that were put together again."""
        place = {int(frame): index for index, frame in enumerate(frames)}
        known = np.array([int(kept) in place for kept in self.kept], dtype=bool)
        index = np.array([place[int(kept)] for kept in self.kept[known]], dtype=np.int64)
        return self.frame[known], poses[index]


def merge_still(corners: Sequence[Corners]) -> tuple[tuple[Corners, ...], StillRuns]:
    """Return the corners with every still run of frames as one frame, and what was put together.

    A run is still when no camera sees the board move by more than `STILL_PX` against the first
    frame of the run.
    """
    frames = np.unique(np.concatenate([c.frame for c in corners]))
    if len(frames) < MIN_RUN:
        return tuple(corners), StillRuns(frames, frames.copy())
    step = max(int(np.median(np.diff(frames))), 1)
    # Two frames in a row are compared for all frames at once; only where that is still, the run is
    # followed against its first frame.
    still = (np.diff(frames) <= 2 * step) & _still_steps(corners, frames)
    kept = frames.copy()
    for first, last in _runs(still):
        start = first
        while start < last:
            stop = _end_of_run(corners, frames, start, last)
            if stop - start + 1 >= MIN_RUN:
                kept[start : stop + 1] = frames[start]
            start = stop + 1
    runs = StillRuns(frames, kept)
    if np.array_equal(kept, frames):
        return tuple(corners), runs
    return tuple(_merged(each, frames, kept) for each in corners), runs


def _still_steps(corners: Sequence[Corners], frames: IntArray) -> BoolArray:
    """Return for each two frames in a row (frame - 1,) whether no camera sees the board move."""
    still = np.ones(len(frames) - 1, dtype=bool)
    seen = np.zeros(len(frames) - 1, dtype=bool)
    for each in corners:
        index = np.searchsorted(frames, each.frame)
        count = int(each.corner_id.max(initial=0)) + 1
        key = index * count + each.corner_id
        order = np.argsort(key, kind="stable")
        key, pixels = key[order], each.pixels[order]
        _, here, there = np.intersect1d(key + count, key, return_indices=True)
        step, at_rest = _at_rest(key[here] // count, pixels[there] - pixels[here])
        seen[step] = True
        still[step[~at_rest]] = False
    return still & seen


def _at_rest(group: IntArray, shift_px: FloatArray) -> tuple[IntArray, BoolArray]:
    """Return the groups (k,) of corner shifts (n, 2), and whether the board rests in each.

    `group` (n,) ascends.
    """
    names, first = np.unique(group, return_index=True)
    starts = np.append(first, len(group))
    middle = np.stack([group_median(c, starts) for c in shift_px.T], axis=1)
    length = group_median(np.linalg.norm(shift_px, axis=1), starts)
    return names, (np.linalg.norm(middle, axis=1) < STILL_PX) & (length < STILL_CORNER_PX)


def _runs(still: BoolArray) -> list[tuple[int, int]]:
    """Return first and last frame index of each run of still steps."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _end_of_run(corners: Sequence[Corners], frames: IntArray, start: int, last: int) -> int:
    """Return the last frame index up to which the board is where it was at `start`."""
    limit = last
    for each in corners:
        low, high = np.searchsorted(each.frame, [frames[start], frames[last] + 1])
        frame, ids = each.frame[low:high], each.corner_id[low:high]
        pixels = each.pixels[low:high]
        if len(frame) == 0:
            continue
        first = frame == frame[0]
        anchor = np.full((int(ids.max()) + 1, 2), np.nan)
        anchor[ids[first]] = pixels[first]
        shift = pixels - anchor[ids]
        known = np.isfinite(shift[:, 0])
        index, at_rest = _at_rest(np.searchsorted(frames, frame[known]), shift[known])
        gone = index[~at_rest]
        if len(gone):
            limit = min(limit, int(gone[0]) - 1)
    return max(limit, start)


def _merged(corners: Corners, frames: IntArray, kept: IntArray) -> Corners:
    """Return the corners of one camera with runs put together: the median of each corner."""
    if len(corners.frame) == 0:
        return corners
    frame = kept[np.searchsorted(frames, corners.frame)]
    count = int(corners.corner_id.max()) + 1
    key = frame * count + corners.corner_id
    order = np.argsort(key, kind="stable")
    keys, start = np.unique(key[order], return_index=True)
    groups = np.split(corners.pixels[order], start[1:])
    pixels = np.stack([g[0] if len(g) == 1 else np.median(g, axis=0) for g in groups])
    return replace(corners, frame=keys // count, corner_id=keys % count, pixels=pixels)
