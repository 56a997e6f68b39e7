"""Detected keypoints and the reprojected skeleton drawn on frames: the quickest honest check.

Rings are what the detector saw; lines and dots are the 3D skeleton seen by the camera. Where they
part, the detector, the calibration or the timing is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.errors import InputError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, FloatArray
from mocap.studio.pictures.cells import (
    DARK,
    LABEL_PX,
    LIGHT,
    box_around,
    cell,
    encode_png,
    placed,
    sheet,
    write_label,
)
from mocap.studio.take.report_data import drawn_pairs

__all__ = ["Overlay", "contact_sheet", "draw_overlay", "encode_png", "spread_frames"]

# RGB.
_RING = LIGHT
_LEFT, _RIGHT, _MIDDLE = (64, 160, 255), (30, 210, 140), (205, 205, 205)
_FILLED_IN = (255, 160, 0)

# Coordinates go to OpenCV with 4 binary digits behind the point.
_SHIFT = 4


@dataclass(frozen=True, eq=False)
class Overlay:
    """What is drawn on the frames of one take.

    Attributes:
        calibration: the cameras.
        tracks: detections in pixels of the calibration.
        points: 3D keypoints.
        image_maps: (2, 3) by camera, pixels of the calibration from pixels of the video; cameras
            that are not listed have equal pixels.
    """

    calibration: Calibration
    tracks: Tracks2D
    points: Points3D
    image_maps: Mapping[str, FloatArray]

    def detected(self, camera: str, frame: int) -> FloatArray:
        """Return detections (person, keypoint, 2) in pixels of the video."""
        pixels = self.tracks.pixels[self._index(camera), frame]
        return self._to_video(camera, np.asarray(pixels, dtype=np.float64))

    def reprojected(self, camera: str, frame: int) -> FloatArray:
        """Return 3D keypoints (person, keypoint, 2) in pixels of the video."""
        return self._to_video(camera, self.calibration[camera].project(self.points.xyz[frame]))

    def _index(self, camera: str) -> int:
        if camera not in self.tracks.camera_names:
            known = ", ".join(self.tracks.camera_names)
            raise InputError(f"the tracks have no camera '{camera}'; they have {known}.")
        return self.tracks.camera_names.index(camera)

    def _to_video(self, camera: str, pixels: FloatArray) -> FloatArray:
        if camera not in self.image_maps:
            return pixels
        calibration_from_video = np.asarray(self.image_maps[camera], dtype=np.float64)
        linear, offset = calibration_from_video[:, :2], calibration_from_video[:, 2]
        return np.asarray((pixels - offset) @ np.linalg.inv(linear).T)


def spread_frames(frame_count: int, wanted: int) -> tuple[int, ...]:
    """Return up to `wanted` frame numbers spread evenly over a take, each in its share's middle."""
    wanted = min(wanted, frame_count)
    return tuple(int((k + 0.5) * frame_count / wanted) for k in range(wanted))


def draw_overlay(overlay: Overlay, camera: str, frame: int, image: Array) -> Array:
    """Return a copy of an RGB frame (h, w, 3) uint8 with detections and skeleton drawn on it."""
    canvas = np.ascontiguousarray(image).copy()
    _draw(overlay, camera, frame, canvas, np.zeros(2), 1.0)
    return canvas


def contact_sheet(
    overlay: Overlay,
    images: Mapping[str, Mapping[int, Array]],
    *,
    cell_px: int = 320,
    close_up: bool = True,
) -> Array:
    """Return one RGB image: a row per camera, a column per frame, all drawn on and labelled.

    Args:
        overlay: what to draw.
        images: RGB frames (h, w, 3) uint8 of the videos by camera and frame number.
        cell_px: width and height of a cell.
        close_up: show the people only, not the whole frame.

    Raises:
        InputError: no images, or a camera that the tracks do not have.
    """
    frames = sorted({frame for by_frame in images.values() for frame in by_frame})
    rows = [
        [_cell(overlay, camera, frame, by_frame.get(frame), cell_px, close_up) for frame in frames]
        for camera, by_frame in images.items()
    ]
    return sheet(rows, _legend)


