"""CSV tables of keypoints in the world of the calibration: metres, Z up.

Tidy (one row per frame, person and keypoint, with source and uncertainty) for analysis, or wide
(one row per frame) for a spreadsheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, BoolArray, in_parts
from mocap.core.store import write_lines
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

_FRAMES_AT_ONCE = 1024
"""Whose texts are there at the same time: those of a long take are larger than the take."""


def write(points: Points3D, path: Path | str) -> tuple[str, ...]:
    """Write all people's keypoints, one row per frame, person and keypoint.

    Frames count from 0. `source` is measured, interpolated, extrapolated or missing; `sigma_mm`
    is the standard deviation per axis. Unknown values are empty cells.
    """
    write_lines(Path(path), chain([",".join(TIDY_COLUMNS)], _tidy_rows(points)))
    return ()


def _tidy_rows(points: Points3D) -> Iterator[str]:
    """Yield one row for each frame, person and keypoint."""
    called = [f"{person},{_quoted(name)}" for person in points.person_ids
              for name in points.keypoint_names]  # fmt: skip
    for part in in_parts(len(points.xyz), _FRAMES_AT_ONCE):
        some = points.part(part)
        numbers = [
            *AXES["csv"].points(some.xyz).reshape(-1, 3).T,
            (1000.0 * some.sigma_m).ravel(),
            np.asarray(some.reprojection_error_px).ravel(),
        ]
        known: BoolArray = np.asarray(np.isfinite(numbers).all(axis=0))
        columns = zip(
            *(each.tolist() for each in numbers),
            _source_names(some.source.ravel()),
            some.view_count.ravel().tolist(),
            known.tolist(),
            strict=True,
        )
        for row, (x, y, z, sigma_mm, error_px, source, views, whole) in enumerate(
            columns, part.start * len(called)
        ):
            frame, who = divmod(row, len(called))
            begin = f"{frame},{frame / points.fps:.6f},{called[who]}"
            if whole:
                yield (
                    f"{begin},{x:.6f},{y:.6f},{z:.6f},{source},{sigma_mm:.3f},{int(views)},"
                    f"{error_px:.3f}"
                )
            else:
                yield (
                    f"{begin},{_cells((x, y, z), 6)},{source},{_cell(sigma_mm, 3)},{int(views)},"
                    f"{_cell(error_px, 3)}"
                )


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
    parts = ("x_m", "y_m", "z_m", "source", "sigma_mm")
    columns = [_quoted(f"{name}_{part}") for name in points.keypoint_names for part in parts]
    header = ",".join(["frame", "time_s", *columns])
    rows = _wide_rows(points.of_person(points.person_ids[person]))
    write_lines(Path(path), chain([header], rows))
    return ()


def _wide_rows(points: Points3D) -> Iterator[str]:
    """Yield one row for each frame of one person."""
    for part in in_parts(len(points.xyz), _FRAMES_AT_ONCE):
        some = points.part(part)
        xyz = AXES["csv"].points(some.xyz[:, 0]).tolist()
        sigma_mm = (1000.0 * some.sigma_m[:, 0]).tolist()
        for k, frame in enumerate(range(part.start, part.stop)):
            each = zip(xyz[k], _source_names(some.source[k, 0]), sigma_mm[k], strict=True)
            cells = [f"{_cells(at, 6)},{source},{_cell(sigma, 3)}" for at, source, sigma in each]
            yield ",".join([f"{frame},{frame / points.fps:.6f}", *cells])


def _source_names(sources: Array) -> list[str]:
    names = {int(source): source.name.lower() for source in Source}
    return [names[int(source)] for source in sources.tolist()]


def _cells(values: Sequence[float], decimals: int) -> str:
    return ",".join([_cell(value, decimals) for value in values])


def _cell(value: float, decimals: int) -> str:
    """Return a number with fixed decimals, or nothing for NaN."""
    return f"{value:.{decimals}f}" if math.isfinite(value) else ""


def _quoted(text: str) -> str:
    """Return text as one CSV field (RFC 4180)."""
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
