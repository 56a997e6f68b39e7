"""Detect keypoints with a user's HRNet checkpoint in the boxes that MoveNet finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mocap.core.errors import ModelError
from mocap.core.keypoints import (
    COCO_17,
    SYNTHPOSE_52,
    WHOLEBODY_133,
    KeypointSet,
)
from mocap.core.shapes import Array, FloatArray
from mocap.detect import heatmaps
from mocap.detect.checkpoints import CheckpointRecipe, recipe_of
from mocap.detect.crops import Crop, affine_crop, mirror_image
from mocap.detect.detectors import open_movenet
from mocap.detect.following.pace import THOROUGH, Pace
from mocap.detect.hrnet.network import PoseHRNet
from mocap.detect.hrnet.openvino import openvino_model
from mocap.detect.hrnet.weights import load_hrnet
from mocap.detect.people import Detection
from mocap.detect.runtime import Network
from mocap.detect.top_down import TopDown

BOX_MARGIN = 1.25
HEATMAP_STRIDE = 4
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
"""Of the ImageNet photographs that the networks were first trained on."""

KEYPOINT_SETS_BY_COUNT = {
    len(each.keypoint_names): each for each in (COCO_17, SYNTHPOSE_52, WHOLEBODY_133)
}
"""What a network with so many outputs finds; all of them begin with COCO's 17."""

Engine = Callable[[Array], Array]
"""Takes normalised images (n, 3, height, width) float32 to heat maps (n, joint, h / 4, w / 4)."""


@dataclass(frozen=True, eq=False)
class HRNetReader:
    """Keypoints read from HRNet heat maps of a crop and its mirror image."""

    engine: Engine
    recipe: CheckpointRecipe
    keypoint_set: KeypointSet

    def __call__(self, image: Array, guess: Detection) -> Detection:
        """Return the person in the box of a guess, in an (height, width, 3) uint8 RGB image."""
        crop = self._crop(image, guess)
        plain, mirrored = self._maps(crop, mirror_image(crop))
        maps = heatmaps.mirror_average(
            plain, mirrored, self.keypoint_set.mirror_indices(), shift=self._shifted
        )
        return self._person(maps, crop, guess)

    def look(self, image: Array, guess: Detection, *, mirrored: bool) -> Detection:
        """Return the person in the box of a guess from one pass of the network."""
        crop = self._crop(image, guess)
        (maps,) = self._maps(mirror_image(crop) if mirrored else crop)
        if mirrored:
            mirror = self.keypoint_set.mirror_indices()
            maps = heatmaps.turned_back(maps, mirror, shift=self._shifted)
        return self._person(maps, crop, guess)

    @property
    def _shifted(self) -> bool:
        """Whether heat maps of a mirror image lie a pixel aside."""
        return self.recipe.decoding != "udp"

    def _crop(self, image: Array, guess: Detection) -> Crop:
        return affine_crop(image, image_from_input(guess.box, self.recipe), self.recipe.input_size)

    def _maps(self, *crops: Crop) -> Array:
        """Return the heat maps (crop, joint, height, width) of crops."""
        pixels = np.stack([each.image for each in crops]).astype(np.float32)
        normal = ((pixels / 255 - _MEAN) / _DEVIATION).transpose(0, 3, 1, 2)
        return np.asarray(self.engine(normal))

    def _person(self, maps: Array, crop: Crop, guess: Detection) -> Detection:
        pixels, value = self._decoded(maps)
        step = input_per_heatmap_pixel(self.recipe)
        return Detection(crop.to_image(pixels * step), np.clip(value, 0.0, 1.0), guess.box)

    def _decoded(self, maps: Array) -> tuple[FloatArray, FloatArray]:
        if self.recipe.decoding == "quarter":
            return heatmaps.quarter_step(maps)
        return heatmaps.dark(maps, self.recipe.blur_px)


def image_from_input(box: FloatArray, recipe: CheckpointRecipe) -> FloatArray:
    """Return the (2, 3) map from input pixels to image pixels for a person's box.

    The box is widened to the shape of the input and by a quarter. The networks were trained with
    the middle of the box on input position size / 2, with unbiased coordinates (UDP) on
    (size - 1) / 2.
    """
    size = np.array(recipe.input_size, dtype=np.float64)
    center, extent = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
    scale = float((extent / size).max()) * BOX_MARGIN
    if recipe.decoding == "udp":
        step = scale * size / (size - 1)
        return np.column_stack([np.diag(step), center - step * (size - 1) / 2])
    return np.column_stack([np.eye(2) * scale, center - scale * size / 2])


def input_per_heatmap_pixel(recipe: CheckpointRecipe) -> FloatArray:
    """Return how many input pixels a heat-map pixel is apart (2,); both grids start together."""
    size = np.array(recipe.input_size, dtype=np.float64)
    if recipe.decoding == "udp":
        return (size - 1) / (size / HEATMAP_STRIDE - 1)
    return np.full(2, float(HEATMAP_STRIDE))


def open_hrnet(
    *, weights: Path, feet: bool = True, workers: int = 1, pace: Pace = THOROUGH
) -> TopDown:
    """Return the detector of a checkpoint; MoveNet finds the people for it.

    Raises:
        ModelError: as `hrnet_reader`, or MoveNet's weights are missing.
    """
    movenet = open_movenet(feet=feet, workers=workers, pace=pace)
    return TopDown(movenet, hrnet_reader(weights, workers=workers), movenet.feet)


def hrnet_reader(weights: Path, *, workers: int = 1) -> HRNetReader:
    """Load a checkpoint: on a CUDA GPU with PyTorch, else with OpenVINO.

    Raises:
        ModelError: the checkpoint is damaged, unsafe, no HRNet, or has unknown keypoints.
    """
    network = load_hrnet(weights)
    count = network.final_layer.out_channels
    if count not in KEYPOINT_SETS_BY_COUNT:
        known = ", ".join(str(each) for each in KEYPOINT_SETS_BY_COUNT)
        raise ModelError(f"{weights} finds {count} keypoints; supported are {known}.")
    recipe = recipe_of(weights)
    if torch.cuda.is_available():
        engine = torch_engine(network, "cuda")
    else:
        engine = openvino_engine(network, recipe, workers)
    return HRNetReader(engine, recipe, KEYPOINT_SETS_BY_COUNT[count])


def torch_engine(network: PoseHRNet, device: str) -> Engine:
    """Run the network with PyTorch on a device."""
    network = network.to(device)

    def run(images: Array) -> Array:
        with torch.inference_mode():
            result = network(torch.from_numpy(np.ascontiguousarray(images)).to(device))
        return np.asarray(result.cpu().numpy())

    return run


def openvino_engine(network: PoseHRNet, recipe: CheckpointRecipe, workers: int = 1) -> Engine:
    """Run the network with OpenVINO on the CPU: two to four times as fast as PyTorch there."""
    width, height = recipe.input_size
    model = openvino_model(network, (1, 3, height, width))  # several at once are no faster
    compiled = Network(model, streams=workers, name="HRNet")

    def run(images: Array) -> Array:
        return np.concatenate([compiled(np.ascontiguousarray(each[None]))[0] for each in images])

    return run
