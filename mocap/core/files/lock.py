"""One program at a time in a folder, on this machine and on every other that shares the disk.

The lock is a file that appears by a hard link: that happens at once or not at all, on network file
systems too, where locks of the operating system do not reach other machines. The file says who
holds it: process, machine, what it does; its time is renewed while they work.

A lock whose holder is gone is removed by whoever waits. On the same machine the process table tells
at once; of another machine nobody knows, so its lock is old when its time has not changed for two
minutes of the waiting one's own clock (clocks of two machines are never compared). Who finds a lock
old claims it first, by a link whose name is that of the lost lock: of several that wait one alone
removes it, and never a new lock that has taken its place.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from mocap.core.files.unfinished import remove_unfinished, sweep

LOCK_FILE = ".lock"
_LOOK_EVERY_S = 0.2

BEAT_EVERY_S = 10.0
OLD_AFTER_S = 120.0
"""A dozen missed renewals: one numerical kernel may hold the interpreter for tens of seconds."""

_held: set[tuple[int, Path]] = set()

P = ParamSpec("P")
R = TypeVar("R")


class Rooted(Protocol):
    """A session or a take: what has a folder of its own."""

    @property
    def root(self) -> Path:
        """The folder."""


S = TypeVar("S", bound=Rooted)


def alone(
    doing: str, file: str = LOCK_FILE
) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Let a function have the folder of its first argument, a session or a take, to itself.

    See `locked`; whoever waits is told by the log.
    """

    def decorate(function: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @wraps(function)
        def called(owner: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with locked(owner.root, doing, file=file):
                return function(owner, *args, **kwargs)

        return called

    return decorate


@contextmanager
def locked(
    folder: Path,
    doing: str,
    *,
    waiting: Callable[[str], None] | None = None,
    file: str = LOCK_FILE,
) -> Iterator[None]:
    """Keep other programs out of `folder` while the block runs; wait for one that is there.

    A block within a block of the same folder counts as one, in the same thread; other threads wait
    as other programs do. Where nothing can be written (a read-only disk) there is nothing to
    protect, and the block runs without.

    Args:
        folder: the folder of a session or a take; it exists.
        doing: for people: "mocap detect".
        waiting: told once, in one sentence, who works there, when somebody does; else the log.
        file: name of the lock, for what is kept apart from all other work in the folder.
    """
    path = folder.resolve() / file
    held = threading.get_ident(), path
    if held in _held:
        yield
        return
    mine = _taken(path, doing, waiting or logging.getLogger(__name__).warning)
    if mine is None:
        yield
        return
    _held.add(held)
    if file == LOCK_FILE:
        sweep(folder)
    ended = threading.Event()
    threading.Thread(target=_renew, args=(path, mine, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        _held.discard(held)
        if _read(path).get("token") == mine:
            with suppress(OSError):
                path.unlink()


def holder(path: Path) -> str:
    """Return who holds a lock, for a sentence; `path` is its file."""
    said = _read(path)
    try:
        return f"process {said['pid']:d} on {said['host']!s} ({said['doing']!s})"
    except (KeyError, TypeError, ValueError):
        return "another program"


def _taken(path: Path, doing: str, waiting: Callable[[str], None]) -> str | None:
    """Return the word that says that the lock is ours; None where there can be none."""
    token, told, watched = secrets.token_hex(4), False, _Watched()
    while True:
        made = _link(path, {**_myself(), "doing": doing, "token": token})
        if made is None:
            return None
        if made:
            # Of programs that were killed; who is just making one finds it gone and makes another.
            remove_unfinished(path.parent, begins="lock-")
            return token
        if watched.is_old(path):
            _remove_old(path, watched.token)
            continue
        if not told and path.exists():
            waiting(f"{path.parent} is in use by {holder(path)}; waiting for it to finish.")
            told = True
        time.sleep(_LOOK_EVERY_S)


def _link(path: Path, content: dict[str, object]) -> bool | None:
    """Make the lock, whole and at once; False where there is one, None where none can be."""
    own = path.with_name(f".lock-{content['token']}.json")
    try:
        own.write_text(json.dumps(content), encoding="utf-8")
    except OSError:
        with suppress(OSError):
            own.unlink(missing_ok=True)
        return None
    try:
        with suppress(FileExistsError, FileNotFoundError):
            os.link(own, path)
        # A network may lose the answer: the lock is ours when our file has its second name.
        return _read(path).get("token") == content["token"]
    except OSError:
        return _create(path, content)
    finally:
        with suppress(OSError):
            own.unlink(missing_ok=True)


def _create(path: Path, content: dict[str, object]) -> bool | None:
    """Make the lock on a file system without links: nobody else can have made it."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(content))
    except FileExistsError:
        return False
    except OSError:
        return None
    return True


def _read(path: Path) -> dict[str, object]:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def _renew(path: Path, token: str, ended: threading.Event) -> None:
    while not ended.wait(BEAT_EVERY_S):
        if _read(path).get("token") != token:
            return
        with suppress(OSError):
            os.utime(path)


@dataclass
class _Watched:
    """What a waiting program has seen of a lock: whose it is, its time, and since when."""

    token: str = ""
    state: tuple[str, int] = ("", 0)
    since_s: float = 0.0

    def is_old(self, path: Path) -> bool:
        """Tell whether the holder of a lock is gone."""
        said = _read(path)
        self.token = str(said.get("token", "unknown"))
        if said.get("machine") == _myself()["machine"]:
            return not _lives(said)
        try:
            state = (self.token, path.stat().st_mtime_ns)
        except OSError:
            return False
        now_s = time.monotonic()
        if state != self.state:
            self.state, self.since_s = state, now_s
        return now_s - self.since_s > OLD_AFTER_S


def _remove_old(path: Path, token: str) -> None:
    """Remove a lock that is old; of several that wait one does, and only that lock."""
    claim = path.with_name(f".lock-{token}.old.json")
    try:
        os.link(path, claim)
    except FileExistsError:
        # Whoever claimed it removes it now, or was killed at it, which is known by its age.
        with suppress(OSError):
            if time.time() - claim.stat().st_ctime > OLD_AFTER_S:
                claim.unlink(missing_ok=True)
        time.sleep(_LOOK_EVERY_S)
        return
    except FileNotFoundError:
        return
    except OSError:
        path.unlink(missing_ok=True)  # no links here, so nobody can claim anything
        return
    if str(_read(claim).get("token", "unknown")) == token:
        path.unlink(missing_ok=True)
    claim.unlink(missing_ok=True)


def _myself() -> dict[str, object]:
    """Return who this process is, here and seen from other machines."""
    import psutil

    return {
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "host": socket.gethostname(),
        "machine": _machine(),
    }


def _machine() -> str:
    """Return what two processes have in common that can see each other in the process table."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return " ".join(parts)


def _lives(said: dict[str, object]) -> bool:
    """Tell whether the process that made a lock on this machine still has its number."""
    import psutil

    try:
        process = psutil.Process(int(str(said["pid"])))
        # Counted in hundredths of a second on Linux, which rounds.
        same = abs(process.create_time() - float(str(said["started"]))) < 0.05
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.AccessDenied:
        return True
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False
