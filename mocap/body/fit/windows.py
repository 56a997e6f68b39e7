"""Takes of any length: the normal equations window by window, so that memory does not grow.

The normal matrix of a frame takes about 80 kB. The frames are eliminated in their order, window by
window; what those before a window leave to it (the Schur complement on its first two frames) is
exact. Of those after it a window sees a margin, beyond which poses are held as they are: the poses
of frames that lie a second apart hardly know of each other. At the optimum the gradient is zero in
every window, so that windows lead to the very optimum of the whole take (as restricted Schwarz
methods do: Cai & Sarkis 1999): shape, damping and smoothness are those of the whole take, and there
are no seams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np

from mocap.body.fit import descent
from mocap.body.fit.descent import Equations, Linearise, Rescale, Status
from mocap.body.fit.journal import Estimate
from mocap.body.fit.kernels import data_normals
from mocap.body.fit.observed import held
from mocap.body.fit.observed.held import LONG_FRAMES, Room, unpacked
from mocap.body.fit.prior_kernels import anatomy_normals, smoothness_normals
from mocap.body.fit.selected_inverse import invert_band
from mocap.body.fit.solver import (
    Normals,
    Problem,
    State,
    Step,
    Terms,
    cholesky,
    cost_of,
    damped,
)
from mocap.body.shape_prior import prior_terms
from mocap.core.files.replay import Remember, anew
from mocap.core.kernels.band import solve_backward, solve_forward
from mocap.core.shapes import FloatArray

# A take of up to this many frames is solved at once. About 0.8 GB; a body with fingers, whose
# frames take several times as much, is solved in shorter windows, about 2 GB.
WINDOW_FRAMES = 4000
BODY_UNKNOWNS = 60

# Frames after a window that are solved for but not kept. Mostly a pose forgets its neighbours
# within ten frames; where the twist of a limb is told by nothing but smoothness, in forty at 60
# frames per second. After 200 of those some twists still differed by degrees from the whole take's
# when the iteration ended, after 300 by 0.06 degrees at most.
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
    count = int(np.ceil(frames / (longest - MARGIN_FRAMES)))
    edges = [round(each) for each in np.linspace(0, frames, count + 1)]
    found = []
    for first, end in pairwise(edges):
        solved = slice(first, min(end + MARGIN_FRAMES, frames))
        seen = slice(max(first - _REACH, 0), min(solved.stop + _REACH, frames))
        found.append(Window(slice(first, end), solved, seen))
    return found


def improve(
    estimate: Estimate,
    rescale: Rescale | None = None,
    rescalings: int = 0,
    told: Callable[[], None] | None = None,
) -> Status:
    """Bring an estimate to the optimum as `descent.improve` does, of a take of any length.

    Raises:
        BodyError: as there.
    """
    longest = window_frames(estimate.problem.layout.tree.unknowns)
    linearise = by_windows(Room()) if len(estimate.state.root) > longest else None
    return descent.improve(estimate, rescale, rescalings, linearise, told)


def by_windows(room: Room) -> Linearise:
    """Return what makes the normal equations of a long take, each window's in the same room."""

    def linearise(
        problem: Problem, state: State, terms: Terms, *, variances: bool, remember: Remember = anew
    ) -> Equations:
        return WindowEquations(
            problem, state, terms, variances=variances, room=room, remember=remember
        )

    return linearise


def window_normals(
    problem: Problem, state: State, terms: Terms, window: Window, room: Room | None = None
) -> Normals:
    """Return the normal equations of the poses in a window; frames beyond it are known.

    The person's part is that of the kept frames alone, without any prior of a person. The band is
    made in the room.
    """
    tree, seen = problem.layout.tree, window.seen
    unknowns, known = tree.unknowns, problem.shape_is_known
    betas = 0 if known else len(state.betas)
    person = betas + len(state.constants)
    size = (seen.stop - seen.start) * unknowns
    band, gradient = (room or Room()).zeros(size, 2 * unknowns + 3), np.zeros(size)
    coupling = np.zeros((size, person))
    whole = np.zeros((person, person)), np.zeros(person)
    nobody = np.zeros((person, person)), np.zeros(person)
    shape = problem.layout.shape(state.betas, fixed=known)
    anatomy = problem.anatomy
    anatomy = anatomy._replace(constant_weight=np.zeros_like(anatomy.constant_weight))
    for frames, of_person in (
        (window.kept, whole),
        (slice(window.kept.stop, window.solved.stop), nobody),
    ):
        rows = slice((frames.start - seen.start) * unknowns, (frames.stop - seen.start) * unknowns)
        there, said = state.part(frames), terms.part(frames)
        arrays = band[rows], gradient[rows], coupling[rows], *of_person
        data_normals(tree, shape, there.turns, there.root, unpacked(said.curvature),
                     said.weighted, *arrays)  # fmt: skip
        anatomy_normals(tree, anatomy, there.turns, there.constants, *arrays)
    smoothness_normals(
        tree, state.turns[seen], state.root[seen], problem.turn_weight[seen],
        problem.root_weight[seen], band, gradient,
    )  # fmt: skip
    first = (window.solved.start - seen.start) * unknowns
    rows = slice(first, first + (window.solved.stop - window.solved.start) * unknowns)
    return Normals(band[rows], gradient[rows], coupling[rows], *whole, terms.cost)


