"""Pictures of what stands still in a recording: whoever walks through is gone from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from mocap.capture.video import VideoInfo, read_frames, read_key_frames
from mocap.core.shapes import Array, FloatArray, check_shapes

# Images of a recording that are looked at, and of which one picture is the median: a person who
# stays less than half of the time is gone.
LOOKS, LOOKS_A_PICTURE = 24, 6
# Longer videos are not decoded whole, unless so many frames are coded whole that nothing is saved.
LONG_FRAMES, MOST_KEY_FRAMES = 1500, 240
# Wide enough for a tenth of a pixel: a tenth of a degree is one pixel at this width.
WIDTH_PX = 960


@dataclass(frozen=True, eq=False)
class StillPictures:
    """What stands still in a recording.

    Attributes:
        camera: its name.
        path: the recording.
        pictures: (picture, height, width) grey levels, in the order of time.
        times_s: (picture,) the middle of each.
        scale: pixels of a picture per pixel of the calibration.
    """

    camera: str
    path: Path
    pictures: FloatArray
    times_s: FloatArray
    scale: float

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, pictures="picture height width", times_s="picture")

    @property
    def whole(self) -> FloatArray:
        """One picture (height, width) of the whole recording."""
        return np.asarray(np.median(self.pictures, axis=0))


def _looks(info: VideoInfo, small: Callable[[Array], Array]) -> list[tuple[float, Array]]:
    """Return some images spread over a video, made small, with their times.

    Of long videos those that are coded whole: decoding all the others would take minutes.
    """
    if info.frame_count > LONG_FRAMES:
        key_frames = islice(read_key_frames(info.path), MOST_KEY_FRAMES)
        whole = [(at, small(image)) for at, image in key_frames]
        if LOOKS <= len(whole) < MOST_KEY_FRAMES:
            return [whole[i] for i in np.linspace(0, len(whole) - 1, LOOKS).astype(int)]
    step = max(1, info.frame_count // LOOKS)
    frames = islice(read_frames(info.path, gray=True, step=step), LOOKS)
    last = len(info.times_s) - 1
    return [(float(info.times_s[min(n, last)]), small(image)) for n, image in frames]


def still_pictures(
    info: VideoInfo, calibration_from_video: FloatArray, image_size: tuple[int, int]
) -> StillPictures:
    """Return what stands still in a video, in pixels of the calibration.

    Args:
        info: of the video.
        calibration_from_video: (2, 3) map of pixels.
        image_size: (width, height) of the calibration.

    Raises:
        InputError: the video cannot be read.
    """
    scale = min(1.0, WIDTH_PX / image_size[0])
    size = (round(scale * image_size[0]), round(scale * image_size[1]))
    # Pixel centres: x_picture + .5 = scale (x + .5).
    matrix = scale * np.asarray(calibration_from_video, dtype=np.float64)
    matrix[:, 2] += 0.5 * scale - 0.5

    def small(image: Array) -> Array:
        return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_AREA))

    times, looks = zip(*_looks(info, small), strict=True)
    parts = np.array_split(np.arange(len(looks)), max(1, len(looks) // LOOKS_A_PICTURE))
    stack = np.stack(looks)
    return StillPictures(
        info.camera,
        info.path,
        np.stack([np.median(stack[part], axis=0) for part in parts]),
        np.array([np.mean(np.array(times)[part]) for part in parts]),
        scale,
    )
