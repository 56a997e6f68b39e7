"""Standard deviations of the fitted rotations, from the inverse of the normal matrix.

Only the 3x3 blocks on the diagonal of the inverse are wanted. They follow from the banded
Cholesky factor by the recursion of Takahashi, Fagan and Chen (1973), here frame by frame with
dense blocks: time stays linear in the frames. The shape is taken as known.

The fit counts the anatomical prior in every frame, as if each were a new witness. For the
uncertainty that would be dishonest, a posture is held: here the prior counts once in about
`POSTURE_S`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular

from mocap.body.fit_layout import PRIOR_FPS, Layout
from mocap.body.fit_solver import Problem, State, factor, normals_of, one_blas_thread
from mocap.core.errors import BodyError
from mocap.core.shapes import FloatArray

# How long people keep a posture: frames within it are one witness of what is usual.
POSTURE_S = 1.0


def frame_covariances(problem: Problem, state: State) -> FloatArray:
    """Return the posterior covariance of each frame's unknowns (frame, unknown, unknown).

    Raises:
        BodyError: the normal matrix is not positive definite.
    """
    with one_blas_thread():
        # The prior's weights hold for a frame at PRIOR_FPS.
        once = 1.0 / (POSTURE_S * PRIOR_FPS)
        anatomy = problem.anatomy._replace(
            weight=once * problem.anatomy.weight, limit_weight=once * problem.anatomy.limit_weight
        )
        lower = factor(normals_of(replace(problem, anatomy=anatomy), state).band, 0.0)
        if lower is None:
            raise BodyError(
                "the uncertainty of the body cannot be computed: its normal matrix is not "
                "positive definite. Check the covariances of the keypoints."
            )
        return _diagonal_blocks(lower, problem.layout.tree.unknowns)


def _diagonal_blocks(lower: FloatArray, n: int) -> FloatArray:
    """Return the diagonal blocks (frame, n, n) of the inverse of L L' given L (distance, row).

    With the frames after t as S, Z_SS the inverse there and F = L_SS-column of frame t:
    Z_St = -Z_SS L_St L_tt^-1 and Z_tt = L_tt^-T (L_tt^-1 - L_St' Z_St).
    """
    width, size = lower.shape
    frames, reach = size // n, 2 * n
    out = np.zeros((frames, n, n))
    later = np.zeros((reach, reach))  # the inverse over the two frames after t
    for t in range(frames - 1, -1, -1):
        column = np.zeros((n + reach, n))
        for c in range(n):
            kept = min(width, size - t * n - c, n + reach - c)
            column[c : c + kept, c] = lower[:kept, t * n + c]
        inverse = solve_triangular(column[:n], np.eye(n), lower=True, check_finite=False)
        below = column[n:]
        cross = -later @ (below @ inverse)
        block = inverse.T @ (inverse - below.T @ cross)
        block = 0.5 * (block + block.T)
        out[t] = block
        shifted = np.zeros_like(later)
        shifted[:n, :n] = block
        shifted[n:, :n] = cross[:n]
        shifted[:n, n:] = cross[:n].T
        shifted[n:, n:] = later[:n, :n]
        later = shifted
    return out


def rotation_sigmas_deg(layout: Layout, covariance: FloatArray) -> FloatArray:
    """Return the standard deviation (frame, group) about the worst axis, in degrees."""
    out = np.zeros((len(covariance), len(layout.groups)))
    for group, columns in enumerate(layout.tree.columns):
        kept = columns[columns >= 0]
        blocks = covariance[:, kept[:, None], kept[None, :]]
        out[:, group] = np.sqrt(np.linalg.eigvalsh(blocks)[:, -1])
    return np.rad2deg(out)
