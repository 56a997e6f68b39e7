"""Make a take again as it was made before: with the choices its results remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from mocap.capture.session import Take
from mocap.workflow.choices import Choices, FitChoice, export_choice
from mocap.workflow.progress import Progress
from mocap.workflow.results import Results
from mocap.workflow.run import run_take, run_takes, stages_of

POINT_STAGES = ("associate", "triangulate", "smooth")
"""What an edit of identities, cameras, sides and gaps makes again before the body follows."""


def choices_as_made(take: Take) -> Choices:
    """Return the choices of the last run as far as its results tell them; else the usual ones."""
    results, chosen = Results(take), Choices()
    if results.has("tracks"):
        person = results.provenance("tracks").options.get("person")
        chosen = replace(chosen, person=str(person)) if isinstance(person, str) else chosen
    bodies = results.stored_body_options()
    if bodies is None:
        return replace(chosen, fit=None) if results.has("points") else chosen
    known = {each.name for each in fields(FitChoice)}
    told: dict[str, Any] = {name: value for name, value in bodies.items() if name in known}
    return replace(chosen, fit=FitChoice(**told))


def solve_again(take: Take, progress: Progress, *, body: bool = True) -> None:
    """Make again what edits touch: the points, then (with `body`) body and report.

    Detections stay as they are: nothing that a person edits changes them.

    Raises:
        MocapError: a stage failed; results made before it stay.
    """
    chosen = choices_as_made(take)
    synced = Results(take).has("detections")
    stages: Sequence[str] = POINT_STAGES if synced else ("sync", *POINT_STAGES)
    if body:
        stages = (*stages, *(("fit",) if chosen.fit is not None else ()), "report")
    run_take(take, chosen, progress, stages=stages)


def run_again(take: Take, progress: Progress) -> None:
    """Run every stage of a take that is not current, with the usual choices where none are known.

    Raises:
        MocapError: a stage failed; results made before it stay.
    """
    chosen = choices_as_made(take)
    run_takes([take], chosen, progress, stages=stages_of(chosen))


def export_again(take: Take, formats: Sequence[str], progress: Progress) -> None:
    """Write files of a take in some formats.

    Raises:
        MocapError: a format cannot hold the take.
    """
    chosen = replace(choices_as_made(take), export=export_choice(",".join(formats)))
    run_take(take, chosen, progress, stages=("export",))
