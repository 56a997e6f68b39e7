"""Train the model of actions: the network, prototypes of every label, and how near is near."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.cluster.vq import kmeans2
from torch import nn

from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.understand.action_model import DEFAULT_NETWORK, ActionModel, GraphActionModel, unit_rows
from mocap.understand.graph_network import GraphNetwork, graph_shapes
from mocap.understand.network import TemporalNetwork, expected_shapes
from mocap.understand.packed import pack
from mocap.understand.window_features import FEATURES
from understanding_training.clips import Clip
from understanding_training.train_graph import GRAPH_CHANNELS, GRAPH_STEPS, TorchGraph, plain_graph
from understanding_training.train_network import (
    CHANNELS,
    STEPS,
    TorchNetwork,
    plain_network,
    train,
)
from understanding_training.windows import drawn_windows, sampling_weights

LABELS = (
    "walk", "run", "jump", "soccer", "basketball", "arm_signals",
    "deep_squat", "hurdle_step", "inline_lunge", "side_lunge", "sit_to_stand",
    "straight_leg_raise", "shoulder_abduction", "shoulder_extension", "shoulder_rotation",
    "shoulder_scaption", "throw", "stand", "other",
)  # fmt: skip

WINDOW_FRAMES = 60
DRAWN_PER_LABEL = 320
CLAIMED_SHARE = 0.88
"""Of drawn (disturbed) windows of a label, this share lies nearer than the limit: about 90 % of
the windows of people who were not trained."""


@dataclass(frozen=True)
class _Trainer:
    """How one kind of network is trained and packed."""

    model: type[ActionModel]
    network: Callable[[int], nn.Module]
    plain: Callable[[Any], TemporalNetwork | GraphNetwork]
    channels: int
    shapes: Callable[[int, int], dict[str, tuple[int, ...]]]
    prototypes_per_label: int
    steps: int


_TRAINERS = {
    "tcn": _Trainer(
        ActionModel,
        TorchNetwork,
        plain_network,
        CHANNELS,
        partial(expected_shapes, FEATURES),
        32,
        STEPS,
    ),
    # Half the prototypes: two models of actions travel with the package.
    "st-gcn": _Trainer(
        GraphActionModel, TorchGraph, plain_graph, GRAPH_CHANNELS, graph_shapes, 16, GRAPH_STEPS
    ),
}


def train_actions(
    sequences: Sequence[Clip],
    labels: Sequence[str] = LABELS,
    *,
    network: str = DEFAULT_NETWORK,
    steps: int | None = None,
    seed: int = 0,
) -> ActionModel:
    """Return a model trained on sequences of `labels`, in `steps` instead of the usual number."""
    known = [clip for clip in sequences if clip.label in labels]
    kind = _TRAINERS[network]
    plain = kind.plain(train(kind.network, known, labels, steps=steps or kind.steps, seed=seed))
    embedding, numbers = _drawn(known, labels, plain.embed, seed + 1)
    prototypes, owners = _prototypes(
        embedding, numbers, len(labels), seed, kind.prototypes_per_label
    )
    fresh, fresh_numbers = _drawn(known, labels, plain.embed, seed + 2)
    least = _limits(fresh, fresh_numbers, prototypes, owners, len(labels))
    return kind.model(
        labels=tuple(labels),
        channels=kind.channels,
        weights=pack(plain.weights, kind.shapes(kind.channels, len(labels))),
        prototypes=prototypes.astype(np.float16),
        prototype_labels=owners.astype(np.int16),
        least_similarity=least,
    )


def _drawn(
    sequences: Sequence[Clip], labels: Sequence[str], embed: object, seed: int
) -> tuple[Array, IntArray]:
    """Return unit embeddings of disturbed windows of every label, and the label of each."""
    rng = np.random.default_rng(seed)
    found, numbers = [], []
    for number, label in enumerate(labels):
        own = [clip for clip in sequences if clip.label == label]
        if own:
            drawn, _ = drawn_windows(
                own, sampling_weights(own), DRAWN_PER_LABEL, WINDOW_FRAMES, rng
            )
            found.append(unit_rows(embed(drawn)))  # type: ignore[operator]
            numbers.append(np.full(DRAWN_PER_LABEL, number))
    return np.concatenate(found), np.concatenate(numbers)


def _prototypes(
    embedding: Array, numbers: IntArray, labels: int, seed: int, count: int
) -> tuple[Array, IntArray]:
    """Return the centres of k-means within every label, at unit length."""
    centres, owners = [], []
    for number in range(labels):
        own = embedding[numbers == number].astype(np.float64)
        if len(own):
            centre, _ = kmeans2(own, count, minit="++", rng=seed + number)
            centres.append(unit_rows(centre))
            owners.append(np.full(len(centre), number))
    return np.concatenate(centres), np.concatenate(owners)


def _limits(
    embedding: Array, numbers: IntArray, prototypes: Array, owners: IntArray, labels: int
) -> FloatArray:
    """Return the similarity that 95 % of windows of each label reach."""
    least = np.ones(labels)
    for number in range(labels):
        own = embedding[numbers == number]
        if len(own):
            nearest = (own @ prototypes[owners == number].T).max(axis=1)
            least[number] = np.percentile(nearest, 100.0 * (1.0 - CLAIMED_SHARE))
    return least
