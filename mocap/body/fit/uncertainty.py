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
from typing import Any

import numpy as np

from mocap.body.fit.layout import PRIOR_FPS, Layout
from mocap.body.fit.selected_inverse import invert_band
from mocap.body.fit.solver import Problem, State, data_terms, one_blas_thread
from mocap.body.fit.windows import (
    Part,
    Tell,
    Window,
    accelerations_told,
    put_accelerations,
    told_by_windows,
)
from mocap.core.errors import BodyError
from mocap.core.files.replay import Remember, anew
from mocap.core.shapes import FloatArray

# How long people keep a posture: frames within it are one witness of what is usual.
POSTURE_S = 1.0


def frame_sigmas_deg(problem: Problem, state: State, remember: Remember = anew) -> FloatArray:
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
    layout = problem.layout

    def tell(part: Part) -> tuple[Any, ...]:
        inverse = invert_band(part.lower, layout.tree.unknowns)
        return (rotation_sigmas_deg(layout, inverse.blocks[part.window.kept_frames]),)

    return np.concatenate([told[0] for _, told in _told(careful, state, tell, remember)])


def acceleration_variances(
    problem: Problem, state: State, lower: FloatArray | None = None
) -> FloatArray:
    """Return the posterior variance of each unknown's second difference (frame, unknown).

    Rotations count in their own axes; zero in the first and the last frame. `lower` is the
    Cholesky factor of the whole take's matrix, when it is known.

    Raises:
        BodyError: the normal matrix is not positive definite.
    """
    frames, unknowns = len(state.root), problem.layout.tree.unknowns
    if lower is not None:
        with one_blas_thread():
            return invert_band(lower, unknowns, blocks=False).accelerations()
    out = np.zeros((frames, unknowns))

    def tell(part: Part) -> tuple[Any, ...]:
        return (accelerations_told(part, unknowns, frames),)

    for window, told in _told(problem, state, tell, anew):
        put_accelerations(out, window, told[0])
    return out


def _told(
    problem: Problem, state: State, tell: Tell, remember: Remember
) -> Iterator[tuple[Window, tuple[Any, ...]]]:
    """Yield what is wanted of the inverse of the normal matrix at a state, window by window.

    Of the frames that a window solves for, those after the kept ones are not as precise.

    Raises:
        BodyError: the normal matrix is not positive definite.
    """
    terms = data_terms(problem, state, remember)
    with one_blas_thread():
        for window, told in told_by_windows(problem, state, terms, 0.0, tell, remember=remember):
            if told is None:
                raise BodyError(
                    "the uncertainty of the body cannot be computed: its normal matrix is not "
                    "positive definite. Check the covariances of the keypoints."
                )
            yield window, told


def rotation_sigmas_deg(layout: Layout, covariance: FloatArray) -> FloatArray:
    """Return the standard deviation (frame, group) about the worst axis, in degrees."""
    out = np.zeros((len(covariance), len(layout.groups)))
    for group, columns in enumerate(layout.tree.columns):
        kept = columns[columns >= 0]
        blocks = covariance[:, kept[:, None], kept[None, :]]
        out[:, group] = np.sqrt(np.linalg.eigvalsh(blocks)[:, -1])
    return np.rad2deg(out)
