"""Detections of cameras with clocks of their own, brought to the frames of one clock.

Every frame of the common clock takes the nearest image of each camera, as it is; how much later
it was taken travels in `times_s`, and triangulation and smoothing use it. Pixels are never mixed
between images: that would mix noise, wrong detections and gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.clocks import Clocks
from mocap.core.detections import NOT_FOLLOWED, Detections2D, looked_at_every, spread
from mocap.core.errors import ReconstructionError
from mocap.core.shapes import FloatArray, IntArray

# Cameras whose images all lie within this share of a frame of their frame's instant are in step:
# containers that count milliseconds round by 3 % at 60 frames per second.
IN_STEP_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class CommonFrames:
    """Which image of each camera stands at each frame of the common clock.

    Attributes:
        fps: frames per second.
        origin_s: common time of frame 0.
        image: (camera, frame) index into the camera's own frames; -1 for none.
        times_s: (camera, frame) when it was taken, seconds since `origin_s`; NaN for none.
        unused: (camera,) images that were looked at and stand at no frame.
    """

    fps: float
    origin_s: float
    image: IntArray
    times_s: FloatArray
    unused: IntArray


def common_frames(
    times_s: FloatArray, clocks: Clocks, names: tuple[str, ...], fps: float
) -> CommonFrames:
    """Choose the frames of the common clock and the image of every camera at each.

    Frames stand at the images of the reference camera (of its rate or another), from the first
    to the last instant at which two cameras run.

    Args:
        times_s: (camera, frame) on each camera's own clock, NaN after its end and for images that
            were left out.
        clocks: of at least these cameras.
        names: of the cameras.
        fps: frames per second of the common clock.

    Raises:
        ReconstructionError: no two cameras ever run at the same time.
    """
    own = [np.flatnonzero(np.isfinite(each)) for each in times_s]
    common = [
        clocks[name].common(each[index])
        for name, each, index in zip(names, times_s, own, strict=True)
    ]
    if all(_in_step(each, index, fps) for each, index in zip(common, own, strict=True)):
        return _as_recorded(times_s, own, fps)
    # Where all cameras left images out, theirs stand at as few frames, the nearest of each: those
    # of two cameras started by hand would never stand at the same.
    stride = looked_at_every(times_s)
    return _spread(_nearest_frames(common, own, names, fps / stride), stride)


def _nearest_frames(
    common: list[FloatArray],
    own: list[IntArray],
    names: tuple[str, ...],
    fps: float,
) -> CommonFrames:
    """Return the nearest image of each camera, taken at `common` and of index `own`, at each
    frame."""
    ticks = np.array([[each[0], each[-1]] for each in common]) * fps
    every = np.arange(np.floor(ticks.min()), np.ceil(ticks.max()) + 1)
    running = (every >= ticks[:, :1] - 1e-6) & (every <= ticks[:, 1:] + 1e-6)
    together = every[running.sum(axis=0) >= 2]
    if len(together) == 0:
        raise ReconstructionError(
            f"no two of the cameras {', '.join(names)} ever run at the same time. Check the "
            "offsets in sync.json and take.toml, and that the videos belong to one take."
        )
    first, last = int(together[0]), int(together[-1])
    nearest = np.stack([_nearest(each, first, last + 1 - first, fps) for each in common])
    image = np.full(nearest.shape, -1)
    taken = np.full(nearest.shape, np.nan)
    for row, at in enumerate(nearest):
        there = at >= 0
        image[row, there] = own[row][at[there]]
        taken[row, there] = common[row][at[there]]
    unused = [
        len(each) - len(np.unique(at[at >= 0])) for each, at in zip(own, nearest, strict=True)
    ]
    return CommonFrames(fps, first / fps, image, taken - first / fps, np.array(unused))


def _spread(frames: CommonFrames, stride: int) -> CommonFrames:
    """Return frames of a clock `stride` times as fast, without an image between those there are."""
    if stride == 1:
        return frames
    count = (frames.image.shape[1] - 1) * stride + 1
    return replace(
        frames,
        fps=frames.fps * stride,
        image=spread(frames.image, stride, count, -1),
        times_s=spread(frames.times_s, stride, count, np.nan),
    )


def _in_step(common_s: FloatArray, index: IntArray, fps: float) -> bool:
    off = common_s - index / fps
    return bool(np.abs(off).max() <= IN_STEP_SHARE / fps)


def _as_recorded(times_s: FloatArray, own: list[IntArray], fps: float) -> CommonFrames:
    """Keep frame numbers: all cameras start together and keep step."""
    image = np.full(times_s.shape, -1)
    taken = np.full(times_s.shape, np.nan)
    for row, index in enumerate(own):
        image[row, index] = index
        taken[row, index] = index / fps
    return CommonFrames(fps, 0.0, image, taken, np.zeros(len(own), dtype=np.int64))


def _nearest(common_s: FloatArray, first: int, count: int, fps: float) -> IntArray:
    """Return the image (node,) nearest to each node, -1 where none is nearer to it than to others.

    An image half-way between two nodes belongs to the later one, and to that only.
    """
    node = np.floor(common_s * fps + 0.5).astype(np.int64) - first
    off = np.abs(common_s * fps - first - node)
    inside = np.flatnonzero((node >= 0) & (node < count))
    order = inside[np.lexsort((off[inside], node[inside]))]
    nodes, best = np.unique(node[order], return_index=True)
    image = np.full(count, -1, dtype=np.int64)
    image[nodes] = order[best]
    return image


def on_common_clock(
    detections: Detections2D, clocks: Clocks, fps: float | None = None
) -> tuple[Detections2D, CommonFrames]:
    """Return the detections at the frames of the common clock, and where they come from.

    Args:
        detections: with every camera's own times.
        clocks: of at least these cameras.
        fps: frames per second of the result; those of the detections by default.

    Raises:
        ReconstructionError: no two cameras ever run at the same time.
    """
    rate = detections.fps if fps is None else fps
    names = detections.camera_names
    frames = common_frames(detections.times_s, clocks, names, rate)
    row = np.arange(len(names))[:, None]
    absent = frames.image < 0
    pixels = detections.pixels[row, frames.image]
    confidence = detections.confidence[row, frames.image]
    boxes = detections.boxes[row, frames.image]
    view_ids = detections.view_ids[row, frames.image]
    view_ids[absent] = NOT_FOLLOWED
    pixels[absent], boxes[absent], confidence[absent] = np.nan, np.nan, 0.0
    moved = replace(
        detections,
        fps=rate,
        pixels=pixels,
        confidence=confidence,
        boxes=boxes,
        view_ids=view_ids,
        times_s=frames.times_s,
    )
    return moved, frames
