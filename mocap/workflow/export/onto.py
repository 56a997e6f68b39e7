"""The motion of a take on somebody's own character."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.capture.session import Take
from mocap.core.errors import ExportError
from mocap.core.files.lock import alone
from mocap.core.files.names import portable
from mocap.workflow.choices import Choices
from mocap.workflow.export.stage import kept_choice, material
from mocap.workflow.graph import row_of
from mocap.workflow.job import Job, TakeRun
from mocap.workflow.progress import Progress

if TYPE_CHECKING:
    from mocap.export.character.character import Character

# What may be said about the clip; names, axes and skins are the character's own.
_HEARD = {
    *("--start", "--end", "--fps", "--gaps", "--fill-long-gaps", "--mirror"),
    *("--ground", "--at-origin", "--facing", "--output", "--verify"),
}


@dataclass(frozen=True)
class OntoResult:
    """What was written, and sentences about it."""

    paths: tuple[Path, ...]
    remarks: tuple[str, ...]


@alone("mocap export")
def export_onto(
    take: Take,
    choices: Choices,
    hero: Path,
    progress: Progress,
    *,
    map_file: Path | None = None,
) -> OntoResult:
    """Write a copy of a character's file for everybody in a take, with their motion added.

    Args:
        take: smoothed, and fitted for fingers and sure feet.
        choices: part, rate, place and gaps of the clip; the rest is the character's own.
        hero: FBX (binary 7.x) or GLB file.
        progress: who is told.
        map_file: which bone is which joint, where names do not say it.

    Raises:
        InputError: the file cannot be read, or joints are not found.
        ExportError: nobody is in the take, or its gaps are too long.
    """
    from mocap.export.job import prepared
    from mocap.export.onto.job import write_onto
    from mocap.export.onto.standing import standing_of

    choice = choices.export
    run = TakeRun.of(take, choices, progress, ("export",))
    run.refuse_stale_inputs()
    remarks = [
        f"{option} does not apply to --onto: the file keeps its own."
        for option in choice.asked
        if option not in _HEARD
    ]
    found, notes = material(Job(run, row_of("export")), skeletons=True)
    remarks += notes
    if not found.characters:
        raise ExportError("nobody is in this take, so there is no motion to put onto a character.")
    folder = choice.folder_of(take)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for part, character in _alone(prepared(found, kept_choice(take, found.points, choice))):
        standing = standing_of(character.motion)
        if standing is None:
            remarks.append("the skeleton has no feet, so that standing feet are not held.")
        several = f"_{character.name}" if len(found.characters) > 1 else ""
        path = folder / f"{portable(take.name)}_on_{hero.stem}{several}{part}{hero.suffix.lower()}"
        done = write_onto(
            hero, path, character.motion, standing, take_name=take.name, map_file=map_file
        )
        paths.append(path)
        remarks += done.remarks
    said = tuple(dict.fromkeys(remarks))
    progress.finished(f"{take.name}: wrote {', '.join(map(str, paths))}")
    progress.warned(*said)
    return OntoResult(tuple(paths), said)


def list_joints_of(hero: Path, map_file: Path | None, progress: Progress) -> list[str]:
    """Tell the bones of a character's file as lines of a map file, and return them.

    Raises:
        InputError: the file cannot be read.
    """
    from mocap.export.onto.job import read_hero
    from mocap.export.onto.joints import listing

    lines: list[str] = listing(read_hero(hero).rig, hero.name, map_file)
    progress.finished("\n".join(lines))
    return lines


def _alone(
    pieces: Iterator[tuple[str, list[Character]]],
) -> Iterator[tuple[str, Character]]:
    """Give (part of the name, character), one after the other."""
    for part, cast in pieces:
        for character in cast:
            yield part, character
