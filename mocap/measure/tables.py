"""Results as tables for other programs: a header and rows of texts."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mocap.capture.take_file import EVENTS
from mocap.core.files.tables import Table, cell
from mocap.core.shapes import FloatArray
from mocap.measure.exercises.exercise import Exercise
from mocap.measure.pitching.curves import CURVE_UNITS
from mocap.measure.pitching.pitching import MeasuredThrow, Pitching

# Column names of event times that scripts for the OpenBiomechanics Project's tables expect.
EVENT_COLUMNS = {
    "peak_knee_height": "pkh_time",
    "foot_contact": "fp_10_time",
    "foot_plant": "fp_100_time",
    "max_external_rotation": "MER_time",
    "ball_release": "BR_time",
    "max_internal_rotation": "MIR_time",
}
_BEFORE_S, _AFTER_S = 0.3, 0.4


def pitching_table(take: str, found: Pitching) -> Table:
    """Return one row per throw: events, then every metric with its 95 % band and chance in it.

    `untrusted` names the metrics that are greyed in the report, separated by semicolons.
    """
    head = ["session_pitch", "hand", "fps", "angle_filter_hz", "target_deg", "thorax"]
    head += [column for name in EVENTS for column in (EVENT_COLUMNS[name], f"{name}_sd_ms")]
    names = [metric.name for metric in found.throws[0].metrics] if found.throws else []
    head += [column for name in names for column in (name, f"{name}_band", f"{name}_chance")]
    return [*head, "untrusted"], [_throw_row(take, found, throw) for throw in found.throws]


def _throw_row(take: str, found: Pitching, throw: MeasuredThrow) -> list[str]:
    fps = found.thrower.fps
    row: list[float | str] = [
        session_pitch(take, throw),
        found.hand,
        fps,
        float("nan") if found.options.angle_cutoff_hz is None else found.options.angle_cutoff_hz,
        found.target_deg,
        found.thrower.thorax,
    ]
    for name in EVENTS:
        event = throw.events.get(name)
        row += [event.time_s(fps), event.confidence_ms] if event else ["", ""]
    for metric in throw.metrics:
        row += [metric.value, metric.band, metric.chance]
    row.append(";".join(metric.name for metric in throw.metrics if not metric.trusted))
    return [cell(value) for value in row]


def session_pitch(take: str, throw: MeasuredThrow) -> str:
    """Return the name of a throw: the take and its number."""
    return f"{take}_{throw.number}"


def curves_table(take: str, found: Pitching) -> Table:
    """Return one row per frame and throw, from before the knee's rise to after the follow-through.

    Every row repeats the throw's event times.
    """
    fps, frames = found.thrower.fps, found.thrower.frame_count
    rows: list[list[str]] = []
    for throw in found.throws:
        marks = [event.frame for event in throw.events.values()]
        start = max(0, math.floor(min(marks) - _BEFORE_S * fps))
        end = min(frames, math.ceil(max(marks) + _AFTER_S * fps))
        times = [
            cell(throw.events[name].time_s(fps)) if name in throw.events else "" for name in EVENTS
        ]
        rows += [
            [
                session_pitch(take, throw),
                cell(frame / fps),
                *(cell(float(found.curves[name][frame])) for name in CURVE_UNITS),
                *times,
            ]
            for frame in range(start, end)
        ]
    columns = [f"{name}_{unit.replace('/', '_per_')}" for name, unit in CURVE_UNITS.items()]
    return ["session_pitch", "time", *columns, *(EVENT_COLUMNS[n] for n in EVENTS)], rows


def exercise_table(take: str, found: Exercise) -> Table:
    """Return one row per repetition, cycle or jump."""
    columns = list(dict.fromkeys(name for row in found.reading.rows for name in row))
    head = ["take", *(_with_unit(name, found) for name in columns)]
    return head, [
        [take, *(cell(row.get(name, "")) for name in columns)] for row in found.reading.rows
    ]


def summary_table(found: Exercise) -> Table:
    """Return one row per summary metric."""
    head = ["name", "value", "band", "chance", "systematic", "unit", "untrusted_because",
            "definition"]  # fmt: skip
    return head, [
        [m.name, *map(cell, (m.value, m.band, m.chance, m.systematic)), m.unit, m.reason,
         m.definition]
        for m in found.metrics
    ]  # fmt: skip


def exercise_curves_table(found: Exercise) -> Table:
    """Return one row per frame."""
    return frame_table(
        {_with_unit(name, found): curve for name, curve in found.reading.curves.items()}, found.fps
    )


def events_table(found: Exercise) -> Table:
    """Return one row per event in time order."""
    return ["event", "time", "sd_ms"], [
        [event.name, cell(event.time_s(found.fps)), cell(event.confidence_ms)]
        for event in found.reading.events
    ]


def frame_table(columns: dict[str, FloatArray], fps: float) -> Table:
    """Return columns (frame,) by name as a table with a time column."""
    values: Sequence[FloatArray] = list(columns.values())
    count = len(values[0]) if values else 0
    rows = [
        [cell(frame / fps), *(cell(float(each[frame])) for each in values)]
        for frame in range(count)
    ]
    return ["time", *columns], rows


def _with_unit(name: str, found: Exercise) -> str:
    unit = found.reading.units.get(name, "")
    word = {"% thigh": "percent_thigh", "% stride": "percent_stride", "m/s": "m_per_s"}
    return f"{name}_{word.get(unit, unit).replace('/', '_per_')}" if unit else name


def phase_curve(curve: FloatArray, zero: float, hundred: float, phases: FloatArray) -> FloatArray:
    """Return a curve at phases in per cent, 0 at frame `zero` and 100 at frame `hundred`.

    NaN outside of the take and in gaps.
    """
    frames = zero + (hundred - zero) * phases / 100.0
    return np.interp(frames, np.arange(len(curve)), curve, left=np.nan, right=np.nan)
