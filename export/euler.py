"""Euler angles that stay continuous in time."""

from __future__ import annotations

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.shapes import Array, BoolArray, FloatArray

ORDERS = ("ZXY", "ZYX", "XYZ", "XZY", "YXZ", "YZX")

# Cosine of the middle angle below which the outer two angles are one and the same turn; above,
# they are exact to about 1e-16 / 1e-7 rad.
_LOCKED_COSINE = 1e-7

_TURN = 2.0 * np.pi


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
    _, _, _, sign = _axes(order)
    principal = _principal(rotations, order)
    out = _unrolled(principal)
    locked = np.abs(np.cos(principal[..., 1])) < _LOCKED_COSINE
    for joint in np.flatnonzero(locked.any(axis=0)):
        out[:, joint] = _unrolled_through_lock(principal[:, joint], locked[:, joint], sign)
    return out


def matrix_from_angles(angles: Array, order: str) -> FloatArray:
    """Return rotations (..., 3, 3) of angles (..., 3) in radians, axes in the order written.

    Raises:
        ExportError: unknown order.
    """
    angles = np.asarray(angles, dtype=np.float64)
    out = np.zeros((*angles.shape[:-1], 3, 3)) + np.eye(3)
    for position, axis in enumerate(_axes(order)[:3]):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn = np.zeros_like(out)
        cosine, sine = np.cos(angles[..., position]), np.sin(angles[..., position])
        turn[..., axis, axis] = 1.0
        turn[..., a, a], turn[..., b, b] = cosine, cosine
        turn[..., a, b], turn[..., b, a] = -sine, sine
        out = out @ turn
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


def _other(angles: FloatArray) -> FloatArray:
    """Return the second solution of the same rotations."""
    return np.asarray(angles * np.array([1.0, -1.0, 1.0]) + np.pi)


def _shortest(difference: FloatArray) -> FloatArray:
    """Return angles without their full turns."""
    return difference - _TURN * np.round(difference / _TURN)


def _unrolled(principal: FloatArray) -> FloatArray:
    """Choose solutions and full turns for all frames at once.

    Both solutions differ from both solutions of the frame before by the same two distances, so the
    nearer one is always either "the same kind as before" or "the other kind": a running parity.
    """
    other = _other(principal)
    stay = np.abs(_shortest(principal[1:] - principal[:-1])).sum(axis=-1)
    change = np.abs(_shortest(other[1:] - principal[:-1])).sum(axis=-1)
    kind = np.zeros(principal.shape[:-1], dtype=np.int64)
    kind[1:] = np.cumsum(change < stay, axis=0) % 2
    chosen = np.where((kind == 1)[..., None], other, principal)
    turns = np.zeros_like(chosen)
    turns[1:] = np.cumsum(np.round(np.diff(chosen, axis=0) / _TURN), axis=0)
    return np.asarray(chosen - _TURN * turns)


def _unrolled_through_lock(principal: FloatArray, locked: BoolArray, sign: float) -> FloatArray:
    """Return one joint's angles (frame, 3) that also pass through gimbal lock smoothly.

    Where locked, only a + s c is determined, s = sign(b) times the permutation's sign: the third
    angle of the frame before is kept.
    """
    out = principal.copy()
    for frame in range(1, len(out)):
        before, first = out[frame - 1], principal[frame].copy()
        if locked[frame]:
            first[0] -= (sign if first[1] >= 0 else -sign) * before[2]
            first[2] = before[2]
        candidates = np.stack([first, _other(first)])
        candidates += _TURN * np.round((before - candidates) / _TURN)
        distance = np.abs(candidates - before).sum(axis=-1)
        out[frame] = candidates[0 if distance[0] <= distance[1] else 1]
    return out
