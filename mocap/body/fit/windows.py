"""Takes of any length: the normal equations window by window, so that memory does not grow.

The normal matrix of a frame takes about 80 kB and its factors as much again, several times. But
the poses of frames that lie a second apart hardly know of each other: the rows of the inverse that
belong to some frames are found from the matrix of a window around them. Its first and last frames
are the margin; what lies beyond is held as it is. At the optimum the gradient is zero in every
window, so that windows lead to the very optimum of the whole take (a restricted additive Schwarz
method: Cai & Sarkis 1999): shape, damping and smoothness are those of the whole take, and there
are no seams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from mocap.body.fit import descent
from mocap.body.fit.descent import Rescale, Status
from mocap.body.fit.solver import (
    Normals,
    Problem,
    State,
    Step,
    cost_of,
    normals_of,
    poses_eliminated,
)
from mocap.body.shape_prior import prior_terms
from mocap.core.shapes import FloatArray

# A take of up to this many frames is solved at once. About 0.7 GB; a body with fingers, whose
# frames take several times as much, is solved in shorter windows, about 2 GB.
WINDOW_FRAMES = 2400
BODY_UNKNOWNS = 60

# Frames on either side of a window that are solved for but not kept. Mostly a pose forgets its
# neighbours within ten frames; where the twist of a limb is told by nothing but smoothness, in
# forty at 60 frames per second. After 200 of those some twists still differed by degrees from the
# whole take's when the iteration ended, after 300 by 0.06 degrees at most.
MARGIN_FRAMES = 350

# An acceleration ties a frame to the two before and the two after it.
_REACH = 2


@dataclass(frozen=True)
class Window:
    """Frames that are kept, those that are solved for, and those that are looked at.

    Attributes:
        kept, solved, seen: each within the next.
    """

    kept: slice
    solved: slice
    seen: slice

    @property
    def kept_frames(self) -> slice:
        """The kept frames, counted from the first that is solved for."""
        return slice(self.kept.start - self.solved.start, self.kept.stop - self.solved.start)

    def kept_rows(self, unknowns: int) -> slice:
        """Return the rows of the kept frames among those solved for."""
        kept = self.kept_frames
        return slice(kept.start * unknowns, kept.stop * unknowns)


def window_frames(unknowns: int) -> int:
    """Return how many frames of so many unknowns are solved at once.

    Windows that keep less than they have margins would mostly solve twice.
    """
    share = min(1.0, BODY_UNKNOWNS / unknowns) ** 2
    return max(int(share * WINDOW_FRAMES), min(WINDOW_FRAMES, 4 * MARGIN_FRAMES))


def windows(frames: int, unknowns: int = BODY_UNKNOWNS) -> list[Window]:
    """Return the windows of a take; one, if it is short enough."""
    longest = window_frames(unknowns)
    if frames <= longest:
        whole = slice(0, frames)
        return [Window(whole, whole, whole)]
    count = int(np.ceil(frames / (longest - 2 * MARGIN_FRAMES)))
    edges = [round(each) for each in np.linspace(0, frames, count + 1)]

    def wider(part: slice, by: int) -> slice:
        return slice(max(part.start - by, 0), min(part.stop + by, frames))

    found = []
    for first, end in pairwise(edges):
        kept = slice(first, end)
        solved = wider(kept, MARGIN_FRAMES)
        found.append(Window(kept, solved, wider(solved, _REACH)))
    return found


def minimise(
    problem: Problem,
    state: State,
    rescale: Rescale | None = None,
    rescalings: int = 0,
    told: Callable[[], None] | None = None,
) -> tuple[State, Problem, Status]:
    """Return the optimum as `descent.minimise` does, of a take of any length.

    Raises:
        BodyError: as there.
    """
    longest = window_frames(problem.layout.tree.unknowns)
    linearise = WindowEquations if len(state.root) > longest else normals_of
    return descent.minimise(problem, state, rescale, rescalings, linearise, told)


def window_normals(problem: Problem, state: State, window: Window) -> Normals:
    """Return the normal equations of the poses in a window; frames beyond it are known.

    The person's part is that of the frames seen; see `WindowEquations` for the whole.
    """
    whole = normals_of(problem.part(window.seen), state.part(window.seen))
    unknowns = problem.layout.tree.unknowns
    first = (window.solved.start - window.seen.start) * unknowns
    rows = slice(first, first + (window.solved.stop - window.solved.start) * unknowns)
    return replace(
        whole, band=whole.band[rows], gradient=whole.gradient[rows], coupling=whole.coupling[rows]
    )


class WindowEquations:
    """Normal equations of a long take at a state, made and solved window by window."""

    def __init__(self, problem: Problem, state: State) -> None:
        """Prepare; `problem` and `state` are those of the whole take."""
        self._problem = problem
        self._state = state
        self._windows = windows(len(state.root), problem.layout.tree.unknowns)

    @cached_property
    def cost(self) -> float:
        """The cost at the state."""
        return cost_of(self._problem, self._state)

    def step(self, damping: float) -> Step | None:
        """Return the step to the minimum; None if a matrix is not positive definite."""
        matrix, gradient = self._person
        matrix, gradient = matrix.copy(), gradient.copy()
        unknowns = self._problem.layout.tree.unknowns
        parts = []
        for window in self._windows:
            normals = window_normals(self._problem, self._state, window)
            reduced = poses_eliminated(normals, damping)
            if reduced is None:
                return None
            kept = window.kept_rows(unknowns)
            solved = reduced.solved[kept]
            matrix -= normals.coupling[kept].T @ solved[:, 1:]
            gradient -= normals.coupling[kept].T @ solved[:, 0]
            parts.append(solved)
        solved = np.concatenate(parts)
        if not len(gradient):
            return Step(-solved[:, 0], np.zeros(0), None)
        # Rows of two windows are not exactly each other's mirror image.
        person = -np.asarray(np.linalg.solve(0.5 * (matrix + matrix.T), gradient))
        return Step(-solved[:, 0] - solved[:, 1:] @ person, person, None)

    @cached_property
    def _person(self) -> tuple[FloatArray, FloatArray]:
        """Matrix (person, person) and half gradient (person,) of the person, from all frames."""
        problem, state = self._problem, self._state
        betas = 0 if problem.shape_is_known else len(state.betas)
        size = betas + len(state.constants)
        matrix, gradient = np.zeros((size, size)), np.zeros(size)
        for normals in self._data_normals():
            matrix += normals.person_hessian
            gradient += normals.person_gradient
        if problem.ridge is not None:
            _, pull, precision = prior_terms(problem.shape_prior, state.betas)
            matrix[:betas, :betas] += problem.ridge * precision
            gradient[:betas] += problem.ridge * pull
        weight = problem.anatomy.constant_weight
        matrix[betas:, betas:] += np.diag(weight)
        gradient[betas:] += weight * state.constants
        return matrix, gradient

    def _data_normals(self) -> Iterator[Normals]:
        """Yield the equations of the kept frames of each window, without any prior of a person."""
        problem = self._problem
        anatomy = problem.anatomy
        anatomy = anatomy._replace(constant_weight=np.zeros_like(anatomy.constant_weight))
        ridge = None if problem.shape_is_known else 0.0
        bare = replace(problem, anatomy=anatomy, ridge=ridge)
        for window in self._windows:
            yield normals_of(
                bare.part(window.kept), self._state.part(window.kept), smoothness=False
            )
