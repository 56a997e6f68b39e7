"""The image of a camera that shows a frame of the common clock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.capture.session import Take
from mocap.capture.video import VideoInfo, read_frames
from mocap.core.clocks import load_clocks
from mocap.core.shapes import Array

# Farther than this many of its own frames from the instant, an image does not show it.
MAX_FRAMES_OFF = 1.0


def image_indices(take: Take, info: VideoInfo, frames: Sequence[int], fps: float) -> dict[int, int]:
    """Return which image (index into the video) shows each frame; frames with none are left out.

    A take that was never synchronised counts images as frames.
    """
    if not take.clocks_path.is_file():
        return {frame: frame for frame in frames if frame < info.frame_count}
    clocks = load_clocks(take.clocks_path)
    instants = np.asarray(frames, dtype=np.float64) / fps + clocks.origin_s
    local = clocks[info.camera].local(instants)
    after = np.searchsorted(info.times_s, local).clip(0, len(info.times_s) - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(info.times_s[before] - local) <= np.abs(info.times_s[after] - local)
    nearest = np.where(nearer, before, after)
    off = np.abs(info.times_s[nearest] - local) * info.fps
    return {
        frame: int(index)
        for frame, index, far in zip(frames, nearest, off, strict=True)
        if far <= MAX_FRAMES_OFF
    }


def images_at(take: Take, info: VideoInfo, frames: Sequence[int], fps: float) -> dict[int, Array]:
    """Return the images of frames of the common clock; the video is read as far as the last."""
    wanted = image_indices(take, info, frames, fps) if info.has_images else {}
    if not wanted:
        return {}
    found = dict(read_frames(info.path, only=set(wanted.values())))
    return {frame: found[index] for frame, index in wanted.items() if index in found}