def _cell(
    overlay: Overlay,
    camera: str,
    frame: int,
    image: Array | None,
    cell_px: int,
    close_up: bool,
) -> Array:
    """Return one labelled square of the sheet; dark where there is no frame."""
    box = (0, 0, 0, 0)
    if image is not None:
        height, width = image.shape[:2]
        box = (0, 0, width, height)
        if close_up:
            both = [overlay.detected(camera, frame), overlay.reprojected(camera, frame)]
            pixels = np.concatenate([each.reshape(-1, 2) for each in both])
            box = box_around(pixels, (width, height))
    label = f"{camera}  {frame / overlay.points.fps:.2f} s  #{frame}"
    return cell(image, box, cell_px, label, partial(_draw, overlay, camera, frame))


def _draw(
    overlay: Overlay, camera: str, frame: int, canvas: Array, origin: FloatArray, scale: float
) -> None:
    """Draw onto `canvas`, which shows the video from pixel `origin` on, enlarged by `scale`."""

    # Lines stay visible in small cells and do not swell into blobs on large frames.
    unit = max(canvas.shape[0], canvas.shape[1], 320) / 640.0
    thick = max(1, round(2.0 * unit))
    names = overlay.points.keypoint_names
    for person, pixels in enumerate(placed(overlay.reprojected(camera, frame), origin, scale)):
        for first, second in drawn_pairs(overlay.points):
            _line(canvas, pixels[first], pixels[second], _side(names[first], names[second]), thick)
        for keypoint, at in enumerate(pixels):
            measured = overlay.points.source[frame, person, keypoint] == Source.MEASURED
            colour = _side(names[keypoint], names[keypoint]) if measured else _FILLED_IN
            _circle(canvas, at, 2.5 * unit, colour, -1)
    for pixels in placed(overlay.detected(camera, frame), origin, scale):
        for at in pixels:
            _circle(canvas, at, 4.0 * unit, DARK, thick + 1)
            _circle(canvas, at, 4.0 * unit, _RING, max(1, thick // 2))


def _side(first: str, second: str) -> tuple[int, int, int]:
    """Return the colour of a bone by the side of both of its ends."""
    for prefix, colour in (("left_", _LEFT), ("right_", _RIGHT)):
        if first.startswith(prefix) and second.startswith(prefix):
            return colour
    return _MIDDLE


def _drawable(canvas: Array, *pixels: FloatArray) -> bool:
    """Tell whether all points are known and near the canvas (OpenCV overflows far away)."""
    limit = 4.0 * max(canvas.shape[0], canvas.shape[1])
    return all(bool(np.isfinite(at).all() and np.abs(at).max() < limit) for at in pixels)


def _fixed(at: FloatArray) -> tuple[int, int]:
    x, y = np.round(at * (1 << _SHIFT)).astype(int)
    return int(x), int(y)


def _line(
    canvas: Array, start: FloatArray, end: FloatArray, colour: tuple[int, int, int], thick: int
) -> None:
    if _drawable(canvas, start, end):
        cv2.line(canvas, _fixed(start), _fixed(end), colour, thick, cv2.LINE_AA, _SHIFT)


def _circle(
    canvas: Array, at: FloatArray, radius: float, colour: tuple[int, int, int], thick: int
) -> None:
    if _drawable(canvas, at):
        size = round(radius * (1 << _SHIFT))
        cv2.circle(canvas, _fixed(at), size, colour, thick, cv2.LINE_AA, _SHIFT)


def _legend(width: int) -> Array:
    """Return the line below the sheet that says what is drawn."""
    strip = np.full((LABEL_PX, width, 3), DARK, dtype=np.uint8)
    x = 8
    for colour, thick, label in (
        (_RING, 1, "detected"),
        (_LEFT, -1, "3D left"),
        (_RIGHT, -1, "right"),
        (_FILLED_IN, -1, "not measured"),
    ):
        _circle(strip, np.array([x + 4.0, LABEL_PX / 2.0]), 4.0, colour, thick)
        write_label(strip, label, (x + 14, LABEL_PX // 2 + 5))
        x += 24 + 9 * len(label)
    return strip
