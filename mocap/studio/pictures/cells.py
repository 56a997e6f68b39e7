"""Cells of a contact sheet: a part of a frame, enlarged or reduced, drawn on and labelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from mocap.core.errors import InputError
from mocap.core.shapes import Array, FloatArray

Box = tuple[int, int, int, int]
Draw = Callable[[Array, FloatArray, float], None]
"""Draws onto a canvas that shows the frame from a pixel (2,) on, enlarged by a factor."""

# RGB.
LIGHT = (255, 255, 255)
DARK = (16, 18, 20)

LABEL_PX = 22

# Share of the person's size that a close-up leaves around them.
_MARGIN = 0.15

# A close-up never shows less than this many pixels of the frame: further in there is only blur.
_SMALLEST_CROP_PX = 96

# Thin lines over photographs are still sharp.
_JPEG_QUALITY = 72


def placed(pixels: FloatArray, origin: FloatArray, scale: float) -> FloatArray:
    """Return pixels of a frame in a canvas; pixel centres are whole numbers in both."""
    return np.asarray((pixels - origin + 0.5) * scale - 0.5)


def box_around(pixels: FloatArray, size: tuple[int, int]) -> Box:
    """Return x0 y0 x1 y1 around the points (point, 2) inside a frame; all of it without any."""
    width, height = size
    inside = (pixels >= 0).all(axis=1) & (pixels < [width, height]).all(axis=1)
    if not inside.any():
        return 0, 0, width, height
    low, high = pixels[inside].min(axis=0), pixels[inside].max(axis=0)
    side = max(float((high - low).max()) * (1.0 + 2.0 * _MARGIN), _SMALLEST_CROP_PX)
    middle = 0.5 * (low + high)
    x0, y0 = (int(value) for value in np.maximum(middle - side / 2.0, 0.0))
    x1, y1 = (int(value) for value in np.minimum(middle + side / 2.0, [width, height]))
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def cell(image: Array | None, box: Box, cell_px: int, label: str, draw: Draw) -> Array:
    """Return one labelled square of a sheet; dark where there is no frame."""
    square = np.full((cell_px, cell_px, 3), DARK, dtype=np.uint8)
    if image is not None:
        x0, y0, x1, y1 = box
        scale = min(cell_px / (x1 - x0), cell_px / (y1 - y0))
        size = max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        shown = cv2.resize(np.ascontiguousarray(image[y0:y1, x0:x1]), size, interpolation=method)
        draw(shown, np.array([x0, y0], dtype=np.float64), scale)
        left, top = (cell_px - size[0]) // 2, (cell_px - size[1]) // 2
        square[top : top + size[1], left : left + size[0]] = shown
    write_label(square, label, (6, cell_px - 8))
    square[:, -1], square[-1] = DARK, DARK
    return square


def sheet(rows: Sequence[Sequence[Array]], legend: Callable[[int], Array]) -> Array:
    """Return one RGB image of rows of cells, with a legend of the sheet's width below.

    Raises:
        InputError: there are no cells.
    """
    if not rows or not rows[0]:
        raise InputError("a contact sheet needs at least one frame; none could be read.")
    joined = [np.concatenate(row, axis=1) for row in rows]
    return np.concatenate([*joined, legend(joined[0].shape[1])], axis=0)


def write_label(canvas: Array, label: str, at: tuple[int, int]) -> None:
    """Write light text with a dark rim."""
    x, y = at
    # Thicker letters are also wider, so the rim is the same text moved by a pixel.
    for dx, dy in ((-1, -1), (-1, 1), (1, -1), (1, 1), (0, 0)):
        colour = LIGHT if dx == 0 else DARK
        where = (x + dx, y + dy)
        cv2.putText(canvas, label, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)


def encode_png(image: Array) -> bytes:
    """Return an RGB image (h, w, 3) uint8 as PNG."""
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise InputError(f"an image of {image.shape[1]} x {image.shape[0]} px cannot be encoded.")
    return bytes(data.tobytes())


def encode_jpeg(image: Array) -> bytes:
    """Return an RGB image (h, w, 3) uint8 as JPEG: a tenth of a PNG of photographs."""
    written = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", written, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise InputError(f"an image of {image.shape[1]} x {image.shape[0]} px cannot be encoded.")
    return bytes(data.tobytes())
