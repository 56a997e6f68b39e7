"""Euler angles that stay continuous in time."""

from __future__ import annotations

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.shapes import Array, FloatArray

ORDERS = ("ZXY", "ZYX", "XYZ", "XZY", "YXZ", "YZX")

# Cosine of the middle angle below which the outer two angles are one and the same turn; above,
# they are exact to about 1e-16 / 1e-7 rad.
_LOCKED_COSINE = 1e-7


def _axes(order: str) -> tuple[int, int, int, float]:
    """Return the three axis indices and +1 for an even, -1 for an odd permutation of XYZ."""
    if order not in ORDERS:
        raise ExportError(
            f"rotation order '{order}' is unknown; choose one of {', '.join(ORDERS)}."
        )
    i, j, k = ("XYZ".index(letter) for letter in order)
    return i, j, k, 1.0 if (i + 1) % 3 == j else -1.0


def middle_angles(rotations: Array, order: str) -> FloatArray:
    """Return the middle Euler angle (...) in radians, in [-pi/2, pi/2], of (..., 3, 3)."""
    i, _, k, sign = _axes(order)
    return np.asarray(np.arcsin(np.clip(sign * rotations[..., i, k], -1.0, 1.0)))


def euler_angles(rotations: Array, order: str) -> FloatArray:
    """Return Euler angles (frame, joint, 3) in radians of rotations (frame, joint, 3, 3).

    R = R_first(a) R_second(b) R_third(c) with the axes in the order written, as in BVH. Of the two
    solutions (a, b, c) and (a + pi, pi - b, c + pi), and of all full turns, the one nearest to the
    frame before is taken, so that no angle jumps although each joint may turn on for ever.

    Raises:
        ExportError: unknown order.
    """
    principal = _principal(rotations, order)
    _, _, _, sign = _axes(order)
    out = np.zeros_like(principal)
    if len(out):
        out[0] = principal[0]
    locked = np.abs(np.cos(principal[..., 1])) < _LOCKED_COSINE
    for frame in range(1, len(out)):
        before, first = out[frame - 1], principal[frame]
        if locked[frame].any():
            first = _spread_locked(first, before, locked[frame], sign)
        other = first * np.array([1.0, -1.0, 1.0]) + np.pi
        candidates = np.stack([first, other])
        candidates += 2.0 * np.pi * np.round((before - candidates) / (2.0 * np.pi))
        distance = np.abs(candidates - before).sum(axis=-1)
        out[frame] = np.where((distance[0] <= distance[1])[:, None], *candidates)
    return out


def _principal(rotations: Array, order: str) -> FloatArray:
    """Return the solution with the middle angle in [-pi/2, pi/2]; the third is 0 when locked."""
    i, j, k, sign = _axes(order)
    r = np.asarray(rotations, dtype=np.float64)
    b = middle_angles(r, order)
    a = np.arctan2(-sign * r[..., j, k], r[..., k, k])
    c = np.arctan2(-sign * r[..., i, j], r[..., i, i])
    locked = np.abs(np.cos(b)) < _LOCKED_COSINE
    a = np.where(locked, np.arctan2(sign * r[..., k, j], r[..., j, j]), a)
    return np.stack([a, b, np.where(locked, 0.0, c)], axis=-1)


def _spread_locked(
    angles: FloatArray, before: FloatArray, locked: Array, sign: float
) -> FloatArray:
    """Keep the third angle of the frame before where only a sum or difference is determined.

    With the middle angle at +-90 degrees the rotation depends on a + s c alone, s = sign(b) times
    the permutation's sign.
    """
    s = np.where(angles[:, 1] >= 0, sign, -sign)
    third = before[:, 2]
    spread = np.stack([angles[:, 0] - s * third, angles[:, 1], third], axis=-1)
    return np.where(locked[:, None], spread, angles)
