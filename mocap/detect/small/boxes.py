"""Boxes around people from CenterNet and NanoDet, networks of all of COCO's things.

Preparation and outputs as their publishers describe them: CenterNet with MobileNetV3
(github.com/610265158/mobilenetv3_centernet) gives finished boxes; NanoDet
(github.com/RangiLyu/nanodet) gives, in every cell of three grids, a confidence for each kind of
thing and how likely each of eleven distances to the four sides is (Li et al. 2020, "Generalized
Focal Loss").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.errors import ModelError
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import Array, FloatArray
from mocap.detect.crops import Crop, letterbox
from mocap.detect.onnx.boxes import MOST_BOXES, apart
from mocap.detect.people import Detection
from mocap.detect.runtime import Network

CENTERNET_SIZE, NANODET_SIZE = 512, 416

LEAST_CONFIDENCE = 0.3
"""Below, both report furniture and shadows; people in the background are above .35."""

MOST_OVERLAP = 0.6
"""Of two boxes, as a share of their union: people who pass each other are below."""

_PERSON = 0
_STRIDES = (8, 16, 32)
_DISTANCES = 11
# Of blue, green and red, from 0 to 255.
_MEAN = np.array([103.53, 116.28, 123.675], np.float32)
_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)


@dataclass(frozen=True, eq=False)
class CenterNet:
    """A finder of boxes around people; it knows none of their keypoints."""

    network: Network

    def find(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image, most certain first."""
        crop = letterbox(image, CENTERNET_SIZE, CENTERNET_SIZE)
        outputs = self.network(crop.image[None].astype(np.float32))
        rows = outputs[0][0] if outputs[0].ndim == 3 else np.zeros((0, 0))
        if rows.shape[1:] != (6,):
            raise _other_shape("centernet", outputs)
        people = rows[rows[:, 5] == _PERSON].astype(np.float64)
        return boxed(people[:, :4], people[:, 4], crop)


@dataclass(frozen=True, eq=False)
class NanoDet:
    """A finder of boxes around people; it knows none of their keypoints."""

    network: Network

    def find(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image, most certain first."""
        crop = letterbox(image, NANODET_SIZE, NANODET_SIZE)
        seen = (crop.image[..., ::-1].astype(np.float32) - _MEAN) / _DEVIATION
        outputs = self.network(np.ascontiguousarray(seen.transpose(2, 0, 1)[None]))
        boxes, scores = zip(*(_cells(outputs, stride) for stride in _STRIDES), strict=True)
        return boxed(np.concatenate(boxes), np.concatenate(scores), crop)


def _cells(outputs: list[Array], stride: int) -> tuple[FloatArray, FloatArray]:
    """Return boxes (cell, 4) in pixels of the input and confidences (cell,) of one grid."""
    side = NANODET_SIZE // stride
    of_grid = [each[0] for each in outputs if each.ndim == 3 and each.shape[1] == side * side]
    sides = next((each for each in of_grid if each.shape[1] == 4 * _DISTANCES), None)
    kinds = next((each for each in of_grid if each.shape[1] != 4 * _DISTANCES), None)
    if sides is None or kinds is None:
        raise _other_shape("nanodet", outputs)
    likely = np.exp(sides.reshape(-1, 4, _DISTANCES).astype(np.float64))
    likely /= likely.sum(axis=-1, keepdims=True)
    distance = stride * (likely @ np.arange(_DISTANCES))
    cell = np.arange(side * side)
    middle = stride * (np.stack([cell % side, cell // side], axis=-1) + 0.5)
    boxes = np.hstack([middle - distance[:, :2], middle + distance[:, 2:]])
    return boxes, kinds[:, _PERSON].astype(np.float64)


def boxed(boxes: FloatArray, scores: FloatArray, crop: Crop) -> list[Detection]:
    """Return people of their own in boxes (box, 4) of a crop, without keypoints."""
    count = len(COCO_17.keypoint_names)
    return [
        Detection(
            np.full((count, 2), np.nan),
            np.zeros(count),
            crop.to_image(boxes[index].reshape(2, 2)).ravel(),
        )
        for index in apart(boxes, scores, LEAST_CONFIDENCE, MOST_OVERLAP)[:MOST_BOXES]
    ]


def _other_shape(name: str, outputs: list[Array]) -> ModelError:
    shapes = ", ".join(str(each.shape) for each in outputs)
    return ModelError(
        f"the network of '{name}' gives outputs of shape {shapes}: another network than that of "
        f"its card. Run: mocap models fetch {name}"
    )
