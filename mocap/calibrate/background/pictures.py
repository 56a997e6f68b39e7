"""Pictures of what stands still in a recording: whoever walks through is gone from them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mocap.capture.video import VideoInfo, read_frames
from mocap.core.shapes import Array, FloatArray, check_shapes

# Images of a recording that are looked at, and of which one picture is the median: a person who
# stays less than half of the time is gone.
LOOKS, LOOKS_A_PICTURE = 24, 6
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
    step = max(1, info.frame_count // LOOKS)
    looks: list[Array] = []
    times: list[float] = []
    for frame, image in read_frames(info.path, gray=True, step=step):
        if len(looks) == LOOKS:
            break
        looks.append(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_AREA))
        times.append(float(info.times_s[min(frame, len(info.times_s) - 1)]))
    parts = np.array_split(np.arange(len(looks)), max(1, len(looks) // LOOKS_A_PICTURE))
    stack = np.stack(looks)
    return StillPictures(
        info.camera,
        info.path,
        np.stack([np.median(stack[part], axis=0) for part in parts]),
        np.array([np.mean(np.array(times)[part]) for part in parts]),
        scale,
    )
