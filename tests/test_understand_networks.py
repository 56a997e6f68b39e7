"""The numpy networks are the torch networks they were trained as."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap.core.shapes import Array
from mocap.understand.graph_network import partitions
from mocap.understand.lift_network import FRAMES, INPUTS
from mocap.understand.packed import check_weights, pack, unpack
from mocap.understand.window_features import FEATURES

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))


def _trained(network: object) -> None:
    """Give batch normalisation statistics that are not the identity."""
    import torch

    generator = torch.Generator().manual_seed(3)
    for module in network.modules():  # type: ignore[attr-defined]
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0.0, 0.3, generator=generator)
            module.running_var.uniform_(0.5, 2.0, generator=generator)


def _difference(kind: Any, plain_of: Any, frames: int) -> float:
    """Return how far the scores of the plain network are from those of torch, at most."""
    import torch

    torch.manual_seed(0)
    network = kind(5)
    _trained(network)
    network.eval()
    features = np.random.default_rng(1).normal(size=(3, frames, FEATURES)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(features)).numpy()
    plain = plain_of(network)
    return float(np.abs(plain.scores(plain.embed(features)) - expected).max())


@pytest.mark.parametrize("frames", [30, 45, 60, 91])
def test_the_action_network_agrees_with_torch(frames: int) -> None:
    from understanding_training.train_network import TorchNetwork, plain_network

    # Sums of 400 float32 products in another order.
    assert _difference(TorchNetwork, plain_network, frames) < 1e-4


@pytest.mark.parametrize("frames", [30, 61])
def test_the_graph_network_agrees_with_torch(frames: int) -> None:
    from understanding_training.train_graph import TorchGraph, plain_graph

    # Sums of some hundred float32 products in another order.
    assert _difference(TorchGraph, plain_graph, frames) < 1e-4


def test_joints_are_mixed_with_their_neighbours_only() -> None:
    mixing = partitions()
    # The left elbow: itself; the shoulder is nearer to the hips, the wrist farther.
    assert np.flatnonzero(mixing[0, 3]).tolist() == [3]
    assert np.flatnonzero(mixing[1, 3]).tolist() == [1]
    assert np.flatnonzero(mixing[2, 3]).tolist() == [5]
    rows = mixing.sum(axis=2)
    assert np.isin(rows.round(12), (0.0, 1.0)).all() and (rows[0] == 1.0).all()


def test_the_lift_network_agrees_with_torch() -> None:
    import torch
    from understanding_training.train_lift import TorchLift, plain_lift

    torch.manual_seed(0)
    network = TorchLift()
    _trained(network)
    network.eval()
    inputs = np.random.default_rng(1).normal(size=(4, FRAMES, INPUTS)).astype(np.float32)
    with torch.no_grad():
        joints, log_sigma = (each.numpy() for each in network(torch.from_numpy(inputs)))
    found, sigma = plain_lift(network)(inputs)
    assert np.abs(found - joints).max() < 1e-4
    assert np.abs(np.log(sigma) - log_sigma).max() < 1e-4


def test_packed_weights_come_back() -> None:
    shapes = {"a": (2, 3), "b": (4,)}
    weights = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([0.5, -1.0, 2.0, 0.0])}
    vector = pack(weights, shapes)
    assert vector.dtype == np.float16
    for name, values in unpack(vector, shapes).items():
        assert np.array_equal(values, weights[name])


@pytest.mark.parametrize("vector", [np.zeros(9, np.float16), np.full(10, np.nan, np.float16)])
def test_wrong_weights_are_refused(vector: Array) -> None:
    with pytest.raises(ValueError):
        check_weights(vector, {"a": (2, 3), "b": (4,)})
