"""What earlier exports of a take left behind: removed where a new file takes its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mocap.core.store import file_hash

KEPT = "kept"
"""In the notes of the manifest: files of earlier exports in other formats, and their origin."""


@dataclass(frozen=True)
class EarlierFile:
    """A file that an earlier export wrote.

    Attributes:
        digest: its SHA-256 then.
        made_from: SHA-256 of the motion it was made from, by artifact; empty when nothing tells.
    """

    digest: str
    made_from: Mapping[str, str] = field(default_factory=dict)

    def is_of(self, motion: Mapping[str, str]) -> bool:
        """Tell whether it was made from this motion, as far as both name it."""
        return all(motion.get(name, digest) == digest for name, digest in self.made_from.items())


@dataclass(frozen=True)
class Cleaned:
    """What happened to the files of earlier exports.

    Attributes:
        removed: names of files that were deleted.
        kept: those in formats that were not written now, by name.
        warnings: sentences for people.
    """

    removed: tuple[str, ...] = ()
    kept: Mapping[str, EarlierFile] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def earlier_files(manifest: str) -> dict[str, EarlierFile]:
    """Return every file that exports of this folder have written, by name.

    An empty or damaged manifest tells nothing; the files it told of are then nobody's to delete.
    """
    try:
        document = json.loads(manifest)
        inputs = {str(name): str(digest) for name, digest in document["inputs"].items()}
        found = {name: _kept(entry) for name, entry in document["notes"].get(KEPT, {}).items()}
        return {
            **found,
            **{name: EarlierFile(each, inputs) for name, each in document["files"].items()},
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _kept(entry: Mapping[str, Mapping[str, str]] | str) -> EarlierFile:
    """Return a kept file; older manifests tell its hash alone."""
    if isinstance(entry, str):
        return EarlierFile(entry)
    return EarlierFile(str(entry["digest"]), dict(entry["made_from"]))


def clean(
    folder: Path,
    earlier: Mapping[str, EarlierFile],
    written: Iterable[Path],
    motion: Mapping[str, str],
) -> Cleaned:
    """Delete files of earlier exports in the formats written now, if nobody has changed them.

    Otherwise `take.bvh` would lie beside the `take_from00000.bvh` that replace it. Files in other
    formats stay and are remembered; those made from another motion than `motion`, the hashes of
    what the export read, are named.
    """
    new = {path.name for path in written}
    suffixes = {Path(name).suffix for name in new}
    removed, changed, kept = [], [], {}
    for name, each in sorted(earlier.items()):
        path = folder / name
        # A name with a folder in it is none that an export has written.
        if name in new or Path(name).name != name or not path.is_file():
            continue
        if path.suffix not in suffixes:
            kept[name] = each
        elif file_hash(path) == each.digest:
            path.unlink()
            removed.append(name)
        else:
            changed.append(name)
    warnings = []
    if changed:
        warnings.append(
            f"{', '.join(changed)}: of an earlier export and changed since, so not deleted; what "
            "was written now has other names."
        )
    stale = [name for name, each in kept.items() if not each.is_of(motion)]
    if stale:
        warnings.append(
            f"{', '.join(stale)}: of an earlier export and made from another motion; export again "
            "or delete."
        )
    return Cleaned(tuple(removed), kept, tuple(warnings))
