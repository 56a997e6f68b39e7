"""Events, kinematic sequence and metrics of one or several throws, side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap.measure.events import Event
from mocap.measure.metric import Metric, mean_and_sd
from mocap.measure.norms import Norms
from mocap.measure.pitching.pitching import MeasuredThrow, Pitching
from mocap.studio.measure.parts import (
    COLOURS,
    METRIC_NOTE,
    Thumbnail,
    decimals,
    layout,
    line,
    metric_table,
    plus_minus,
    thumbnails,
    vertical,
    words,
)
from mocap.studio.page.page import Markup, chart, number, section, table, tag, text
from mocap.studio.take.figures import PlotlyJson

_SEQUENCE = (
    ("pelvis_rotation_velocity", "pelvis"),
    ("torso_rotation_velocity", "trunk"),
    ("elbow_extension_velocity", "elbow extension"),
    ("shoulder_internal_rotation_velocity", "shoulder internal rotation"),
)
_SHORT = {
    "peak_knee_height": "knee high", "foot_contact": "contact", "foot_plant": "plant",
    "max_external_rotation": "MER", "ball_release": "release", "max_internal_rotation": "MIR",
}  # fmt: skip
_LABEL_ROOM = 0.35
_BEFORE_MS, _AFTER_MS = 350.0, 150.0

_SIDE_BY_SIDE = 5
"""Throws in one table: more do not fit on paper."""


def events_section(found: Pitching, pictures: Mapping[int, Sequence[Thumbnail]]) -> Markup:
    """Return the events of all throws with their pictures."""
    parts = []
    for throw in found.throws:
        shown = thumbnails(pictures.get(throw.number, ()))
        if shown and len(found.throws) > 1:
            parts.append(tag("p", text(f"Throw {throw.number}"), class_="legend"))
        parts.append(shown)
    parts += _event_tables(found)
    note = (
        "Found from motion alone. Confidence is the standard deviation against force plates and "
        "markers, with the frame rate and the spread of the rules of this take in it. To set one "
        "by hand write `[[throws]]` in the take's `take.toml` and measure again."
    )
    if len(found.throws) > 1:
        note += " Each cell: time, time from release ± confidence."
    return section("Events", *parts, note=note)


def _event_tables(found: Pitching) -> list[Markup]:
    fps = found.thrower.fps
    if len(found.throws) == 1:
        (throw,) = found.throws
        head = ("Event", "Time", "Frame", "From release", "Confidence (SD)")
        return [table(head, [_event_row(event, throw, fps) for event in throw.events.values()])]
    names = dict.fromkeys(name for throw in found.throws for name in throw.events)
    return [
        table(
            ("Event", *(f"Throw {throw.number}" for throw in some)),
            [(words(name), *(_event_cell(each, name, fps) for each in some)) for name in names],
        )
        for some in _chunks(found.throws)
    ]


def _from_release(event: Event, throw: MeasuredThrow, fps: float) -> str:
    release = throw.events.get("ball_release")
    return number(1000.0 * (event.frame - release.frame) / fps, 0, "ms") if release else "–"


def _event_row(event: Event, throw: MeasuredThrow, fps: float) -> tuple[str, ...]:
    return (
        words(event.name),
        number(event.time_s(fps), 3, "s"),
        f"{event.frame:.1f}",
        _from_release(event, throw, fps),
        "set by hand" if event.source == "user" else f"± {event.confidence_ms:.0f} ms",
    )


def _event_cell(throw: MeasuredThrow, name: str, fps: float) -> str:
    event = throw.events.get(name)
    if event is None:
        return "–"
    sure = "by hand" if event.source == "user" else f"± {event.confidence_ms:.0f}"
    return f"{number(event.time_s(fps), 3, 's')}; {_from_release(event, throw, fps)} {sure}"


def _chunks(throws: Sequence[MeasuredThrow]) -> list[Sequence[MeasuredThrow]]:
    return [throws[k : k + _SIDE_BY_SIDE] for k in range(0, len(throws), _SIDE_BY_SIDE)]


def sequence_section(found: Pitching, charts: dict[str, PlotlyJson]) -> Markup:
    """Return the kinematic sequence of all throws: who is fastest when."""
    thrown = [throw for throw in found.throws if "ball_release" in throw.events]
    if not thrown:
        return Markup("")
    places = []
    for throw in thrown:
        identifier = f"sequence-{throw.number}"
        charts[identifier] = _sequence_figure(found, throw)
        order = " → ".join(peak.name for peak in throw.sequence)
        title = f"Throw {throw.number}: {order}" if len(thrown) > 1 else f"Order of peaks: {order}"
        places.append(chart(identifier, title, 320))
    parts = [tag("div", *places, class_="row")] if len(thrown) > 1 else places
    for some in _chunks(thrown):
        rows = [
            (name, *(_peak_cell(found, throw, name) for throw in some)) for _, name in _SEQUENCE
        ]
        parts.append(table(("Peak, from release", *(f"Throw {p.number}" for p in some)), rows))
    return section(
        "Kinematic sequence",
        *parts,
        note="Angular velocities as vectors resolved in the segment, not rates of Euler angles.",
    )


def _peak_cell(found: Pitching, throw: MeasuredThrow, name: str) -> str:
    release = throw.events["ball_release"].frame
    for peak in throw.sequence:
        if peak.name == name:
            at = 1000.0 * (peak.frame - release) / found.thrower.fps
            return f"{number(peak.value, 0, 'deg/s')} at {number(at, 0, 'ms')}"
    return "–"


def _sequence_figure(found: Pitching, throw: MeasuredThrow) -> PlotlyJson:
    fps, release = found.thrower.fps, throw.events["ball_release"].frame
    time_ms = 1000.0 * (np.arange(found.thrower.frame_count) - release) / fps
    near = (time_ms > -_BEFORE_MS) & (time_ms < _AFTER_MS)
    traces, shapes, notes = [], [], []
    for (curve, name), colour in zip(_SEQUENCE, COLOURS, strict=False):
        values = found.curves[curve][near]
        if np.isfinite(values).any():
            traces.append(line(time_ms[near], values, name, colour))
    if throw.sequence:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "peaks",
                "x": [1000.0 * (peak.frame - release) / fps for peak in throw.sequence],
                "y": [peak.value for peak in throw.sequence],
                "text": [text(peak.name) for peak in throw.sequence],
                "marker": {"size": 9, "symbol": "diamond", "color": "#555b62"},
                "hovertemplate": "%{text}: %{y:.0f} deg/s at %{x:.0f} ms<extra></extra>",
            }
        )
    for k, (name, event) in enumerate(throw.events.items()):
        at = 1000.0 * (event.frame - release) / fps
        if -_BEFORE_MS < at < _AFTER_MS:
            shape, note = vertical(at, _SHORT[name], level=1.0 - 0.08 * (k % 3))
            shapes.append(shape)
            notes.append(note)
    drawn = layout(
        "time from ball release (ms)", "angular velocity (deg/s)", shapes=shapes,
        annotations=notes, xaxis={"range": [-_BEFORE_MS, _AFTER_MS]},
    )  # fmt: skip
    values = np.concatenate([np.asarray(trace["y"], dtype=np.float64) for trace in traces])
    if np.isfinite(values).any():
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        # Room above the curves for the names of the events.
        room = [low - 0.05 * (high - low), high + _LABEL_ROOM * (high - low)]
        drawn["yaxis"] = {**drawn["yaxis"], "range": room}
    return {"data": traces, "layout": drawn}


def metrics_section(found: Pitching, norms: Norms) -> Markup:
    """Return the metrics of all throws side by side, or of the only one with all its columns."""
    if len(found.throws) == 1:
        metrics = found.throws[0].metrics
        extra = {}
        if norms.metrics:
            extra["Norm (5 to 95 %)"] = [against_norm(norms, metric) for metric in metrics]
        return section("Metrics", metric_table(metrics, extra), note=METRIC_NOTE)
    tables = [_side_by_side(found, some, norms) for some in _chunks(found.throws)]
    note = "Value ± 95 % band. " + METRIC_NOTE
    return section("Metrics", *tables, note=note)


def _side_by_side(found: Pitching, some: Sequence[MeasuredThrow], norms: Norms) -> Markup:
    head = ["Metric", *(f"Throw {throw.number}" for throw in some), "Method limit"]
    if norms.metrics:
        head.append("Norm (5 to 95 %), mean")
    rows = []
    for k, first in enumerate(some[0].metrics):
        metrics = [throw.metrics[k] for throw in some]
        why = [tag("div", text(each), class_="reason") for each in _reasons(some, k)]
        label = f"{first.label} ({first.unit})" if first.unit else first.label
        cells = [
            tag("td", text(_value(metric)), **({} if metric.trusted else {"class_": "faint"}))
            for metric in metrics
        ]
        cells.append(tag("td", text(plus_minus(first.systematic, first.unit))))
        if norms.metrics:
            mean, _ = mean_and_sd([throw.metrics[k].value for throw in found.throws])
            cells.append(tag("td", text(against_norm(norms, replace(first, value=mean)))))
        name = tag("td", text(label), *why, title=first.definition, class_="wrap")
        rows.append(tag("tr", name, *cells))
    inner = tag(
        "table",
        tag("thead", tag("tr", *(tag("th", text(each), scope="col") for each in head))),
        tag("tbody", *rows),
    )
    return tag("div", inner, class_="table")


def _value(metric: Metric) -> str:
    places = decimals(metric.unit)
    if not np.isfinite(metric.value):
        return "–"
    band = f" {plus_minus(metric.band, metric.unit, bare=True)}"
    return number(metric.value, places) + (band if np.isfinite(metric.band) else "")


def _reasons(some: Sequence[MeasuredThrow], k: int) -> list[str]:
    """Return why throws are grey; reasons that differ only in their numbers count as one."""
    told: dict[str, tuple[str, list[int]]] = {}
    for throw in some:
        reason = throw.metrics[k].reason
        if reason:
            told.setdefault(re.sub(r"[\d.]+", "", reason), (reason, []))[1].append(throw.number)
    out = []
    for reason, numbers in told.values():
        if len(numbers) == len(some):
            out.append(reason)
        else:
            out.append(f"throw {', '.join(map(str, numbers))}: {reason}")
    return out


def against_norm(norms: Norms, metric: Metric) -> str:
    """Return the norm of a metric and on which side of it the value lies."""
    if metric.name not in norms.metrics:
        return "–"
    low, _, high = norms.metrics[metric.name]
    places = decimals(metric.unit)
    where = "below" if metric.value < low else "above" if metric.value > high else "within"
    where = where if np.isfinite(metric.value) else "–"
    return f"{number(low, places)} to {number(high, places)}: {where}"
