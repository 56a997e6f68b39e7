"""A temporal convolution network in plain numpy: it starts at once and needs no framework.

h_0 = relu(W_0 * x) with stride 2; h_k+1 = h_k + relu(V_k relu(W_k * h_k)), dilated by 1, 2, 4, 8;
the embedding joins mean and maximum over time; scores are linear in it. Batch normalisation of the
training is folded into the weights (Bai, Kolter and Koltun 2018 for the residual, dilated form).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import Array

DILATIONS = (1, 2, 4, 8)
FIRST_WIDTH = 5
FIRST_STRIDE = 2
WIDTH = 3


@dataclass(frozen=True, eq=False)
class TemporalNetwork:
    """Weights of the network; float32.

    Attributes:
        weights: `first` (channel, feature, 5), `first_bias`, for each block k `wide_k`
            (channel, channel, 3), `wide_k_bias`, `point_k` (channel, channel), `point_k_bias`,
            and `scores` (label, 2 channel), `scores_bias`.
    """

    weights: Mapping[str, Array]

    def embed(self, features: Array) -> Array:
        """Return embeddings (window, 2 channel) of features (window, frame, feature)."""
        w = self.weights
        hidden = np.maximum(_convolve(features, w["first"], w["first_bias"], 1, FIRST_STRIDE), 0.0)
        for k, dilation in enumerate(DILATIONS):
            wide = np.maximum(_convolve(hidden, w[f"wide_{k}"], w[f"wide_{k}_bias"], dilation), 0.0)
            point = wide @ w[f"point_{k}"].T + w[f"point_{k}_bias"]
            hidden = hidden + np.maximum(point, 0.0)
        return np.concatenate([hidden.mean(axis=1), hidden.max(axis=1)], axis=-1)

    def scores(self, embedding: Array) -> Array:
        """Return unnormalised scores (window, label) of embeddings."""
        return embedding @ self.weights["scores"].T + self.weights["scores_bias"]


def expected_shapes(features: int, channels: int, labels: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight, by name."""
    shapes: dict[str, tuple[int, ...]] = {
        "first": (channels, features, FIRST_WIDTH),
        "first_bias": (channels,),
        "scores": (labels, 2 * channels),
        "scores_bias": (labels,),
    }
    for k in range(len(DILATIONS)):
        shapes[f"wide_{k}"] = (channels, channels, WIDTH)
        shapes[f"wide_{k}_bias"] = (channels,)
        shapes[f"point_{k}"] = (channels, channels)
        shapes[f"point_{k}_bias"] = (channels,)
    return shapes


def _convolve(x: Array, kernel: Array, bias: Array, dilation: int, stride: int = 1) -> Array:
    """Convolve (window, frame, channel) with (out, channel, tap), zero padding, same length."""
    taps = kernel.shape[2]
    reach = dilation * (taps - 1) // 2
    padded = np.pad(x, ((0, 0), (reach, reach), (0, 0)))
    out_frames = (x.shape[1] - 1) // stride + 1
    out = np.broadcast_to(bias, (len(x), out_frames, len(bias))).astype(np.float32)
    for tap in range(taps):
        start = tap * dilation
        piece = padded[:, start : start + (out_frames - 1) * stride + 1 : stride]
        out = out + piece @ kernel[:, :, tap].T
    return out
