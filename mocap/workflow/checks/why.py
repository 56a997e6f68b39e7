"""Why a file is as it is: what made it, from what, back to the videos."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from mocap.capture.session import CONFIG_FILE, Session, Take
from mocap.core.errors import InputError, SessionError
from mocap.core.files.reading import read_json, reading
from mocap.core.store import Provenance, load_provenance, provenance_from
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.graph import CALIBRATION, GRAPH
from mocap.workflow.rig.made_from import record_of

_MANIFESTS = (*(row.file for row in GRAPH if not row.kind),)


def why(file: Path) -> list[str]:
    """Return lines that tell how a file of a session came about, inputs indented below it.

    Raises:
        InputError: there is no such file, or no record of how it was made.
        SessionError: it lies in no session.
    """
    if not file.is_file():
        raise InputError(f"there is no file {file}.")
    session, take = _home(file.resolve())
    hashes = FileHashes(session.hash_cache_path, session.root)
    return list(_told(file.resolve(), session, take, hashes, "", set()))


def _home(file: Path) -> tuple[Session, Take | None]:
    """Return the session and the take that a file lies in."""
    for folder in file.parents:
        if (folder / CONFIG_FILE).is_file():
            session = Session.open(folder)
            parts = file.relative_to(folder).parts
            named = len(parts) > 2 and parts[0] == "takes"
            return session, Take(parts[1], folder / "takes" / parts[1], session) if named else None
    raise SessionError(f"{file} lies in no session: no folder above it has a {CONFIG_FILE}.")


def _told(
    file: Path,
    session: Session,
    take: Take | None,
    hash_of: Callable[[Path], str],
    indent: str,
    seen: set[Path],
) -> Iterator[str]:
    name = file.relative_to(session.root.resolve()).as_posix()
    if file in seen:
        yield f"{indent}{name}: see above"
        return
    seen.add(file)
    if file == session.calibration_path.resolve():
        yield from _rig(session, indent, name)
        return
    record = _record(file, take)
    if record is None:
        if indent:
            yield f"{indent}{name}: recorded, or written by a person"
            return
        raise InputError(f"nothing says how {file} was made: no stage lists it among its files.")
    options = json.dumps(dict(record.options), sort_keys=True, ensure_ascii=False)
    yield (
        f"{indent}{name}: made by `mocap {record.stage}` {record.version}, "
        f"revision {record.revision}, options {options}"
    )
    for warning in record.warnings:
        yield f"{indent}  it was said: {warning}"
    for key, digest in record.inputs.items():
        path = _input(key, session, take)
        if path is None or not path.exists():
            yield f"{indent}  from {key} (SHA-256 {digest[:12]}…), which is not there any more"
            continue
        if hash_of(path) != digest:
            yield f"{indent}  from {key} as it was (SHA-256 {digest[:12]}…); it has changed since:"
        if path.is_dir():
            yield f"{indent}  {path.relative_to(session.root).as_posix()}: recorded"
            continue
        yield from _told(path.resolve(), session, take, hash_of, indent + "  ", seen)


def _record(file: Path, take: Take | None) -> Provenance | None:
    """Return what made a file: its own provenance, or that of the manifest that lists it."""
    if file.suffix == ".npz":
        found = None if take is None else _listed(file, take)
        return found or load_provenance(file)
    return None if take is None else _listed(file, take)


def _listed(file: Path, take: Take) -> Provenance | None:
    for name in _MANIFESTS:
        manifest = (take.root / name).resolve()
        if not manifest.is_file():
            continue
        document = read_json(manifest)
        with reading(manifest, "a list of files that a stage wrote"):
            files = document.pop("files")
            if any((manifest.parent / each).resolve() == file for each in files):
                return provenance_from(document)
    return None


def _input(key: str, session: Session, take: Take | None) -> Path | None:
    """Return the file that provenance calls `key`."""
    if key == CALIBRATION:
        return session.calibration_path
    if take is None:
        return None
    rows = [row for row in GRAPH if row.key == key]
    return take.root / rows[0].file if rows else take.videos().get(key)


def _rig(session: Session, indent: str, name: str) -> Iterator[str]:
    calibration = session.calibration()
    record = record_of(session, calibration)
    if record is None:
        yield f"{indent}{name}: it does not say what it was made from"
        return
    square_mm = 1000 * record["board"].get("square_length_m", float("nan"))
    yield (
        f"{indent}{name}: made by `mocap {'calibration ' if record['by'] == 'import' else ''}"
        f"{record['by']}`; board {record['board'].get('name')}, squares of {square_mm:g} mm"
    )
    for camera, digest in record["videos"].items():
        yield f"{indent}  from the board recording of '{camera}' (SHA-256 {digest[:12]}…)"
    if source := calibration.metadata.get("source"):
        yield f"{indent}  from {source}"
