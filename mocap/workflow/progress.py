"""How the workflow tells what it is doing, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol

_SOON_S = 3.0

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


def left_in_words(left_s: float) -> str:
    """Return the time left as the end of a sentence; nothing when that is soon."""
    if left_s < _SOON_S:
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
