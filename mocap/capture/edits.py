"""What a person changes about a take, one entry of `edits.toml` each; stages obey them.

[[trim]]                     # the take is this: the last entry counts
from_frame = 30
to_frame = 200

[[ignore]]                   # a camera is not believed; or some keypoints, or one person, of it
camera = "left"
from_frame = 90
to_frame = 120
keypoints = ["left_wrist"]

[[mirror]]                   # left and right of a person are the other way round in a camera
camera = "left"
from_frame = 90
to_frame = 120

[[gap]]                      # keypoints that are to be bridged although little tells where they
do = "bridge"                # are, or to stay "missing" although something was found
keypoints = ["left_wrist"]
from_frame = 90
to_frame = 120

[[contact]]                  # a foot stands, or is "free"
do = "stands"
side = "left"
from_frame = 90
to_frame = 120

[[event]]                    # when something happened; "remove": it did not
do = "set"
name = "ball_release"
frame = 107.5

Entries of [[identity]] are in `mocap.capture.edits_file`. Frames are those of the take, from 0;
both ends belong to a span.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mocap.capture.edits_file import EDITS_FILE, IdentityEdit, identity_edit
from mocap.capture.take_file import EVENTS
from mocap.capture.toml_tables import check_keys, load_toml, suggest
from mocap.core.errors import InputError
from mocap.core.files.lock import locked
from mocap.core.files.unfinished import remove_unfinished
from mocap.core.store import write_text

SIDES = ("left", "right")
EDITS_LOCK = ".edits.lock"
"""Apart from all other work on a take: somebody may edit while a run goes on."""
_SPAN = ("from_frame", "to_frame")
_FRAME_KEYS = (*_SPAN, "throw", "person")
_HEADER = re.compile(r"^\s*\[\[\s*(\w+)\s*\]\]", re.MULTILINE)


@dataclass(frozen=True)
class Kind:
    """What an entry may say.

    Attributes:
        about: one line for people.
        do: the words for what is done; none where there is only one thing to do.
        needs: keys it must have.
        may: keys it may have.
        redoes: the first stage that is made again.
    """

    about: str
    do: tuple[str, ...]
    needs: tuple[str, ...]
    may: tuple[str, ...]
    redoes: str


KINDS: Mapping[str, Kind] = {
    "trim": Kind("in and out of the take", (), _SPAN, (), "fit"),
    "ignore": Kind(
        "a camera, or keypoints of it, is not believed",
        (),
        ("camera",),
        (*_SPAN, "keypoints", "person"),
        "associate",
    ),
    "identity": Kind(
        "who is who: `mocap people` writes these",
        ("swap", "merge", "split", "drop", "name"),
        ("people",),
        (*_SPAN, "name"),
        "associate",
    ),
    "mirror": Kind(
        "left and right are the other way round in a camera",
        (),
        ("camera",),
        (*_SPAN, "person"),
        "associate",
    ),
    "gap": Kind(
        "keypoints are bridged, or left missing",
        ("bridge", "missing"),
        ("keypoints", *_SPAN),
        ("person",),
        "smooth",
    ),
    "contact": Kind(
        "a foot stands, or is free",
        ("stands", "free"),
        ("side", *_SPAN),
        ("person",),
        "fit",
    ),
    "event": Kind(
        "when an event of a throw happened, or that it did not",
        ("set", "remove"),
        ("name",),
        ("frame", "throw", "person"),
        "measure",
    ),
}


@dataclass(frozen=True)
class Edit:
    """One change; what its kind does not speak of is None or empty.

    Attributes:
        kind: one of `KINDS`, never "identity".
        do: what is done, "" where there is only one thing to do.
        from_frame, to_frame: first and last frame; None: from the first, to the last.
        camera: whose images.
        keypoints: names; empty: all.
        person: number; None: everybody.
        side: "left" or "right" foot.
        name: of an event.
        frame: of an event, with fractions.
        throw: which throw an event is of, from 0 in time order.
    """

    kind: str
    do: str = ""
    from_frame: int | None = None
    to_frame: int | None = None
    camera: str | None = None
    keypoints: tuple[str, ...] = ()
    person: int | None = None
    side: str | None = None
    name: str | None = None
    frame: float | None = None
    throw: int | None = None

    def entries(self) -> Mapping[str, object]:
        """Return what the entry says, by key."""
        said: Mapping[str, object] = {
            "do": self.do or None,
            "camera": self.camera,
            "keypoints": list(self.keypoints) or None,
            "person": self.person,
            "side": self.side,
            "name": self.name,
            "frame": self.frame,
            "throw": self.throw,
            "from_frame": self.from_frame,
            "to_frame": self.to_frame,
        }
        return {key: value for key, value in said.items() if value is not None}

    def as_toml(self) -> str:
        """Return the entry as it stands in `edits.toml`."""
        import tomli_w

        return f"[[{self.kind}]]\n{tomli_w.dumps(self.entries())}"

    def as_text(self) -> str:
        """Return the entry in a few words."""
        words = [self.kind, self.do, self.camera or "", self.name or "", self.side or ""]
        words += [", ".join(self.keypoints)]
        words += [f"at frame {self.frame:g}"] if self.frame is not None else []
        words += [f"of throw {self.throw}"] if self.throw is not None else []
        words += [f"of person {self.person}"] if self.person is not None else []
        words += [f"from frame {self.from_frame}"] if self.from_frame is not None else []
        words += [f"to {self.to_frame}"] if self.to_frame is not None else []
        return " ".join(filter(None, words))

    def slice_of(self, frame_count: int) -> slice:
        """Return the frames it is about, of a take of so many."""
        first = 0 if self.from_frame is None else self.from_frame
        last = frame_count - 1 if self.to_frame is None else self.to_frame
        return slice(min(first, frame_count), min(last, frame_count - 1) + 1)


AnyEdit = Edit | IdentityEdit


def kind_of(edit: AnyEdit) -> str:
    """Return the kind of a change."""
    return edit.kind if isinstance(edit, Edit) else "identity"


def board_edits_path(session_root: Path) -> Path:
    """Return where it says which frames of the board a person does not believe."""
    return session_root / "calibration" / EDITS_FILE


def load_edits(path: Path, kinds: Iterable[str] = tuple(KINDS)) -> tuple[AnyEdit, ...]:
    """Read the entries of some kinds in the order of the file; without the file there are none.

    Raises:
        InputError: the file or an entry cannot be understood; the message says which.
    """
    wanted = tuple(kinds)
    return tuple(edit for edit in parse_edits(path) if kind_of(edit) in wanted)


def edits_of(path: Path, *kinds: str) -> tuple[Edit, ...]:
    """Read the entries of some kinds (not "identity"), as `load_edits` does."""
    return tuple(edit for edit in load_edits(path, kinds) if isinstance(edit, Edit))


def edits_told(path: Path, kinds: Iterable[str]) -> list[str]:
    """Return the entries of some kinds in words, in the order of the file: for provenance."""
    return [edit.as_text() for edit in load_edits(path, kinds)]


def parse_edits(path: Path) -> list[AnyEdit]:
    """Return every entry of the file in its order."""
    if not path.is_file():
        return []
    document = load_toml(path)
    check_keys(document, KINDS, path)
    counts: dict[str, int] = {}
    found: list[AnyEdit] = []
    for block in blocks(path):
        kind = block.kind
        counts[kind] = counts.get(kind, 0) + 1
        entries = document.get(kind)
        number = counts[kind]
        if not isinstance(entries, list) or number > len(entries):
            raise InputError(f"{path}: write '{kind}' as [[{kind}]], one entry each.")
        found.append(checked(kind, entries[number - 1], f"{path}, [[{kind}]] entry {number}"))
    written = sum(len(each) if isinstance(each, list) else 1 for each in document.values())
    if sum(counts.values()) != written:
        raise InputError(f"{path}: write every entry as [[KIND]] on a line of its own.")
    return found


@dataclass(frozen=True)
class Block:
    """The text of one entry: from its header to the next."""

    kind: str
    start: int
    end: int


def blocks(path: Path) -> list[Block]:
    """Return where each entry of the file lies, in its order."""
    text = path.read_text(encoding="utf-8")
    headers = list(_HEADER.finditer(text))
    ends = [*(each.start() for each in headers[1:]), *([len(text)] if headers else [])]
    return [
        Block(each.group(1), each.start(), end) for each, end in zip(headers, ends, strict=True)
    ]


def checked(kind: str, entry: Mapping[str, Any], where: str) -> AnyEdit:
    """Return an entry, checked; `where` begins the message of an error.

    Raises:
        InputError: an unknown key, a missing one, or a value that cannot be meant.
    """
    if kind not in KINDS:
        raise InputError(f"{where}: there is no edit '{kind}'. {suggest(kind, KINDS)}")
    if kind == "identity":
        return identity_edit(entry, where)
    known = KINDS[kind]
    keys = (*(("do",) if known.do else ()), *known.needs, *known.may)
    check_keys(entry, keys, Path(where))
    missing = [key for key in known.needs if key not in entry]
    if missing:
        raise InputError(f"{where}: '{kind}' needs '{missing[0]}'.")
    if known.do and entry.get("do") not in known.do:
        raise InputError(
            f"{where}: 'do' is {entry.get('do')!r}; it must be one of {', '.join(known.do)}."
        )
    values = {key: _value(key, value, where) for key, value in entry.items()}
    edit = Edit(kind, **values)
    first, last = edit.from_frame, edit.to_frame
    if first is not None and last is not None and last < first:
        raise InputError(f"{where}: to_frame {last} lies before from_frame {first}.")
    if kind == "event":
        _check_event(edit, where)
    return edit


def _value(key: str, value: Any, where: str) -> Any:
    """Return the value of a key as `Edit` takes it."""
    if key in _FRAME_KEYS:
        if type(value) is not int or value < 0:
            raise InputError(f"{where}: '{key}' is {value!r}; give a whole number from 0.")
        return value
    if key == "frame":
        if type(value) not in (int, float) or not 0.0 <= value < 1e9:
            raise InputError(f"{where}: 'frame' is {value!r}; give a frame from 0.")
        return float(value)
    if key == "keypoints":
        if not isinstance(value, list) or not value or not all(map(_is_word, value)):
            raise InputError(f"{where}: 'keypoints' is {value!r}; give names: [\"left_wrist\"].")
        return tuple(value)
    if not _is_word(value):
        raise InputError(f"{where}: '{key}' is {value!r}; give a name in one line.")
    if key == "side" and value not in SIDES:
        raise InputError(f"{where}: 'side' is {value!r}; it must be left or right.")
    return value


def _is_word(value: object) -> bool:
    return isinstance(value, str) and bool(value) and value.isprintable()


def _check_event(edit: Edit, where: str) -> None:
    if edit.name not in EVENTS:
        raise InputError(
            f"{where}: there is no event '{edit.name}' of a throw. "
            f"{suggest(edit.name or '', EVENTS)}"
        )
    if (edit.do == "set") != (edit.frame is not None):
        raise InputError(f"{where}: 'set' needs 'frame', and 'remove' takes none.")


def trimmed(path: Path, frame_count: int) -> slice | None:
    """Return the frames that are the take: what the last [[trim]] says, None where nobody cut.

    Raises:
        InputError: the file cannot be understood, or nothing of the take would be left.
    """
    edits = edits_of(path, "trim")
    if not edits:
        return None
    kept = edits[-1].slice_of(frame_count)
    if kept.stop <= kept.start:
        raise InputError(
            f"{path}: [[trim]] keeps the frames {edits[-1].from_frame} to {edits[-1].to_frame}, "
            f"but the take has {frame_count}. Correct or remove the entry."
        )
    return kept


def append_edit(path: Path, edit: AnyEdit) -> None:
    """Write a checked entry at the end of `edits.toml`; a damaged file is refused, not extended."""
    with locked(path.parent, "mocap edit", file=EDITS_LOCK):
        remove_unfinished(path.parent, begins=path.stem)
        load_edits(path)
        before = path.read_text(encoding="utf-8").rstrip() if path.is_file() else ""
        write_text(path, f"{before}\n\n{edit.as_toml()}" if before else edit.as_toml())


def remove_edit(path: Path, number: int | None = None) -> AnyEdit:
    """Take entry `number` (from 1; the last one without) out of `edits.toml` and return it.

    Comments before an entry belong to the entry above it and stay.

    Raises:
        InputError: there is no such entry.
    """
    with locked(path.parent, "mocap edit", file=EDITS_LOCK):
        return _removed(path, number)


def _removed(path: Path, number: int | None) -> AnyEdit:
    edits = load_edits(path)
    chosen = len(edits) if number is None else number
    if not 1 <= chosen <= len(edits):
        what = f"has no entry {number}; it has {len(edits)}" if edits else "has no entry"
        raise InputError(f"{path} {what}. `mocap edit SESSION TAKE` lists them.")
    text, block = path.read_text(encoding="utf-8"), blocks(path)[chosen - 1]
    left = f"{text[: block.start].rstrip()}\n\n{text[block.end :].lstrip()}".strip()
    if left:
        write_text(path, left + "\n")
    else:
        path.unlink()
    return edits[chosen - 1]
