"""Artifacts on disk: `.npz` files that say what they are and what they were made from.

An artifact is a dataclass of arrays, numbers and tuples of names. The file never holds pickled
objects. Beside the fields it stores `kind`, `schema_version` and `provenance` (JSON).
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import MISSING, Field, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from mocap.core.errors import InputError, NewerError, StorageError
from mocap.core.files.npz import read_npz, write_npz
from mocap.core.files.outside import sentence
from mocap.core.files.reading import parse_object, reading
from mocap.core.files.upgrades import upgraded

# 2: 2D detections and tracks carry the time of every frame.
# 3: 2D detections number people within each view.
# 4: detections and tracks know rolling shutters.
SCHEMA_VERSION = 4

HIGHEST_FPS = 10_000.0
"""Frames per second: beyond the fastest cameras that see whole people."""

_REBUILD = "Delete it and run the command again; it will be rebuilt."

# Kinds of array (numpy's letters) that an annotation allows; whatever else is numbers.
_KINDS = {"str": "U", "bool": "b", "int": "iu"}

_RESERVED = ("kind", "schema_version", "provenance")

T = TypeVar("T")

_shared: ContextVar[WeakValueDictionary[tuple[object, ...], Any] | None] = ContextVar(
    "shared artifacts", default=None
)
_hashes: ContextVar[dict[tuple[object, ...], str] | None] = ContextVar("hashes", default=None)


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

    Raises:
        StorageError: the disk is full, read-only or broken, or permissions are missing; also for
            whatever the block does with files.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent
        )
        temporary = Path(name)
        os.close(handle)
        yield temporary
        _flush(temporary)
        # mkstemp makes the file private; give it the usual mode.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
        _flush(path.parent)
    except OSError as error:
        raise StorageError(sentence(error, f"write {path}", path.parent)) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Make sure that the content of a file, or the names in a folder, are on the disk."""
    if path.is_dir() and os.name != "posix":
        return  # Windows cannot open folders; it writes names through.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically, UTF-8, newlines as given."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write a text file atomically, UTF-8, every line ended by a newline, one after the other: the
    text of a long take is larger than the take."""
    with (
        atomic_write(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.writelines(f"{line}\n" for line in lines)


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits; of an artifact within
    `shared_artifacts` once."""
    known = _hashes.get()
    with path.open("rb") as file:
        if known is None or path.suffix != ".npz":
            return hashlib.file_digest(file, "sha256").hexdigest()
        stat = os.fstat(file.fileno())
        key = (path.resolve(), stat.st_ino, stat.st_size)
        if key not in known:
            known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        return known[key]


def save_artifact(artifact: Any, path: Path, provenance: Provenance, *, pack: bool = True) -> None:
    """Write a dataclass of arrays, numbers and names as one `.npz`, atomically.

    The bytes depend on the content only: the archive's timestamps are fixed. What is large and
    lives shortly need not be packed.
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
        write_npz(temporary, arrays, pack=pack)
    for kept in (_shared.get(), _hashes.get()):
        if kept is not None:
            for key in [each for each in kept if path.resolve() in each]:
                kept.pop(key, None)  # what was there before


def _damaged(path: Path, why: object) -> InputError:
    return InputError(f"{path} is damaged or no artifact of this tool ({why}). {_REBUILD}")


def _read_npz(path: Path, only: Sequence[str] = ()) -> dict[str, Any]:
    """Read all arrays of an artifact, or those named.

    Raises:
        InputError: the file is missing, damaged, holds objects, or is from a newer version.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist. Run the stage that makes it first.")
    with reading(path, "an artifact of this tool", _REBUILD):
        arrays = read_npz(path, only or None)
    missing = [name for name in _RESERVED if name not in arrays]
    if missing:
        raise _damaged(path, f"no {', '.join(missing)}")
    with reading(path, "an artifact of this tool", _REBUILD):
        version = int(arrays["schema_version"].item())
    if version > SCHEMA_VERSION:
        raise NewerError(
            f"{path} has format {version}, written by a newer mocap-studio; this one knows up to "
            f"{SCHEMA_VERSION}. Update mocap-studio, or make it again on purpose: --force, or "
            "mocap run --from STAGE."
        )
    return arrays


