"""An estimate that becomes better, and where it is after a step: kept, a killed fit goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from mocap.body.fit.solver import Problem, State, Step, Terms
from mocap.core.files.replay import Remember, anew
from mocap.core.shapes import Array, FloatArray, check_shapes


@dataclass(eq=False)
class Estimate:
    """A problem and its solution so far, which become better in their place.

    Poses of a long take are large: nobody else should hold earlier ones.

    Attributes:
        problem: smoothness weights are where to start, then the final ones.
        state: where to start, then the optimum.
    """

    problem: Problem
    state: State


@dataclass(frozen=True, eq=False)
class Reached:
    """A state on the way to an optimum, and all that the next step depends on.

    Attributes:
        ended, converged: whether it is the end, and of what kind.
        damping: of the next step.
        history: (cost,) before the first and after each step.
        turns, root, betas, constants: see `State`.
        turn_weight, root_weight: smoothness of the problem.
        variances: (frame, unknown) that the last step told; (0, 0) where it told none.
        before_turns, before_root, before_betas, before_constants: the state before the last step,
            of no frame where nobody will ask for it.
        cost, curvature, weighted: what keypoints say at the state, see `Terms`; of no frame where
            that is found out again.
    """

    ended: bool
    converged: bool
    damping: float
    history: FloatArray
    turns: FloatArray
    root: FloatArray
    betas: FloatArray
    constants: FloatArray
    turn_weight: FloatArray
    root_weight: FloatArray
    variances: FloatArray
    before_turns: FloatArray
    before_root: FloatArray
    before_betas: FloatArray
    before_constants: FloatArray
    cost: float
    curvature: Array
    weighted: FloatArray

    def __post_init__(self) -> None:
        """Check that the arrays agree."""
        check_shapes(
            self,
            history="cost",
            turns="frame group 3 3",
            root="frame 3",
            betas="shape",
            constants="constant",
            turn_weight="frame group 3",
            root_weight="frame",
        )
        check_shapes(
            self,
            before_turns="frame group 3 3",
            before_root="frame 3",
            before_betas="shape",
            before_constants="constant",
            variances="told unknown",
            curvature="known keypoint 6",
            weighted="known keypoint 3",
        )

    @classmethod
    def after(
        cls,
        estimate: Estimate,
        damping: float,
        history: list[float],
        *,
        before: State | None = None,
        step: Step | None = None,
        terms: Terms | None = None,
        ended: bool = False,
        converged: bool = False,
    ) -> Reached:
        """Return where a minimisation is."""
        problem, state = estimate.problem, estimate.state
        earlier = state.part(slice(0, 0)) if before is None else before
        variances = None if step is None else step.variances
        told = Terms(0.0, np.zeros((0, 0, 6)), np.zeros((0, 0, 3))) if terms is None else terms
        return cls(
            ended=ended,
            converged=converged,
            damping=damping,
            history=np.array(history),
            turns=state.turns,
            root=state.root,
            betas=state.betas,
            constants=state.constants,
            turn_weight=problem.turn_weight,
            root_weight=problem.root_weight,
            variances=np.zeros((0, 0)) if variances is None else variances,
            before_turns=earlier.turns,
            before_root=earlier.root,
            before_betas=earlier.betas,
            before_constants=earlier.constants,
            **told._asdict(),
        )

    @property
    def state(self) -> State:
        """The state."""
        return State(self.turns, self.root, self.betas, self.constants)

    @property
    def before(self) -> State:
        """The state before the last step; the state itself where nobody will ask for it."""
        if not len(self.before_root):
            return self.state
        return State(self.before_turns, self.before_root, self.before_betas, self.before_constants)

    @property
    def step(self) -> Step | None:
        """What is left of the last step: the variances it told."""
        if not self.variances.size:
            return None
        return Step(np.zeros(0), np.zeros(0), None, self.variances)

    @property
    def terms(self) -> Terms | None:
        """What keypoints say at the state; None where it was not kept."""
        return Terms(self.cost, self.curvature, self.weighted) if len(self.weighted) else None

    def problem(self, problem: Problem) -> Problem:
        """Return the problem with the smoothness that was reached."""
        return replace(problem, turn_weight=self.turn_weight, root_weight=self.root_weight)

    def fits(self, state: State) -> bool:
        """Tell whether it is of the same frames, joints and shape as a state."""
        return all(
            getattr(self, name).shape == getattr(state, name).shape
            for name in ("turns", "root", "betas", "constants")
        )


@runtime_checkable
class Journal(Protocol):
    """Hears of every step, see `told` in `descent.minimise`, and keeps where they led.

    A fit minimises several times, always in the same order: what was kept belongs to the first,
    the second, ...
    """

    def __call__(self) -> None:
        """Hear that a step begins."""

    def reached(self) -> Reached | None:
        """Hear that a minimisation begins; return where it was when it was broken off."""

    def keep(self, reached: Reached) -> None:
        """Take in where the minimisation is; not every step need be kept."""

    def parts(self, name: str) -> Remember:
        """Return what remembers the parts of what comes next: a step, or what follows the last.

        `name` tells it from the others of the same minimisation. Parts of others are forgotten.
        """


def parts_of(told: Callable[[], None] | None, name: str) -> Remember:
    """Return what remembers the parts of what comes next, see `Journal.parts`; nobody may."""
    return told.parts(name) if isinstance(told, Journal) else anew
