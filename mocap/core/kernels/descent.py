"""Levenberg-Marquardt: downhill by damped steps, whatever is adjusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

# Damping beyond this means that no downhill step exists any more within rounding.
_MAX_DAMPING = 1e8


class Linearised(Protocol):
    """A problem linearised at one state, with its cost there."""

    @property
    def cost(self) -> float:
        """What is made small."""


State = TypeVar("State")
Equations = TypeVar("Equations", bound=Linearised)


@dataclass(frozen=True)
class Damping:
    """How strongly steps are damped at first, and at least."""

    first: float
    least: float


@dataclass(frozen=True)
class Stop:
    """When a descent is at its end: a step that gains less than either, or so many iterations."""

    iterations: int
    gain: float = 0.0
    gain_share: float = 0.0


@dataclass(frozen=True, eq=False)
class Descent(Generic[State]):
    """Where a descent ended: state, cost, iterations, and whether it converged."""

    state: State
    cost: float
    iterations: int
    converged: bool


def descend(
    state: State,
    linearise: Callable[[State], Equations],
    attempt: Callable[[State, Equations, float], tuple[State, float]],
    damping: Damping,
    stop: Stop,
) -> Descent[State]:
    """Return the state of least cost that damped Gauss-Newton steps reach.

    Damping falls tenfold after a step that lowers the cost and grows tenfold after one that does
    not (Marquardt 1963, SIAM J. Appl. Math. 11). The cost never rises. A step that gains less than
    `stop` asks for is the last one; where no step lowers the cost at all the descent has converged
    too.

    Args:
        state: where it begins.
        linearise: gives the equations and the cost at a state.
        attempt: takes state, equations and damping; gives the state after the step and its cost,
            infinite for a step that is out of the question.
        damping: at first and at least.
        stop: when it ends.
    """
    factor = damping.first
    equations = linearise(state)
    for iteration in range(1, stop.iterations + 1):
        candidate, cost = attempt(state, equations, factor)
        if cost < equations.cost:
            gain, enough = equations.cost - cost, max(stop.gain, stop.gain_share * equations.cost)
            state, factor = candidate, max(0.1 * factor, damping.least)
            if gain < enough:
                return Descent(state, cost, iteration, True)
            equations = linearise(state)
        else:
            factor *= 10.0
            if factor > _MAX_DAMPING:
                return Descent(state, equations.cost, iteration, True)
    return Descent(state, equations.cost, stop.iterations, False)
