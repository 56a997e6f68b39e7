"""Tables of comma-separated values: DeepLabCut's, SLEAP's, and landmarks of MediaPipe."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import MAX_TEXT_BYTES, reading
from mocap.core.shapes import FloatArray
from mocap.detect.imported import mediapipe
from mocap.detect.imported.keypoints import FileKeypoints, people_array, unseen_at_zero, with_frame

DEEPLABCUT, SLEAP = "DeepLabCut table", "SLEAP table"
_DLC_AXES = ("x", "y", "likelihood")
_SLEAP_AXES = ("x", "y", "score")
_SLEAP_HEAD = ("track", "frame_idx", "instance.score")
MOST_BYTES = 16 * MAX_TEXT_BYTES
"""Text of an hour of several people."""


def read_table(path: Path) -> FileKeypoints:
    """Read a CSV file of keypoints, whichever tool wrote it.

    Raises:
        InputError: it cannot be read, or no known tool wrote it.
    """
    with reading(path, "a table of keypoints"):
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                f"{path} has {path.stat().st_size / 1e6:.0f} MB, too much for a table."
            )
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    head = [each.strip().lower() for each in rows[0]] if rows else []
    if head[:1] == ["scorer"]:
        return _deeplabcut(rows, path)
    if tuple(head[:3]) == _SLEAP_HEAD:
        return _sleap(rows, path)
    if mediapipe.columns_of(head) is not None:
        with reading(path, mediapipe.FORMAT):
            numbers = np.array([[_number(each) for each in row] for row in rows[1:] if row])
        return mediapipe.read_table(head, numbers, path)
    raise InputError(
        f"{path} is no table of keypoints that is known ('{','.join(head)[:60]}'): DeepLabCut's "
        "begins with 'scorer', SLEAP's with 'track,frame_idx,instance.score', MediaPipe's names 33 "
        "landmarks."
    )


def _number(text: str) -> float:
    return float(text) if text.strip() else np.nan


def _deeplabcut(rows: Sequence[Sequence[str]], path: Path) -> FileKeypoints:
    """Return the people of a table with rows scorer, (individuals,) bodyparts and coords."""
    with reading(path, DEEPLABCUT):
        titles = [row[0].strip().lower() for row in rows[1:4]]
        several = titles[0] == "individuals"
        wanted = ["individuals", "bodyparts", "coords"] if several else ["bodyparts", "coords"]
        if titles[: len(wanted)] != wanted:
            raise ValueError(f"its second rows are {', '.join(titles)}, not {', '.join(wanted)}")
        heads = [list(row[1:]) for row in rows[1 : 1 + len(wanted)]]
        persons = heads[0] if several else [""] * len(heads[0])
        columns = list(zip(persons, heads[-2], heads[-1], strict=True))
        body = [row for row in rows[1 + len(wanted) :] if row]
        numbers = np.array([[_number(each) for each in row[1:]] for row in body])
        return by_columns(columns, numbers.reshape(len(body), -1), [_frame(row[0]) for row in body])


def _frame(text: str) -> int:
    """Return the number of a row: an index, or the name of a labelled image."""
    from mocap.detect.imported.json_file import frame_number

    return int(text) if text.strip().isdigit() else frame_number(text.rpartition(".")[0] or text)


def by_columns(
    columns: Sequence[tuple[str, str, str]], numbers: FloatArray, frame_numbers: Sequence[int]
) -> FileKeypoints:
    """Return DeepLabCut's people by (individual, body part, coordinate) of each column.

    Raises:
        ValueError: columns and numbers do not fit together.
    """
    if numbers.shape != (len(frame_numbers), len(columns)):
        raise ValueError(f"{numbers.shape[-1]} columns of numbers under {len(columns)} titles")
    persons = list(dict.fromkeys(person for person, _, _ in columns))
    names = tuple(dict.fromkeys(part for _, part, _ in columns))
    table = np.full((len(numbers), len(persons), len(names), 3), np.nan)
    table[..., 2] = 1.0
    for column, (person, part, axis) in enumerate(columns):
        place = _DLC_AXES.index(axis.strip().lower())
        table[:, persons.index(person), names.index(part), place] = numbers[:, column]
    gone = ~np.isfinite(table).all(axis=-1)
    table[gone] = (np.nan, np.nan, 0.0)
    frames: dict[int, FloatArray] = {}
    for number, people in zip(frame_numbers, table, strict=True):
        there = people[(people[..., 2] > 0.0).any(axis=1)]
        with_frame(frames, number, unseen_at_zero(there))
    return FileKeypoints(DEEPLABCUT, frames, names=names)


def _sleap(rows: Sequence[Sequence[str]], path: Path) -> FileKeypoints:
    """Return the people of SLEAP's table: a row for each person and frame."""
    with reading(path, SLEAP):
        titles = [each.rpartition(".") for each in rows[0][3:]]
        names = tuple(dict.fromkeys(name for name, _, _ in titles))
        by_frame: dict[int, list[FloatArray]] = {}
        for row in rows[1:]:
            if not row:
                continue
            points = np.full((len(names), 3), np.nan)
            for (name, _, axis), text in zip(titles, row[3:], strict=True):
                points[names.index(name), _SLEAP_AXES.index(axis)] = _number(text)
            points[~np.isfinite(points).all(axis=1)] = (np.nan, np.nan, 0.0)
            by_frame.setdefault(int(row[1]), []).append(points)
        frames: dict[int, FloatArray] = {}
        for number, people in by_frame.items():
            with_frame(frames, number, unseen_at_zero(people_array(people)))
        return FileKeypoints(SLEAP, frames, names=names)
