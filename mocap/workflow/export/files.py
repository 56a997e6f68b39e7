"""What earlier exports of a take left behind: removed where a new file takes its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mocap.core.store import file_hash

KEPT = "kept"
"""In the notes of the manifest: files of earlier exports in other formats, with their hashes."""


@dataclass(frozen=True)
class Cleaned:
    """What happened to the files of earlier exports.

    Attributes:
        removed: names of files that were deleted.
        kept: hash by name of those in formats that were not written now.
        warnings: sentences for people.
    """

    removed: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def earlier_files(manifest: Path) -> dict[str, str]:
    """Return the hash of every file that exports of this folder have written, by name.

    A damaged manifest tells nothing; the files it told of are then nobody's to delete.
    """
    if not manifest.is_file():
        return {}
    try:
        document = json.loads(manifest.read_text(encoding="utf-8"))
        return {**document["notes"].get(KEPT, {}), **document["files"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def clean(
    folder: Path,
    earlier: Mapping[str, str],
    written: Iterable[Path],
    made_from: Iterable[Path] = (),
) -> Cleaned:
    """Delete files of earlier exports in the formats written now, if nobody has changed them.

    Otherwise `take.bvh` would lie beside the `take_from00000.bvh` that replace it. Files in other
    formats stay and are remembered; those older than the files they were made from are named.
    """
    new = {path.name for path in written}
    suffixes = {Path(name).suffix for name in new}
    removed, changed, kept = [], [], {}
    for name, digest in sorted(earlier.items()):
        path = folder / name
        # A name with a folder in it is none that an export has written.
        if name in new or Path(name).name != name or not path.is_file():
            continue
        if path.suffix not in suffixes:
            kept[name] = digest
        elif file_hash(path) == digest:
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
    newest = max((path.stat().st_mtime_ns for path in made_from), default=0)
    stale = [name for name in kept if (folder / name).stat().st_mtime_ns < newest]
    if stale:
        warnings.append(
            f"{', '.join(stale)}: of an earlier export and older than the motion; export again "
            "or delete."
        )
    return Cleaned(tuple(removed), kept, tuple(warnings))
