"""TRC marker files as OpenSim reads them.

Tab separated; three header lines, a row of names, a row of X1 Y1 Z1 …, a blank row, data. Frames
count from 1 and time is (frame - 1) / rate. Y is up. Missing values are empty cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import BoolArray, FloatArray
from mocap.core.store import write_lines
from mocap.export.axes import AXES

# One micrometre in either unit.
_DECIMALS = {"m": 6, "mm": 3}


def write(
    points: Points3D,
    path: Path | str,
    *,
    person_id: int | None = None,
    unit: Literal["m", "mm"] = "m",
    marker_names: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """Write one person's keypoints as TRC markers; return what the format cannot say.

    Args:
        points: keypoints in metres, Z up.
        path: file to write; replaced as a whole or not at all.
        person_id: whose; may be left out when there is one person only.
        unit: unit of the file.
        marker_names: marker name by keypoint name; others keep their keypoint's name.

    Raises:
        InputError: the person is unknown.
        ExportError: there are no frames, or a marker name is unusable.
    """
    path = Path(path)
    person = points.person_index(person_id)
    names = _checked_names(points, dict(marker_names or {}))
    if not len(points.xyz):
        raise ExportError("there are no frames, so there is nothing to write as TRC.")
    axes = AXES["trc" if unit == "m" else "trc_mm"]
    xyz = axes.points(points.xyz[:, person]).reshape(len(points.xyz), -1)
    header = [*_header(path.name, points, names, axes.unit), ""]
    write_lines(path, chain(header, _rows(xyz, points.fps, _DECIMALS[axes.unit])))
    return _remarks(points, person, names)


def _rows(values: FloatArray, fps: float, decimals: int) -> Iterator[str]:
    """Yield the rows of data of values (frame, column)."""
    number = f"%.{decimals}f"
    whole = "\t".join([number] * values.shape[1])
    known: BoolArray = np.asarray(np.isfinite(values).all(axis=1))
    for frame, (row, all_known) in enumerate(zip(values, known, strict=True)):
        if all_known:
            cells = whole % tuple(row.tolist())
        else:
            cells = "\t".join([number % each if np.isfinite(each) else "" for each in row])
        yield f"{frame + 1}\t{frame / fps:.8f}\t{cells}"


def _checked_names(points: Points3D, marker_names: dict[str, str]) -> list[str]:
    """Return marker names in keypoint order; tabs and repeats would break the columns."""
    names = [marker_names.get(name, name) for name in points.keypoint_names]
    bad = [name for name in names if not name or set(name) & set("\t\r\n")]
    if bad or len(set(names)) != len(names):
        raise ExportError(
            "TRC marker names must be unique and free of tabs and line breaks; "
            f"got {', '.join(repr(name) for name in bad or names)}."
        )
    return names


def _header(file_name: str, points: Points3D, names: list[str], unit: str) -> list[str]:
    """Return the five lines above the blank row."""
    rate = f"{points.fps:.10g}"
    frames = str(len(points.xyz))
    keys = (
        "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame "
        "OrigNumFrames"
    )
    values = [rate, rate, frames, str(len(names)), unit, rate, "1", frames]
    axes = [f"{axis}{marker + 1}" for marker in range(len(names)) for axis in "XYZ"]
    return [
        f"PathFileType\t4\t(X/Y/Z)\t{file_name}",
        "\t".join(keys.split()),
        "\t".join(values),
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t",
        "\t\t" + "\t".join(axes),
    ]


def _remarks(points: Points3D, person: int, names: list[str]) -> tuple[str, ...]:
    """Return sentences about what a reader of the file cannot see."""
    source = points.source[:, person]
    filled = np.isin(source, [Source.INTERPOLATED, Source.EXTRAPOLATED])
    known = np.asarray(np.isfinite(points.xyz[:, person]).all(axis=-1))
    never = [name for name, column in zip(names, known.T, strict=True) if not column.any()]
    remarks = []
    if filled.any():
        remarks.append(
            f"{100.0 * filled.mean():.1f} % of the marker positions are interpolated or "
            "extrapolated; TRC cannot mark them (the CSV export does)."
        )
    if never:
        remarks.append(f"never seen, empty in every frame: {', '.join(never)}.")
    return tuple(remarks)
