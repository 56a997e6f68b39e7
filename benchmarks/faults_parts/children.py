"""Commands in forked processes in which one thing goes wrong at a chosen event.

An event is whatever changes a file of the session: an opening for writing, a rename, a link, a
removal, a new folder, a change of mode, a flush to the disk.
"""

from __future__ import annotations

import errno
import os
import resource
import runpy
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST_S = 300
CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.chmod", "os.link", "os.rmdir")


@dataclass(frozen=True)
class Fault:
    """What happens at the event of a number: a signal, an error, or files that may not grow."""

    at: int
    kill: bool = False
    error: int = 0


Prepare = Callable[[], None]
"""What a child does before its command: it puts a stand-in in place."""


def events_of(command: Sequence[str], root: Path, prepare: Prepare) -> int:
    """Return how many events a command has."""
    with tempfile.NamedTemporaryFile("r") as file:
        together([command], root, prepare, count=Path(file.name))
        return int(file.read())


def ran(
    command: Sequence[str], root: Path, prepare: Prepare, fault: Fault | None = None
) -> tuple[int, str]:
    """Run a command in a forked process; return its exit status and all it said."""
    return together([command], root, prepare, fault)[0]


def together(
    commands: Sequence[Sequence[str]],
    root: Path,
    prepare: Prepare,
    fault: Fault | None = None,
    *,
    count: Path | None = None,
) -> list[tuple[int, str]]:
    """Run commands at once, each in a forked process; `root` is where events are counted."""
    running = []
    for command in commands:
        # A pipe, not a file: a limit on the size of files must not silence what is said.
        listening, speaking = os.pipe()
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            os.dup2(speaking, 1)
            os.dup2(speaking, 2)
            _child(command, root, prepare, fault, count)
        os.close(speaking)
        running.append((process, listening))
    ended = []
    for process, listening in running:
        with os.fdopen(listening, encoding="utf-8", errors="replace") as pipe:
            said = pipe.read()
        _, status = os.waitpid(process, 0)
        ended.append((os.waitstatus_to_exitcode(status), said))
    return ended


def _child(
    command: Sequence[str], root: Path, prepare: Prepare, fault: Fault | None, count: Path | None
) -> None:
    code = 99
    try:
        signal.alarm(LONGEST_S)
        prepare()
        seen = watch(root.resolve(), fault)
        sys.argv = ["mocap", *command]
        runpy.run_module("mocap", run_name="__main__")
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # whatever the command lets through is what is looked for
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if count is not None:
            number = seen()
            count.write_text(str(number))
        os._exit(code)


def watch(root: Path, fault: Fault | None) -> Callable[[], int]:
    """Count what changes files below `root`, and let the fault happen; return the counter."""
    seen = 0
    over = False
    fsync = os.fsync

    def event() -> None:
        nonlocal seen, over
        number, seen = seen, seen + 1
        if over or fault is None or number != fault.at:
            return
        over = True
        if fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.error == errno.EFBIG:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
            return
        raise OSError(fault.error, os.strerror(fault.error))

    def audit(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR):
                return
        elif name in CHANGES:
            path = arguments[0]
        else:
            return
        if isinstance(path, str | Path) and str(Path(path).absolute()).startswith(f"{root}/"):
            event()

    def flushed(handle: int) -> None:
        event()
        fsync(handle)

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    vars(os)["fsync"] = flushed
    sys.addaudithook(audit)
    return lambda: seen
