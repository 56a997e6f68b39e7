"""Steps of a fit that are kept: a killed fit of a long take goes on within its last step."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mocap.core.body_motion import BodyMotion
from mocap.core.files.replay import KeepTimer, Remember
from mocap.workflow.unfinished import Unfinished

if TYPE_CHECKING:
    from mocap.body.fit.fit import FitResult
    from mocap.body.fit.journal import Reached


@dataclass(frozen=True)
class FittedPerson:
    """A person who was fitted in a run that did not fit all.

    Attributes:
        sha256: of the file of the body.
        figures: JSON, see `FitFigures`.
        error_mm: median of the fit's error.
    """

    sha256: str
    figures: str
    error_mm: float

    def __post_init__(self) -> None:
        """Check that the figures are some."""
        if not isinstance(json.loads(self.figures), dict):
            raise ValueError("figures of a fit that are no table")


@dataclass(frozen=True)
class FitEnded:
    """How a fit ended whose motion is kept.

    Attributes:
        converged: whether it had.
    """

    converged: bool


def kept_motion(
    pieces: Unfinished, person: int, fitted: Callable[[], FitResult]
) -> tuple[BodyMotion, bool]:
    """Return the motion of a person's fit and whether it had converged; kept if it took long."""
    timer = KeepTimer()
    motion = pieces.piece(f"motion_{person}", BodyMotion)
    ended = pieces.piece(f"ended_{person}", FitEnded)
    if motion is not None and ended is not None:
        return motion, ended.converged
    found = fitted()
    if timer.due():
        pieces.keep(f"motion_{person}", found.motion, pack=False)
        pieces.keep(f"ended_{person}", FitEnded(found.status.converged))
    return found.motion, found.status.converged


class KeptSteps:
    """Counts the steps of one fit aloud and keeps them; a `Journal` of `mocap.body.fit`."""

    def __init__(self, pieces: Unfinished, what: str, told: Callable[[], None]) -> None:
        """Keep among `pieces`, by names that begin with `what`; `told` hears of every step."""
        self._pieces, self._what, self._told = pieces, what, told
        self._number = 0
        self._timer = KeepTimer()

    def __call__(self) -> None:
        """Hear that a step begins."""
        self._told()

    def reached(self) -> Reached | None:
        """Hear that the next minimisation begins; return where it was when a run was killed."""
        from mocap.body.fit.journal import Reached

        self._number += 1
        return self._pieces.piece(self._name, Reached)

    def keep(self, reached: Reached) -> None:
        """Keep where the minimisation is, every so often."""
        if not self._timer.due():
            return
        # Half a gigabyte in an hour at 60 frames per second: packing takes longer than a step.
        self._pieces.keep(self._name, reached, pack=False)
        self._timer.kept()

    def parts(self, name: str) -> Remember:
        """Return what remembers the parts of what comes next, and forget those of anything else.

        They follow from what was kept before: whoever goes on there asks for the same again.
        """
        folder = self._pieces.folder / f"{self._what}_parts"
        mine = folder / f"{self._number}_{name}"
        for other in folder.glob("*"):
            if other != mine:
                shutil.rmtree(other, ignore_errors=True)
        return replace(self._pieces, folder=mine).replay()

    @property
    def _name(self) -> str:
        return f"{self._what}_{self._number}"
