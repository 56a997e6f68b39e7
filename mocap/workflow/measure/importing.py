"""Import joints or markers of another system as a take: no videos are needed after that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mocap.capture.imported.place import AXES, UNIT_M, Imported, place
from mocap.capture.imported.read import read_foreign
from mocap.capture.session import Session, Take
from mocap.core.errors import InputError
from mocap.core.files.lock import locked
from mocap.core.files.reading import read_toml
from mocap.core.store import Provenance, file_hash, load_provenance, save_artifact
from mocap.workflow.graph import Row, maker, row_of
from mocap.workflow.measure.choices import ImportChoice
from mocap.workflow.version import installed_version

IMPORT = "import"
"""What provenance calls the stage that made imported points."""


def import_points(
    session: Session, name: str, path: Path, choice: ImportChoice
) -> tuple[Take, Imported]:
    """Write the points of a foreign file as those of a take; return it and what was said.

    Raises:
        InputError: the file cannot be used, or the take has videos of its own.
    """
    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise InputError(f"'{name}' is no name of a take: letters, digits, _ - and . only.")
    folder = session.root / "takes" / name
    take = Take(name, folder, session)
    if folder.is_dir() and take.videos():
        raise InputError(
            f"take {name} has videos: its points come from them. Import into a take of its own."
        )
    if (folder / row_of("detect").file).is_file():
        raise InputError(
            f"take {name} has imported keypoints: its points come from them. Import into a take of "
            "its own."
        )
    found = place(
        read_foreign(path, choice.key),
        names=read_names(choice.names),
        unit=choice.unit,
        up=choice.up,
        fps=choice.fps,
    )
    row = maker("points")
    record = Provenance(
        stage=IMPORT,
        version=installed_version(),
        options={"file": path.name, "sha256": file_hash(path), "unit": choice.unit or "",
                 "up": choice.up or "", "fps": choice.fps or 0.0, "key": choice.key or ""},
        warnings=(f"joints or markers of {path.name}, not of videos", *found.said),
        revision=row.revision,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, "mocap import"):
        save_artifact(found.points, folder / row.file, record)
    return take, found


def is_imported(take: Take) -> bool:
    """Whether the points of a take were imported, not made of its videos."""
    return _came_from_a_file(take, maker("points"))


def has_imported_keypoints(take: Take) -> bool:
    """Whether the detections of a take were imported, not made of its videos."""
    return _came_from_a_file(take, row_of("detect"))


def _came_from_a_file(take: Take, row: Row) -> bool:
    path = take.root / row.file
    if not path.is_file():
        return False
    try:
        return load_provenance(path).stage == IMPORT
    except InputError:
        # Damaged: with videos it is made again; an import without them cannot be.
        if take.videos():
            return False
        raise


def read_names(path: Path | None) -> Mapping[str, str]:
    """Return the table of names of a TOML; empty without one.

    Raises:
        InputError: it cannot be read, or is no table of texts.
    """
    if path is None:
        return {}
    table = read_toml(path, "a table of names")
    wrong = [key for key, value in table.items() if not isinstance(value, str)]
    if wrong:
        raise InputError(f'{path}: {wrong[0]} must be a text, as "L.Knee" = "left_knee".')
    return table


__all__ = [
    "AXES",
    "IMPORT",
    "UNIT_M",
    "ImportChoice",
    "has_imported_keypoints",
    "import_points",
    "is_imported",
    "read_names",
]
