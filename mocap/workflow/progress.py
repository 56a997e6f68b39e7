"""How the workflow tells what it is doing, without knowing who listens."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from statistics import median
from threading import Lock
from typing import Protocol

_SOON_S = 3.0

_INTERVAL_S = 2.0
"""Shortest time a pace is taken over: images come in bursts, as they are decoded and searched."""

_FEWEST_INTERVALS = 3
"""Of which one may be no work at all: networks are loaded, kernels compiled, another is waited
for. The median of three is that of one at work."""

_MOST_INTERVALS = 5

Told = Callable[[str, int, int], None]
"""Hears what is counted, how many are done, and how many there are."""


class Progress(Protocol):
    """Who listens to the workflow: the command line's progress, a page, a log, or nobody."""

    def started(self, what: str) -> None:
        """Hear what begins: "dance: smooth (not made yet)"."""

    def advanced(self, what: str, done: int, total: int | None) -> None:
        """Hear how many frames of a camera are done; no total when nobody knows.

        Whatever else is counted stands after a colon: "fit of person 0: steps".
        """

    def finished(self, what: str, details: Sequence[str] = ()) -> None:
        """Hear what is done, and the lines that tell more of it."""

    def warned(self, *sentences: str) -> None:
        """Hear what a person should know, one sentence each."""


class Quiet:
    """Nobody listens; warnings are kept in the artifacts and in what is returned."""

    def started(self, what: str) -> None:
        """Say nothing."""

    def advanced(self, what: str, done: int, total: int | None) -> None:
        """Say nothing."""

    def finished(self, what: str, details: Sequence[str] = ()) -> None:
        """Say nothing."""

    def warned(self, *sentences: str) -> None:
        """Say nothing."""


class Together:
    """Lets several threads tell one listener, one after the other."""

    def __init__(self, progress: Progress) -> None:
        """Tell `progress`."""
        self._progress = progress
        self._lock = Lock()

    def started(self, what: str) -> None:
        """Hear what begins."""
        with self._lock:
            self._progress.started(what)

    def advanced(self, what: str, done: int, total: int | None) -> None:
        """Hear how far a camera or a person is."""
        with self._lock:
            self._progress.advanced(what, done, total)

    def finished(self, what: str, details: Sequence[str] = ()) -> None:
        """Hear what is done."""
        with self._lock:
            self._progress.finished(what, details)

    def warned(self, *sentences: str) -> None:
        """Hear warnings."""
        with self._lock:
            self._progress.warned(*sentences)


def counting(progress: Progress, stage: str, images: int, least: int) -> Told | None:
    """Return what tells how far a stage is; None where there is little to do.

    Args:
        progress: who is told.
        stage: its name.
        images: of all cameras of the take.
        least: images that take some ten seconds; a stage that is done sooner says nothing.
    """
    if images < least:
        return None
    return lambda what, done, total: progress.advanced(f"{stage}: {what}", done, total)


class TimeLeft:
    """Tells how long what is counted will still take, by its pace lately.

    The pace is the median over the last intervals of two seconds or more, which end when something
    is done: an interval in which something else was waited for does not count, and nothing is said
    before three intervals are known.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `now_s` is the clock."""
        self._now_s = now_s
        self._paces: dict[str, _Pace] = {}

    def hear(self, what: str, done: int, total: int) -> None:
        """Hear how far something is; fewer done than before is another thing of the same name."""
        now_s, known = self._now_s(), self._paces.get(what)
        if known is None or done < known.done:
            self._paces[what] = _Pace(now_s, done, total)
        else:
            known.hear(now_s, done, total)
        if done >= total:
            self._paces.pop(what, None)

    def left_s(self, *those: str) -> float | None:
        """Return the time until the last of those is done; None before all their paces are known.

        Those that have ended, or never began, take no time.
        """
        found = [self._paces[what].left_s() for what in those if what in self._paces]
        known = [left_s for left_s in found if left_s is not None]
        return max(known, default=0.0) if len(known) == len(found) else None


class _Pace:
    """How quickly one thing is done."""

    def __init__(self, now_s: float, done: int, total: int) -> None:
        self.done, self._total = done, total
        self._since_s, self._since_done = now_s, done
        self._lately: deque[float] = deque(maxlen=_MOST_INTERVALS)

    def hear(self, now_s: float, done: int, total: int) -> None:
        self.done, self._total = done, total
        took_s, more = now_s - self._since_s, done - self._since_done
        if took_s >= _INTERVAL_S and more:
            self._lately.append(took_s / more)
            self._since_s, self._since_done = now_s, done

    def left_s(self) -> float | None:
        if len(self._lately) < _FEWEST_INTERVALS:
            return None
        return median(self._lately) * (self._total - self.done)


def left_in_words(left_s: float | None) -> str:
    """Return the time left as the end of a sentence; nothing when that is soon or not known."""
    if left_s is None or left_s < _SOON_S:
        return ""
    return f", about {left_s / 60.0:.0f} min left" if left_s > 90.0 else f", {left_s:.0f} s left"


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    lines = []
    for row in (header, *rows):
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    return lines
