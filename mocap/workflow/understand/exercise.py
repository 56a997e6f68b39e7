"""What `mocap exercise` does: which exercise, and each repetition beside the person's own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mocap.capture.session import Take
from mocap.core.files.lock import alone
from mocap.core.files.tables import Table, write_table
from mocap.core.points import Points3D
from mocap.measure.exercises.recognise import NONE, Attempt, attempts
from mocap.measure.segments.points import segments_from_points
from mocap.studio.understand.exercise import write_exercise_page
from mocap.understand.actions import NONE_OF_THESE
from mocap.understand.exercise import ExerciseReading, Span, read_exercise
from mocap.understand.joints import JointClip
from mocap.workflow.results import Results
from mocap.workflow.understand.actions import clip_of, write_reading
from mocap.workflow.understand.lifted import refuse_lifted
from mocap.workflow.version import installed_version

NEVER_CLAIMED = "what differs from the reference is said; right or wrong is never judged"


@dataclass(frozen=True, eq=False)
class ReadSet:
    """A take's repetitions as they were read.

    The exercise is named by examples, and where it is like none of them by its geometry.

    Attributes:
        take: the take.
        person: whose.
        clip: their joints.
        reading: what was read.
        named_by: "examples", "geometry", or "" where it is none of the exercises.
    """

    take: Take
    person: int
    clip: JointClip
    reading: ExerciseReading
    named_by: str

    @property
    def root(self) -> Path:
        """Folder of the take."""
        return self.take.root


def read_set(take: Take, *, person: int | None = None, reference: Take | None = None) -> ReadSet:
    """Return which exercise a take shows and how its repetitions compare.

    Args:
        take: a take with smoothed points.
        person: whose, when there are several.
        reference: a take of the same person with good repetitions; None: the first three.

    Raises:
        InputError: there are no points, no such person, or nothing goes out and comes back.
        ModelError: a model cannot be loaded.
    """
    for each in (take, reference):
        if each is not None:
            refuse_lifted(each)
    points = Results(take).points
    chosen = points.person_ids[points.person_index(person)]
    clip, spans, label = _repetitions(points, chosen)
    other = None
    if reference is not None:
        theirs = Results(reference).points
        other = _repetitions(theirs, theirs.person_ids[theirs.person_index()])[:2]
    reading = read_exercise(clip, spans, reference=other)
    if reading.exercise != NONE_OF_THESE:
        return ReadSet(take, chosen, clip, reading, "examples")
    if label == NONE:
        return ReadSet(take, chosen, clip, reading, "")
    return ReadSet(take, chosen, clip, replace(reading, exercise=label), "geometry")


def set_of(points: Points3D, person: int) -> ExerciseReading:
    """Return what examples alone say of a person's repetitions.

    Raises:
        InputError: nothing goes out and comes back, or keypoints are missing.
        ModelError: a model cannot be loaded.
    """
    clip, spans, _ = _repetitions(points, person)
    return read_exercise(clip, spans)


@alone("mocap exercise")
def write_set(found: ReadSet) -> list[Path]:
    """Write `exercise.csv`, `exercise.json` and `exercise.html` into `exercise/`."""
    folder = found.take.root / "exercise"
    folder.mkdir(exist_ok=True)
    return [
        write_table(folder / "exercise.csv", _table(found.reading)),
        *write_reading(
            folder / "exercise",
            document(found),
            lambda page: write_exercise_page(
                page, found.take.name, found.clip, found.reading, found.named_by
            ),
        ),
    ]


def told(found: ReadSet) -> list[str]:
    """Return the exercise and what there is to say of each repetition, in lines for people."""
    reading = found.reading
    lines = [f"{found.take.name}: {len(reading.repetitions)} repetitions, {reading.exercise}"]
    for number, each in enumerate(reading.repetitions, 1):
        words = "reference" if each.is_reference else "; ".join(each.said())
        lines.append(f"  {number}. at {each.start_s:.1f} s: {words or 'like your reference'}")
    return lines


def document(found: ReadSet) -> Mapping[str, Any]:
    """Return everything that was read as JSON values."""
    reading = asdict(found.reading)
    for repetition, verdict in zip(reading["repetitions"], found.reading.repetitions, strict=True):
        repetition["said"] = [each.sentence() for each in verdict.differences]
        if math.isnan(verdict.likeness):
            repetition["likeness"] = None
    return {
        "take": found.take.name,
        "person": found.person,
        "version": installed_version(),
        "claims": NEVER_CLAIMED,
        "named_by": found.named_by,
        **reading,
    }


def _repetitions(points: Points3D, person: int) -> tuple[JointClip, list[Span], str]:
    """Return the joints of a person, their repetitions, and what most are by geometry."""
    own = points.of_person(person)
    found: tuple[Attempt, ...] = attempts(segments_from_points(own))
    spans = [(each.start / own.fps, each.end / own.fps) for each in found]
    counts = Counter(each.label for each in found)
    label, count = counts.most_common(1)[0] if found else (NONE, 0)
    return clip_of(points, person), spans, label if 2 * count > len(found) else NONE


def _table(reading: ExerciseReading) -> Table:
    head = ["repetition", "start_s", "end_s", "is_reference", "doubtful", "likeness", "differences"]
    rows = [
        [
            str(number),
            f"{each.start_s:.3f}",
            f"{each.end_s:.3f}",
            str(int(each.is_reference)),
            str(int(each.doubtful)),
            "" if math.isnan(each.likeness) else f"{each.likeness:.3f}",
            "; ".join(each.said()),
        ]
        for number, each in enumerate(reading.repetitions, 1)
    ]
    return head, rows
