"""Named TOML definitions: those shipped with the package, and files of the user's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from mocap.capture.toml_tables import suggest
from mocap.core.errors import InputError, SessionError
from mocap.core.store import write_text


def shipped_definitions(package: str) -> dict[str, Path]:
    """Return the TOML files of a data package by name, sorted.

    The packages are `mocap.rigs` and `mocap.calibration_boards`. They lie on disk, not in an
    archive: the wheel of this project is always unpacked.
    """
    folder = Path(str(files(package)))
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def find_definition(package: str, name: str, what: str, command: str) -> Path:
    """Return the file of a definition: a shipped name, or a path ending in `.toml`.

    Raises:
        InputError: neither exists; the message gives the nearest name and the listing command.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise InputError(f"the {what} file {path} does not exist.")
        return path
    shipped = shipped_definitions(package)
    if name not in shipped:
        raise InputError(
            f"there is no {what} '{name}'. {suggest(name, shipped)} `{command}` lists them; "
            "a file of your own is given by its path ending in .toml."
        )
    return shipped[name]


def own_copy(name: str, root: Path) -> str:
    """Copy a definition of the user's own into a session; return its name there."""
    if not name.endswith(".toml"):
        return name
    source, copy = Path(name), root / Path(name).name
    if source.resolve() != copy.resolve():
        if copy.exists() and copy.read_bytes() != source.read_bytes():
            raise SessionError(f"{copy} exists and differs from {source}. Rename one of them.")
        write_text(copy, source.read_text(encoding="utf-8"))
    return copy.name
