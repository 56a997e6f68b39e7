"""JSON of any shape from outside, and the numbers in it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.shapes import FloatArray

MOST_BYTES = 1_000_000_000
"""An hour of eight people at 60 frames a second in one file."""


def read_json_value(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        InputError: it cannot be read, is no JSON, or too large.
    """
    with reading(path, "a JSON file of keypoints"):
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                f"{path} has {path.stat().st_size / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} "
                "are read. Split it."
            )
        return json.loads(path.read_bytes().decode("utf-8-sig"))


def as_list(value: Any) -> list[Any]:
    """Return a list; ValueError for anything else."""
    if not isinstance(value, list):
        raise ValueError(f"{str(value)[:40]!r} is no list")
    return value


def as_table(value: Any) -> Mapping[str, Any]:
    """Return a table; ValueError for anything else."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{str(value)[:40]!r} is no table")
    return value


def points_of(xy: Any, scores: Any) -> FloatArray:
    """Return (keypoint, 3) of [[x, y], …] and [c, …].

    Raises:
        ValueError: they are no such lists, or of different lengths.
    """
    where = np.array(as_list(xy), dtype=np.float64)
    sure = np.array(as_list(scores), dtype=np.float64)
    if where.ndim != 2 or where.shape[1] < 2 or sure.shape != where.shape[:1]:
        raise ValueError(f"keypoints {where.shape} and scores {sure.shape} do not fit together")
    return np.column_stack([where[:, :2], sure])


def frame_number(text: str) -> int:
    """Return the last number in a name: cam01_000000000012_keypoints -> 12.

    Raises:
        ValueError: there is none.
    """
    numbers = re.findall(r"\d+", text)
    if not numbers or len(numbers[-1]) > 15:
        raise ValueError(f"{text[:60]!r} has no frame number")
    return int(numbers[-1])
