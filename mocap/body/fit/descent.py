"""Robust Levenberg-Marquardt: steps to the optimum while the smoothness is estimated anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import numpy as np

from mocap.body.fit.journal import Estimate, Journal, Reached, parts_of
from mocap.body.fit.observed import held
from mocap.body.fit.observed.held import Room
from mocap.body.fit.solver import (
    Normals,
    Problem,
    State,
    Step,
    Terms,
    applied,
    cost_of,
    data_terms,
    normals_of,
    one_blas_thread,
)
from mocap.core.errors import BodyError
from mocap.core.files.replay import Remember, anew
from mocap.core.shapes import FloatArray

T = TypeVar("T")

# Steps whose cost falls by less than this share end the iteration: far below what noise decides.
RELATIVE_CHANGE = 1e-4
MAX_ITERATIONS = 30

# Next to none: the factor of a step also tells variances, those of weakly known twists too.
_FIRST_DAMPING = 1e-9
_LARGEST_DAMPING = 1e4

# A matrix damped by more than this says too little of the uncertainty.
_SLIGHT_DAMPING = 1e-4


class Equations(Protocol):
    """Normal equations that can be solved: `Normals`, or windows of them."""

    @property
    def cost(self) -> float:
        """The cost where they were made."""

    def step(self, damping: float) -> Step | None:
        """Return a step, see `Normals.step`."""


@dataclass(frozen=True)
class Status:
    """How the optimisation ended.

    Attributes:
        converged: the last step changed the cost by less than the limit.
        iterations: steps taken.
        cost: before the first and after each step; reweighting the smoothness changes it too.
    """

    converged: bool
    iterations: int
    cost: tuple[float, ...]


class Rescale(Protocol):
    """Estimates smoothness weights, `Problem.turn_weight` and `Problem.root_weight`, anew."""

    def __call__(
        self, problem: Problem, state: State, before: State, step: Step | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the weights; the last step led from `before` to the state.

        `step` is what was found on the way: its factor, or variances.
        """


class Linearise(Protocol):
    """Makes the normal equations at a state."""

    def __call__(
        self,
        problem: Problem,
        state: State,
        terms: Terms,
        *,
        variances: bool,
        remember: Remember = anew,
    ) -> Equations:
        """Return them; with `variances` their step tells those of accelerations, or its factor.

        Of a long take `remember` keeps parts of the step.
        """


class WholeEquations:
    """Normal equations of a whole take at once; their step has a factor."""

    def __init__(self, problem: Problem, state: State, terms: Terms, room: Room) -> None:
        """Make them in a room."""
        self._at, self._room = (problem, state, terms), room
        self._normals: Normals | None = normals_of(problem, state, terms, room=room)
        self.cost = self._normals.cost

    def step(self, damping: float) -> Step | None:
        """Return a step, see `Normals.step`; they are made again for a second one."""
        normals = self._normals or normals_of(*self._at, room=self._room)
        self._normals = None
        return normals.step(damping)


def whole(room: Room) -> Linearise:
    """Return what makes the equations of a whole take in a room."""

    def linearise(
        problem: Problem,
        state: State,
        terms: Terms,
        *,
        variances: bool,
        remember: Remember = anew,
    ) -> WholeEquations:
        return WholeEquations(problem, state, terms, room)

    return linearise


def improve(
    estimate: Estimate,
    rescale: Rescale | None = None,
    rescalings: int = 0,
    linearise: Linearise | None = None,
    told: Callable[[], None] | None = None,
) -> Status:
    """Bring an estimate to the optimum, and return how it went.

    Args:
        estimate: where to start.
        rescale: estimates the smoothness weights anew; called before each of the steps 2, 3, ...
        rescalings: how often.
        linearise: makes the normal equations; `fit_windows` has one for long takes. By default
            those of the whole take.
        told: called before every step; a `Journal` keeps what long takes have reached as well.

    Raises:
        BodyError: the matrix is not positive definite however much it is damped: a value is not
            finite.
    """
    with one_blas_thread():
        made = linearise or whole(Room())
        return _improve(estimate, rescale, rescalings, made, told or _nobody)


