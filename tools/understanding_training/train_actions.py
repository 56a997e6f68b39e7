"""Train the model of actions: the network, prototypes of every label, and how near is near."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.cluster.vq import kmeans2

from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.understand.action_model import ActionModel, packed_weights, unit_rows
from understanding_training.clips import Clip
from understanding_training.train_network import CHANNELS, STEPS, plain_network, train
from understanding_training.windows import drawn_windows, sampling_weights

LABELS = (
    "walk", "run", "jump", "soccer", "basketball", "arm_signals",
    "deep_squat", "hurdle_step", "inline_lunge", "side_lunge", "sit_to_stand",
    "straight_leg_raise", "shoulder_abduction", "shoulder_extension", "shoulder_rotation",
    "shoulder_scaption", "throw", "stand", "other",
)  # fmt: skip

WINDOW_FRAMES = 60
PROTOTYPES_PER_LABEL = 32
DRAWN_PER_LABEL = 320
CLAIMED_SHARE = 0.88
"""Of drawn (disturbed) windows of a label, this share lies nearer than the limit: about 90 % of
the windows of people who were not trained."""


def train_actions(
    sequences: Sequence[Clip],
    labels: Sequence[str] = LABELS,
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> ActionModel:
    """Return a model trained on sequences whose labels are in `labels`."""
    known = [clip for clip in sequences if clip.label in labels]
    network = plain_network(train(known, labels, steps=steps, seed=seed))
    embedding, numbers = _drawn(known, labels, network.embed, seed + 1)
    prototypes, owners = _prototypes(embedding, numbers, len(labels), seed)
    fresh, fresh_numbers = _drawn(known, labels, network.embed, seed + 2)
    least = _limits(fresh, fresh_numbers, prototypes, owners, len(labels))
    return ActionModel(
        labels=tuple(labels),
        channels=CHANNELS,
        weights=packed_weights(network, CHANNELS, len(labels)),
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
    embedding: Array, numbers: IntArray, labels: int, seed: int
) -> tuple[Array, IntArray]:
    """Return the centres of k-means within every label, at unit length."""
    centres, owners = [], []
    for number in range(labels):
        own = embedding[numbers == number].astype(np.float64)
        if len(own):
            centre, _ = kmeans2(own, PROTOTYPES_PER_LABEL, minit="++", rng=seed + number)
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
