"""One program at a time in a folder, and who it is.

The lock is one of the operating system: it ends with the process that holds it, however that ends,
so there are no stale ones. The file says who holds it: process, host, what it does.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK_FILE = ".lock"
_LOOK_EVERY_S = 0.2

_held: set[Path] = set()


@contextmanager
def locked(folder: Path, doing: str, *, waiting: Callable[[str], None]) -> Iterator[None]:
    """Keep other programs out of `folder` while the block runs; wait for one that is there.

    A block within a block of the same folder counts as one. Where nothing can be written (a
    read-only disk) there is nothing to protect, and the block runs without.

    Args:
        folder: the folder of a session or a take; it exists.
        doing: for people: "mocap detect".
        waiting: told once, in one sentence, who works there, when somebody does.
    """
    path = folder.resolve() / LOCK_FILE
    if path in _held:
        yield
        return
    handle = _taken(path, waiting)
    if handle is None:
        yield
        return
    _held.add(path)
    try:
        _write(handle, {"pid": os.getpid(), "host": socket.gethostname(), "doing": doing})
        yield
    finally:
        _held.discard(path)
        with suppress(OSError):
            path.unlink(missing_ok=True)
        os.close(handle)


def holder(folder: Path) -> str:
    """Return who holds the lock of a folder, for a sentence."""
    try:
        said = json.loads((folder / LOCK_FILE).read_bytes())
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
            waiting(f"{path.parent} is in use by {holder(path.parent)}; waiting for it to finish.")
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
