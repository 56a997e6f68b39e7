"""How the large arrays of a take are held while it is fitted.

A hundred thousand frames have millions of matrices, and several of each are needed at once. They
are symmetric: six numbers each. In a long take these are in single precision: a weight that is
rounded to seven digits moves no joint by a hundredth of a millimetre, and what residuals are made
of (places and gradients) keeps all of its digits.
"""

from __future__ import annotations

import numpy as np

from mocap.core.shapes import Array, FloatArray

# Takes of more frames are long; shorter ones fit into memory as they are.
LONG_FRAMES = 4000

KEPT_FRAMES = 50_000
"""A step of a fit of more frames takes longer than what may be lost: parts of it are kept."""

FRAMES_AT_ONCE = 2048

_ROWS, _COLUMNS = np.tril_indices(3)
_PLACES = np.array([[0, 1, 3], [1, 2, 4], [3, 4, 5]])


def empty_packed(frames: int, keypoints: int) -> Array:
    """Return room for symmetric matrices (frame, keypoint, 6) of a take of so many frames."""
    dtype = np.float32 if frames > LONG_FRAMES else np.float64
    return np.zeros((frames, keypoints, 6), dtype=dtype)


def packed(matrices: Array) -> Array:
    """Return six numbers (..., 6) for each symmetric matrix (..., 3, 3)."""
    return np.ascontiguousarray(matrices[..., _ROWS, _COLUMNS])


def unpacked(six: Array) -> FloatArray:
    """Return symmetric matrices (..., 3, 3) of six numbers (..., 6) each, in double precision."""
    return np.ascontiguousarray(six.astype(np.float64, copy=False)[..., _PLACES])


class Room:
    """Memory that is used again for one large array after another.

    A system gives memory page by page when it is first touched: for the matrix of some thousand
    frames that takes as long as filling it, and it would be asked for in every step.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._values = np.zeros(0)

    def zeros(self, rows: int, columns: int) -> FloatArray:
        """Return zeros (row, column); what was returned before is overwritten."""
        size = rows * columns
        if len(self._values) < size:
            self._values = np.zeros(0)
            self._values = np.zeros(size)
        out = self._values[:size]
        out.fill(0.0)
        return out.reshape(rows, columns)
