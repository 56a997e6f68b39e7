"""Rotations between rotations, and their share about an axis."""

from __future__ import annotations

import numpy as np

from mocap.core.rotation import (
    matrix_from_rotvec,
    quaternion_wxyz_from_matrix,
    rotvec_from_matrix,
)
from mocap.core.shapes import FloatArray


def rotation_at(levels: list[FloatArray], level: float) -> FloatArray:
    """Return the rotation (frame, 3, 3) at a fractional level between rotations."""
    below = min(int(level), len(levels) - 2)
    share = level - below
    if share == 0.0:
        return levels[below]
    step = np.swapaxes(levels[below], -1, -2) @ levels[below + 1]
    return np.asarray(levels[below] @ matrix_from_rotvec(share * rotvec_from_matrix(step)))


def twist_about(relative: FloatArray, axis: FloatArray) -> FloatArray:
    """Return the angle (frame,) of rotations about an axis, without jumps of a full turn.

    The twist of a swing-twist decomposition: 2 atan2(v . axis, w) of the quaternion (w, v).
    """
    wxyz = quaternion_wxyz_from_matrix(relative)
    angle = 2.0 * np.arctan2(wxyz[:, 1:] @ axis, wxyz[:, 0])
    return np.asarray(np.unwrap((angle + np.pi) % (2.0 * np.pi) - np.pi))
