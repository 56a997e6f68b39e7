"""HDF5 files of DeepLabCut (a table of pandas) and of SLEAP (an analysis file, or its own).

Nothing in them is executed: the column titles that pandas pickles are read by an unpickler that
knows lists, tuples and texts. Links to other files and storage outside the file are refused. The
library itself is native code that damaged files can crash: it works in a process of its own.
"""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import h5py
import numpy as np

from mocap.core.errors import InputError
from mocap.core.files import plain_text
from mocap.core.files.reading import PARSING, reading
from mocap.core.files.unpickling import ModestUnpickler
from mocap.core.shapes import Array, FloatArray
from mocap.detect.imported.keypoints import MOST_KEYPOINTS, FileKeypoints, unseen_at_zero
from mocap.detect.imported.sleap_project import is_project, read_project
from mocap.detect.imported.tables import by_columns

SLEAP = "SLEAP analysis file"
DEEPLABCUT = "DeepLabCut HDF5"
LONGEST_S = 600
"""The largest file takes a minute."""

MOST_NUMBERS = 400_000_000
"""Of an array, before it is read: a small file may promise any size."""


def read_hdf5(path: Path) -> FileKeypoints:
    """Read an HDF5 file of keypoints.

    Raises:
        InputError: it cannot be read, or neither tool wrote it.
    """
    with reading(path, "an HDF5 file of keypoints"):
        with path.open("rb") as stream:
            magic = stream.read(8)
        if magic != b"\x89HDF\r\n\x1a\n":
            raise ValueError("it does not begin as HDF5 does")
        status, text = in_a_process(path)
        if status:
            raise ValueError(f"HDF5's own library broke on it: {status}")
        known = _understood(text)
    if isinstance(known, FileKeypoints):
        return known
    raise InputError(
        f"{path} holds {known}: no keypoints that are known. DeepLabCut's hold a table of pandas, "
        "SLEAP's analysis files 'tracks' and 'node_names', its own files (.slp) 'frames', "
        "'instances' and 'points'."
    )


def in_a_process(path: Path) -> tuple[int, str]:
    """Return the exit status of a process that reads a file, and what it told."""
    code = "import sys; from mocap.detect.imported import hdf5; hdf5.tell(sys.argv[1])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, str(path)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=LONGEST_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, ""
    return done.returncode, done.stdout.decode("utf-8")


def tell(path: str) -> None:
    """Write what a file holds, or why it cannot be read, to standard output as text."""
    sys.stdout.write(told(Path(path)))


def told(path: Path) -> str:
    """Return what a file holds, or why it cannot be read, as text."""
    try:
        return plain_text.written({"known": _known(path)}, FileKeypoints)
    # The file was opened before: what HDF5 cannot read in it is damage.
    except (*PARSING, OSError) as error:
        return plain_text.written({"damage": str(error) or type(error).__name__})


def _understood(text: str) -> FileKeypoints | str:
    answer = plain_text.read(text, FileKeypoints)
    if "damage" in answer:
        raise ValueError(answer["damage"])
    known: FileKeypoints | str = answer["known"]
    if isinstance(known, str):
        return known
    return replace(known, frames={int(number): each for number, each in known.frames.items()})


def _known(path: Path) -> FileKeypoints | str:
    """Return the keypoints of a file of either tool, else what it holds instead."""
    with h5py.File(path, "r") as file:
        if {"tracks", "node_names"} <= set(file):
            return _sleap(file)
        if is_project(file):
            attributes = dict(_own(file, "metadata").attrs)
            return read_project(lambda name: _values(file, name), attributes)
        for name in sorted(file):
            group = _own(file, name)
            if isinstance(group, h5py.Group) and ("table" in group or "block0_values" in group):
                return _deeplabcut(group)
        return ", ".join(sorted(file)[:5]) or "nothing"


def _own(group: Any, name: str) -> Any:
    """Return a member that lies in this file; ValueError for a link elsewhere."""
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"'{name}' is a link to another place")
    return group[name]


