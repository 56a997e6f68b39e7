"""Read one person from a crop: heat maps (HRNet, SimpleBaseline, ViTPose) and SimCC (RTMPose)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.errors import ModelError
from mocap.core.keypoints import KeypointSet
from mocap.core.shapes import Array, FloatArray
from mocap.detect import heatmaps
from mocap.detect.crops import Crop, affine_crop
from mocap.detect.onnx.inputs import OnnxNetwork
from mocap.detect.people import Detection

_WIDE_BLUR_PX, _BLUR_PX = 17, 11
"""Kernel of the smoothing before the refinement for sigma 3 and 2: those of DARK."""


@dataclass(frozen=True, eq=False)
class CropReader:
    """Keypoints read from a crop and its mirror image."""

    network: OnnxNetwork
    keypoint_set: KeypointSet

    def __call__(self, image: Array, guess: Detection) -> Detection:
        """Return the person in the box of a guess: the mean of a look and a look in the mirror."""
        plain = self.look(image, guess, mirrored=False)
        other = self.look(image, guess, mirrored=True)
        return Detection(
            (plain.pixels + other.pixels) / 2, (plain.confidence + other.confidence) / 2, guess.box
        )

    def look(self, image: Array, guess: Detection, *, mirrored: bool) -> Detection:
        """Return the person in the box of a guess from one pass of the network."""
        crop = affine_crop(image, self._image_from_input(guess.box), self.network.size)
        if mirrored:
            last = crop.image.shape[1] - 1
            turn = np.array([[-1.0, 0.0, last], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
            crop = Crop(np.ascontiguousarray(crop.image[:, ::-1]), crop.image_from_crop @ turn)
        at, sure = self._read(self.network(crop.image))
        if mirrored:
            order = list(self.keypoint_set.mirror_indices())
            at, sure = at[order], sure[order]
        return Detection(crop.to_image(at), np.clip(sure, 0.0, 1.0), guess.box)

    @property
    def _unbiased(self) -> bool:
        return self.network.card.decode.refine == "udp"

    def _image_from_input(self, box: FloatArray) -> FloatArray:
        """Return the (2, 3) map from input pixels to image pixels for a person's box.

        The middle of the box is at size / 2 of the input, with unbiased coordinates at
        (size - 1) / 2, as the networks were trained.
        """
        size = np.array(self.network.size, dtype=np.float64)
        center, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        margin = self.network.card.decode.box_margin
        scale = max(float((extent / size).max()) * margin, 1e-3)
        step = scale * size / (size - 1) if self._unbiased else np.full(2, scale)
        middle = (size - 1) / 2 if self._unbiased else size / 2
        return np.column_stack([np.diag(step), center - step * middle])

    def _read(self, outputs: list[Array]) -> tuple[FloatArray, FloatArray]:
        """Return places (keypoint, 2) in pixels of the input and confidences (keypoint,)."""
        if self.network.card.head == "simcc":
            return read_simcc(outputs, self.network)
        maps = heatmaps_of(outputs, len(self.keypoint_set.keypoint_names), self.network)
        at, sure = _peaks(maps, self.network)
        size = np.array(self.network.size, dtype=np.float64)
        cells = np.array([maps.shape[2], maps.shape[1]], dtype=np.float64)
        return at * ((size - 1) / (cells - 1) if self._unbiased else size / cells), sure


def keypoint_count(network: OnnxNetwork) -> int:
    """Return how many keypoints a network that reads crops finds.

    Raises:
        ModelError: its outputs are none of its head.
    """
    width, height = network.size
    outputs = network(np.zeros((height, width, 3), np.uint8))
    if network.card.head == "simcc":
        return len(read_simcc(outputs, network)[0])
    if len(outputs) != 1 or outputs[0].ndim != 4:
        raise ModelError(_not_of(outputs, network, "one of heat maps (1, keypoint, height, width)"))
    return int(outputs[0].shape[1])


def heatmaps_of(outputs: list[Array], count: int, network: OnnxNetwork) -> Array:
    """Return the heat maps (keypoint, height, width) of a network's outputs.

    Raises:
        ModelError: they are none.
    """
    for each in outputs:
        if each.ndim == 4 and each.shape[1] == count and min(each.shape[2:]) > 2:
            return np.asarray(each[0], dtype=np.float32)
    raise ModelError(_not_of(outputs, network, f"heat maps of {count} keypoints"))


def _peaks(maps: Array, network: OnnxNetwork) -> tuple[FloatArray, FloatArray]:
    decode = network.card.decode
    if decode.refine == "none":
        position, value = heatmaps.peaks(maps)
        return position.astype(np.float64), value
    if decode.refine == "quarter":
        return heatmaps.quarter_step(maps)
    return heatmaps.dark(maps, _WIDE_BLUR_PX if decode.sigma_px >= 3 else _BLUR_PX)


def read_simcc(outputs: list[Array], network: OnnxNetwork) -> tuple[FloatArray, FloatArray]:
    """Return places and confidences of a SimCC head (Li et al. 2022): a row of bins for x and y.

    The confidence is the lower of the two peaks; bin b is pixel b / split_ratio of the input.

    Raises:
        ModelError: the outputs are no such rows.
    """
    ratio = network.card.decode.split_ratio
    wanted = [round(side * ratio) for side in network.size]
    rows = [each[0] for each in outputs if each.ndim == 3]
    lengths = [each.shape[1] for each in rows]
    if len(rows) != 2 or sorted(lengths) != sorted(wanted) or len(rows[0]) != len(rows[1]):
        raise ModelError(
            _not_of(outputs, network, f"rows of {wanted[0]} and {wanted[1]} bins for x and y")
        )
    x, y = rows if lengths == wanted else rows[::-1]
    at = np.column_stack([x.argmax(axis=1), y.argmax(axis=1)]) / ratio
    return at, np.minimum(x.max(axis=1), y.max(axis=1)).astype(np.float64)


def _not_of(outputs: list[Array], network: OnnxNetwork, expected: str) -> str:
    shapes = ", ".join(str(each.shape) for each in outputs)
    return (
        f"{network.network.name} gives outputs of shape {shapes}; card '{network.card.name}' "
        f"expects {expected}. Give the card of this network with --card."
    )
