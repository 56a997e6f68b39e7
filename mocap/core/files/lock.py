"""One program at a time in a folder, and who it is.

The lock is one of the operating system: it ends with the process that holds it, however that ends,
so there are no stale ones. The file says who holds it: process, host, what it does.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

LOCK_FILE = ".lock"
_LOOK_EVERY_S = 0.2

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
    handle = _taken(path, waiting or logging.getLogger(__name__).warning)
    if handle is None:
        yield
        return
    _held.add(held)
    try:
        _write(handle, {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing})
        yield
    finally:
        _held.discard(held)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(handle)


def holder(path: Path) -> str:
    """Return who holds a lock, for a sentence; `path` is its file."""
    try:
        said = json.loads(path.read_bytes())
        return f"process {int(said['pid'])} on {said['host']!s} ({said['doing']!s})"
    except (OSError, ValueError, KeyError, TypeError):
        return "another program"


def _taken(path: Path, waiting: Callable[[str], None]) -> int | None:
    """Return the open, locked file; None where there can be none."""
    told = False
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return None
        if _try_lock(handle):
            with suppress(OSError):
                # Whoever held it before took the file away: then this is no longer the lock.
                if os.fstat(handle).st_ino == path.stat().st_ino:
                    return handle
            os.close(handle)
            continue
        os.close(handle)
        if not told:
            waiting(f"{path.parent} is in use by {holder(path)}; waiting for it to finish.")
            told = True
        time.sleep(_LOOK_EVERY_S)


def _try_lock(handle: int) -> bool:
    """Lock an open file unless somebody else has; a file system without locks locks nothing."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _write(handle: int, content: dict[str, object]) -> None:
    with suppress(OSError):
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(content).encode())
        os.lseek(handle, 0, os.SEEK_SET)