def _values(group: Any, name: str) -> Array:
    """Return a dataset whose numbers lie in this file.

    Raises:
        ValueError: it is no such dataset, or too large.
    """
    found = _own(group, name)
    if not isinstance(found, h5py.Dataset) or found.external is not None or found.is_virtual:
        raise ValueError(f"'{name}' is no array of this file")
    if found.size is None or found.size > MOST_NUMBERS:
        raise ValueError(f"'{name}' promises {found.size} numbers")
    return np.asarray(found[()])


def _text(value: Any) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _sleap(file: Any) -> FileKeypoints:
    """Return the people of an analysis file: tracks (track, 2, node, frame)."""
    tracks = _values(file, "tracks").astype(np.float64)
    names = tuple(_text(each) for each in _values(file, "node_names").ravel())
    if tracks.ndim != 4 or tracks.shape[1:3] != (2, len(names)) or len(names) > MOST_KEYPOINTS:
        raise ValueError(f"tracks {tracks.shape} do not fit {len(names)} nodes")
    points = np.transpose(tracks, (3, 0, 2, 1))
    scores = np.where(np.isfinite(points).all(axis=-1), 1.0, 0.0)
    said: tuple[str, ...] = ("SLEAP's file has no point_scores: every point counts as sure",)
    if "point_scores" in file:
        given = np.transpose(_values(file, "point_scores").astype(np.float64), (2, 0, 1))
        if given.shape != scores.shape:
            raise ValueError(f"point_scores {given.shape} do not fit tracks {tracks.shape}")
        # Points placed by hand have no score.
        scores, said = np.where(np.isfinite(given), given, scores), ()
    people = unseen_at_zero(np.concatenate([points, scores[..., None]], axis=-1))
    frames = {number: each[(each[..., 2] > 0.0).any(axis=1)] for number, each in enumerate(people)}
    return FileKeypoints(SLEAP, frames, names=names, said=said)


class _TitlesOnly(ModestUnpickler):
    """Creates lists, tuples, texts and numbers, and nothing else."""

    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it wants to use {module}.{name}")


def _unpickled(stored: Any) -> Any:
    data = stored if isinstance(stored, bytes) else np.asarray(stored).tobytes()
    try:
        return _TitlesOnly(io.BytesIO(data)).load()
    except pickle.UnpicklingError as error:
        raise ValueError(f"its column titles could run code or are damaged ({error})") from error


def _deeplabcut(group: Any) -> FileKeypoints:
    """Return the people of a table that pandas wrote, "table" or "fixed"."""
    titles, numbers, index = _table(group) if "table" in group else _fixed(group)
    columns = []
    for title in titles:
        levels = [_text(each) for each in title]
        if len(levels) not in (3, 4):
            raise ValueError(f"column titles of {len(levels)} levels; DeepLabCut has 3 or 4")
        columns.append((levels[1] if len(levels) == 4 else "", levels[-2], levels[-1]))
    found = by_columns(columns, numbers, [int(each) for each in index])
    return FileKeypoints(DEEPLABCUT, found.frames, names=found.names)


def _table(group: Any) -> tuple[list[Any], FloatArray, Array]:
    """Return titles, numbers (row, column) and index of a frame in the "table" format."""
    ((_, titles),) = _unpickled(group.attrs["non_index_axes"])
    rows = _values(group, "table")
    kinds = {name: rows.dtype[name].base.kind for name in rows.dtype.names or ()}
    blocks = [name for name in kinds if name != "index"]
    if len(blocks) != 1 or kinds[blocks[0]] != "f":
        raise ValueError("its table has columns that are no decimal numbers")
    numbers = rows[blocks[0]].reshape(len(rows), -1)
    return list(titles), numbers.astype(np.float64), rows["index"]


def _fixed(group: Any) -> tuple[list[Any], FloatArray, Array]:
    """Return the same of the "fixed" format, whose titles are levels and labels."""
    levels: list[list[str]] = []
    while f"axis0_level{len(levels)}" in group:
        at = len(levels)
        level = [_text(each) for each in _values(group, f"axis0_level{at}").ravel()]
        label = _values(group, f"axis0_label{at}").ravel()
        levels.append([level[int(each)] for each in label])
    numbers = _values(group, "block0_values").astype(np.float64)
    return list(zip(*levels, strict=True)), numbers, _values(group, "axis1").ravel()
