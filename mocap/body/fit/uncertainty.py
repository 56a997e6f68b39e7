"""Standard deviations of the fitted rotations, from the inverse of the normal matrix.

Only the 3x3 blocks on the diagonal of the inverse are wanted, see `selected_inverse`. The shape is
taken as known.

The fit counts the anatomical prior in every frame, as if each were a new witness. For the
uncertainty that would be dishonest, a posture is held: here the prior counts once in about
`POSTURE_S`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mocap.body.fit.layout import PRIOR_FPS, Layout
from mocap.body.fit.selected_inverse import (
    SelectedInverse,
    invert_band,
)
from mocap.body.fit.solver import Problem, State, data_terms, one_blas_thread
from mocap.body.fit.windows import Window, keep_accelerations, parts
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
    careful = replace(problem, anatomy=anatomy, ridge=None)
    return np.concatenate(
        [
            rotation_sigmas_deg(problem.layout, inverse.blocks[window.kept_frames])
            for inverse, window in selected_inverses(careful, state)
        ]
    )


def acceleration_variances(
    problem: Problem, state: State, lower: FloatArray | None = None
) -> FloatArray:
    """Return the posterior variance of each unknown's second difference (frame, unknown).

    Rotations count in their own axes; zero in the first and the last frame. `lower` is the
    Cholesky factor of the whole take's matrix, when it is known.

    Raises:
        BodyError: the normal matrix is not positive definite.
    """
    unknowns = problem.layout.tree.unknowns
    if lower is not None:
        with one_blas_thread():
            return invert_band(lower, unknowns, blocks=False).accelerations()
    out = np.zeros((len(state.root), unknowns))
    for inverse, window in selected_inverses(problem, state, blocks=False):
        keep_accelerations(out, inverse, window)
    return out


def selected_inverses(
    problem: Problem, state: State, *, blocks: bool = True
) -> Iterator[tuple[SelectedInverse, Window]]:
    """Yield the wanted part of the inverse of the normal matrix at a state, window by window.

    It is of the frames that the window solves for; those after the kept ones are not as precise.

    Raises:
        BodyError: the normal matrix is not positive definite.
    """
    with one_blas_thread():
        for part in parts(problem, state, data_terms(problem, state), 0.0):
            if part is None:
                raise BodyError(
                    "the uncertainty of the body cannot be computed: its normal matrix is not "
                    "positive definite. Check the covariances of the keypoints."
                )
            unknowns = problem.layout.tree.unknowns
            yield invert_band(part.lower, unknowns, blocks=blocks), part.window


def rotation_sigmas_deg(layout: Layout, covariance: FloatArray) -> FloatArray:
    """Return the standard deviation (frame, group) about the worst axis, in degrees."""
    out = np.zeros((len(covariance), len(layout.groups)))
    for group, columns in enumerate(layout.tree.columns):
        kept = columns[columns >= 0]
        blocks = covariance[:, kept[:, None], kept[None, :]]
        out[:, group] = np.sqrt(np.linalg.eigvalsh(blocks)[:, -1])
    return np.rad2deg(out)
