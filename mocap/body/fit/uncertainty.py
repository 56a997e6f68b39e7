"""Standard deviations of the fitted rotations, from the inverse of the normal matrix.

Only the 3x3 blocks on the diagonal of the inverse are wanted. They follow from the banded
Cholesky factor by the recursion of Takahashi, Fagan and Chen (1973), here frame by frame with
dense blocks: time stays linear in the frames. The shape is taken as known.

The fit counts the anatomical prior in every frame, as if each were a new witness. For the
uncertainty that would be dishonest, a posture is held: here the prior counts once in about
`POSTURE_S`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dtrtri

from mocap.body.fit.layout import PRIOR_FPS, Layout
from mocap.body.fit.solver import Problem, State, factor, one_blas_thread
from mocap.body.fit.windows import window_normals, windows
from mocap.core.errors import BodyError
from mocap.core.shapes import FloatArray

# How long people keep a posture: frames within it are one witness of what is usual.
POSTURE_S = 1.0


def frame_sigmas_deg(problem: Problem, state: State) -> FloatArray:
    """Return the standard deviation (frame, group) of rotations about their worst axis, degrees.

    Raises:
        BodyError: the normal matrix is not positive definite.
    """
    # The prior's weights hold for a frame at PRIOR_FPS.
    once = 1.0 / (POSTURE_S * PRIOR_FPS)
    anatomy = problem.anatomy._replace(
        weight=once * problem.anatomy.weight, limit_weight=once * problem.anatomy.limit_weight
    )
    careful = replace(problem, anatomy=anatomy)
    parts = [
        rotation_sigmas_deg(problem.layout, inverse.blocks[kept])
        for inverse, kept in selected_inverses(careful, state)
    ]
    return np.concatenate(parts)


def acceleration_variances(
    problem: Problem, state: State, lower: FloatArray | None = None
) -> FloatArray:
    """Return the posterior variance of each unknown's second difference (frame, unknown).

    Rotations count in their own axes; zero in the first and the last frame. `lower` is the
    Cholesky factor of the whole take's matrix, when it is known.

    Raises:
        BodyError: the normal matrix is not positive definite.
    """
    parts = []
    for inverse, kept in _inverses(problem, state, lower):
        now = np.diagonal(inverse.blocks, axis1=1, axis2=2)
        out = np.zeros_like(now)
        out[1:-1] = now[2:] + 4.0 * now[1:-1] + now[:-2]
        out[1:-1] += 2.0 * inverse.two_later[:-2]
        out[1:-1] -= 4.0 * (inverse.one_later[1:-1] + inverse.one_later[:-2])
        parts.append(np.maximum(out[kept], 0.0))
    return np.concatenate(parts)


@dataclass(frozen=True, eq=False)
class SelectedInverse:
    """What is wanted of the inverse of the poses' normal matrix.

    Attributes:
        blocks: (frame, unknown, unknown) covariance of a frame.
        one_later, two_later: (frame, unknown) covariance of an unknown with itself one and two
            frames later; zero where there is no such frame.
    """

    blocks: FloatArray
    one_later: FloatArray
    two_later: FloatArray


def _inverses(
    problem: Problem, state: State, lower: FloatArray | None
) -> Iterator[tuple[SelectedInverse, slice]]:
    if lower is None:
        yield from selected_inverses(problem, state)
        return
    with one_blas_thread():
        yield invert_band(lower, problem.layout.tree.unknowns), slice(None)


def selected_inverses(problem: Problem, state: State) -> Iterator[tuple[SelectedInverse, slice]]:
    """Yield the wanted part of the inverse of the normal matrix at a state, window by window.

    With it come the frames that the window stands for, counted in the window; those before and
    after are not as precise.

    Raises:
        BodyError: the normal matrix is not positive definite.
    """
    for window in windows(len(state.root), problem.layout.tree.unknowns):
        with one_blas_thread():
            lower = factor(window_normals(problem, state, window).band, 0.0)
            if lower is None:
                raise BodyError(
                    "the uncertainty of the body cannot be computed: its normal matrix is not "
                    "positive definite. Check the covariances of the keypoints."
                )
            yield invert_band(lower, problem.layout.tree.unknowns), window.kept_frames


def invert_band(lower: FloatArray, n: int) -> SelectedInverse:
    """Return the wanted part of the inverse of L L' given L (distance, row) of frames of n.

    With the two frames after t as S, Z_SS the inverse there and F = L_SS-column of frame t:
    Z_St = -Z_SS F L_tt^-1 and Z_tt = L_tt^-T L_tt^-1 - (F L_tt^-1)' Z_St.
    """
    frames, reach = lower.shape[1] // n, 2 * n
    columns, inside = _frame_columns(lower, n)
    blocks = np.zeros((frames, n, n))
    diagonals = np.zeros((2, frames, n))  # of the covariance with the two frames after
    later = np.zeros((reach, reach))  # the inverse over the two frames after t
    column = np.zeros((n + reach, n))
    for t in range(frames - 1, -1, -1):
        np.multiply(columns[t], inside, out=column)
        inverse, _ = dtrtri(column[:n], lower=1)
        below = column[n:] @ inverse
        cross = later @ below
        block = inverse.T @ inverse + below.T @ cross
        blocks[t] = 0.5 * (block + block.T)
        flat = cross.reshape(-1)
        diagonals[0, t], diagonals[1, t] = flat[: n * n : n + 1], flat[n * n :: n + 1]
        later[n:, n:] = later[:n, :n]
        later[:n, :n] = blocks[t]
        later[n:, :n] = -cross[:n]
        later[:n, n:] = -cross[:n].T
    return SelectedInverse(blocks, -diagonals[0], -diagonals[1])


def _frame_columns(lower: FloatArray, n: int) -> tuple[FloatArray, FloatArray]:
    """Return the columns of L of each frame (frame, 3 n, n), and a mask (3 n, n) of zeros and ones.

    Column c of a frame begins at its own row: stepping one row less per column aligns them. What
    that shows beyond the band belongs to other columns and is to be masked.
    """
    width, size = lower.shape
    rows = 3 * n
    flat = np.zeros(size * width + rows * (n + 1))
    flat[: size * width].reshape(size, width)[:] = lower.T
    step = flat.itemsize
    columns = np.lib.stride_tricks.as_strided(
        flat,
        shape=(size // n, rows, n),
        strides=(n * width * step, step, (width - 1) * step),
        writeable=False,
    )
    distance = np.arange(rows)[:, None] - np.arange(n)
    return columns, ((distance >= 0) & (distance < width)).astype(np.float64)


def rotation_sigmas_deg(layout: Layout, covariance: FloatArray) -> FloatArray:
    """Return the standard deviation (frame, group) about the worst axis, in degrees."""
    out = np.zeros((len(covariance), len(layout.groups)))
    for group, columns in enumerate(layout.tree.columns):
        kept = columns[columns >= 0]
        blocks = covariance[:, kept[:, None], kept[None, :]]
        out[:, group] = np.sqrt(np.linalg.eigvalsh(blocks)[:, -1])
    return np.rad2deg(out)