@dataclass(frozen=True, eq=False)
class Part:
    """A window whose poses have been eliminated.

    Attributes:
        window: its frames.
        lower: (distance, unknown) Cholesky factor of the frames that were solved for.
        solved: (unknown, 1 + person) of the kept frames: the inverse of the poses' matrix times
            gradient and coupling.
        matrix, gradient: what the kept frames say about the person once every pose follows.
    """

    window: Window
    lower: FloatArray
    solved: FloatArray
    matrix: FloatArray
    gradient: FloatArray


Tell = Callable[[Part], tuple[Any, ...]]
"""Takes numbers and arrays out of a window; its factor is there until the next is made."""


def told_by_windows(
    problem: Problem,
    state: State,
    terms: Terms,
    damping: float,
    tell: Tell,
    *,
    room: Room | None = None,
    remember: Remember = anew,
) -> Iterator[tuple[Window, tuple[Any, ...] | None]]:
    """Yield the windows of a take one after the other with what `tell` finds in each.

    None where a matrix is not definite. Of a long take `remember` keeps what was found.
    """
    frames, unknowns = len(state.root), problem.layout.tree.unknowns
    kept = remember if frames > held.KEPT_FRAMES else anew
    room, left = room or Room(), None

    def found(window: Window, left: Left | None) -> tuple[Any, ...]:
        made = _eliminated(problem, state, terms, damping, window, left, room)
        return () if made is None else (*tell(made[0]), made[1].matrix, made[1].right)

    for window in windows(frames, unknowns):
        told = kept(partial(found, window, left))
        if not told:
            yield window, None
            return
        left = Left(*told[-2:])
        yield window, told[:-2]


def _eliminated(
    problem: Problem,
    state: State,
    terms: Terms,
    damping: float,
    window: Window,
    left: Left | None,
    room: Room,
) -> tuple[Part, Left] | None:
    """Eliminate the poses of a window; return what it leaves to the next, too."""
    normals = window_normals(problem, state, terms, window, room)
    band = damped(normals.band, damping)
    right = np.column_stack([normals.gradient, normals.coupling])
    if left is not None:
        left.subtract(band, right)
    lower = cholesky(band)
    if lower is None:
        return None
    solve_forward(lower.T, right)
    unknowns = problem.layout.tree.unknowns
    rows = window.kept_rows(unknowns)
    after = Left(np.zeros((0, 0)), right[:0])
    if window.kept.stop < len(state.root):
        after = left_by(lower, right, rows.stop, unknowns)
    solve_backward(lower.T, right)
    kept, coupling = right[rows], normals.coupling[rows]
    matrix = normals.person_hessian - coupling.T @ kept[:, 1:]
    return Part(
        window, lower, kept, matrix, normals.person_gradient - coupling.T @ kept[:, 0]
    ), after


@dataclass(frozen=True, eq=False)
class Left:
    """What eliminated frames leave to the two after them.

    Attributes:
        matrix: (unknown, unknown) to be taken from their matrix.
        right: (unknown, 1 + person) to be taken from their right side.
    """

    matrix: FloatArray
    right: FloatArray

    def subtract(self, band: FloatArray, right: FloatArray) -> None:
        """Take it from the band and the right side of a window that begins with the two frames."""
        size = len(self.matrix)
        rows, columns = np.tril_indices(size)
        near = rows - columns < band.shape[1]
        rows, columns = rows[near], columns[near]
        band[columns, rows - columns] -= self.matrix[rows, columns]
        right[:size] -= self.right


