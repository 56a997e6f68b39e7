"""Detections of cameras with clocks of their own, brought to the frames of one clock.

Every frame of the common clock takes the nearest image of each camera, as it is; how much later
it was taken travels in `times_s`, and triangulation and smoothing use it. Pixels are never mixed
between images: that would mix noise, wrong detections and gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.clocks import Clocks
from mocap.core.detections import NOT_FOLLOWED, Detections2D
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
        unused: (camera,) images that stand at no frame.
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
        times_s: (camera, frame) on each camera's own clock, NaN after its end.
        clocks: of at least these cameras.
        names: of the cameras.
        fps: frames per second of the common clock.

    Raises:
        ReconstructionError: no two cameras ever run at the same time.
    """
    common = [
        clocks[name].common(own[np.isfinite(own)]) for name, own in zip(names, times_s, strict=True)
    ]
    if all(_in_step(each, fps) for each in common):
        return _as_recorded(times_s, common, fps)
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
    images = np.stack([_nearest(each, first, last + 1 - first, fps) for each in common])
    taken = np.full(images.shape, np.nan)
    for own, image, out in zip(common, images, taken, strict=True):
        out[image >= 0] = own[image[image >= 0]]
    unused = [len(own) - len(np.unique(i[i >= 0])) for own, i in zip(common, images, strict=True)]
    return CommonFrames(fps, first / fps, images, taken - first / fps, np.array(unused))


def _in_step(common_s: FloatArray, fps: float) -> bool:
    off = common_s - np.arange(len(common_s)) / fps
    return bool(np.abs(off).max() <= IN_STEP_SHARE / fps)


def _as_recorded(times_s: FloatArray, common: list[FloatArray], fps: float) -> CommonFrames:
    """Keep frame numbers: all cameras start together and keep step."""
    frames = times_s.shape[1]
    image = np.full(times_s.shape, -1)
    taken = np.full(times_s.shape, np.nan)
    for row, own in enumerate(common):
        image[row, : len(own)] = np.arange(len(own))
        taken[row, : len(own)] = np.arange(len(own)) / fps
    return CommonFrames(fps, 0.0, image[:, :frames], taken, np.zeros(len(common), dtype=np.int64))


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
