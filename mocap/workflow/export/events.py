"""The events that `mocap measure` found in a take, as C3D wants them.

They are read from the tables it writes: `pitching.csv` and `gait/gait.csv` in the folder of the
measurements.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from pathlib import Path

from mocap.capture.session import Take
from mocap.core.errors import InputError
from mocap.export.c3d import Event
from mocap.workflow.graph import path_of

_FOOT_STRIKE, _FOOT_OFF = "Foot Strike", "Foot Off"
# Two strides share a foot strike; tables have six digits, frames are further apart than this.
_SAME_S = 1e-3


def event_tables(take: Take) -> dict[str, Path]:
    """Return the tables of measured events that a take has, by a short name."""
    tables = {
        "pitching": take.measure_dir / "pitching.csv",
        "gait": take.measure_dir / "gait" / "gait.csv",
    }
    return {name: path for name, path in tables.items() if path.is_file()}


def measured_events(take: Take) -> tuple[list[Event], list[str]]:
    """Return the events of a take, and what there is to say about them.

    Tables that are older than the keypoints belong to other ones and are left out.

    Raises:
        InputError: a table cannot be read.
    """
    events: list[Event] = []
    notes = []
    made = path_of(take, "points").stat().st_mtime_ns
    for name, path in event_tables(take).items():
        if path.stat().st_mtime_ns < made:
            notes.append(
                f"the events in {path.name} are older than the keypoints and not in the C3D file; "
                "measure again."
            )
            continue
        events += _READERS[name](_rows(path))
    return events, notes


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"cannot read the events in {path}: {error}. Measure again.") from error


def _throws(rows: list[dict[str, str]]) -> list[Event]:
    """Return the events of throws, numbered where there are several."""
    from mocap.measure.tables import EVENT_COLUMNS

    found = []
    for number, row in enumerate(rows, 1):
        which = f" {number}" if len(rows) > 1 else ""
        for name, column in EVENT_COLUMNS.items():
            if (time_s := _number(row, column)) is not None:
                found.append(Event(name.replace("_", " ").capitalize() + which, time_s))
    return found


def _steps(rows: list[dict[str, str]]) -> list[Event]:
    """Return foot strikes and foot offs of strides, each once."""
    found: list[Event] = []
    for row in rows:
        side = row.get("side", "").capitalize()
        start, stride = _number(row, "start_time_s"), _number(row, "stride_time_s")
        if start is None or stride is None:
            continue
        moments = [(_FOOT_STRIKE, start), (_FOOT_STRIKE, start + stride)]
        stance = _number(row, "stance_percent_stride")
        if stance is not None:
            moments.append((_FOOT_OFF, start + 0.01 * stance * stride))
        for label, time_s in moments:
            known = [e for e in found if (e.label, e.context) == (label, side)]
            if all(abs(each.time_s - time_s) > _SAME_S for each in known):
                found.append(Event(label, time_s, side))
    return found


def _number(row: Mapping[str, str], column: str) -> float | None:
    """Return a cell as a number; None where it is empty or the column is not there."""
    text = row.get(column) or ""
    try:
        return float(text) if text else None
    except ValueError as error:
        raise InputError(
            f"'{text}' in column {column} of a measured table is no number."
        ) from error


_READERS: dict[str, Callable[[list[dict[str, str]]], list[Event]]] = {
    "pitching": _throws,
    "gait": _steps,
}
