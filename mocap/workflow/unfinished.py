"""Pieces of an artifact that is being made: a run that was killed goes on from them.

A piece is an artifact itself, in a folder beside the one that will be whole, and says what it was
made from. Pieces are used only by who makes exactly that: the same videos, weights, choices,
revision and version. Whatever else lies in the folder is removed.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from mocap.core.errors import InputError, StorageError
from mocap.core.files.outside import sentence
from mocap.core.files.replay import FoundParts, Replay
from mocap.core.store import Provenance, load_artifact, load_provenance, save_artifact

T = TypeVar("T")


@dataclass(frozen=True)
class Unfinished:
    """The pieces of one artifact.

    Attributes:
        folder: they lie in it, and nothing else does.
        record: what the artifact is made from.
    """

    folder: Path
    record: Provenance

    @classmethod
    def of(cls, artifact: Path, record: Provenance, **notes: Any) -> Unfinished:
        """Return the pieces of an artifact that will be at a path; `notes` tell what else they
        depend on."""
        plain = json.loads(json.dumps([dict(record.options), notes]))  # rows as JSON reads them
        return cls(folder_of(artifact), replace(record, options=plain[0], notes=plain[1]))

    def pieces(self, cls: type[T]) -> Iterator[T]:
        """Yield what a killed run left, in the order of the names; remove what is of no use."""
        for path in sorted(self.folder.glob("*.npz")):
            found = self.piece(path.stem, cls)
            if found is None:
                _removed(path)  # made again like one that is not there
            else:
                yield found

    def replay(self) -> Replay:
        """Return what remembers the parts of a result as pieces, and knows those that are there."""

        def keep(found: FoundParts) -> None:
            # Whatever is found in twenty seconds: packing it would take as long as writing it.
            self.keep(f"{found.first:09d}", found, pack=False)

        return Replay(self.pieces(FoundParts), keep)

    def piece(self, name: str, cls: type[T]) -> T | None:
        """Return the piece of a name that a killed run left; None when it is of no use."""
        path = self.folder / f"{name}.npz"
        try:
            return load_artifact(path, cls) if load_provenance(path) == self.record else None
        except InputError:
            return None  # not there, damaged, or of another kind

    def keep(self, name: str, piece: Any, *, pack: bool = True) -> None:
        """Store a piece; it replaces one of the same name.

        Raises:
            StorageError: as `save_artifact`.
        """
        save_artifact(piece, self.folder / f"{name}.npz", self.record, pack=pack)


def folder_of(artifact: Path) -> Path:
    """Return the folder of the pieces of an artifact: its name, in `.partial`."""
    beside = artifact.parent
    folder = beside if beside.name == ".partial" else beside / ".partial"
    return folder / artifact.stem


def forget_pieces(artifact: Path) -> None:
    """Remove the pieces of an artifact: it is whole, or is to be made anew.

    Raises:
        StorageError: they cannot be removed.
    """
    folder = folder_of(artifact)
    if folder.is_dir():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise StorageError(sentence(error, f"remove {folder}", folder)) from error


def _removed(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise StorageError(sentence(error, f"remove {path}", path.parent)) from error
