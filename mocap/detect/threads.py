"""Threads that look at images, and how they are left when the work is broken off."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.pool import AsyncResult, ThreadPool
from queue import Empty, Full, Queue
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

import cv2

from mocap.detect.watchdog import watched

_THREAD = threading.local()

P = ParamSpec("P")
T = TypeVar("T")

_FINISH_WITHIN_S = 1.5
"""For the images being looked at when the work is broken off; less than the answer to Ctrl-C may
take."""

_END_WITHIN_S = 60.0
"""For threads to end after their work: what they hold is given up in native code. It takes them
milliseconds, and more on a machine under heavy load."""

_LOOK_AGAIN_S = 0.2
"""A thread that waits for room looks so often whether anybody still wants its work."""


class Threads:
    """Threads that do pieces of work in the order they are given, watched from outside.

    Unlike an executor, they are not waited for at exit when one never returns.
    """

    def __init__(self, count: int) -> None:
        """Prepare so many."""
        self._count = count
        self._within: Threads | None = getattr(_THREAD, "works_for", None)
        self._ended = False
        self._threads: set[threading.Thread] = set()  # that did a piece of work
        self._working: set[threading.Thread] = set()  # that are in native code now

    def __enter__(self) -> Self:
        """Start them."""
        self._watch = watched()
        self._watch.__enter__()
        _OPENCV.hold()
        self._pool = ThreadPool(self._count)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let what is being done finish, after an error or Ctrl-C too, and end them."""
        self._leave()
        self._pool.terminate()
        self._wait_for_ends()
        _OPENCV.release()
        self._watch.__exit__(kind, error, trace)

    @property
    def _over(self) -> bool:
        """Whether the work was broken off: here, or where a thread was told to begin all this."""
        return self._ended or (self._within is not None and self._within._over)

    def start(
        self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs
    ) -> AsyncResult[T | None]:
        """Begin a piece of work; its result is None when it was not begun before the end."""
        return self._pool.apply_async(self._do, (work, arguments, named))

    def _do(
        self, work: Callable[..., T], arguments: tuple[object, ...], named: dict[str, object]
    ) -> T | None:
        thread = threading.current_thread()
        self._threads.add(thread)
        self._working.add(thread)
        _THREAD.works_for = self
        try:
            return None if self._over else work(*arguments, **named)
        finally:
            self._working.discard(thread)

    def _leave(self) -> None:
        """Let the pieces of work that were begun finish.

        A thread that is still in native code when the interpreter ends takes the whole process
        down with SIGABRT. Where one hangs, the process will end without asking it.
        """
        self._ended = True
        deadline = time.monotonic() + _FINISH_WITHIN_S
        while self._working and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._working:
            atexit.register(self._end_the_process)

    def _wait_for_ends(self) -> None:
        """Wait for the ends of all threads that work no more.

        With a thread go its requests of the networks, in native code that wants the interpreter
        back: in a process that has begun to end meanwhile that is a SIGABRT, after all went well.
        """
        deadline = time.monotonic() + _END_WITHIN_S
        for thread in self._threads - self._working - {threading.current_thread()}:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _end_the_process(self) -> None:
        if self._working:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)


def wait_for_all(results: Sequence[AsyncResult[T | None]]) -> list[T]:
    """Wait for pieces of work and return what they gave, those that gave None left out.

    What the first that fails raises is raised at once.
    """
    waiting = list(results)
    while waiting:
        # A thread that waits for ever does not hear Ctrl-C everywhere.
        waiting[0].wait(_LOOK_AGAIN_S)
        for each in [each for each in waiting if each.ready()]:
            waiting.remove(each)
            each.get()
    return [given for each in results if (given := each.get()) is not None]


@contextmanager
def ahead(items: Iterable[T], count: int) -> Iterator[Iterator[T]]:
    """Give an iterator whose items a thread of its own takes out of `items`, up to `count` ahead.

    What `items` raises is raised where its next item would have come.
    """
    queue: Queue[tuple[bool, T | BaseException | None]] = Queue(count)
    over = threading.Event()

    def put(more: bool, item: T | BaseException | None) -> None:
        while not over.is_set():
            try:
                return queue.put((more, item), timeout=_LOOK_AGAIN_S)
            except Full:
                continue

    def take() -> None:
        try:
            for item in items:
                put(True, item)
                if over.is_set():
                    return
            put(False, None)
        except BaseException as error:
            put(False, error)

    def given() -> Iterator[T]:
        while True:
            try:
                more, item = queue.get(timeout=_LOOK_AGAIN_S)
            except Empty:
                continue
            if isinstance(item, BaseException):
                raise item
            if not more:
                return
            yield item  # type: ignore[misc]

    reader = threading.Thread(target=take, name="reading ahead", daemon=True)
    reader.start()
    try:
        yield given()
    finally:
        over.set()
        reader.join(_FINISH_WITHIN_S)


class _OneOpenCVThread:
    """Keeps OpenCV from starting threads of its own inside every worker, while anybody holds it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._before = 1

    def hold(self) -> None:
        with self._lock:
            if not self._holders:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._holders += 1

    def release(self) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders:
                cv2.setNumThreads(self._before)


_OPENCV = _OneOpenCVThread()
