"""What a long computation has found so far: kept, a killed one goes on after it.

A computation asks for parts of its result one after the other, always in the same order. Those
that were found before are given back; from where they end on everything is computed.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from mocap.core.files.plain_text import packed, unpacked
from mocap.core.shapes import Array

T = TypeVar("T")

KEEP_EVERY_S = 20.0
"""Of wall time. Of what is done sooner nothing is kept; with starting anew, and with what was being
worked on, a kill costs less than a minute."""


MOST_BYTES = 32_000_000
"""What is found is kept sooner where it takes more room than this."""


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


@dataclass(frozen=True, eq=False)
class FoundParts:
    """Parts of a result in a row.

    Attributes:
        first: place of the first.
        count: how many.
        text, data: their values, see `plain_text.packed`.
    """

    first: int
    count: int
    text: str
    data: Array

    def __post_init__(self) -> None:
        """Check that they can be read."""
        if len(self.values()) != self.count or self.count < 1:
            raise ValueError("another number of parts than is said")

    @classmethod
    def of(cls, first: int, values: list[Any]) -> FoundParts:
        """Return parts, the first of which has the place `first`."""
        return cls(first, len(values), *packed(values))

    def values(self) -> tuple[Any, ...]:
        """Return the parts.

        Raises:
            TypeError, ValueError, KeyError: they are none.
        """
        found = unpacked(self.text, self.data)
        if not isinstance(found, tuple):
            raise ValueError("no parts in a row")
        return found


class Replay:
    """Remembers the parts of one result, see `Remember`."""

    def __init__(self, before: Iterable[FoundParts], save: Callable[[FoundParts], None]) -> None:
        """Go on after what was found before, in a row; `save` keeps what is found now.

        Those from before are asked for when they are wanted: together they may be large.
        """
        self._before = iter(before)
        self._known: deque[Any] = deque()
        self._save = save
        self._asked = 0
        self._found: list[Any] = []
        self._bytes = 0
        self._timer = KeepTimer()

    def __call__(self, make: Callable[[], T]) -> T:
        """Return a part."""
        if self._is_known():
            self._asked += 1
            known: T = self._known.popleft()
            return known
        made = make()
        self._asked += 1
        self._found.append(made)
        self._bytes += _bytes_of(made)
        if self._timer.due() or self._bytes >= MOST_BYTES:
            self._save(FoundParts.of(self._asked - len(self._found), self._found))
            self._found, self._bytes = [], 0
            self._timer.kept()
        return made

    def _is_known(self) -> bool:
        """Tell whether the next part was found before."""
        if not self._known:
            piece = next(self._before, None)
            if piece is None or piece.first != self._asked:
                self._before = iter(())
                return False
            self._known = deque(piece.values())
        return True


def _bytes_of(value: object) -> int:
    """Return the room that the arrays in rows take."""
    if isinstance(value, tuple | list):
        return sum(_bytes_of(each) for each in value)
    return int(value.nbytes) if isinstance(value, np.ndarray) else 0
