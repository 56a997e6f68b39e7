"""What every exercise gives: summary metrics with bands, one row per repetition, curves, events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.events import Event, EventDraw
from mocap.measure.metric import NO_SPREAD, Metric, judged
from mocap.measure.misfit import Misfit, parts_of
from mocap.measure.overbent import Overbent, overbent
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import SIDES, Segments
from mocap.measure.uncertainty import SAMPLES, shaken, spreads

PHASE_POINTS = 101
"""Cycles are resampled to 0, 1, … 100 per cent."""


@dataclass(frozen=True)
class Quantity:
    """What a summary number is.

    Attributes:
        label, unit, text: for people; `text` defines it.
        systematic: largest known bias of the method; useful_sd: spread above which it is grey.
    """

    label: str
    unit: str
    text: str
    systematic: float = float("nan")
    useful_sd: float = float("nan")


@dataclass(frozen=True, eq=False)
class Reading:
    """What one pass over the segments gives.

    Attributes:
        values: summary numbers by name.
        rows: one mapping per repetition, cycle or jump: column -> value.
        events: of the take in time order.
        curves: (frame,) by name; units by the same names.
        cycles: (cycle, 101) by name: curves resampled per cycle or repetition.
        units: of rows and curves, by name.
        reasons: why a value cannot be trusted, by name.
        warnings: sentences for people.
    """

    values: Mapping[str, float]
    rows: Sequence[Mapping[str, float | str]]
    events: Sequence[Event] = ()
    curves: Mapping[str, FloatArray] = field(default_factory=dict)
    cycles: Mapping[str, FloatArray] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Exercise:
    """A measured exercise.

    Attributes:
        kind: "squat", "gait", ….
        metrics: the summary, judged.
        reading: rows, events, curves.
        fps: frames per second.
        filters: which filter ran where, in words.
        thorax: convention of the thorax.
        warnings: sentences for people.
        feedback: what the person may change, in plain words.
    """

    kind: str
    metrics: tuple[Metric, ...]
    reading: Reading
    fps: float
    filters: str
    thorax: str
    warnings: tuple[str, ...]
    feedback: tuple[str, ...] = ()


def measured(
    kind: str,
    segments: Segments,
    read: Callable[[Segments, EventDraw], Reading],
    quantities: Mapping[str, Quantity],
    *,
    filters: str,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
) -> Exercise:
    """Read an exercise and put bands on its summary.

    The keypoints are shaken within their uncertainty, and the events drawn from theirs.
    """
    reading, bent = read(segments, EventDraw()), overbent(segments)
    sd: Mapping[str, float] = {}
    if points is not None:
        draw = EventDraw(np.random.default_rng(0))

        def values(shaken_points: Points3D) -> Mapping[str, float]:
            return read(segments_from_points(shaken_points, person_id), draw).values

        sd = spreads(values, shaken(points, misfit=misfit, samples=samples))
    metrics = tuple(
        judged(
            Metric(
                name=name,
                label=each.label,
                unit=each.unit,
                value=reading.values[name],
                sd=sd.get(name, float("nan")) if each.unit else 0.0,
                systematic=each.systematic,
                useful_sd=each.useful_sd,
                reason=_why_not(name, each, reading, sd, misfit, bent),
                definition=each.text,
            )
        )
        for name, each in quantities.items()
        if name in reading.values
    )
    unexplained = misfit.warnings if misfit else ()
    warnings = (*segments.notes, *reading.warnings, *bent.warnings, *unexplained)
    if points is None:
        warnings = (*warnings, "no keypoint uncertainty was given: no metric has a band")
    return Exercise(kind, metrics, reading, segments.fps, filters, segments.thorax, warnings)


def _why_not(
    name: str,
    quantity: Quantity,
    reading: Reading,
    sd: Mapping[str, float],
    misfit: Misfit | None,
    bent: Overbent,
) -> str:
    """Return why a number cannot be trusted whatever its spread, or an empty text."""
    said = reading.reasons.get(name, "")
    if quantity.unit and not said:
        parts = parts_of(name, SIDES)
        said = bent.why_not(parts) or (misfit.why_not(parts) if misfit else "")
    blind = bool(sd) and bool(quantity.unit) and not np.isfinite(sd.get(name, np.nan))
    return NO_SPREAD if blind and not said and np.isfinite(reading.values[name]) else said


def resampled(curve: FloatArray, start: float, end: float) -> FloatArray:
    """Return a stretch of a curve at 0, 1, … 100 per cent of it; NaN where it has gaps."""
    frames = np.linspace(start, end, PHASE_POINTS)
    return np.interp(frames, np.arange(len(curve)), np.asarray(curve, dtype=np.float64))


def mean_of(rows: Sequence[Mapping[str, float | str]], column: str) -> float:
    """Return the mean of a column over the rows that have it; NaN without any."""
    values = [value for row in rows if isinstance(value := row.get(column), float)]
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
