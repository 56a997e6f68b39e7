"""End a detection that no longer answers, from outside the process that is frozen.

Networks run in native code. When native code never comes back while it holds the interpreter's
lock, nothing written in Python can act any more in that process: neither a time limit nor the
answer to Ctrl-C. Two things still can: handlers of signals that are native functions, and another
process. So a small process of its own listens for a sign of life every second, and for the byte
that the native part of Python's signal handling writes at every Ctrl-C. It ends the frozen process
with exit status 1 and says what to do.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

FROZEN_AFTER_S = 120.0
"""Without a sign of life. The sign comes every second from a thread of its own; on a machine under
heavy load it was never more than some seconds late."""

ANSWER_WITHIN_S = 2.0
"""From Ctrl-C to the end of the program: longer, and a person presses it again or kills it."""

_SIGN_OF_LIFE = b"\0"
_SIGN_EVERY_S = 1.0

# Runs apart, on the standard library only. It counts its own short naps instead of looking at the
# clock: while the whole program is stopped (Ctrl-Z, a laptop asleep) no time passes for it either.
_WATCH = """
import os, select, signal, sys
pipe, parent, frozen_after, answer_within, ending = sys.argv[1:]
pipe, parent, ending = int(pipe), int(parent), int(ending)
frozen_after, answer_within, nap = float(frozen_after), float(answer_within), 0.1
signal.signal(signal.SIGINT, signal.SIG_IGN)

def stopped():
    try:
        with open(f"/proc/{parent}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "tT"
    except OSError:
        return False

silent, asked = 0.0, None
while True:
    if select.select([pipe], [], [], nap)[0]:
        said = os.read(pipe, 4096)
        if not said:
            sys.exit()
        silent = 0.0 if 0 in said else silent
        if signal.SIGINT in said and asked is None:
            asked = 0.0
        if asked is None:
            continue
    if not stopped():
        silent += nap
        asked = None if asked is None else asked + nap
    late = asked is not None and asked >= answer_within
    if late or silent >= frozen_after:
        break
why = (
    "Stopped."
    if late
    else f"Error: detection did not answer for {frozen_after:g} s and was ended."
)
sys.stderr.write(f"\\n{why} Run the command again; it goes on where this one ended.\\n")
sys.stderr.flush()
try:
    os.kill(parent, ending)
except OSError:
    pass
"""


@contextmanager
def watched() -> Iterator[None]:
    """Watch this process from outside while the block runs.

    The process ends with exit status 1 when its interpreter is frozen for `FROZEN_AFTER_S`, or
    when it has not left the block `ANSWER_WITHIN_S` after Ctrl-C. Blocks may be nested; the
    outermost counts. Where no second process can be started the block runs unwatched.
    """
    if not _outermost.acquire(blocking=False):
        yield
        return
    try:
        with _pipe() as (listening, speaking), _dying_by_signal() as ending:
            watcher = _start(listening, ending)
            os.close(listening)
            try:
                with _signs_of_life(speaking), _forwarded_interrupts(speaking):
                    yield
            finally:
                os.close(speaking)
                if watcher is not None:
                    watcher.wait()
    finally:
        _outermost.release()


_outermost = threading.Lock()


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """Give the two ends of a pipe; whoever uses them closes them."""
    listening, speaking = os.pipe()
    os.set_blocking(speaking, False)  # a full pipe must never hold up the detection
    yield listening, speaking


def _start(listening: int, ending: int) -> subprocess.Popen[bytes] | None:
    numbers = (listening, os.getpid(), FROZEN_AFTER_S, ANSWER_WITHIN_S, ending)
    command = [sys.executable, "-I", "-S", "-c", _WATCH, *(str(each) for each in numbers)]
    try:
        return subprocess.Popen(command, pass_fds=(listening,), stdin=subprocess.DEVNULL)
    except OSError:
        return None


@contextmanager
def _signs_of_life(pipe: int) -> Iterator[None]:
    """Write a byte every second, from a thread: it stops when the interpreter is frozen."""
    over = threading.Event()

    def speak() -> None:
        while not over.wait(_SIGN_EVERY_S):
            with suppress(OSError):
                os.write(pipe, _SIGN_OF_LIFE)

    speaker = threading.Thread(target=speak, name="sign of life", daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join()


@contextmanager
def _forwarded_interrupts(pipe: int) -> Iterator[None]:
    """Let the native part of Python's signal handling write the number of each signal.

    Only the main thread may ask for that; elsewhere Ctrl-C stays as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.set_wakeup_fd(pipe, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)


@contextmanager
def _dying_by_signal() -> Iterator[int]:
    """Give the signal that ends this process with exit status 1, even when Python is frozen.

    `_exit` takes the exit status as its first argument, a native signal handler the number of the
    signal; SIGHUP is number 1. So `_exit` itself is put in place as the handler of SIGHUP. A
    process that was told to survive SIGHUP (`nohup`) keeps that, and would be killed instead.
    """
    if os.name != "posix" or signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        # On Windows `os.kill` ends a process with the number as its exit status.
        yield signal.SIGKILL if os.name == "posix" else 1
        return
    library = ctypes.CDLL(None)
    install = library.signal
    install.restype, install.argtypes = ctypes.c_void_p, (ctypes.c_int, ctypes.c_void_p)
    before = install(signal.SIGHUP, ctypes.cast(library._exit, ctypes.c_void_p))
    try:
        yield signal.SIGHUP
    finally:
        install(signal.SIGHUP, before)
