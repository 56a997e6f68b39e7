"""Fitted bodies drawn over the frames of every camera: the proof sheet of a fit.

The skin is shaded, half transparent and has a bright outline. Where the outline leaves the person,
the fit, the calibration or the timing is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from mocap.core.camera import Calibration, Camera
from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.studio.pictures.cells import DARK, LABEL_PX, box_around, cell, placed, sheet, write_label

# RGB, one for each person; they differ in lightness as well as in hue.
_COLOURS = ((64, 160, 255), (255, 170, 40), (60, 220, 140), (240, 110, 200))
_OUTLINE = (255, 255, 255)

# So much of the frame is covered: the person under the mesh stays recognisable.
_OPACITY = 0.55

# Light that comes from the camera, and what is left where a face is seen from the side.
_SHADOW = 0.35

# Coordinates go to OpenCV with 4 binary digits behind the point.
_SHIFT = 4


@dataclass(frozen=True, eq=False)
class MeshOverlay:
    """Bodies to draw on the frames of one take.

    Attributes:
        calibration: the cameras.
        image_maps: (2, 3) by camera, pixels of the calibration from pixels of the video; cameras
            that are not listed have equal pixels.
        skins: by frame and person, (vertex, 3) metres in the world.
        faces: by person, (face, 3).
        fps: frames per second.
    """

    calibration: Calibration
    image_maps: Mapping[str, FloatArray]
    skins: Mapping[int, Mapping[int, Array]]
    faces: Mapping[int, IntArray]
    fps: float

    def pixels(self, camera: str, frame: int, person: int) -> FloatArray:
        """Return the vertices (vertex, 2) in pixels of the video; NaN behind the camera."""
        pixels = self.calibration[camera].project(self.skins[frame][person])
        if camera not in self.image_maps:
            return pixels
        matrix = np.asarray(self.image_maps[camera], dtype=np.float64)
        return np.asarray((pixels - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)


def mesh_sheet(
    overlay: MeshOverlay,
    images: Mapping[str, Mapping[int, Array]],
    *,
    cell_px: int = 360,
    note: str = "",
) -> Array:
    """Return one RGB image: a row per camera, a column per frame, with the bodies drawn.

    Args:
        overlay: the bodies.
        images: RGB frames (h, w, 3) uint8 of the videos by camera and frame number.
        cell_px: width and height of a cell.
        note: what must be said about the bodies.

    Raises:
        InputError: no images.
    """
    frames = sorted({frame for by_frame in images.values() for frame in by_frame})
    rows = []
    for camera, by_frame in images.items():
        cells = []
        for frame in frames:
            image = by_frame.get(frame)
            by_person = overlay.skins.get(frame, {})
            points = [overlay.pixels(camera, frame, person) for person in by_person]
            size = (0, 0) if image is None else (image.shape[1], image.shape[0])
            box = box_around(np.concatenate([*points, np.full((1, 2), np.nan)]), size)
            label = f"{camera}  {frame / overlay.fps:.2f} s  #{frame}"
            draw = partial(draw_bodies, overlay, camera, frame)
            cells.append(cell(image, box, cell_px, label, draw))
        rows.append(cells)
    people = sorted(overlay.faces)
    return sheet(rows, partial(_legend, people, note))


def draw_bodies(
    overlay: MeshOverlay,
    camera: str,
    frame: int,
    canvas: Array,
    origin: FloatArray,
    scale: float,
) -> None:
    """Draw the bodies of a frame onto a canvas that shows the video from a pixel `origin` on."""
    thick = max(1, round(max(canvas.shape[:2]) / 320.0))
    people = sorted(overlay.faces)
    for person, skin in overlay.skins.get(frame, {}).items():
        pixels = placed(overlay.pixels(camera, frame, person), origin, scale)
        lens = overlay.calibration[camera]
        faces = overlay.faces[person]
        shown, mask = rendered(skin, pixels, faces, lens, canvas.shape[:2], people.index(person))
        covered = mask > 0
        canvas[covered] = (
            (1.0 - _OPACITY) * canvas[covered] + _OPACITY * shown[covered]
        ).astype(np.uint8)  # fmt: skip
        outline, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(canvas, outline, -1, _OUTLINE, thick, cv2.LINE_AA)


def rendered(
    skin: Array,
    pixels: FloatArray,
    faces: IntArray,
    camera: Camera,
    shape: tuple[int, int],
    person: int,
) -> tuple[Array, Array]:
    """Return the shaded body (h, w, 3) and where it is (h, w), drawn from back to front."""
    seen = np.asarray(camera.camera_from_world[:3, :3] @ skin.T).T + camera.camera_from_world[:3, 3]
    corners, flat = seen[faces], pixels[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    centre = corners.mean(axis=1)
    facing = -np.sum(across * centre, axis=1)
    limit = 4.0 * max(shape)
    drawable = (facing > 0) & (np.abs(flat) < limit).all(axis=(1, 2))
    size = np.linalg.norm(across, axis=1) * np.linalg.norm(centre, axis=1)
    light = _SHADOW + (1.0 - _SHADOW) * facing / np.maximum(size, 1e-300)
    order = np.flatnonzero(drawable)
    order = order[np.argsort(-centre[order, 2])]
    colours = light[order, None] * np.array(_COLOURS[person % len(_COLOURS)])
    corners_px = np.round(flat[order] * (1 << _SHIFT)).astype(np.int32)
    shown = np.zeros((*shape, 3), dtype=np.uint8)
    mask = np.zeros(shape, dtype=np.uint8)
    for triangle, colour in zip(corners_px, colours.tolist(), strict=True):
        cv2.fillConvexPoly(shown, triangle, colour, cv2.LINE_8, _SHIFT)
        cv2.fillConvexPoly(mask, triangle, 255, cv2.LINE_8, _SHIFT)
    return shown, mask


def _legend(people: list[int], note: str, width: int) -> Array:
    """Return the line below the sheet that says who is who."""
    strip = np.full((LABEL_PX, width, 3), DARK, dtype=np.uint8)
    x = 8
    for index, person in enumerate(people):
        colour = _COLOURS[index % len(_COLOURS)]
        cv2.rectangle(strip, (x, 6), (x + 10, LABEL_PX - 6), colour, -1)
        write_label(strip, f"person {person}", (x + 16, LABEL_PX // 2 + 5))
        x += 110
    write_label(strip, note, (x, LABEL_PX // 2 + 5))
    return strip
