"""The trained model of actions: labels, network, and what was seen in training.

A label is only claimed where a window lies near training windows of that label; the certainty of
the classifier itself says nothing about motions that it never saw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.shapes import Array, FloatArray, IntArray, check_shapes, check_unique
from mocap.understand.graph_network import GraphNetwork, graph_shapes
from mocap.understand.model_file import load_model
from mocap.understand.network import TemporalNetwork, expected_shapes
from mocap.understand.packed import check_finite, check_weights, unpack
from mocap.understand.window_features import FEATURES

STANDING = "stand"
OTHER = "other"
"""Label of motion that is none of the others; also what is said where no label is near enough."""

_LARGEST_CHANNELS = 1024
_LARGEST_LABELS = 1000


@dataclass(frozen=True, eq=False)
class ActionModel:
    """Everything that recognition of actions needs.

    Attributes:
        labels: what can be told apart; `STANDING` and `OTHER` among them.
        channels: of the network.
        weights: (weight,) float16, all weights one after another, see `packed.pack`.
        prototypes: (prototype, 2 channel) float16: embeddings of training windows, unit length.
        prototype_labels: (prototype,) position of the label of each.
        least_similarity: (label,) a window is claimed for a label when the cosine between its
            embedding and the nearest prototype of the label is at least this.
    """

    labels: tuple[str, ...]
    channels: int
    weights: Array
    prototypes: Array
    prototype_labels: Array
    least_similarity: Array

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            ValueError: they do not.
        """
        check_unique(self, "labels", self.labels)
        check_shapes(self, labels="label", least_similarity="label", prototype_labels="prototype")
        if not (0 < self.channels <= _LARGEST_CHANNELS and 1 < len(self.labels) <= _LARGEST_LABELS):
            raise ValueError(f"a network of {self.channels} channels, {len(self.labels)} labels")
        check_weights(self.weights, self._shapes)
        if np.shape(self.prototypes) != (len(self.prototype_labels), 2 * self.channels):
            raise ValueError(f"prototypes of shape {np.shape(self.prototypes)}")
        numbers = np.asarray(self.prototype_labels)
        if numbers.dtype.kind not in "iu" or not set(numbers.tolist()) <= set(
            range(len(self.labels))
        ):
            raise ValueError("prototypes of labels that do not exist")
        check_finite(self.prototypes)
        check_finite(self.least_similarity)

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return expected_shapes(FEATURES, self.channels, len(self.labels))

    @cached_property
    def network(self) -> TemporalNetwork | GraphNetwork:
        """The network, unpacked."""
        return TemporalNetwork(unpack(self.weights, self._shapes))

    def judge(self, features: Array) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return what windows (window, frame, 57) show.

        Returns:
            likeliest label (window,), its probability (window,), and the cosine similarity
            (window,) to the nearest prototype of that label.
        """
        embedding = self.network.embed(features)
        scores = self.network.scores(embedding).astype(np.float64)
        exponent = np.exp(scores - scores.max(axis=1, keepdims=True))
        probability = exponent / exponent.sum(axis=1, keepdims=True)
        label = probability.argmax(axis=1)
        similarity = self._similarity(embedding, label)
        return label, probability[np.arange(len(label)), label], similarity

    def _similarity(self, embedding: Array, label: IntArray) -> FloatArray:
        unit = unit_rows(embedding)
        prototypes = np.asarray(self.prototypes, np.float32)
        cosine = (unit @ prototypes.T).astype(np.float64)
        same = label[:, None] == np.asarray(self.prototype_labels)[None]
        return np.where(same, cosine, -1.0).max(axis=1, initial=-1.0)


@dataclass(frozen=True, eq=False)
class GraphActionModel(ActionModel):
    """The same with a network that looks along the bones (ST-GCN) instead of at all joints."""

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return graph_shapes(self.channels, len(self.labels))

    @cached_property
    def network(self) -> TemporalNetwork | GraphNetwork:
        """The network, unpacked."""
        return GraphNetwork(unpack(self.weights, self._shapes))


def unit_rows(embedding: Array) -> Array:
    """Return rows of unit length."""
    return embedding / np.maximum(np.linalg.norm(embedding, axis=1, keepdims=True), 1e-12)


NETWORKS: Mapping[str, tuple[str, type[ActionModel]]] = {
    "tcn": ("actions.npz", ActionModel),
    "st-gcn": ("actions_graph.npz", GraphActionModel),
}
"""File and kind of the models that come with the package, by network; the first is used unless
another is asked for."""

DEFAULT_NETWORK = next(iter(NETWORKS))


def load_action_model(path: Path | None = None, network: str = DEFAULT_NETWORK) -> ActionModel:
    """Load a model of actions; without a path the one that comes with the package.

    Args:
        path: a file of the user's own training.
        network: one of `NETWORKS`.

    Raises:
        InputError: there is no such network.
        ModelError: the file is missing, damaged, or no model of actions.
    """
    if network not in NETWORKS:
        raise InputError(f"there is no network '{network}'; choose {' or '.join(NETWORKS)}.")
    file, kind = NETWORKS[network]
    return load_model(path, file, kind)
