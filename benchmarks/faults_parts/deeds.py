"""What is done to the small sessions: every command that writes into a session."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from faults_parts import sessions
from faults_parts.children import Prepare, ran
from faults_parts.sessions import FILMED, WALKED
from mocap.workflow.graph import GRAPH


def nothing() -> None:
    """Put nothing in place."""


@dataclass(frozen=True)
class Deed:
    """One command on one session.

    Attributes:
        name: for people.
        session: which session it begins from.
        command: words; SESSION stands for the folder.
        forget: what it makes, removed before: patterns of paths within the session.
        before: further commands that lead up to it.
        copy: files that are put in place of others before: from, to.
        prepare: what its process does first.
        stride: faults are tried at every so manieth event, where events repeat and runs are long.
    """

    name: str
    session: str
    command: tuple[str, ...]
    forget: tuple[str, ...] = ()
    before: tuple[tuple[str, ...], ...] = ()
    copy: tuple[tuple[str, str], ...] = ()
    prepare: Prepare = nothing
    stride: int = 1

    def words(self, session: Path) -> list[str]:
        """Return the command for a session in a folder."""
        return [each.replace("SESSION", str(session)) for each in self.command]

    def start(self, finished: Path, place: Path) -> None:
        """Make the session as it is before the command."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(finished, place)
        for source, target in self.copy:
            shutil.copyfile(place / source, place / target)
        for pattern in self.forget:
            for path in place.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for words in self.before:
            run([each.replace("SESSION", str(place)) for each in words], place, self.prepare)


@dataclass(frozen=True)
class Kind:
    """A session and how it is finished.

    Attributes:
        make: writes its files.
        commands: make the rest.
    """

    make: Callable[[Path], None]
    commands: tuple[tuple[str, ...], ...] = field(default=())


def run(words: Sequence[str], session: Path, prepare: Prepare) -> None:
    """Run a command that must succeed."""
    code, said = ran(words, session, prepare)
    if code:
        raise SystemExit(f"mocap {' '.join(words)} failed:\n{said}")


def _stages(take: str, first: str = GRAPH[0].name) -> tuple[tuple[str, ...], ...]:
    names = [row.name for row in GRAPH]
    return tuple((name, "SESSION", take) for name in names[names.index(first) :])


KINDS = {
    "filmed": Kind(sessions.filmed, _stages(FILMED)),
    "boards": Kind(sessions.boards, (("calibrate", "SESSION"),)),
    "walked": Kind(sessions.walked, _stages(WALKED, "sync")[:4]),
}

_ADD = ("edit", "SESSION", FILMED, "add", "trim", "--from-frame", "2", "--to-frame", "9")
_REFINE = ("calibration", "refine", "SESSION", WALKED)
_BUMPED = (("bumped.toml", "calibration.toml"),)


def _stage(name: str) -> Deed:
    names = [row.name for row in GRAPH]
    later = GRAPH[names.index(name) :]
    made = [f"takes/{FILMED}/{row.file}" for row in later]
    bodies = [f"takes/{FILMED}/body_*.npz"] if "fit" in [row.name for row in later] else []
    report = [f"takes/{FILMED}/report*.html"] if name != "export" else []
    sync = [f"takes/{FILMED}/sync.json"] if name in ("detect", "sync") else []
    forget = (*made, *bodies, *report, *sync, f"takes/{FILMED}/export")
    return Deed(
        name, "filmed", (name, "SESSION", FILMED), forget, prepare=sessions.replay_detection
    )


DEEDS = (
    # From the videos, and from corners that were found already.
    Deed(
        "calibrate from videos", "boards", ("calibrate", "SESSION"),
        ("calibration*.*", "calibration/.*"), stride=5,
    ),
    Deed(
        "calibrate", "boards", ("calibrate", "SESSION"),
        ("calibration*.*", "calibration/.corners/board*", "calibration/.pictures"),
    ),
    Deed("calibrate again", "boards", ("calibrate", "SESSION")),
    Deed("world", "boards", ("world", "SESSION")),
    Deed(
        "calibration import", "boards",
        ("calibration", "import", "SESSION", str(sessions.SMALL / "calibration.toml"), "--force"),
    ),
    Deed("calibration refine", "walked", _REFINE, copy=_BUMPED),
    Deed(
        "calibration restore", "walked", ("calibration", "restore", "SESSION"), copy=_BUMPED,
        before=(_REFINE,),
    ),
    *(_stage(row.name) for row in GRAPH),
    Deed("edit add", "filmed", _ADD),
    Deed("edit undo", "filmed", ("edit", "SESSION", FILMED, "undo"), before=(_ADD,)),
    Deed("people name", "filmed", ("people", "SESSION", FILMED, "name", "0", "--name", "Anna")),
    Deed("mesh", "filmed", ("mesh", "SESSION", FILMED, "--to", "obj", "--frames", "0:2")),
    Deed(
        "lift", "filmed", ("lift", "SESSION", FILMED, "--camera", "front_left"),
        prepare=sessions.replay_detection,
    ),
    Deed("import", "walked", ("import", "SESSION", "other", "SESSION/joints.csv")),
    Deed(
        "detections import", "walked",
        ("detections", "import", "SESSION", "other", "SESSION/files", "--fps", "60"),
    ),
    Deed("measure angles", "walked", ("measure", "angles", "SESSION", WALKED)),
    Deed("measure gait", "walked", ("measure", "gait", "SESSION", WALKED)),
    Deed("actions", "walked", ("actions", "SESSION", WALKED)),
)  # fmt: skip

_WHEN = re.compile(rb"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(\.\d+)?([+-]\d\d:\d\d)?")
"""Pages and records tell when they were made."""

_HELPERS = (".file_hashes.json", ".lock", ".edits.lock")
"""What only helps to be fast, or says who works."""


def state(session: Path) -> dict[str, str]:
    """Return the hash of every file; times of making, and copies of what was before, left out."""
    paths = [path for path in sorted(session.rglob("*")) if path.is_file()]
    kept = [path for path in paths if path.name not in _HELPERS and "_before_" not in path.name]
    return {str(path.relative_to(session)): _content(path, session) for path in kept}


def _content(path: Path, session: Path) -> str:
    content = path.read_bytes()
    if path.suffix in (".html", ".json", ".toml"):
        content = _WHEN.sub(b"then", content).replace(str(session).encode(), b"SESSION")
    return sha256(content).hexdigest()
