"""What following has in mind, as text and back, to the last bit: to go on after a killed run."""

from __future__ import annotations

from typing import Any

from mocap.core.files import plain_text
from mocap.detect.following.track import Track
from mocap.detect.people import Detection


def written(value: object) -> str:
    """Return tables, rows, numbers, arrays, tracks and detections as text.

    Raises:
        TypeError: there is something else.
    """
    return plain_text.written(value, Track, Detection)


def read(text: str) -> Any:
    """Return what was written; rows come back as tuples.

    Raises:
        TypeError, ValueError, KeyError: it is no such text.
    """
    return plain_text.read(text, Track, Detection)
