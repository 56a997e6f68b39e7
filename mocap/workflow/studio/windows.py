"""Which windows show which take: the second is told, so that two people do not cross each other."""

from __future__ import annotations

import threading
import time

# Windows ask every second or two; a browser lets those in the background wait up to a minute.
_GONE_S = 75.0


class Windows:
    """Windows that were seen lately."""

    def __init__(self) -> None:
        """Start with none."""
        self._guard = threading.Lock()
        self._seen: dict[str, tuple[str, float]] = {}

    def seen(self, window: str, take: str) -> int:
        """Note that a window shows a take; return how many others do."""
        now = time.monotonic()
        with self._guard:
            self._seen[window] = (take, now)
            self._seen = {k: v for k, v in self._seen.items() if now - v[1] < _GONE_S}
            return sum(t == take and k != window for k, (t, _) in self._seen.items())

    def gone(self, window: str) -> None:
        """Forget a window that says goodbye."""
        with self._guard:
            self._seen.pop(window, None)
