"""The graph network in torch, and the same folded into the plain weights that the package runs."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from mocap.core.shapes import Array
from mocap.understand.graph_network import (
    NODE_INPUTS,
    PARTITIONS,
    STRIDES,
    TAPS,
    GraphNetwork,
    node_inputs,
    partitions,
)
from understanding_training.train_network import DROPOUT

GRAPH_CHANNELS = 32
"""So that both models of actions together stay below the size that may travel in the package."""
GRAPH_STEPS = 500
"""A step costs nearly twice one of the other network."""


class TorchGraph(nn.Module):
    """The network of `mocap.understand.graph_network` with batch normalisation and dropout."""

    def __init__(self, labels: int) -> None:
        """Start with random weights."""
        super().__init__()
        c = GRAPH_CHANNELS
        inputs = [NODE_INPUTS, *[c] * (len(STRIDES) - 1)]
        self.space = nn.ModuleList([nn.Conv2d(n, PARTITIONS * c, 1, bias=False) for n in inputs])
        self.space_norm = nn.ModuleList([nn.BatchNorm2d(c) for _ in STRIDES])
        self.time = nn.ModuleList(
            [nn.Conv2d(c, c, (TAPS, 1), (s, 1), (TAPS // 2, 0), bias=False) for s in STRIDES]
        )
        self.time_norm = nn.ModuleList([nn.BatchNorm2d(c) for _ in STRIDES])
        self.drop = nn.Dropout(DROPOUT)
        self.scores = nn.Linear(2 * c, labels)
        self.register_buffer("mixing", torch.tensor(partitions(), dtype=torch.float32))

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        """Return embeddings (window, 2 channel) of features (window, frame, 57)."""
        nodes = torch.from_numpy(node_inputs(features.numpy()))
        hidden = nodes.permute(0, 3, 1, 2).contiguous()
        blocks = zip(self.space, self.space_norm, self.time, self.time_norm, strict=True)
        for k, (space, space_norm, time, time_norm) in enumerate(blocks):
            parts = space(hidden).chunk(PARTITIONS, dim=1)
            mixed = sum(part @ self.mixing[p].T for p, part in enumerate(parts))  # type: ignore[index]
            inner = functional.relu(space_norm(mixed))
            out = self.drop(functional.relu(time_norm(time(inner))))
            hidden = out + hidden[:, :, :: STRIDES[k]] if k else out
        return torch.cat([hidden.mean((2, 3)), hidden.amax((2, 3))], dim=-1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return scores (window, label)."""
        scores: torch.Tensor = self.scores(self.drop(self.embed(features)))
        return scores


def plain_graph(network: TorchGraph) -> GraphNetwork:
    """Return the same network for numpy, batch normalisation folded into the convolutions."""
    weights: dict[str, Array] = {}
    for k in range(len(STRIDES)):
        kernel, bias = _folded(network.space[k], network.space_norm[k], PARTITIONS)
        parts = kernel[:, :, 0, 0].reshape(PARTITIONS, GRAPH_CHANNELS, -1)
        weights[f"space_{k}"], weights[f"space_{k}_bias"] = parts.transpose(0, 2, 1), bias
        kernel, bias = _folded(network.time[k], network.time_norm[k])
        weights[f"time_{k}"], weights[f"time_{k}_bias"] = kernel[:, :, :, 0], bias
    weights["scores"] = network.scores.weight.detach().numpy().copy()
    weights["scores_bias"] = network.scores.bias.detach().numpy().copy()
    return GraphNetwork(weights)


def _folded(convolution: nn.Module, norm: nn.Module, times: int = 1) -> tuple[Array, Array]:
    """Return kernel and bias of a convolution, of `times` parts, followed by normalisation.

    y = g (W x - m) / sqrt(v + e) + h = (s W) x - s m + h with s = g / sqrt(v + e).
    """
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    kernel = convolution.weight * scale.repeat(times)[:, None, None, None]
    bias = norm.bias - norm.running_mean * scale
    return kernel.detach().numpy().copy(), bias.detach().numpy().copy()
