"""The files of several takes, or the motion of several takes on somebody's own character."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mocap.capture.session import Session, Take
from mocap.workflow.choices import Choices
from mocap.workflow.export.onto import export_onto
from mocap.workflow.progress import Progress
from mocap.workflow.run import chosen_takes, document, run_take


def export_takes(
    session: Session,
    names: Sequence[str],
    choices: Choices,
    onto: Path | None,
    map_file: Path | None,
    progress: Progress,
    *,
    force: bool = False,
) -> dict[str, list[dict[str, object]]]:
    """Export the named takes, all when none is named; return what happened in each, for machines.

    Args:
        onto: file of a character that a copy with the motion is made of; None: the files that
            `choices` name.
        map_file: which of its bones are which joints.
        force: also write files that are current.

    Raises:
        MocapError: a take is unknown, has no motion, or the character cannot carry it.
    """
    done = {}
    for take in chosen_takes(session, names):
        if onto is None:
            done[take.name] = _files(take, choices, progress, force)
            continue
        result = export_onto(take, choices, onto, progress, map_file=map_file)
        files = [str(path) for path in result.paths]
        done[take.name] = [{"stage": "export", "files": files, "warnings": result.remarks}]
    return done


def _files(
    take: Take, choices: Choices, progress: Progress, force: bool
) -> list[dict[str, object]]:
    start = "export" if force else None
    return document(run_take(take, choices, progress, stages=("export",), from_stage=start))
