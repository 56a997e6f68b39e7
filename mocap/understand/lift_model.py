"""The trained model that guesses depth from one view, as a file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mocap.core.shapes import Array, FloatArray
from mocap.understand.lift_network import LiftNetwork, lift_shapes
from mocap.understand.model_file import load_model
from mocap.understand.packed import check_finite, check_weights, pack, unpack

MODEL_FILE = "lift.npz"
_LARGEST_CHANNELS = 1024


@dataclass(frozen=True, eq=False)
class LiftModel:
    """Weights of the network and how much its sigmas are widened.

    Attributes:
        channels: of the network.
        weights: (weight,) float16, see `packed_lift_weights`.
        widening: (3,) factors on the standard deviations, set on people that were not trained.
    """

    channels: int
    weights: Array
    widening: Array

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            ValueError: they do not.
        """
        if not 0 < self.channels <= _LARGEST_CHANNELS:
            raise ValueError(f"a network of {self.channels} channels")
        check_weights(self.weights, lift_shapes(self.channels))
        check_finite(self.widening)
        if np.shape(self.widening) != (3,):
            raise ValueError(f"widening of shape {np.shape(self.widening)}; expected (3,)")

    @cached_property
    def network(self) -> LiftNetwork:
        """The network, unpacked."""
        return LiftNetwork(unpack(self.weights, lift_shapes(self.channels)))

    def __call__(self, inputs: Array) -> tuple[FloatArray, FloatArray]:
        """Return joints and widened sigmas, see `LiftNetwork`."""
        joints, sigma = self.network(inputs)
        return joints, sigma * np.asarray(self.widening)


def packed_lift_weights(network: LiftNetwork, channels: int) -> Array:
    """Return all weights as one float16 vector, in the order of `lift_shapes`."""
    return pack(network.weights, lift_shapes(channels))


def load_lift_model(path: Path | None = None) -> LiftModel:
    """Load a model; None: the one that comes with the package.

    Raises:
        ModelError: the file is missing, damaged, or no such model.
    """
    return load_model(path, MODEL_FILE, LiftModel)
