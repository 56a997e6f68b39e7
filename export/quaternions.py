"""Quaternions (w, x, y, z) in time: products, signs, spherical interpolation."""

from __future__ import annotations

import numpy as np

from mocap.core.shapes import Array, FloatArray

# Below this angle (radians) sin(x) / x is 1 to double precision within 1e-13: a straight line.
_STRAIGHT_RAD = 1e-6


def multiply(first: Array, second: Array) -> FloatArray:
    """Return Hamilton products (..., 4): turn by `second`, then by `first`."""
    aw, ax, ay, az = np.moveaxis(np.asarray(first, dtype=np.float64), -1, 0)
    bw, bx, by, bz = np.moveaxis(np.asarray(second, dtype=np.float64), -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def conjugate(quaternions: Array) -> FloatArray:
    """Return the opposite turns (..., 4) of unit quaternions."""
    return np.asarray(quaternions * np.array([1.0, -1.0, -1.0, -1.0]), dtype=np.float64)


def continuous(quaternions: Array) -> FloatArray:
    """Return quaternions (frame, ..., 4) whose signs change as little as they can in time."""
    values = np.asarray(quaternions, dtype=np.float64)
    steps = np.where(np.sum(values[1:] * values[:-1], axis=-1) < 0.0, -1.0, 1.0)
    signs = np.concatenate([np.ones((1, *steps.shape[1:])), np.cumprod(steps, axis=0)])
    return np.asarray(values * signs[: len(values), ..., None])


def slerp(before: Array, after: Array, share: Array) -> FloatArray:
    """Return the turn a `share` (...) of the shortest way from `before` to `after` (..., 4).

    Shoemake (1985), "Animating rotation with quaternion curves".
    """
    a = np.asarray(before, dtype=np.float64)
    b = np.asarray(after, dtype=np.float64)
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    b = b / np.linalg.norm(b, axis=-1, keepdims=True)
    b = np.where(np.sum(a * b, axis=-1, keepdims=True) < 0.0, -b, b)
    angle = 2.0 * np.arctan2(np.linalg.norm(b - a, axis=-1), np.linalg.norm(b + a, axis=-1))
    straight = angle < _STRAIGHT_RAD
    safe = np.where(straight, 1.0, angle)
    left = np.where(straight, 1.0 - share, np.sin((1.0 - share) * safe) / np.sin(safe))
    right = np.where(straight, share, np.sin(share * safe) / np.sin(safe))
    mixed = left[..., None] * a + right[..., None] * b
    return np.asarray(mixed / np.linalg.norm(mixed, axis=-1, keepdims=True))
