"""A spatial-temporal graph convolution network in plain numpy (Yan, Xiong and Lin 2018, ST-GCN).

Joints are the nodes of a graph whose edges are bones. A block mixes every joint with its
neighbours, apart for those as far from the hips as itself, nearer and farther (their "spatial
configuration partitioning"), and then every joint with itself over time:
g = relu(sum_p A_p h S_p + b), h' = relu(T * g + c) + h, with stride in time in every second block.
The embedding joins mean and maximum over joints and time. Batch normalisation of the training is
folded into the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.understand.joints import JOINT_NAMES, LEFT_HIP, RIGHT_HIP
from mocap.understand.window_features import HEIGHT, LOWEST_ANKLE, POSE, SEEN, VELOCITY

BONES = (
    (0, 1), (0, 2), (1, 2), (1, 3), (3, 5), (2, 4), (4, 6), (1, 7), (2, 8), (7, 8),
    (7, 9), (9, 11), (8, 10), (10, 12),
)  # fmt: skip
"""Edges of the graph, joints of `JOINT_NAMES`."""

STRIDES = (2, 1, 2, 1)
"""In time, by block."""

TAPS = 5
PARTITIONS = 3
NODE_INPUTS = 12
"""Of a joint: place, change per frame, whether it was seen, and five values of the whole body."""

_CHANGE_SCALE = 5.0
"""Changes per frame are small beside places: a hand at 2 m/s moves 4 % of a body in one."""


def partitions() -> FloatArray:
    """Return the three matrices (partition, joint, joint) that mix joints, rows summing to 1.

    Itself and neighbours as far from the hips; neighbours nearer; neighbours farther.
    """
    count = len(JOINT_NAMES)
    linked = np.eye(count, dtype=bool)
    for a, b in BONES:
        linked[a, b] = linked[b, a] = True
    steps = np.full(count, count)
    reached: BoolArray = np.isin(np.arange(count), (LEFT_HIP, RIGHT_HIP))
    for distance in range(count):
        steps = np.where(reached, np.minimum(steps, distance), steps)
        reached = np.asarray(linked[:, reached].any(axis=1))
    apart = steps[None] - steps[:, None]
    out = np.stack([linked & (apart == 0), linked & (apart < 0), linked & (apart > 0)])
    return out / np.maximum(out.sum(axis=2, keepdims=True), 1.0)


def node_inputs(features: Array) -> Array:
    """Return what each joint is told (window, frame, joint, 12) from features of windows."""
    shape = (*features.shape[:2], len(JOINT_NAMES))
    pose = features[..., POSE].reshape(*shape, 3)
    change = np.zeros_like(pose)
    change[:, 1:] = _CHANGE_SCALE * (pose[:, 1:] - pose[:, :-1])
    body = features[..., VELOCITY.start : LOWEST_ANKLE + 1]
    assert LOWEST_ANKLE == HEIGHT + 1
    shared = np.broadcast_to(body[:, :, None], (*shape, body.shape[-1]))
    return np.concatenate([pose, change, features[..., SEEN][..., None], shared], axis=-1)


@dataclass(frozen=True, eq=False)
class GraphNetwork:
    """Weights of the network; float32.

    Attributes:
        weights: for each block k `space_k` (3, in, channel), `space_k_bias`, `time_k`
            (channel, channel, 5), `time_k_bias`, and `scores` (label, 2 channel), `scores_bias`.
    """

    weights: Mapping[str, Array]

    def embed(self, features: Array) -> Array:
        """Return embeddings (window, 2 channel) of features (window, frame, 57)."""
        w, mixing = self.weights, partitions().astype(np.float32)
        hidden = node_inputs(features)
        for k, stride in enumerate(STRIDES):
            mixed = sum(mixing[p] @ (hidden @ w[f"space_{k}"][p]) for p in range(PARTITIONS))
            inner = np.maximum(mixed + w[f"space_{k}_bias"], 0.0)
            out = np.maximum(_over_time(inner, w[f"time_{k}"], w[f"time_{k}_bias"], stride), 0.0)
            hidden = out + hidden[:, ::stride] if k else out
        return np.concatenate([hidden.mean(axis=(1, 2)), hidden.max(axis=(1, 2))], axis=-1)

    def scores(self, embedding: Array) -> Array:
        """Return unnormalised scores (window, label) of embeddings."""
        return embedding @ self.weights["scores"].T + self.weights["scores_bias"]


def graph_shapes(channels: int, labels: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight, by name."""
    shapes: dict[str, tuple[int, ...]] = {
        "scores": (labels, 2 * channels),
        "scores_bias": (labels,),
    }
    for k in range(len(STRIDES)):
        shapes[f"space_{k}"] = (PARTITIONS, channels if k else NODE_INPUTS, channels)
        shapes[f"space_{k}_bias"] = (channels,)
        shapes[f"time_{k}"] = (channels, channels, TAPS)
        shapes[f"time_{k}_bias"] = (channels,)
    return shapes


def _over_time(x: Array, kernel: Array, bias: Array, stride: int) -> Array:
    """Convolve (window, frame, joint, channel) over frames with (out, channel, tap)."""
    taps = kernel.shape[2]
    padded = np.pad(x, ((0, 0), (taps // 2, taps // 2), (0, 0), (0, 0)))
    frames = (x.shape[1] - 1) // stride + 1
    pieces = (padded[:, tap : tap + (frames - 1) * stride + 1 : stride] for tap in range(taps))
    return bias + sum(piece @ kernel[:, :, tap].T for tap, piece in enumerate(pieces))
