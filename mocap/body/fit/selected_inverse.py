"""What is wanted of the inverse of the poses' normal matrix, from its banded Cholesky factor.

Only the blocks on the diagonal and the covariance of each unknown with itself one and two frames
later are wanted. They follow by the recursion of Takahashi, Fagan and Chen (1973), here frame by
frame with dense blocks: time stays linear in the frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import dtrtri

from mocap.core.shapes import FloatArray


@dataclass(frozen=True, eq=False)
class SelectedInverse:
    """What is wanted of the inverse of the poses' normal matrix.

    Attributes:
        now: (frame, unknown) variance of each unknown.
        one_later, two_later: (frame, unknown) covariance of an unknown with itself one and two
            frames later; zero where there is no such frame.
        blocks: (frame, unknown, unknown) covariance of a frame; of no frame where nobody asked.
    """

    now: FloatArray
    one_later: FloatArray
    two_later: FloatArray
    blocks: FloatArray

    def accelerations(self) -> FloatArray:
        """Return the variance of each unknown's second difference (frame, unknown).

        Zero in the first and the last frame.
        """
        now = self.now
        out = np.zeros_like(now)
        out[1:-1] = now[2:] + 4.0 * now[1:-1] + now[:-2]
        out[1:-1] += 2.0 * self.two_later[:-2]
        out[1:-1] -= 4.0 * (self.one_later[1:-1] + self.one_later[:-2])
        return np.maximum(out, 0.0)


def invert_band(lower: FloatArray, n: int, *, blocks: bool = True) -> SelectedInverse:
    """Return the wanted part of the inverse of L L' given L (distance, row) of frames of n.

    Without `blocks` those of the frames are not kept: of a window of 4,000 they take 100 MB.
    With the two frames after t as S, Z_SS the inverse there and F = L_SS-column of frame t:
    Z_St = -Z_SS F L_tt^-1 and Z_tt = L_tt^-T L_tt^-1 - (F L_tt^-1)' Z_St.
    """
    frames, reach = lower.shape[1] // n, 2 * n
    columns, last, inside = _frame_columns(lower, n)
    kept = np.zeros((frames if blocks else 0, n, n))
    diagonals = np.zeros((3, frames, n))  # of the covariance with itself and the two frames after
    later = np.zeros((reach, reach))  # the inverse over the two frames after t
    column = np.zeros((n + reach, n))
    for t in range(frames - 1, -1, -1):
        np.multiply(columns[t] if t < frames - 1 else last, inside, out=column)
        inverse, _ = dtrtri(column[:n], lower=1)
        below = column[n:] @ inverse
        cross = later @ below
        block = inverse.T @ inverse + below.T @ cross
        here = 0.5 * (block + block.T)
        if blocks:
            kept[t] = here
        flat = cross.reshape(-1)
        diagonals[0, t] = here.reshape(-1)[:: n + 1]
        diagonals[1, t], diagonals[2, t] = flat[: n * n : n + 1], flat[n * n :: n + 1]
        later[n:, n:] = later[:n, :n]
        later[:n, :n] = here
        later[n:, :n] = -cross[:n]
        later[:n, n:] = -cross[:n].T
    return SelectedInverse(diagonals[0], -diagonals[1], -diagonals[2], kept)


def _frame_columns(lower: FloatArray, n: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the columns of L (frame, 3 n, n), those of the last frame, and a mask of their places.

    Column c of a frame begins at its own row: stepping one row less per column aligns them. What
    that shows beyond the band belongs to other columns, of the next frame at most, and is to be
    masked. The last frame has no next one and is copied; the others are seen where they are.
    """
    width, size = lower.shape
    rows = 3 * n
    distance = np.arange(rows)[:, None] - np.arange(n)
    inside = ((distance >= 0) & (distance < width)).astype(np.float64)
    step, every = lower.itemsize, np.ascontiguousarray(lower.T)

    def seen(flat: FloatArray, frames: int) -> FloatArray:
        return np.lib.stride_tricks.as_strided(
            flat,
            shape=(frames, rows, n),
            strides=(n * width * step, step, (width - 1) * step),
            writeable=False,
        )

    end = np.zeros(n * width + rows * (n + 1))
    end[: n * width] = every[size - n :].reshape(-1)
    return seen(every.reshape(-1), size // n - 1), seen(end, 1)[0], inside
