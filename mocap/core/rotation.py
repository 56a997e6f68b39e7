"""Rotations between their three forms: matrix, rotation vector, quaternion (w, x, y, z)."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mocap.core.shapes import Array, FloatArray

# Shorter vectors (of anything in metres) point nowhere: their direction is rounding.
_LEAST_LENGTH = 1e-12


def _batched(values: Array, width: tuple[int, ...]) -> tuple[FloatArray, tuple[int, ...]]:
    """Flatten all leading axes; return the flat array and the leading shape."""
    array = np.asarray(values, dtype=np.float64)
    lead = array.shape[: array.ndim - len(width)]
    return array.reshape(-1, *width), lead


def unit(vectors: Array, nowhere: float = np.nan) -> FloatArray:
    """Return vectors (..., 3) of length one; filled with `nowhere` for those without a direction.

    >>> unit(np.array([[0.0, 0.0, 2.0], [0.0, 0.0, 0.0]]))
    array([[ 0.,  0.,  1.],
           [nan, nan, nan]])
    """
    values = np.asarray(vectors, dtype=np.float64)
    length = np.linalg.norm(values, axis=-1, keepdims=True)
    directed = length > _LEAST_LENGTH
    out = values / np.where(directed, length, np.nan)
    return np.where(directed | np.isnan(length), out, nowhere)


def matrix_from_rotvec(rotvec: Array) -> FloatArray:
    """Return rotation matrices (..., 3, 3) of rotation vectors (..., 3) in radians."""
    flat, lead = _batched(rotvec, (3,))
    return np.asarray(Rotation.from_rotvec(flat).as_matrix()).reshape(*lead, 3, 3)


def rotvec_from_matrix(matrix: Array) -> FloatArray:
    """Return rotation vectors (..., 3) in radians of rotation matrices (..., 3, 3)."""
    flat, lead = _batched(matrix, (3, 3))
    return np.asarray(Rotation.from_matrix(flat).as_rotvec()).reshape(*lead, 3)


def matrix_from_quaternion_wxyz(quaternion_wxyz: Array) -> FloatArray:
    """Return rotation matrices (..., 3, 3) of quaternions (..., 4), w first; any length but 0."""
    flat, lead = _batched(quaternion_wxyz, (4,))
    rotation = Rotation.from_quat(flat[:, [1, 2, 3, 0]])
    return np.asarray(rotation.as_matrix()).reshape(*lead, 3, 3)


def quaternion_wxyz_from_matrix(matrix: Array) -> FloatArray:
    """Return unit quaternions (..., 4), w first and never negative, of matrices (..., 3, 3)."""
    flat, lead = _batched(matrix, (3, 3))
    xyzw = np.asarray(Rotation.from_matrix(flat).as_quat(canonical=True))
    return xyzw[:, [3, 0, 1, 2]].reshape(*lead, 4)


def angle_between_deg(first: Array, second: Array) -> FloatArray:
    """Return the angle (...) in degrees of the rotation that takes `first` to `second`.

    Uses the rotation vector, not the trace: the trace loses half of the digits near zero.
    """
    relative = np.swapaxes(np.asarray(first), -1, -2) @ np.asarray(second)
    return np.rad2deg(np.linalg.norm(rotvec_from_matrix(relative), axis=-1))


def rotation_between(start: Array, end: Array) -> FloatArray:
    """Return the shortest rotations (..., 3, 3) that turn directions `start` into `end`.

    Both are (..., 3) of any positive length. Opposite directions have no unique answer: the turn
    is then made about an axis perpendicular to `start`.
    """
    a = np.asarray(start, dtype=np.float64)
    b = np.asarray(end, dtype=np.float64)
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    b = b / np.linalg.norm(b, axis=-1, keepdims=True)
    a, b = np.broadcast_arrays(a, b)
    axis = np.cross(a, b)
    sine = np.linalg.norm(axis, axis=-1, keepdims=True)
    cosine = np.sum(a * b, axis=-1, keepdims=True)
    smallest = np.argmin(np.abs(a), axis=-1)
    perpendicular = np.cross(a, np.eye(3)[smallest])
    perpendicular /= np.linalg.norm(perpendicular, axis=-1, keepdims=True)
    # Below 1e-9 rad the cross product is rounding noise; keep the turn but take a safe axis.
    unit = np.where(sine > 1e-9, axis / np.maximum(sine, 1e-300), perpendicular)
    return matrix_from_rotvec(unit * np.arctan2(sine, cosine))
