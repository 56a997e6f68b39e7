"""Images as a network's card wants them, and a network whose file came from outside."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from mocap.core.errors import ModelError
from mocap.core.shapes import Array
from mocap.detect.crops import Crop
from mocap.detect.onnx.card import InputCard, OnnxCard
from mocap.detect.runtime import Network, first_line, read_model

LARGEST_FILE = 2_000_000_000
"""Bytes; ONNX itself holds no more in one file."""


@dataclass(frozen=True, eq=False)
class OnnxNetwork:
    """A network with its card.

    Attributes:
        network: takes one tensor (1, 3, height, width).
        card: how it is fed and read.
        size: (width, height) of its input; of the card where the file takes any.
    """

    network: Network
    card: OnnxCard
    size: tuple[int, int]

    def __call__(self, image: Array) -> list[Array]:
        """Return the outputs for an RGB image (height, width, 3) of the input's size.

        Raises:
            ModelError: the outputs hold no finite numbers.
        """
        outputs = self.network(tensor_of(image, self.card.image))
        for each in outputs:
            if each.dtype.kind == "f" and not np.isfinite(each).all():
                raise ModelError(f"{self.network.name} gives values that are no numbers.")
        return outputs


def open_network(path: Path, card: OnnxCard, workers: int) -> OnnxNetwork:
    """Read an ONNX file and compile it.

    Raises:
        ModelError: it is missing, damaged, too large, or takes something else than one image.
    """
    if not path.is_file():
        raise ModelError(f"the weights file {path} does not exist.")
    if path.stat().st_size > LARGEST_FILE:
        raise ModelError(f"{path} has {path.stat().st_size / 1e9:.1f} GB, too much for a network.")
    model = read_model(path)
    if len(model.inputs) != 1:
        raise ModelError(f"{path} takes {len(model.inputs)} inputs; a detector takes one image.")
    shape = model.inputs[0].partial_shape
    if shape.rank.is_dynamic or shape.rank.get_length() != 4 or _side(shape[1], 3) != 3:
        raise ModelError(
            f"{path} takes an input of shape {shape}; expected (1, 3, height, width). Export it so."
        )
    width, height = card.image.size
    size = _side(shape[3], width), _side(shape[2], height)
    try:
        model.reshape([1, 3, size[1], size[0]])
        network = Network(model, streams=workers, name=path.name)
    except (RuntimeError, ValueError) as error:
        raise ModelError(
            f"{path} cannot be run at {size[0]} x {size[1]} px: {first_line(error)}"
        ) from error
    return OnnxNetwork(network, card, size)


def tensor_of(image: Array, card: InputCard) -> Array:
    """Return an RGB image (height, width, 3) as (1, 3, height, width) float32."""
    pixels = image[..., ::-1] if card.colour == "bgr" else image
    mean, deviation = (np.array(each, np.float32) for each in (card.mean, card.deviation))
    normal = (pixels.astype(np.float32) / np.float32(card.divide_by) - mean) / deviation
    return np.ascontiguousarray(normal.transpose(2, 0, 1)[None])


def fitted(image: Array, network: OnnxNetwork) -> Crop:
    """Return the whole image shrunk or enlarged into a network's input, with its grey around it.

    The networks count as their training did: pixel x of the image is at x times the scale.
    """
    height, width = image.shape[:2]
    columns, rows = network.size
    scale = min(columns / width, rows / height)
    inner = max(round(width * scale), 1), max(round(height * scale), 1)
    left, top = (columns - inner[0], rows - inner[1]) if network.card.image.centred else (0, 0)
    left, top = left // 2, top // 2
    padded = np.full((rows, columns, 3), network.card.image.pad, np.uint8)
    padded[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner)
    matrix = np.array([[1 / scale, 0, -left / scale], [0, 1 / scale, -top / scale]])
    return Crop(padded, matrix)


def _side(side: object, otherwise: int) -> int:
    """Return a side that the file fixes, else the card's."""
    return int(side.get_length()) if side.is_static else otherwise  # type: ignore[attr-defined]
