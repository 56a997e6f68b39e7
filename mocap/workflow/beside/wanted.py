"""What a run is to do, for those who do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap.capture.session import Take
from mocap.workflow.choices import Choices
from mocap.workflow.pipeline import Outcome
from mocap.workflow.progress import Progress


@dataclass(frozen=True)
class Wanted:
    """What a run is to do.

    Attributes:
        root: folder of the session.
        choices: of all takes.
        stages: names, in the order of the table.
        from_stage: this stage and those after it run even when they are current.
        accept: go on with a calibration whose verdict is FAIL.
    """

    root: Path
    choices: Choices
    stages: tuple[str, ...]
    from_stage: str | None
    accept: bool

    def parts(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return what keeps every processor busy, what leads to where takes of a person meet for
        their shape, and the rest."""
        split = self.stages.index("fit") if "fit" in self.stages else len(self.stages)
        return self.stages[:1], self.stages[1:split], self.stages[split:]

    def start(self, part: Sequence[str]) -> str | None:
        """Return from which stage of a part on all is made again."""
        if self.from_stage is None or self.from_stage in part:
            return self.from_stage
        earlier = self.stages.index(self.from_stage) < self.stages.index(part[0])
        return part[0] if earlier else None


Runner = Callable[
    [Wanted, Sequence[Take], Progress, dict[str, str] | None], dict[str, list[Outcome]]
]
"""Runs takes, tells how, notes why some failed (or raises, where nobody wants to know), and returns
what happened to each stage, by take."""
