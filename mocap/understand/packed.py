"""Weights of a network as one vector: what a model file holds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mocap.core.shapes import Array

Shapes = Mapping[str, tuple[int, ...]]


def weight_count(shapes: Shapes) -> int:
    """Return how many numbers weights of these shapes are."""
    return sum(int(np.prod(shape)) for shape in shapes.values())


def pack(weights: Mapping[str, Array], shapes: Shapes) -> Array:
    """Return all weights in the order of `shapes` as one float16 vector."""
    return np.concatenate([np.ravel(weights[name]) for name in shapes]).astype(np.float16)


def unpack(vector: Array, shapes: Shapes) -> dict[str, Array]:
    """Return the weights (float32) by name; the inverse of `pack`."""
    flat = np.asarray(vector, np.float32)
    weights, start = {}, 0
    for name, shape in shapes.items():
        count = int(np.prod(shape))
        weights[name] = flat[start : start + count].reshape(shape)
        start += count
    return weights


def check_weights(vector: Array, shapes: Shapes) -> None:
    """Check a vector of weights.

    Raises:
        ValueError: it has another length than `shapes` or holds something else than numbers.
    """
    if np.shape(vector) != (weight_count(shapes),):
        raise ValueError(f"{np.shape(vector)} weights; expected ({weight_count(shapes)},)")
    check_finite(vector)


def check_finite(values: Array) -> None:
    """Check that an array holds finite floating-point numbers only.

    Raises:
        ValueError: it does not.
    """
    if np.asarray(values).dtype.kind != "f" or not np.isfinite(values).all():
        raise ValueError("weights that are no finite numbers")
