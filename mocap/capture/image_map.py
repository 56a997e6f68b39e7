"""From the pixels of a video to the pixels of the calibration.

Cameras and converters resize, and some add black bars to keep the shape of the picture; then
neither doing nothing nor stretching is right. The reprojection error of people cannot tell which
handling is true, so it is decided from sizes and bars, and refused when these do not fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mocap.core.errors import SessionError
from mocap.core.shapes import Array, FloatArray, check_shapes

# Bars are black up to coding noise (measured: rows of 1-6 grey levels beside content of 65-120).
BLACK_GREY = 16.0
# Bars are whole rows and the coder smears their edge into the picture.
BAR_TOLERANCE_PX = 2.0
# Sizes are whole, mostly even numbers: width and height scale alike up to two pixels.
SIZE_TOLERANCE_PX = 2.0
# Of a map of pixels, or pixels of shift: no pair of a video and a calibration comes near.
LARGEST_FACTOR = 1e6


@dataclass(frozen=True, eq=False)
class ImageMap:
    """An affine map of pixels.

    Attributes:
        matrix: (2, 3) calibration_from_video; pixel centres at whole numbers on both sides.
        description: what was done, one line for people.
    """

    matrix: FloatArray
    description: str

    def __post_init__(self) -> None:
        """Check the shape and that the map can be undone."""
        check_shapes(self, matrix="2 3")
        sane = np.abs(self.matrix) < LARGEST_FACTOR
        if not sane.all() or np.linalg.det(self.matrix[:, :2]) <= 0:
            raise ValueError(
                "an image map needs finite numbers below 1e6 and must not flip the image"
            )

    @property
    def is_identity(self) -> bool:
        """Tell whether nothing changes."""
        return bool(np.array_equal(self.matrix, np.eye(2, 3)))

    def apply(self, pixels: Array) -> FloatArray:
        """Return calibration pixels (..., 2) of video pixels (..., 2)."""
        return (
            np.asarray(np.asarray(pixels, dtype=np.float64) @ self.matrix[:, :2].T)
            + (self.matrix[:, 2])
        )


def scaling(scale: float, bars_px: tuple[float, float], description: str) -> ImageMap:
    """Return the map of a picture with bars of (left, top) pixels, scaled by `scale`.

    Written for pixel edges, which scale as lengths do, and shifted to pixel centres:
    x_calibration + 0.5 = scale * (x_video + 0.5 - bar).
    """
    shift = [scale * (0.5 - bar) - 0.5 for bar in bars_px]
    return ImageMap(np.array([[scale, 0.0, shift[0]], [0.0, scale, shift[1]]]), description)


def estimate_image_map(
    camera: str,
    video_size: tuple[int, int],
    calibration_size: tuple[int, int],
    gray_frames: Iterable[Array],
) -> ImageMap:
    """Return how a camera's video relates to the image it was calibrated with.

    Args:
        camera: camera name, for messages.
        video_size: (width, height) of the video.
        calibration_size: (width, height) of the calibration.
        gray_frames: a few uint8 images (height, width) of the video, looked at only when the two
            sizes differ in shape.

    Raises:
        SessionError: neither a plain scale nor black bars explain the sizes.
    """
    if video_size == calibration_size:
        return ImageMap(np.eye(2, 3), "same size")
    video, calibration = np.array(video_size, float), np.array(calibration_size, float)
    scales = calibration / video
    scale = float(scales.mean())
    if np.all(np.abs(calibration / scale - video) <= SIZE_TOLERANCE_PX / 2):
        return scaling(scale, (0.0, 0.0), f"scaled by {scale:.4f}")
    # The whole picture is in the video, so the axis it fills is the one shrunk most.
    bare = int(np.argmax(scales))
    scale = float(scales[bare])
    bar = (video[1 - bare] - calibration[1 - bare] / scale) / 2
    found = black_bars(gray_frames)[2 * (1 - bare) : 2 * (1 - bare) + 2]
    if bar <= 0 or max(abs(each - bar) for each in found) > BAR_TOLERANCE_PX:
        raise SessionError(_refusal(camera, video_size, calibration_size, bar, found))
    bars = (0.0, bar) if bare == 0 else (bar, 0.0)
    sides = "top and bottom" if bare == 0 else "left and right"
    return scaling(scale, bars, f"scaled by {scale:.4f} without {bar:.1f} black px {sides}")


def black_bars(gray_frames: Iterable[Array]) -> tuple[int, int, int, int]:
    """Return how many columns left and right and rows top and bottom stay black in all frames."""
    brightest: Array | None = None
    for frame in gray_frames:
        brightest = frame if brightest is None else np.maximum(brightest, frame)
    if brightest is None:
        return (0, 0, 0, 0)
    found: list[int] = []
    for axis in (0, 1):
        bright = np.flatnonzero(brightest.mean(axis=axis) > BLACK_GREY)
        size = brightest.shape[1 - axis]
        found += [int(bright[0]), int(size - 1 - bright[-1])] if len(bright) else [0, 0]
    return (found[0], found[1], found[2], found[3])


def _refusal(
    camera: str,
    video_size: tuple[int, int],
    calibration_size: tuple[int, int],
    bar: float,
    found: tuple[int, ...],
) -> str:
    seen = f"{found[0]} and {found[1]} black px at its edges" if max(found) else "no black bars"
    expected = f", {bar:.0f} and {bar:.0f} would fit" if bar > 0 else ""
    return (
        f"camera '{camera}' recorded {video_size[0]} x {video_size[1]} px but was calibrated at "
        f"{calibration_size[0]} x {calibration_size[1]} px, which is another shape of picture; the "
        f"video has {seen}{expected}. Record at the calibrated size, or say in session.toml how "
        f"the pixels relate: [image_map.{camera}] scale = 1.0, offset_px = [0.0, 0.0] "
        "(calibration = scale * video + offset)."
    )
