"""`edits.toml`: what a person corrects about a take; plain text, in order, part of the provenance.

[[identity]]
do = "swap"          # people 0 and 1 change places ...
people = [0, 1]
from_frame = 120     # ... from here
to_frame = 260       # ... to here, or to the end

[[identity]]
do = "merge"         # person 3 is person 0
people = [0, 3]

[[identity]]
do = "split"         # from here on it is somebody new, who gets the next free number
people = [2]
from_frame = 90

[[identity]]
do = "drop"          # nobody: a picture on the wall; all frames, or some
people = [4]

[[identity]]
do = "name"
people = [0]
name = "Anna"
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mocap.capture.toml_tables import check_keys, load_toml, tables
from mocap.core.errors import InputError

EDITS_FILE = "edits.toml"

# What is done -> how many people it takes, keys it must have, keys it may have.
_NEEDS: Mapping[str, tuple[int, tuple[str, ...], tuple[str, ...]]] = {
    "swap": (2, ("from_frame",), ("to_frame",)),
    "merge": (2, (), ()),
    "split": (1, ("from_frame",), ()),
    "drop": (1, (), ("from_frame", "to_frame")),
    "name": (1, ("name",), ()),
}
ACTIONS = tuple(_NEEDS)


@dataclass(frozen=True)
class IdentityEdit:
    """One correction of who is who.

    Attributes:
        do: one of `ACTIONS`.
        people: their numbers.
        from_frame, to_frame: first and last frame; None: from the first, to the last.
        name: of the person, for "name".
    """

    do: str
    people: tuple[int, ...]
    from_frame: int | None = None
    to_frame: int | None = None
    name: str | None = None

    def as_toml(self) -> str:
        """Return the entry as it stands in `edits.toml`."""
        lines = ["[[identity]]", f'do = "{self.do}"', f"people = {list(self.people)}"]
        if self.from_frame is not None:
            lines.append(f"from_frame = {self.from_frame}")
        if self.to_frame is not None:
            lines.append(f"to_frame = {self.to_frame}")
        if self.name is not None:
            lines.append(f'name = "{self.name}"')
        return "\n".join(lines) + "\n"

    def as_text(self) -> str:
        """Return the entry in a few words."""
        who = " and ".join(str(person) for person in self.people)
        span = "" if self.from_frame is None else f" from frame {self.from_frame}"
        span += "" if self.to_frame is None else f" to {self.to_frame}"
        return f"{self.do} {who}{span}{f' {self.name}' if self.name else ''}"


def load_identity_edits(path: Path) -> tuple[IdentityEdit, ...]:
    """Read the [[identity]] entries of `edits.toml`; without the file there are none.

    Raises:
        InputError: an unknown key, or an entry that cannot be understood; the message says which.
    """
    if not path.is_file():
        return ()
    entries = tables(load_toml(path), "identity", path)
    return tuple(
        identity_edit(entry, f"{path}, [[identity]] entry {i + 1}")
        for i, entry in enumerate(entries)
    )


def identity_edit(entry: Mapping[str, Any], where: str) -> IdentityEdit:
    """Return an entry, checked; `where` begins the message of an error."""
    do = entry.get("do")
    if not isinstance(do, str) or do not in _NEEDS:
        raise InputError(f"{where}: 'do' is {do!r}; it must be one of {', '.join(ACTIONS)}.")
    count, needed, allowed = _NEEDS[do]
    check_keys(entry, ("do", "people", *needed, *allowed), Path(where))
    people = entry.get("people")
    good = isinstance(people, list) and all(type(p) is int and p >= 0 for p in people)
    if (
        not isinstance(people, list)
        or not good
        or len(people) != count
        or len(set(people)) != count
    ):
        raise InputError(
            f"{where}: '{do}' takes {count} different person number{'s' * (count > 1)}, "
            f"people = {list(range(count))} for example, not {people!r}."
        )
    for key in needed:
        if key not in entry:
            raise InputError(f"{where}: '{do}' needs '{key}'.")
    frames = {key: entry.get(key) for key in ("from_frame", "to_frame")}
    for key, value in frames.items():
        if value is not None and (type(value) is not int or value < 0):
            raise InputError(f"{where}: '{key}' is {value!r}; give a frame number from 0.")
    first, last = frames["from_frame"], frames["to_frame"]
    if first is not None and last is not None and last < first:
        raise InputError(f"{where}: to_frame {last} lies before from_frame {first}.")
    name = entry.get("name")
    if name is not None and not _is_name(name):
        raise InputError(
            f"{where}: 'name' is {name!r}; give letters, digits, spaces, '-' or '_', not a number."
        )
    return IdentityEdit(do, tuple(people), first, last, name)


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or not name.strip() or name != name.strip():
        return False
    return not name.isdigit() and all(c.isalnum() or c in " -_." for c in name)
