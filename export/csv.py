"""CSV tables of keypoints in the world of the calibration: metres, Z up.

Tidy (one row per frame, person and keypoint, with source and uncertainty) for analysis, or wide
(one row per frame) for a spreadsheet.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap.core.points import Points3D, Source
from mocap.core.store import write_text
from mocap.export.axes import AXES

TIDY_COLUMNS = (
    "frame",
    "time_s",
    "person_id",
    "keypoint",
    "x_m",
    "y_m",
    "z_m",
    "source",
    "sigma_mm",
    "view_count",
    "reprojection_error_px",
)


def write(points: Points3D, path: Path | str) -> tuple[str, ...]:
    """Write all people's keypoints, one row per frame, person and keypoint.

    Frames count from 0. `source` is measured, interpolated, extrapolated or missing; `sigma_mm`
    is the standard deviation per axis. Unknown values are empty cells.
    """
    xyz = AXES["csv"].points(points.xyz)
    sigma_mm = 1000.0 * points.sigma_m
    source_names = {int(source): source.name.lower() for source in Source}
    names = [_quoted(name) for name in points.keypoint_names]
    lines = [",".join(TIDY_COLUMNS)]
    for frame, person, keypoint in np.ndindex(*points.view_count.shape):
        at = (frame, person, keypoint)
        cells = (
            str(frame),
            f"{frame / points.fps:.6f}",
            str(points.person_ids[person]),
            names[keypoint],
            *(_cell(value, 6) for value in xyz[at]),
            source_names[int(points.source[at])],
            _cell(float(sigma_mm[at]), 3),
            str(int(points.view_count[at])),
            _cell(float(points.reprojection_error_px[at]), 3),
        )
        lines.append(",".join(cells))
    write_text(Path(path), "\n".join(lines) + "\n")
    return ()


def write_wide(
    points: Points3D, path: Path | str, *, person_id: int | None = None
) -> tuple[str, ...]:
    """Write one person's keypoints, one row per frame.

    For each keypoint the columns `left_knee_x_m`, `_y_m`, `_z_m`, `_source` and `_sigma_mm`, as in
    the tidy table.

    Raises:
        InputError: the person is unknown, or there are several and none was named.
    """
    person = points.person_index(person_id)
    xyz = AXES["csv"].points(points.xyz[:, person])
    sigma_mm = 1000.0 * points.sigma_m[:, person]
    source_names = {int(source): source.name.lower() for source in Source}
    parts = ("x_m", "y_m", "z_m", "source", "sigma_mm")
    columns = [_quoted(f"{name}_{part}") for name in points.keypoint_names for part in parts]
    lines = [",".join(["frame", "time_s", *columns])]
    for frame, row in enumerate(xyz):
        cells = [str(frame), f"{frame / points.fps:.6f}"]
        for keypoint, position in enumerate(row):
            cells += [_cell(value, 6) for value in position]
            cells.append(source_names[int(points.source[frame, person, keypoint])])
            cells.append(_cell(float(sigma_mm[frame, keypoint]), 3))
        lines.append(",".join(cells))
    write_text(Path(path), "\n".join(lines) + "\n")
    return ()


def _cell(value: float, decimals: int) -> str:
    """Return a number with fixed decimals, or nothing for NaN."""
    return f"{value:.{decimals}f}" if np.isfinite(value) else ""


def _quoted(text: str) -> str:
    """Return text as one CSV field (RFC 4180)."""
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
