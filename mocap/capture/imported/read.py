"""C3D, TRC, CSV and NPZ files of joints or markers, as they stand in the file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.imported.c3d import read_c3d
from mocap.core.errors import InputError
from mocap.core.files.npz import read_npz
from mocap.core.files.reading import reading
from mocap.core.shapes import FloatArray, check_shapes

FURTHEST = 1e9
"""Millimetres of a thousand kilometres: beyond lies damage."""

FORMATS = ("c3d", "trc", "csv", "npz")


@dataclass(frozen=True, eq=False)
class ForeignPoints:
    """Points of a file, in its own unit, axes and names.

    Attributes:
        names: as the file spells them.
        xyz: (frame, point, 3); NaN where missing.
        fps: frames per second; None when the file does not say.
        unit: "mm", "cm" or "m"; "" when the file does not say.
    """

    names: tuple[str, ...]
    xyz: FloatArray
    fps: float | None
    unit: str

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, names="point", xyz="frame point 3")


def read_foreign(path: Path, key: str | None = None) -> ForeignPoints:
    """Read a file by its ending.

    Args:
        path: to read.
        key: which array of an NPZ with several.

    Raises:
        InputError: the file is missing, of no known format, or damaged.
    """
    readers: dict[str, Callable[[Path], ForeignPoints]] = {
        "c3d": _read_c3d,
        "trc": _read_trc,
        "csv": _read_csv,
        "npz": lambda each: _read_npz(each, key),
    }
    ending = path.suffix.lower().lstrip(".")
    if ending not in readers:
        raise InputError(f"{path} is no {', '.join(FORMATS)} file; export one of these there.")
    if not path.is_file():
        raise InputError(f"there is no file {path}.")
    with reading(path, f"points of {ending.upper()}"):
        found = readers[ending](path)
    known = np.isfinite(found.xyz)
    if len(found.xyz) < 2 or not known.any():
        raise InputError(f"{path} holds no moving point: {len(found.xyz)} frames.")
    furthest = float(np.abs(found.xyz[known]).max())
    if furthest > FURTHEST:
        raise InputError(
            f"{path} has a point {furthest:.3g} from the origin; no unit makes that a room. Export "
            "it again."
        )
    return found


def _read_c3d(path: Path) -> ForeignPoints:
    found = read_c3d(path)
    # "Subject:LASI" names the subject before every label.
    names = tuple(label.rsplit(":", 1)[-1] for label in found.labels)
    return _unique(names, found.xyz, found.fps or None, found.unit.lower())


def _read_trc(path: Path) -> ForeignPoints:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    head = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
    fields = lines[3].split("\t")
    names = tuple(name.strip() for name in fields[2:] if name.strip())
    rows = []
    for line in lines[5:]:
        cells = line.split("\t")
        if len(cells) < 3 or not cells[0].strip():
            continue
        values = [_number(cell) for cell in cells[2 : 2 + 3 * len(names)]]
        values += [np.nan] * (3 * len(names) - len(values))
        rows.append(values)
    xyz = np.array(rows, dtype=np.float64).reshape(len(rows), len(names), 3)
    fps = float(head.get("DataRate") or head.get("CameraRate") or "nan")
    return _unique(names, xyz, fps if np.isfinite(fps) else None, head.get("Units", "").lower())


_AXES = ("x", "y", "z")


def _read_csv(path: Path) -> ForeignPoints:
    """Read columns NAME_x, NAME_y, NAME_z (or NAME.X …), and `time` in seconds."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            rows = list(csv.reader(file))
        except csv.Error as error:
            raise ValueError(str(error)) from error
    head = [cell.strip() for cell in rows[0]]
    columns: dict[str, dict[str, int]] = {}
    for k, cell in enumerate(head):
        base = cell
        for tail in ("_mm", "_cm", "_m"):
            base = base.removesuffix(tail)
        if len(base) > 2 and base[-1].lower() in _AXES and base[-2] in "_. :":
            columns.setdefault(base[:-2], {})[base[-1].lower()] = k
    names = tuple(name for name, axes in columns.items() if set(axes) == set(_AXES))
    if not names:
        raise ValueError("its columns are no NAME_x, NAME_y, NAME_z")
    body = [row for row in rows[1:] if row]
    table = np.array([[_number(cell) for cell in row] for row in body], dtype=np.float64)
    order = [columns[name][axis] for name in names for axis in _AXES]
    xyz = table[:, order].reshape(len(table), len(names), 3)
    time = next((k for k, cell in enumerate(head) if cell.lower() in ("time", "time_s", "t")), None)
    fps = None
    if time is not None and len(table) > 1:
        step = float(np.median(np.diff(table[:, time])))
        fps = 1.0 / step if step > 0 else None
    unit = next(
        (u for u in ("mm", "cm", "m") if head[columns[names[0]]["x"]].endswith(f"_{u}")), ""
    )
    return _unique(names, xyz, fps, unit)


def _read_npz(path: Path, key: str | None) -> ForeignPoints:
    """Read an array (frame, point, 3) and its names, `names` or `joint_names` in the file."""
    data = read_npz(path)
    arrays = [name for name in data if data[name].ndim == 3] if key is None else [key]
    if key is not None and key not in data:
        raise InputError(f"{path} has no array '{key}'; known are {', '.join([*data][:8])}.")
    if len(arrays) != 1:
        raise InputError(
            f"{path} has {len(arrays)} arrays of frames, points and axes; choose one with --key."
        )
    titles = next(
        (n for n in ("names", "joint_names", "keypoint_names", "labels") if n in data), None
    )
    if titles is None:
        raise InputError(f"{path} has no array of names: names, joint_names or labels.")
    xyz = np.asarray(data[arrays[0]], dtype=np.float64)
    names = tuple(str(name) for name in data[titles])
    fps = next((float(data[n].item()) for n in ("fps", "rate") if n in data), None)
    unit = str(data["unit"]) if "unit" in data else ""
    return _unique(names, xyz, fps, unit)


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _unique(names: tuple[str, ...], xyz: FloatArray, fps: float | None, unit: str) -> ForeignPoints:
    """Return the points with names once each; repeated and nameless ones are left out."""
    seen: dict[str, int] = {}
    for k, name in enumerate(names):
        if name and name not in seen:
            seen[name] = k
    kept = list(seen.values())
    short = {"millimeters": "mm", "meters": "m", "centimeters": "cm"}.get(unit, unit)
    return ForeignPoints(
        tuple(seen), xyz[:, kept], fps, short if short in ("mm", "cm", "m") else ""
    )