@contextmanager
def shared_artifacts() -> Iterator[None]:
    """Load nothing a second time that somebody still holds, and hash no artifact twice: several
    views of a take are made at once, and the keypoints of a long one take half a gigabyte.

    Whoever loads within must not write into arrays.
    """
    if _shared.get() is not None:
        yield
        return
    token, hashes = _shared.set(WeakValueDictionary()), _hashes.set({})
    try:
        yield
    finally:
        _shared.reset(token)
        _hashes.reset(hashes)


def load_artifact(path: Path, cls: type[T]) -> T:
    """Load an artifact as `cls`; within `shared_artifacts` the one that is there already.

    Raises:
        InputError: the file is missing, damaged, of another kind, or from a newer version.

    >>> from mocap.core.points import Points3D
    >>> from mocap.synthetic.example import walker
    >>> save_artifact(walker().points, Path("points.npz"), Provenance("example", {}, {}))
    >>> load_artifact(Path("points.npz"), Points3D).person_ids
    (0,)
    """
    shared = _shared.get()
    if shared is None or not path.is_file():
        return _loaded(path, cls)
    # Files are replaced, never changed: another content is another inode, or another size.
    stat = path.stat()
    key = (cls, path.resolve(), stat.st_ino, stat.st_size)
    found = shared.get(key)
    if found is None:
        found = shared[key] = _loaded(path, cls)
    return found


def _loaded(path: Path, cls: type[T]) -> T:
    arrays = _read_npz(path)
    kind = str(arrays["kind"]) if arrays["kind"].ndim == 0 else "something else"
    if kind != cls.__name__:
        raise InputError(f"{path} holds {kind}, not {cls.__name__}. Give the right file.")
    values: dict[str, object] = {}
    with reading(path, "an artifact of this tool", _REBUILD):
        version = int(arrays["schema_version"].item())
        arrays = dict(upgraded(kind, arrays, version, SCHEMA_VERSION))
        for each in fields(cls):  # type: ignore[arg-type]
            if each.name in arrays or not _came_later(each, arrays):
                values[each.name] = _field_value(each.name, arrays[each.name], str(each.type))
        return cls(**values)


def _came_later(each: Field[Any], arrays: Mapping[str, Any]) -> bool:
    """Tell whether a field is younger than the file: its default is what was meant then."""
    optional = each.default is not MISSING or each.default_factory is not MISSING
    return optional and int(arrays["schema_version"]) < SCHEMA_VERSION


def _field_value(name: str, array: Any, annotation: str) -> Any:
    """Turn a stored array back into what the field's annotation says.

    Raises:
        ValueError: it holds something else: text for a number, a frame rate that is none.
    """
    kinds = next((_KINDS[each] for each in _KINDS if each in annotation), "biuf")
    if array.size and array.dtype.kind not in kinds:
        raise ValueError(f"{name} holds {array.dtype}")
    if annotation.startswith("tuple"):
        if array.ndim != 1:
            raise ValueError(f"{name} has shape {array.shape}, not one row")
        return tuple(array.tolist())
    if name == "fps" and not 0 < float(array.item()) <= HIGHEST_FPS:
        raise ValueError(f"{array.item()} frames per second")
    return array.item() if annotation in ("float", "int", "str", "bool") else array


def load_provenance(path: Path) -> Provenance:
    """Return what made an artifact.

    Raises:
        InputError: as `load_artifact`.
    """
    arrays = _read_npz(path, _RESERVED)
    with reading(path, "an artifact of this tool", _REBUILD):
        stored = parse_object(str(arrays["provenance"]), path)
        return provenance_from(stored)


def artifact_format(path: Path) -> int:
    """Return the format that an artifact is kept in; this version writes `SCHEMA_VERSION`.

    Raises:
        InputError: as `load_artifact`.
    """
    return int(_read_npz(path, _RESERVED)["schema_version"].item())


def provenance_from(stored: Mapping[str, Any]) -> Provenance:
    """Return the provenance that a JSON object says; call it inside `reading`.

    Raises:
        TypeError, ValueError: it says something else.
    """
    made = Provenance(**{**stored, "warnings": tuple(stored.get("warnings", ()))})
    texts = (made.stage, made.version, *made.warnings, *made.inputs.values())
    if not all(isinstance(each, str) for each in texts) or not isinstance(made.revision, int):
        raise ValueError(
            "a stage, version, warning or hash that is no text, or a revision that is none"
        )
    if not isinstance(made.options, Mapping) or not isinstance(made.notes, Mapping):
        raise ValueError("options or notes that are no tables")
    return made
