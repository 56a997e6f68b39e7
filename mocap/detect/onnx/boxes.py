"""Boxes around people from YOLO, YOLOX, RTMDet, Faster R-CNN and SSD, for networks that read crops.

Heads: `yolo_boxes` (1, 4 + class, place): middle, size and classes. `yolox_boxes` (1, place,
5 + class): the same by cells of three grids, with one confidence more. `boxes`: finished ones, as
(box, 5) with a confidence and maybe labels apart, or as boxes, labels and confidences apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.errors import ModelError
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import Array, FloatArray
from mocap.detect.onnx.inputs import OnnxNetwork, fitted
from mocap.detect.people import Detection

MOST_BOXES = 20
"""People of one image who are read; each costs two looks."""

_YOLOX_STRIDES = (8, 16, 32)


@dataclass(frozen=True, eq=False)
class BoxFinder:
    """Finds boxes around people; it knows none of their keypoints."""

    network: OnnxNetwork

    def find(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image, most certain first."""
        crop = fitted(image, self.network)
        boxes, scores = self._boxes(self.network(crop.image))
        decode = self.network.card.decode
        kept = apart(boxes, scores, decode.least_confidence, decode.overlap)[:MOST_BOXES]
        count = len(COCO_17.keypoint_names)
        return [
            Detection(
                np.full((count, 2), np.nan), np.zeros(count),
                crop.to_image(boxes[index].reshape(2, 2)).ravel(),
            )
            for index in kept
        ]  # fmt: skip

    def _boxes(self, outputs: list[Array]) -> tuple[FloatArray, FloatArray]:
        """Return corners (box, 4) in pixels of the input and confidences (box,)."""
        card = self.network.card
        if card.head == "yolo_boxes":
            rows = yolo_rows(outputs, 4 + card.decode.person_label, self.network)
            return corners_of(rows[:, :4]), rows[:, 4 + card.decode.person_label]
        if card.head == "yolox_boxes":
            return self._yolox(outputs)
        return self._finished(outputs)

    def _yolox(self, outputs: list[Array]) -> tuple[FloatArray, FloatArray]:
        width, height = self.network.size
        grids = [
            np.column_stack([np.tile(np.arange(width // s), height // s),
                             np.repeat(np.arange(height // s), width // s),
                             np.full((width // s) * (height // s), s)])
            for s in _YOLOX_STRIDES
        ]  # fmt: skip
        cells = np.concatenate(grids).astype(np.float64)
        rows = outputs[0][0].astype(np.float64) if outputs[0].ndim == 3 else np.zeros((0, 0))
        label = 5 + self.network.card.decode.person_label
        if len(rows) != len(cells) or rows.shape[1] <= label:
            raise _not_boxes(outputs, self.network)
        middle = (rows[:, :2] + cells[:, :2]) * cells[:, 2:]
        # e to the power of 10 is a box of 700,000 px: more says that this is no YOLOX.
        size = np.exp(np.clip(rows[:, 2:4], -10.0, 10.0)) * cells[:, 2:]
        return corners_of(np.hstack([middle, size])), rows[:, 4] * rows[:, label]

    def _finished(self, outputs: list[Array]) -> tuple[FloatArray, FloatArray]:
        """Return finished boxes of people, whichever way they are written."""
        plain = [each[0] if each.ndim == 3 and len(each) == 1 else each for each in outputs]
        plain = [
            each[0] if each.ndim == 2 and len(each) == 1 and each.shape[1] not in (4, 5) else each
            for each in plain
        ]
        tables = [each for each in plain if each.ndim == 2 and each.shape[1] in (4, 5)]
        if len(tables) != 1:
            raise _not_boxes(outputs, self.network)
        boxes = tables[0].astype(np.float64)
        rows = [each.ravel() for each in plain if each.size == len(boxes) and each.ndim < 2]
        labels = next((each for each in rows if each.dtype.kind in "iu"), None)
        scores = next((each for each in rows if each.dtype.kind == "f"), None)
        if boxes.shape[1] == 5:
            scores = boxes[:, 4]
        if scores is None:
            raise _not_boxes(outputs, self.network)
        if labels is not None:
            scores = np.where(labels == self.network.card.decode.person_label, scores, 0.0)
        scale = (*self.network.size, *self.network.size)
        factor = np.array(scale) if self.network.card.decode.fractions else np.ones(4)
        return boxes[:, :4] * factor, np.asarray(scores, dtype=np.float64)


def yolo_rows(outputs: list[Array], least: int, network: OnnxNetwork) -> FloatArray:
    """Return the places (place, values) of an output (1, values, place) or (1, place, values).

    Raises:
        ModelError: there is no such output, or it has too few values.
    """
    found = outputs[0][0] if outputs[0].ndim == 3 and len(outputs[0]) == 1 else None
    if found is None:
        raise _not_boxes(outputs, network)
    # There are more places than values: 3 grids of 640 px have 8,400.
    rows = found.T if found.shape[0] < found.shape[1] else found
    if rows.shape[1] <= least:
        raise _not_boxes(outputs, network)
    return np.asarray(rows, dtype=np.float64)


def corners_of(boxes: FloatArray) -> FloatArray:
    """Return x0 y0 x1 y1 of boxes (box, 4) given as middle and size."""
    return np.hstack([boxes[:, :2] - boxes[:, 2:4] / 2, boxes[:, :2] + boxes[:, 2:4] / 2])


def apart(boxes: FloatArray, scores: FloatArray, least: float, overlap: float) -> list[int]:
    """Return the boxes (box, 4) that are people of their own, most certain first.

    Of those that overlap by more than a share of their union the most certain stays.
    """
    order = [int(k) for k in np.argsort(-scores, kind="stable") if scores[k] >= least]
    sizes = np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None).prod(axis=1)
    kept: list[int] = []
    for index in order:
        if sizes[index] <= 0.0:
            continue
        others = boxes[kept]
        low = np.maximum(others[:, :2], boxes[index, :2])
        high = np.minimum(others[:, 2:], boxes[index, 2:])
        shared = np.clip(high - low, 0.0, None).prod(axis=1)
        if (shared <= overlap * (sizes[kept] + sizes[index] - shared)).all():
            kept.append(index)
    return kept


def _not_boxes(outputs: list[Array], network: OnnxNetwork) -> ModelError:
    shapes = ", ".join(str(each.shape) for each in outputs)
    return ModelError(
        f"{network.network.name} gives outputs of shape {shapes}, which card "
        f"'{network.card.name}' ({network.card.head}) cannot read. Give the card of this network."
    )