def _nobody() -> None:
    """Hear that a step begins, and do nothing."""


def _improve(
    estimate: Estimate,
    rescale: Rescale | None,
    rescalings: int,
    linearise: Linearise,
    told: Callable[[], None],
) -> Status:
    journal = told if isinstance(told, Journal) else None
    reached = journal.reached() if journal is not None else None
    before: State = estimate.state
    step: Step | None = None
    damping, history, converged = _FIRST_DAMPING, list[float](), False
    terms: Terms | None = None
    if reached is not None and reached.fits(estimate.state):
        estimate.state, estimate.problem = reached.state, reached.problem(estimate.problem)
        before, step = reached.before, reached.step
        damping, history, terms = reached.damping, reached.history.tolist(), reached.terms
        if reached.ended:
            return Status(reached.converged, len(history) - 1, tuple(history))
    del reached
    first = max(len(history) - 1, 0)
    remember = parts_of(told, str(first))
    terms = terms or data_terms(estimate.problem, estimate.state, remember)
    history = history or [cost_of(estimate.problem, estimate.state, terms)]
    for iteration in range(first, MAX_ITERATIONS):
        told()
        remember = remember if iteration == first else parts_of(told, str(iteration))
        adapting = rescale is not None and 0 < iteration <= rescalings
        if adapting and rescale is not None:
            turn, root = rescale(estimate.problem, estimate.state, before, step)
            estimate.problem = replace(estimate.problem, turn_weight=turn, root_weight=root)
        # What is not needed any more is let go before the next step asks for room.
        step, before = None, estimate.state
        again = rescale is not None and iteration < rescalings
        normals = linearise(
            estimate.problem, estimate.state, terms, variances=again, remember=remember
        )
        earlier = normals.cost
        found = _better(estimate.problem, estimate.state, normals, damping, remember)
        del normals
        if found is None:
            converged = True
            break
        (estimate.state, terms, step), cost, damping = found
        del found
        history.append(cost)
        settled = earlier - cost < RELATIVE_CHANGE * earlier
        if settled and iteration >= rescalings:
            converged = True
            break
        if journal is not None and (step is None or step.lower is None):
            asked = before if again and (step is None or step.variances is None) else None
            said = terms if len(terms.weighted) > held.KEPT_FRAMES else None
            journal.keep(
                Reached.after(estimate, damping, history, before=asked, step=step, terms=said)
            )
    if journal is not None:
        journal.keep(Reached.after(estimate, damping, history, ended=True, converged=converged))
    return Status(converged, len(history) - 1, tuple(history))


Better = tuple[State, Terms, Step | None]


def _better(
    problem: Problem, state: State, normals: Equations, damping: float, remember: Remember
) -> tuple[Better, float, float] | None:
    """Return a better state, its cost and the next damping; None when there is none.

    With the state come what keypoints say there and the step, where it tells the uncertainty.
    """
    if not np.isfinite(normals.cost):
        raise BodyError(
            "the body cannot be fitted: a keypoint or its covariance is not finite. "
            "Run `mocap triangulate` and `mocap smooth` again."
        )

    def attempt(damping: float) -> tuple[Better, float] | None:
        step = normals.step(damping)
        if step is None:
            return None
        trial = applied(problem, state, step)
        terms = data_terms(problem, trial, remember)
        return (trial, terms, step if damping <= _SLIGHT_DAMPING else None), cost_of(
            problem, trial, terms
        )

    return lowered(attempt, normals.cost, damping)


def lowered(
    attempt: Callable[[float], tuple[T, float] | None], cost: float, damping: float
) -> tuple[T, float, float] | None:
    """Return a state of less cost, its cost and the next damping; None when there is none.

    `attempt` takes the damping of Levenberg and Marquardt and returns a state with its cost, or
    None when the damped matrix is not positive definite. The damping grows tenfold until the cost
    falls; after that it falls to a fifth.
    """
    while damping < _LARGEST_DAMPING:
        tried = attempt(damping)
        if tried is not None and tried[1] < cost:
            return tried[0], tried[1], max(0.2 * damping, 1e-9)
        damping = max(10.0 * damping, 1e-4)
    return None
