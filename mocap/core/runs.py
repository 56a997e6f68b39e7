"""Stretches of frames in which something holds."""

from __future__ import annotations

import numpy as np

from mocap.core.shapes import BoolArray


def runs(flags: BoolArray) -> list[tuple[int, int]]:
    """Return start and end (exclusive) of every stretch of True, in order.

    >>> runs(np.array([False, True, True, False, True]))
    [(1, 3), (4, 5)]
    """
    padded = np.concatenate([[False], flags, [False]])
    change = np.flatnonzero(padded[1:] != padded[:-1])
    return [(int(start), int(end)) for start, end in zip(change[::2], change[1::2], strict=True)]
