"""Keypoints of one person in a box from PoseNet.

A heat map of each keypoint in cells of sixteen pixels, and in each cell how far from its corner the
keypoint is (Papandreou et al. 2017, "Towards Accurate Multi-person Pose Estimation in the Wild").
Only cells in the box are looked at: beyond it others stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.errors import ModelError
from mocap.core.keypoints import COCO_17, KeypointSet
from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.detect.crops import Crop, mirror_image, square_crop
from mocap.detect.people import Detection, averaged
from mocap.detect.runtime import Network

INPUT_SIZE, STRIDE = 385, 16
BOX_MARGIN = 1.25
REACH = 0.05
"""Share of a box by which keypoints may lie outside of it."""

_MIRROR = list(COCO_17.mirror_indices())
_KEYPOINTS = len(COCO_17.keypoint_names)


@dataclass(frozen=True, eq=False)
class PoseNet:
    """Reads COCO's 17 keypoints of a person in a box; the mean of the crop and its mirror image."""

    network: Network

    @property
    def keypoint_set(self) -> KeypointSet:
        """What it finds."""
        return COCO_17

    def __call__(self, image: Array, guess: Detection) -> Detection:
        """Return the person in the box of a guess."""
        plain, mirrored = (self.look(image, guess, mirrored=each) for each in (False, True))
        return averaged(plain, mirrored)

    def look(self, image: Array, guess: Detection, *, mirrored: bool) -> Detection:
        """Return the person in the box of a guess from one pass, plain or in the mirror."""
        center = (guess.box[:2] + guess.box[2:]) / 2
        crop = square_crop(image, center, BOX_MARGIN * guess.size_px, INPUT_SIZE)
        crop = mirror_image(crop) if mirrored else crop
        pixels, confidence = self._read(crop, guess.box)
        if mirrored:
            pixels, confidence = pixels[_MIRROR], confidence[_MIRROR]
        return Detection(pixels, confidence, guess.box)

    def _read(self, crop: Crop, box: FloatArray) -> tuple[FloatArray, FloatArray]:
        outputs = self.network(crop.image[None].astype(np.float32) / 127.5 - 1.0)
        # Two outputs more tell where the neighbours of a keypoint are; one person needs none.
        heat = next((each[0] for each in outputs if each.shape[-1] == _KEYPOINTS), None)
        off = next((each[0] for each in outputs if each.shape[-1] == 2 * _KEYPOINTS), None)
        if heat is None or off is None or heat.shape[:2] != off.shape[:2]:
            shapes = ", ".join(str(each.shape) for each in outputs)
            raise ModelError(
                f"the network of 'posenet' gives outputs of shape {shapes}: another network than "
                "that of its card. Run: mocap models fetch posenet"
            )
        rows, columns = heat.shape[:2]
        inside = _cells_in(box, crop, rows, columns)
        flat = np.where(inside[..., None], heat, -np.inf).reshape(-1, _KEYPOINTS)
        best = flat.argmax(axis=0)
        row, column = best // columns, best % columns
        which = np.arange(_KEYPOINTS)
        corner = STRIDE * np.stack([column, row], axis=-1)
        within = off[row[:, None], column[:, None], np.stack([which + _KEYPOINTS, which], axis=-1)]
        peak = flat[best, which].astype(np.float64)
        confidence = 0.5 * (1.0 + np.tanh(0.5 * np.where(np.isfinite(peak), peak, -40.0)))
        return crop.to_image(np.asarray(corner + within, dtype=np.float64)), confidence


def _cells_in(box: FloatArray, crop: Crop, rows: int, columns: int) -> BoolArray:
    """Return which cells (row, column) lie in a box of the image, or hardly outside."""
    at = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1) * float(STRIDE)
    places = crop.to_image(at.astype(np.float64))
    room = REACH * (box[2:] - box[:2])
    return np.asarray(
        ((places >= box[:2] - room) & (places <= box[2:] + room)).all(axis=-1), dtype=bool
    )
