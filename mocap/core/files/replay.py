"""What a long computation has found so far: kept, a killed one goes on after it.

A computation asks for parts of its result one after the other, always in the same order. Those
that were found before are given back; from where they end on everything is computed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from mocap.core.files.plain_text import read, written

T = TypeVar("T")

KEEP_EVERY_S = 20.0
"""Of wall time. Of what is done sooner nothing is kept; with starting anew, and with what was being
worked on, a kill costs less than a minute."""


class KeepTimer:
    """Tells when it is time to keep what was found since it was kept last."""

    def __init__(self, every_s: float | None = None) -> None:
        """Begin; `KEEP_EVERY_S` by default."""
        self._every_s = every_s
        self._since_s = time.monotonic()

    def due(self) -> bool:
        """Tell whether to keep now."""
        every_s = KEEP_EVERY_S if self._every_s is None else self._every_s
        return time.monotonic() - self._since_s >= every_s

    def kept(self) -> None:
        """Hear that it was kept: only now, for that takes time itself."""
        self._since_s = time.monotonic()


class Remember(Protocol):
    """Finds a part of a result, or remembers it: rows, numbers and arrays."""

    def __call__(self, make: Callable[[], T]) -> T:
        """Return what `make` gives, or gave when it was asked for at this place before."""


def anew(make: Callable[[], T]) -> T:
    """Remember nothing."""
    return make()


@dataclass(frozen=True)
class FoundParts:
    """Parts of a result in a row.

    Attributes:
        first: place of the first.
        count: how many.
        text: their values, see `plain_text`.
    """

    first: int
    count: int
    text: str

    def __post_init__(self) -> None:
        """Check that they can be read."""
        if len(read(self.text)) != self.count or self.count < 1:
            raise ValueError("another number of parts than is said")


class Replay:
    """Remembers the parts of one result, see `Remember`."""

    def __init__(self, before: Iterable[FoundParts], save: Callable[[FoundParts], None]) -> None:
        """Go on after what was found before; `save` keeps what is found now."""
        self._before: list[Any] = []
        for each in sorted(before, key=lambda each: each.first):
            if each.first != len(self._before):
                break
            self._before += read(each.text)
        self._save = save
        self._first, self._asked = len(self._before), 0
        self._found: list[Any] = []
        self._timer = KeepTimer()

    def __call__(self, make: Callable[[], T]) -> T:
        """Return a part."""
        self._asked += 1
        if self._asked <= len(self._before):
            known: T = self._before[self._asked - 1]
            return known
        made = make()
        self._found.append(made)
        if self._timer.due():
            self._save(FoundParts(self._first, len(self._found), written(self._found)))
            self._first, self._found = self._first + len(self._found), []
            self._timer.kept()
        return made
