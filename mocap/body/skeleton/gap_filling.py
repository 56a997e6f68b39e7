"""Fill frames in which a rotation or a direction is unknown, from the frames around them.

Animation formats have no way to say "unknown". Between two known frames the shortest way is
taken at constant speed; before the first and after the last one the nearest value is held.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from mocap.core.shapes import BoolArray, FloatArray, IntArray

# Directions closer to opposite than this have no shortest way between them (radians).
_OPPOSITE_RAD = np.pi - 1e-3


def fill_positions(values: FloatArray, known: BoolArray) -> FloatArray:
    """Return (frame, k) values with unknown frames interpolated linearly."""
    frames = np.arange(len(values))
    columns = [np.interp(frames, frames[known], column[known]) for column in values.T]
    return np.stack(columns, axis=-1)


def fill_rotations(rotations: FloatArray, known: BoolArray) -> FloatArray:
    """Return (frame, 3, 3) rotations with unknown frames turned at constant speed."""
    frames = np.flatnonzero(known)
    if len(frames) == len(known):
        return rotations
    if len(frames) == 1:
        return np.repeat(rotations[frames], len(known), axis=0)
    at = np.clip(np.arange(len(known)), frames[0], frames[-1])
    filled: FloatArray = Slerp(frames, Rotation.from_matrix(rotations[frames]))(at).as_matrix()
    filled[frames] = rotations[frames]
    return filled


def fill_directions(directions: FloatArray, known: BoolArray) -> FloatArray:
    """Return (frame, 3) unit vectors with unknown frames moved along the great circle."""
    if known.all():
        return directions
    before, after, share = _neighbours(known)
    a, b = directions[before], directions[after]
    angle = np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1))
    no_way = (angle < 1e-9) | (angle > _OPPOSITE_RAD)
    safe = np.where(no_way, 1.0, angle)
    nearest = share < 0.5
    weight_a = np.where(no_way, nearest, np.sin((1.0 - share) * safe) / np.sin(safe))
    weight_b = np.where(no_way, ~nearest, np.sin(share * safe) / np.sin(safe))
    return np.asarray(weight_a[:, None] * a + weight_b[:, None] * b)


def _neighbours(known: BoolArray) -> tuple[IntArray, IntArray, FloatArray]:
    """Return for each frame the known frames around it and how far along it lies, in [0, 1]."""
    index = np.flatnonzero(known)
    frames = np.arange(len(known))
    right = np.searchsorted(index, frames)
    after = index[np.minimum(right, len(index) - 1)]
    before = np.where(known, frames, index[np.maximum(right - 1, 0)])
    span = np.maximum(after - before, 1)
    share = np.clip((frames - before) / span, 0.0, 1.0)
    return before.astype(np.int64), after.astype(np.int64), np.asarray(share, dtype=np.float64)
