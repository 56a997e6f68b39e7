"""Train the action network in torch and fold it into the plain weights that the package runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mocap.core.shapes import Array
from mocap.understand.network import DILATIONS, FIRST_STRIDE, FIRST_WIDTH, WIDTH, TemporalNetwork
from mocap.understand.window_features import FEATURES
from understanding_training.clips import Clip
from understanding_training.windows import drawn_windows, sampling_weights

CHANNELS = 80
STEPS = 900
BATCH = 64
WINDOW_FRAMES = (30, 45, 60, 90)
LEARNING_RATE = 3e-3
WARM_UP_STEPS = 50
WEIGHT_DECAY = 1e-2
LABEL_SMOOTHING = 0.05
DROPOUT = 0.2


Network = TypeVar("Network", bound=nn.Module)


class TorchNetwork(nn.Module):
    """The network of `mocap.understand.network` with batch normalisation and dropout."""

    def __init__(self, labels: int) -> None:
        """Start with random weights."""
        super().__init__()
        c = CHANNELS
        self.first = nn.Conv1d(
            FEATURES, c, FIRST_WIDTH, stride=FIRST_STRIDE, padding=FIRST_WIDTH // 2
        )
        self.first_norm = nn.BatchNorm1d(c)
        self.wide = nn.ModuleList(
            [nn.Conv1d(c, c, WIDTH, dilation=d, padding=d) for d in DILATIONS]
        )
        self.wide_norm = nn.ModuleList([nn.BatchNorm1d(c) for _ in DILATIONS])
        self.point = nn.ModuleList([nn.Conv1d(c, c, 1) for _ in DILATIONS])
        self.point_norm = nn.ModuleList([nn.BatchNorm1d(c) for _ in DILATIONS])
        self.drop = nn.Dropout(DROPOUT)
        self.scores = nn.Linear(2 * c, labels)

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        """Return embeddings (window, 2 channel) of features (window, frame, feature)."""
        hidden = functional.relu(self.first_norm(self.first(features.transpose(1, 2))))
        blocks = zip(self.wide, self.wide_norm, self.point, self.point_norm, strict=True)
        for wide, wide_norm, point, point_norm in blocks:
            inner = functional.relu(wide_norm(wide(hidden)))
            hidden = hidden + self.drop(functional.relu(point_norm(point(inner))))
        return torch.cat([hidden.mean(-1), hidden.amax(-1)], dim=-1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return scores (window, label)."""
        scores: torch.Tensor = self.scores(self.drop(self.embed(features)))
        return scores


def train(
    network: Callable[[int], Network],
    sequences: Sequence[Clip],
    labels: Sequence[str],
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> Network:
    """Return a network trained on windows drawn from `sequences`; the same one for one seed.

    `network` makes one with random weights for so many labels.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # sums in one order: the same digits on each run
    rng = np.random.default_rng(seed)
    trained = network(len(labels))
    numbers = np.array([list(labels).index(clip.label) for clip in sequences])
    weights = sampling_weights(sequences)
    optimiser = torch.optim.AdamW(trained.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    for step in range(steps):
        frames = int(rng.choice(WINDOW_FRAMES))
        features, chosen = drawn_windows(sequences, weights, BATCH, frames, rng)
        for group in optimiser.param_groups:
            group["lr"] = _learning_rate(step, steps)
        loss = functional.cross_entropy(
            trained(torch.from_numpy(features)),
            torch.from_numpy(numbers[chosen]),
            label_smoothing=LABEL_SMOOTHING,
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained.parameters(), 2.0)
        optimiser.step()
    return trained.eval()


def _learning_rate(step: int, steps: int) -> float:
    warm = min(1.0, step / WARM_UP_STEPS)
    return float(LEARNING_RATE * warm * (0.5 + 0.5 * np.cos(np.pi * step / steps)) + 1e-5)


def plain_network(network: TorchNetwork) -> TemporalNetwork:
    """Return the same network for numpy, batch normalisation folded into the convolutions."""
    weights: dict[str, Array] = {}
    weights["first"], weights["first_bias"] = folded(network.first, network.first_norm)
    for k in range(len(DILATIONS)):
        wide, bias = folded(network.wide[k], network.wide_norm[k])
        weights[f"wide_{k}"], weights[f"wide_{k}_bias"] = wide, bias
        point, bias = folded(network.point[k], network.point_norm[k])
        weights[f"point_{k}"], weights[f"point_{k}_bias"] = point[:, :, 0], bias
    weights["scores"] = network.scores.weight.detach().numpy().copy()
    weights["scores_bias"] = network.scores.bias.detach().numpy().copy()
    return TemporalNetwork(weights)


def folded(convolution: nn.Module, norm: nn.Module) -> tuple[Array, Array]:
    """Return kernel and bias of a convolution followed by batch normalisation.

    y = g (W x + b - m) / sqrt(v + e) + h = (s W) x + s (b - m) + h with s = g / sqrt(v + e).
    """
    assert isinstance(convolution, nn.Conv1d) and isinstance(norm, nn.BatchNorm1d)
    assert convolution.bias is not None
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    kernel = convolution.weight * scale[:, None, None]
    bias = (convolution.bias - norm.running_mean) * scale + norm.bias
    return kernel.detach().numpy().copy(), bias.detach().numpy().copy()
