"""How the workflow tells what it is doing, without knowing who listens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Progress(Protocol):
    """Who listens to the workflow: the command line's console, a server, or nobody."""

    def line(self, text: str) -> None:
        """Hear one line."""

    def warnings(self, warnings: Sequence[str]) -> None:
        """Hear warnings, one sentence each."""

    def progress(self, camera: str, done: int, total: int | None) -> None:
        """Hear how many frames of a camera are done."""

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Hear a table of text."""
