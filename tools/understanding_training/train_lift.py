"""Train the network that guesses depth from one view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from mocap.core.shapes import Array, FloatArray
from mocap.understand.lift_model import LiftModel, packed_lift_weights
from mocap.understand.lift_network import (
    INPUTS,
    JOINTS,
    LOG_SIGMA,
    MIXED,
    OUTPUTS,
    STRIDED,
    LiftNetwork,
)
from understanding_training.clips import Clip
from understanding_training.train_network import folded
from understanding_training.views import UNSEEN_KINDS, ClipBank, draw_views

CHANNELS = 128
STEPS = 6000
BATCH = 256
LEARNING_RATE = 2e-3
DROPOUT = 0.1
LIKELIHOOD_FROM = 0.35
"""Share of the training after which the standard deviations are learnt too."""
LIKELIHOOD_WEIGHT = 0.05
CHECKED = 3000


class TorchLift(nn.Module):
    """The network of `mocap.understand.lift_network` with batch normalisation and dropout."""

    def __init__(self) -> None:
        """Start with random weights."""
        super().__init__()
        c = CHANNELS
        self.first, self.first_norm = nn.Conv1d(INPUTS, c, 3, stride=3), nn.BatchNorm1d(c)
        self.stride = nn.ModuleList([nn.Conv1d(c, c, 3, stride=3) for _ in range(STRIDED)])
        self.stride_norm = nn.ModuleList([nn.BatchNorm1d(c) for _ in range(STRIDED)])
        self.mix = nn.ModuleList([nn.Conv1d(c, c, 1) for _ in range(MIXED)])
        self.mix_norm = nn.ModuleList([nn.BatchNorm1d(c) for _ in range(MIXED)])
        self.out = nn.Conv1d(c, OUTPUTS, 1)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return joints (window, 13, 3) and the logarithms of their sigmas."""
        hidden = self._layer(self.first, self.first_norm, inputs.transpose(1, 2))
        for k in range(STRIDED):
            middle = hidden[:, :, 1::3]
            hidden = self._layer(self.stride[k], self.stride_norm[k], hidden)
            hidden = middle + self._layer(self.mix[k], self.mix_norm[k], hidden)
        for k in range(STRIDED, MIXED):
            hidden = hidden + self._layer(self.mix[k], self.mix_norm[k], hidden)
        out = self.out(hidden)[:, :, 0]
        log_sigma = out[:, 3 * JOINTS :].reshape(-1, JOINTS, 2).clamp(*LOG_SIGMA)
        return out[:, : 3 * JOINTS].reshape(-1, JOINTS, 3), log_sigma[:, :, [0, 0, 1]]

    def _layer(self, convolution: nn.Module, norm: nn.Module, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.drop(functional.relu(norm(convolution(x))))
        return out


def train_lift(clips: Sequence[Clip], *, steps: int = STEPS, seed: int = 0) -> LiftModel:
    """Return a model trained on the training split, its sigmas widened for what it never saw."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # sums in one order: the same digits on each run
    rng = np.random.default_rng(seed)
    bank = ClipBank(clips, "train")
    network = TorchLift()
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-4)
    for step in range(steps):
        inputs, truth = draw_views(bank, BATCH, rng)
        for group in optimiser.param_groups:
            group["lr"] = _learning_rate(step, steps)
        loss = _loss(network, inputs, truth, step >= LIKELIHOOD_FROM * steps)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    weights = packed_lift_weights(plain_lift(network.eval()), CHANNELS)
    return widened(LiftModel(CHANNELS, weights, np.ones(3)), clips, seed=seed)


def _learning_rate(step: int, steps: int) -> float:
    warm = min(1.0, step / 100)
    return float(LEARNING_RATE * warm * (0.5 + 0.5 * np.cos(np.pi * step / steps)) + 1e-5)


def _loss(network: TorchLift, inputs: Array, truth: Array, likelihood: bool) -> torch.Tensor:
    joints, log_sigma = network(torch.from_numpy(inputs))
    error = torch.from_numpy(truth) - joints
    distance: torch.Tensor = error.norm(dim=-1).mean()
    if not likelihood:
        return distance
    nll: torch.Tensor = (log_sigma + 0.5 * (error / log_sigma.exp()) ** 2).mean()
    return LIKELIHOOD_WEIGHT * nll + distance


def plain_lift(network: TorchLift) -> LiftNetwork:
    """Return the same network for numpy, batch normalisation folded in."""
    weights: dict[str, Array] = {}
    weights["first"], weights["first_bias"] = folded(network.first, network.first_norm)
    for k in range(STRIDED):
        kernel, bias = folded(network.stride[k], network.stride_norm[k])
        weights[f"stride_{k}"], weights[f"stride_{k}_bias"] = kernel, bias
    for k in range(MIXED):
        kernel, bias = folded(network.mix[k], network.mix_norm[k])
        weights[f"mix_{k}"], weights[f"mix_{k}_bias"] = kernel[:, :, 0], bias
    assert network.out.bias is not None
    weights["out"] = network.out.weight.detach().numpy()[:, :, 0].copy()
    weights["out_bias"] = network.out.bias.detach().numpy().copy()
    return LiftNetwork(weights)


def widened(model: LiftModel, clips: Sequence[Clip], *, seed: int = 0) -> LiftModel:
    """Return the model with sigmas of which two hold 95.4 % of what was not trained.

    Of people who were not trained, and of each kind of motion that was not: the widest counts. A
    network is surest where it knows least.
    """
    rng = np.random.default_rng(seed + 1)
    people, motions = ClipBank(clips, "check"), ClipBank(clips, "unseen")
    factors = [_factors(model, people, rng)]
    factors += [_factors(model, motions, rng, kind) for kind in UNSEEN_KINDS if motions.has(kind)]
    return replace(model, widening=np.maximum(np.max(factors, axis=0), 1.0))


def _factors(
    model: LiftModel, bank: ClipBank, rng: np.random.Generator, source: str | None = None
) -> FloatArray:
    inputs, truth = draw_views(bank, CHECKED, rng, disturbed=False, source=source)
    joints, sigma = model.network(inputs)
    ratio = np.abs(joints - truth) / sigma
    across = np.percentile(ratio[..., :2], 95.4) / 2.0
    along = np.percentile(ratio[..., 2], 95.4) / 2.0
    return np.array([across, across, along])
