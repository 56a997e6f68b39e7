"""From the artifacts of earlier versions to those of today, one step of the format at a time.

A field that is new and has a default needs nothing here: files from before it mean the default.
A step is for what a default cannot say: a field that was renamed, split, or kept in another unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Arrays = Mapping[str, Any]

UPGRADES: dict[tuple[str, int], Callable[[Arrays], Arrays]] = {}
"""Kind of artifact and format that it has -> the arrays as the next format keeps them."""


def upgraded(kind: str, arrays: Arrays, version: int, newest: int) -> Arrays:
    """Return the arrays of an artifact as the newest format keeps them.

    Raises:
        ValueError: there never was a format of this number (a damaged file says anything, and
            the steps from there would have no end).

    >>> UPGRADES["Example", 1] = lambda arrays: {"height_m": arrays["height_mm"] / 1000.0}
    >>> upgraded("Example", {"height_mm": 1780.0}, version=1, newest=3)
    {'height_m': 1.78}
    >>> del UPGRADES["Example", 1]
    """
    if version < 1:
        raise ValueError(f"format {version}")
    for step in range(version, newest):
        if (kind, step) in UPGRADES:
            arrays = UPGRADES[kind, step](arrays)
    return arrays
