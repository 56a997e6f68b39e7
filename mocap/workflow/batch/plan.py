"""What a batch has to do: the steps of every take by the table of stages, and what waits for what.

A take is a chain of stages. Takes of one session wait for its calibration; takes of one subject
meet where a stage wants the shape that all of them tell together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap.capture.session import Session, Take
from mocap.capture.session_file import Subject
from mocap.core.errors import InputError
from mocap.workflow.choices import ALL_TAKES, NO_TAKES, Choices
from mocap.workflow.measure.importing import is_imported
from mocap.workflow.run import chosen_takes, stages_of

CALIBRATE = "calibrate"
SHAPE = "shape"
"""What a take says of the shape of its subject, before the takes meet for the fit."""


@dataclass(frozen=True)
class Step:
    """One stage of one take, or the calibration of a session.

    Attributes:
        root: folder of the session.
        take: name; "" for the calibration.
        stage: name in the table of stages, or "calibrate" or "shape".
        after: keys of the steps of the same take that must have gone well.
        beside: keys of steps of other takes that must have ended, well or not.
    """

    root: Path
    take: str
    stage: str
    after: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same for the same step, and no other's."""
        return key_of(self.root, self.take, self.stage)


def key_of(root: Path, take: str, stage: str) -> str:
    """Return the key of a step."""
    return f"{root}|{take}|{stage}"


def plan(sessions: Sequence[Session], choices: Choices) -> list[Step]:
    """Return the steps of every take of some sessions, each after those it waits for.

    Raises:
        InputError: a session is named twice.
        SessionError: a session has no take.
    """
    roots = [session.root.resolve() for session in sessions]
    for root in roots:
        if roots.count(root) > 1:
            raise InputError(f"session {root} was named twice. Name each once.")
    return [step for session in sessions for step in _steps(session, choices)]


def _steps(session: Session, choices: Choices) -> list[Step]:
    root, takes = session.root.resolve(), chosen_takes(session, ())
    stages = stages_of(choices)
    steps: list[Step] = []
    first: tuple[str, ...] = ()
    if not all(is_imported(take) for take in takes):
        calibrate = Step(root, "", CALIBRATE)
        steps, first = [calibrate], (calibrate.key,)
    others_of = companions(takes, choices)
    for take in takes:
        before = first
        meets = take.name in others_of
        for stage in stages if not meets else _with_shape(stages):
            others = others_of[take.name] if stage == "fit" and meets else ()
            beside = tuple(key_of(root, other, SHAPE) for other in others)
            steps.append(Step(root, take.name, stage, before, beside))
            before = (steps[-1].key,)
    # Take by take, but where a step waits for other takes it comes after theirs.
    late = stages[stages.index("fit") :] if "fit" in stages else ()
    return sorted(steps, key=lambda step: step.stage in late)


def _with_shape(stages: Sequence[str]) -> list[str]:
    place = stages.index("fit")
    return [*stages[:place], SHAPE, *stages[place:]]


def companions(takes: Sequence[Take], choices: Choices) -> dict[str, tuple[str, ...]]:
    """Return the other takes that tell the shape of a take's subject, for takes that ask them."""
    wanted = choices.fit.subject_shape if choices.fit else NO_TAKES
    found: dict[str, tuple[str, ...]] = {}
    if wanted == NO_TAKES:
        return found
    for take in takes:
        if wanted == ALL_TAKES and _subject(take) is None:
            continue
        others = [each for each in takes if each.name != take.name]
        if wanted == ALL_TAKES:
            others = [each for each in others if _subject(each) == _subject(take)]
        else:
            others = [each for each in others if each.name == wanted]
        found[take.name] = tuple(each.name for each in others)
    return found


def _subject(take: Take) -> Subject | None:
    """Return who is in a take; what is wrong with take.toml is said by the step that reads it."""
    try:
        return take.subject()
    except InputError:
        return None
