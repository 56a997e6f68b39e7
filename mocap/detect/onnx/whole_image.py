"""Everybody in one look at the whole image: YOLO-pose and RTMO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.errors import ModelError
from mocap.core.keypoints import KeypointSet
from mocap.core.shapes import Array, FloatArray
from mocap.detect.onnx.boxes import apart, corners_of, yolo_rows
from mocap.detect.onnx.inputs import OnnxNetwork, fitted
from mocap.detect.people import Detection

_YOLO_BOX, _END_TO_END_BOX = 5, 6
"""Values before the keypoints: middle, size and confidence; corners, confidence and class."""

_MOST_END_TO_END = 300


@dataclass(frozen=True, eq=False)
class WholeImage:
    """A network that gives boxes and keypoints of everybody at once."""

    network: OnnxNetwork
    keypoint_set: KeypointSet

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints, in order."""
        return self.keypoint_set.keypoint_names

    def __call__(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image."""
        crop = fitted(image, self.network)
        boxes, scores, people = self._people(self.network(crop.image))
        decode = self.network.card.decode
        return [
            Detection(
                crop.to_image(people[index, :, :2]),
                np.clip(people[index, :, 2], 0.0, 1.0),
                crop.to_image(boxes[index].reshape(2, 2)).ravel(),
            )
            for index in apart(boxes, scores, decode.least_confidence, decode.overlap)
        ]

    def _people(self, outputs: list[Array]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return boxes (person, 4), confidences (person,) and keypoints (person, keypoint, 3)."""
        count = len(self.keypoint_names)
        if self.network.card.head == "rtmo":
            return _rtmo(outputs, count, self.network)
        if (
            outputs[0].ndim == 3
            and outputs[0].shape[1] <= _MOST_END_TO_END
            and (outputs[0].shape[2] == _END_TO_END_BOX + 3 * count)
        ):
            rows = np.asarray(outputs[0][0], dtype=np.float64)
            return rows[:, :4], rows[:, 4], rows[:, _END_TO_END_BOX:].reshape(-1, count, 3)
        rows = yolo_rows(outputs, _YOLO_BOX, self.network)
        if rows.shape[1] != _YOLO_BOX + 3 * count:
            raise _other(outputs, self.network, count)
        return corners_of(rows[:, :4]), rows[:, 4], rows[:, _YOLO_BOX:].reshape(-1, count, 3)


def keypoint_count(network: OnnxNetwork) -> int:
    """Return how many keypoints a network of these heads finds; 0 when its outputs do not tell."""
    width, height = network.size
    outputs = network(np.zeros((height, width, 3), np.uint8))
    if network.card.head == "rtmo":
        found = [each.shape[2] for each in outputs if each.ndim == 4 and each.shape[3] == 3]
        return int(found[0]) if found else 0
    if outputs[0].ndim != 3:
        return 0
    _, first, second = outputs[0].shape
    if first <= _MOST_END_TO_END and second > _END_TO_END_BOX and second < first:
        return (second - _END_TO_END_BOX) // 3
    return (min(first, second) - _YOLO_BOX) // 3


def _rtmo(
    outputs: list[Array], count: int, network: OnnxNetwork
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the people of RTMO's outputs: boxes (1, person, 5) and keypoints (1, person, k, 3)."""
    boxes = next((each[0] for each in outputs if each.ndim == 3 and each.shape[2] == 5), None)
    people = next((each[0] for each in outputs if each.ndim == 4 and each.shape[2:] == (count, 3)),
                  None)  # fmt: skip
    if boxes is None or people is None or len(boxes) != len(people):
        raise _other(outputs, network, count)
    return (
        np.asarray(boxes[:, :4], dtype=np.float64),
        np.asarray(boxes[:, 4], dtype=np.float64),
        np.asarray(people, dtype=np.float64),
    )


def _other(outputs: list[Array], network: OnnxNetwork, count: int) -> ModelError:
    shapes = ", ".join(str(each.shape) for each in outputs)
    return ModelError(
        f"{network.network.name} gives outputs of shape {shapes}, which are not those of card "
        f"'{network.card.name}' ({network.card.head}) with {count} keypoints. Give the card of "
        "this network with --card."
    )