def left_by(lower: FloatArray, forward: FloatArray, end: int, unknowns: int) -> Left:
    """Return what the unknowns before `end` leave to those after them.

    Args:
        lower: (distance, unknown) Cholesky factor L of both.
        forward: (unknown, 1 + person) L^-1 times the right side.
        end: the first unknown that is not eliminated.
        unknowns: of a frame.
    """
    reach = _REACH * unknowns
    rows, columns = np.indices((reach, reach))
    distance = reach + rows - columns
    inside = distance < len(lower)
    below = np.zeros((reach, reach))  # of L: rows after, columns before
    below[inside] = lower[distance[inside], end - reach + columns[inside]]
    return Left(below @ below.T, below @ forward[end - reach : end])


def accelerations_told(part: Part, unknowns: int, frames: int) -> FloatArray:
    """Return the variances of accelerations (frame, unknown) that a window tells.

    They are small differences of large numbers: all of one must be of the same window. It tells
    those about the frames after its first, and the first after its last.
    """
    kept = part.window.kept
    end = min(kept.stop + 1, frames)
    inverse = invert_band(part.lower, unknowns, blocks=False)
    return inverse.accelerations()[1 : end - kept.start]


def put_accelerations(out: FloatArray, window: Window, told: FloatArray) -> None:
    """Put what a window tells into the variances (frame, unknown) of a take."""
    first = window.kept.start + 1
    out[first : first + len(told)] = told


class WindowEquations:
    """Normal equations of a long take at a state, made and solved window by window."""

    def __init__(
        self,
        problem: Problem,
        state: State,
        terms: Terms,
        *,
        variances: bool = False,
        room: Room | None = None,
        remember: Remember = anew,
    ) -> None:
        """Prepare; `problem`, `state` and `terms` are those of the whole take."""
        self._remember = remember
        self._room = room or Room()
        self._problem = problem
        self._state = state
        self._terms = terms
        self._variances = variances

    @cached_property
    def cost(self) -> float:
        """The cost at the state."""
        return cost_of(self._problem, self._state, self._terms)

    def step(self, damping: float) -> Step | None:
        """Return the step to the minimum; None if a matrix is not positive definite."""
        matrix, gradient = self._prior()
        unknowns, frames = self._problem.layout.tree.unknowns, len(self._state.root)
        variances = np.zeros((frames, unknowns)) if self._variances else None
        poses = np.zeros(frames * unknowns)
        # How poses follow the person: by far the largest array of a take, and no result. What it
        # leaves of a step, a thousandth of what the shape did to the poses, the next step corrects.
        dtype = np.float16 if frames > LONG_FRAMES else np.float32
        follow = np.zeros((frames * unknowns, len(gradient)), dtype=dtype)

        def tell(part: Part) -> tuple[Any, ...]:
            asked = np.zeros((0, unknowns))
            if variances is not None:
                asked = accelerations_told(part, unknowns, frames)
            solved = part.solved
            return part.matrix, part.gradient, -solved[:, 0], solved[:, 1:].astype(dtype), asked

        for window, told in told_by_windows(
            self._problem, self._state, self._terms, damping, tell, room=self._room,
            remember=self._remember,
        ):  # fmt: skip
            if told is None:
                return None
            matrix += told[0]
            gradient += told[1]
            rows = slice(window.kept.start * unknowns, window.kept.stop * unknowns)
            poses[rows], follow[rows] = told[2], told[3]
            if variances is not None:
                put_accelerations(variances, window, told[4])
        if not len(gradient):
            return Step(poses, np.zeros(0), None, variances)
        # Rows of two windows are not exactly each other's mirror image.
        person = -np.asarray(np.linalg.solve(0.5 * (matrix + matrix.T), gradient))
        for column, change in enumerate(person):
            poses -= follow[:, column] * change
        return Step(poses, person, None, variances)

    def _prior(self) -> tuple[FloatArray, FloatArray]:
        """Return what is known of the person before: (person, person) and half gradient."""
        problem, state = self._problem, self._state
        betas = 0 if problem.shape_is_known else len(state.betas)
        size = betas + len(state.constants)
        matrix, gradient = np.zeros((size, size)), np.zeros(size)
        if problem.ridge is not None:
            _, pull, precision = prior_terms(problem.shape_prior, state.betas)
            matrix[:betas, :betas] += problem.ridge * precision
            gradient[:betas] += problem.ridge * pull
        weight = problem.anatomy.constant_weight
        matrix[betas:, betas:] += np.diag(weight)
        gradient[betas:] += weight * state.constants
        return matrix, gradient
