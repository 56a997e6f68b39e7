"""Processes beside this one that do pieces of its work, and tell what they do through it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from mocap.core.errors import MocapError
from mocap.workflow.progress import Progress

P = ParamSpec("P")
T = TypeVar("T")

_LISTEN_S = 0.05

Said = tuple[str, tuple[Any, ...]]


class Beside:
    """Processes that work on parts of a run; each starts when it is needed first.

    What they tell is told here, in the order in which each of them says it.
    """

    def __init__(self, count: int, progress: Progress) -> None:
        """Prepare up to so many processes that tell `progress`."""
        self._count, self._progress = count, progress
        self._ended = threading.Event()
        self._begun: list[Future[Any]] = []

    def __enter__(self) -> Self:
        """Prepare them; none is started yet."""
        context = multiprocessing.get_context("spawn")
        self._said: SimpleQueue[Said] = context.SimpleQueue()
        self._pool = ProcessPoolExecutor(
            self._count, mp_context=context, initializer=_begin, initargs=(self._said,)
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for what is being done, not for what is not begun.

        After an error, end it where it is: results are whole or not there.
        """
        if kind is not None:
            for process in multiprocessing.active_children():
                process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._ended.set()
        self._listener.join()

    def start(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Begin a piece of work, or let it wait for a process that is free.

        Raises:
            MocapError: one of them died.
        """
        try:
            begun = self._pool.submit(work, *arguments, **named)
        except BrokenProcessPool as error:
            raise MocapError(_DIED) from error
        self._begun = [each for each in self._begun if not each.done()] + [begun]
        return begun

    @property
    def free(self) -> int:
        """How many pieces of work would begin at once."""
        return max(0, self._count - sum(not each.done() for each in self._begun))

    def _listen(self) -> None:
        while not (self._ended.is_set() and self._said.empty()):
            if self._said.empty():
                self._ended.wait(_LISTEN_S)
            else:
                what, told = self._said.get()
                getattr(self._progress, what)(*told)


def result_of(work: Future[T]) -> T:
    """Return what a piece of work gave, or raise what it raised.

    Raises:
        MocapError: its process died, or what a person can mend was raised there.
    """
    try:
        return work.result()
    except BrokenProcessPool as error:
        raise MocapError(_DIED) from error


_DIED = (
    "a process that worked beside this one died, most likely for want of memory. What is finished "
    "is kept: run the same command again, with MOCAP_PROCESSORS=1 to do one thing after another."
)


_SAID: list[SimpleQueue[Said]] = []
"""Of a process that works beside another: where it tells what it does."""


def _begin(said: SimpleQueue[Said]) -> None:
    """Prepare a process: Ctrl-C is for the other, and the end of the other is the end of this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _SAID.append(said)
    parent = multiprocessing.parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


class There:
    """Tells the process that started this one what is done here.

    Commands say what they do with the name of the take; what is counted (frames of a camera, steps
    of a fit) gets one before it, since others count at the same time.
    """

    def __init__(self, counted: str) -> None:
        """Say `counted` before what is counted."""
        self._counted = counted

    def started(self, what: str) -> None:
        """Tell what begins."""
        _SAID[0].put(("started", (what,)))

    def advanced(self, what: str, done: int, total: int | None) -> None:
        """Tell how far something is."""
        _SAID[0].put(("advanced", (self._counted + what, done, total)))

    def finished(self, what: str, details: Sequence[str] = ()) -> None:
        """Tell what is done."""
        _SAID[0].put(("finished", (what, tuple(details))))

    def warned(self, *sentences: str) -> None:
        """Tell what a person should know."""
        _SAID[0].put(("warned", sentences))
