"""Artifacts on disk: `.npz` files that say what they are and what they were made from.

An artifact is a dataclass of arrays, numbers and tuples of names. The file never holds pickled
objects. Beside the fields it stores `kind`, `schema_version` and `provenance` (JSON).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from zlib import error as zlib_error

import numpy as np

from mocap.core.errors import InputError

# 2: 2D detections and tracks carry the time of every frame.
SCHEMA_VERSION = 2

_RESERVED = ("kind", "schema_version", "provenance")

# What reading a damaged or hostile archive raises: a broken zip, a wrong array header, an absurd
# size, an unknown compression, encryption.
_UNREADABLE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    MemoryError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    zipfile.BadZipFile,
    zlib_error,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Provenance:
    """What made an artifact.

    Attributes:
        stage: name of the stage.
        version: version of this package.
        options: options of the stage that change its result; JSON values only.
        inputs: SHA-256 of each input, by a short name.
        warnings: sentences for the user, shown again wherever the artifact is used.
        notes: further JSON values for people: counts, estimates, timings.
        revision: of the algorithm that made it; 1 where an older file does not say.
    """

    stage: str
    version: str
    options: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    revision: int = 1


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there when the block ends without an error.

    A reader sees the old file or the new one, never half of one. The data are flushed to disk
    before the move: a journalled file system may otherwise keep the new name and lose the content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        # mkstemp makes the file private; give it the usual mode.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, UTF-8, newlines as given."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_artifact(artifact: Any, path: Path, provenance: Provenance) -> None:
    """Write a dataclass of arrays, numbers and names as one `.npz`, atomically.

    The bytes depend on the content only: the archive's timestamps are fixed.
    """
    arrays = {"kind": np.array(type(artifact).__name__), "schema_version": np.array(SCHEMA_VERSION)}
    for each in fields(artifact):
        if each.name in _RESERVED:
            raise ValueError(f"a field of {type(artifact).__name__} is called {each.name}")
        value = getattr(artifact, each.name)
        arrays[each.name] = np.asarray(value)
        if arrays[each.name].dtype == object:
            raise ValueError(f"{type(artifact).__name__}.{each.name} is not an array or names")
    arrays["provenance"] = np.array(json.dumps(asdict(provenance), sort_keys=True))
    with atomic_write(path) as temporary:
        _write_npz(temporary, arrays)


def _write_npz(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays as `.npz` with fixed timestamps (numpy's own writer stores the time)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asarray(array, order="C"), allow_pickle=False)


def _damaged(path: Path, why: object) -> InputError:
    return InputError(
        f"{path} is damaged or no artifact of this tool ({why}). "
        "Delete it and run the command again; it will be rebuilt."
    )


def _read_archive(path: Path, only: Sequence[str] = ()) -> dict[str, Any]:
    """Read every array of an archive, or some (numpy's own reader leaves broken files open)."""
    arrays = {}
    with path.open("rb") as stored, zipfile.ZipFile(stored) as archive:
        for name in archive.namelist():
            if only and name.removesuffix(".npy") not in only:
                continue
            with archive.open(name) as file:
                array = np.lib.format.read_array(file, allow_pickle=False)
                arrays[name.removesuffix(".npy")] = array
    return arrays


def _read_npz(path: Path, only: Sequence[str] = ()) -> dict[str, Any]:
    """Read all arrays of an artifact, or those named.

    Raises:
        InputError: the file is missing, damaged, holds objects, or is from a newer version.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist. Run the stage that makes it first.")
    try:
        arrays = _read_archive(path, only)
    except _UNREADABLE as error:
        raise _damaged(path, error) from error
    missing = [name for name in _RESERVED if name not in arrays]
    if missing:
        raise _damaged(path, f"no {', '.join(missing)}")
    try:
        version = int(arrays["schema_version"])
    except (TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path} has format {version}, written by a newer mocap-studio; this one knows up to "
            f"{SCHEMA_VERSION}. Update mocap-studio or run the stage again."
        )
    return arrays


def load_artifact(path: Path, cls: type[T]) -> T:
    """Load an artifact as `cls`.

    Raises:
        InputError: the file is missing, damaged, of another kind, or from a newer version.

    >>> from mocap.core.points import Points3D
    >>> from mocap.synthetic.example import walker
    >>> save_artifact(walker().points, Path("points.npz"), Provenance("example", {}, {}))
    >>> load_artifact(Path("points.npz"), Points3D).person_ids
    (0,)
    """
    arrays = _read_npz(path)
    kind = str(arrays["kind"])
    if kind != cls.__name__:
        raise InputError(f"{path} holds {kind}, not {cls.__name__}. Give the right file.")
    values: dict[str, Any] = {}
    try:
        for each in fields(cls):  # type: ignore[arg-type]
            if each.name in arrays or not _came_later(each, arrays):
                values[each.name] = _field_value(arrays[each.name], str(each.type))
        return cls(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def _came_later(each: Field[Any], arrays: Mapping[str, Any]) -> bool:
    """Tell whether a field is younger than the file: its default is what was meant then."""
    optional = each.default is not MISSING or each.default_factory is not MISSING
    return optional and int(arrays["schema_version"]) < SCHEMA_VERSION


def _field_value(array: Any, annotation: str) -> Any:
    """Turn a stored array back into what the field's annotation says."""
    if annotation.startswith("tuple"):
        return tuple(array.tolist())
    if annotation in ("float", "int", "str", "bool"):
        return array.item()
    return array


def load_provenance(path: Path) -> Provenance:
    """Return what made an artifact.

    Raises:
        InputError: as `load_artifact`.
    """
    arrays = _read_npz(path, _RESERVED)
    try:
        stored = json.loads(str(arrays["provenance"]))
        return Provenance(**{**stored, "warnings": tuple(stored.get("warnings", ()))})
    except (ValueError, TypeError) as error:
        raise _damaged(path, error) from error


def is_current(
    path: Path, stage: str, options: Mapping[str, Any], inputs: Mapping[str, str]
) -> bool:
    """Tell whether an artifact was made by this stage from these inputs with these options.

    Raises:
        InputError: the file exists and is damaged (a missing file is simply not current).
    """
    if not path.is_file():
        return False
    made = load_provenance(path)
    same_options = json.dumps(made.options, sort_keys=True) == json.dumps(options, sort_keys=True)
    return made.stage == stage and same_options and dict(made.inputs) == dict(inputs)
