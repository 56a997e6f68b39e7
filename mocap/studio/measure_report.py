"""The pitching report: events, curves with bands, sequence, metrics, variability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.metric import Metric, mean_and_sd
from mocap.measure.norms import Norms
from mocap.measure.pitching import Pitch, Pitching
from mocap.measure.pitching_curves import CHEST_CURVES, CURVE_UNITS
from mocap.measure.tables import phase_curve
from mocap.studio.figures import BLUE, Figure
from mocap.studio.measure_report_parts import (
    COLOURS,
    METRIC_NOTE,
    Thumbnail,
    band,
    decimals,
    layout,
    line,
    made_with,
    metric_table,
    quality_line,
    thumbnails,
    vertical,
    warnings_box,
    words,
)
from mocap.studio.page import (
    Markup,
    cards,
    chart,
    number,
    section,
    table,
    tag,
    text,
    write_page,
)

PHASES: FloatArray = np.linspace(-50.0, 150.0, 201)
"""Per cent of the time from foot plant (0) to ball release (100)."""

_CURVES = (
    "elbow_flexion", "shoulder_abduction", "shoulder_horizontal_abduction",
    "shoulder_external_rotation", "torso_rotation", "torso_anterior_tilt", "torso_lateral_tilt",
    "pelvis_rotation", "hip_shoulder_separation", "shoulder_line_rotation", "lead_knee_flexion",
    "hand_speed",
)  # fmt: skip
_SEQUENCE = (
    ("pelvis_rotation_velocity", "pelvis"),
    ("torso_rotation_velocity", "trunk"),
    ("elbow_extension_velocity", "elbow extension"),
    ("shoulder_internal_rotation_velocity", "shoulder internal rotation"),
)
_OWN, _NORM = "rgba(43,123,189,0.20)", "rgba(138,143,150,0.22)"
_SHORT = {
    "peak_knee_height": "knee high", "foot_contact": "contact", "foot_plant": "plant",
    "max_external_rotation": "MER", "ball_release": "release", "max_internal_rotation": "MIR",
}  # fmt: skip
_FEW = 2


@dataclass(frozen=True, eq=False)
class PitchingReport:
    """What a pitching report shows.

    Attributes:
        take_name: of the take.
        athlete: name and height as text; empty when unknown.
        found: the measurement.
        points: key points of the take, for the quality line.
        norms: bands of the user's own.
        pictures: thumbnails of the events, by throw.
        warnings: of earlier stages.
        made: label and text of how it was made.
    """

    take_name: str
    athlete: str
    found: Pitching
    points: Points3D | None = None
    norms: Norms = field(default_factory=Norms)
    pictures: Mapping[int, Sequence[Thumbnail]] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    made: Sequence[tuple[str, str]] = ()


def write_pitching_report(data: PitchingReport, path: Path | str) -> None:
    """Write the report as one self-contained page that works offline and prints."""
    found = data.found
    charts: dict[str, Figure] = {}
    body = [_cards(data), warnings_box((*found.warnings, *data.warnings))]
    for pitch in found.pitches:
        body += [_events(data, pitch), _sequence(data, pitch, charts)]
    body.append(_curves(data, charts))
    for pitch in found.pitches:
        body.append(
            section(f"{_title(found, pitch)}metrics", _metrics(data, pitch), note=METRIC_NOTE)
        )
    if len(found.pitches) >= _FEW:
        body.append(_variability(found))
    body.append(made_with(_made(data)))
    write_page(
        Path(path),
        title=f"Pitching: {data.take_name}",
        subtitle=_subtitle(data),
        body=body,
        data={"charts": charts},
    )


def _title(found: Pitching, pitch: Pitch) -> str:
    return f"Throw {pitch.number}: " if len(found.pitches) > 1 else "Throw: "


def _subtitle(data: PitchingReport) -> str:
    found = data.found
    count = len(found.pitches)
    throws = f"{count} throw{'s' if count != 1 else ''}"
    parts = [data.athlete, f"{found.hand}-handed", throws, f"{found.thrower.fps:g} fps"]
    return " · ".join(part for part in parts if part)


def _cards(data: PitchingReport) -> Markup:
    best = {
        "max_shoulder_external_rotation": "External rotation",
        "max_shoulder_internal_rotational_velo": "Internal rotation velocity",
        "max_elbow_extension_velo": "Elbow extension velocity",
        "stride_length": "Stride length",
        "rotation_hip_shoulder_separation_fp": "Hip-shoulder separation",
    }
    shown = []
    for name, label in best.items():
        metrics = [m for pitch in data.found.pitches for m in pitch.metrics if m.name == name]
        mean, sd = mean_and_sd([m.value for m in metrics])
        unit = metrics[0].unit if metrics else ""
        if len(metrics) > 1:
            remark = f"mean of {len(metrics)}, SD {number(sd, decimals(unit), unit)}"
        else:
            care = bool(metrics) and not metrics[0].trusted
            remark = "read with care" if care else "of the only throw"
        shown.append((label, number(mean, decimals(unit), unit), remark))
    return cards(shown)


def _events(data: PitchingReport, pitch: Pitch) -> Markup:
    fps = data.found.thrower.fps
    release = pitch.events.get("ball_release")
    rows = [
        (
            words(name),
            number(event.time_s(fps), 3, "s"),
            f"{event.frame:g}",
            number(1000.0 * (event.frame - release.frame) / fps, 0, "ms") if release else "–",
            "set by hand" if event.source == "user" else f"± {event.confidence_ms:.0f} ms",
        )
        for name, event in pitch.events.items()
    ]
    columns = ("Event", "Time", "Frame", "From release", "Confidence (SD)")
    return section(
        f"{_title(data.found, pitch)}events",
        thumbnails(data.pictures.get(pitch.number, ())),
        table(columns, rows),
        note="Found from motion alone. Confidence is the standard deviation against force plates "
        "and markers, with the frame rate and the spread of the rules of this take in it. To set "
        "one by hand write `[[pitches]]` in the take's `take.toml` and measure again.",
    )


def _sequence(data: PitchingReport, pitch: Pitch, charts: dict[str, Figure]) -> Markup:
    """Return the kinematic sequence: who is fastest when."""
    found, fps = data.found, data.found.thrower.fps
    release = pitch.events.get("ball_release")
    if release is None:
        return Markup("")
    identifier = f"sequence-{pitch.number}"
    time_ms = 1000.0 * (np.arange(found.thrower.frame_count) - release.frame) / fps
    near = (time_ms > -350.0) & (time_ms < 150.0)
    traces, shapes, notes = [], [], []
    for (curve, name), colour in zip(_SEQUENCE, COLOURS, strict=False):
        values = found.curves[curve][near]
        if not np.isfinite(values).any():
            continue
        traces.append(line(time_ms[near], values, name, colour))
    peaks = [(1000.0 * (peak.frame - release.frame) / fps, peak) for peak in pitch.sequence]
    if peaks:
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "peaks",
                "x": [at for at, _ in peaks],
                "y": [peak.value for _, peak in peaks],
                "text": [text(peak.name) for _, peak in peaks],
                "marker": {"size": 9, "symbol": "diamond", "color": "#555b62"},
                "hovertemplate": "%{text}: %{y:.0f} deg/s at %{x:.0f} ms<extra></extra>",
            }
        )
    for k, (name, event) in enumerate(pitch.events.items()):
        at = 1000.0 * (event.frame - release.frame) / fps
        if -350.0 < at < 150.0:
            shape, note = vertical(at, _SHORT[name], level=1.0 - 0.07 * (k % 3))
            shapes.append(shape)
            notes.append(note)
    charts[identifier] = {
        "data": traces,
        "layout": layout(
            "time from ball release (ms)", "angular velocity (deg/s)", shapes=shapes,
            annotations=notes,
        ),
    }  # fmt: skip
    order = " → ".join(peak.name for peak in pitch.sequence)
    rows = [(peak.name, number(peak.value, 0, "deg/s"), number(at, 0, "ms")) for at, peak in peaks]
    return section(
        f"{_title(found, pitch)}kinematic sequence",
        chart(identifier, "", 340),
        tag("p", text(f"Order of peaks: {order}."), class_="legend"),
        table(("Segment", "Peak", "From release"), rows),
        note="Angular velocities as vectors resolved in the segment, not rates of Euler angles.",
    )


def _curves(data: PitchingReport, charts: dict[str, Figure]) -> Markup:
    """Return the time-normalised curves of all throws with the athlete's band and the norms."""
    found = data.found
    places = []
    for name in _CURVES:
        if name in CHEST_CURVES and not found.thrower.has_chest:
            continue
        curves = [_phases(found, pitch, name) for pitch in found.pitches]
        known = [curve for curve in curves if curve is not None and np.isfinite(curve).any()]
        if not known:
            continue
        unit = CURVE_UNITS[name]
        charts[f"curve-{name}"] = {
            "data": _curve_traces(found, known, data.norms, name),
            "layout": layout(
                "% of foot plant to release", unit,
                shapes=[vertical(0.0, "")[0], vertical(100.0, "")[0]], showlegend=bool(
                    len(known) > 1 or name in data.norms.curves),
            ),
        }  # fmt: skip
        places.append(chart(f"curve-{name}", f"{words(name)} ({unit})", 250))
    return section(
        "Curves",
        tag("div", *places, class_="row"),
        note="Time is normalised: 0 % is foot plant, 100 % is ball release (dotted lines). The "
        "blue band is the mean of this athlete's throws ± one standard deviation, when there are "
        "several; a grey band is the norm of the file given with `--norms`.",
    )


def _phases(found: Pitching, pitch: Pitch, name: str) -> FloatArray | None:
    plant, release = pitch.events.get("foot_plant"), pitch.events.get("ball_release")
    if plant is None or release is None or release.frame <= plant.frame:
        return None
    return phase_curve(found.curves[name], plant.frame, release.frame, PHASES)


def _curve_traces(
    found: Pitching, known: Sequence[FloatArray], norms: Norms, name: str
) -> list[Figure]:
    traces: list[Figure] = []
    if name in norms.curves:
        phase, low, middle, high = norms.curves[name].T
        traces.append(band(phase, low, high, "norm, 5 to 95 %", _NORM))
        traces.append(line(phase, middle, "norm, median", COLOURS[-1], width=1.0, dash="dash"))
    if len(known) > 1:
        stack = np.stack(known)
        seen = np.isfinite(stack).all(axis=0)
        mean = np.where(seen, stack.mean(axis=0), np.nan)
        sd = np.where(seen, stack.std(axis=0, ddof=1), np.nan)
        traces.append(band(PHASES, mean - sd, mean + sd, "mean ± SD", _OWN))
    for k, curve in enumerate(known):
        colour = BLUE if len(known) == 1 else COLOURS[k % len(COLOURS)]
        width = 2.0 if len(known) == 1 else 1.2
        traces.append(line(PHASES, curve, f"throw {k + 1}", colour, width=width))
    return traces


def _metrics(data: PitchingReport, pitch: Pitch) -> Markup:
    extra: dict[str, list[str]] = {}
    if len(data.found.pitches) > 1:
        extra["All throws"] = [_all_throws(data.found, metric) for metric in pitch.metrics]
    if data.norms.metrics:
        extra["Norm (5 to 95 %)"] = [_against_norm(data.norms, metric) for metric in pitch.metrics]
    return metric_table(pitch.metrics, extra)


def _all_throws(found: Pitching, metric: Metric) -> str:
    mean, sd = mean_and_sd(_values(found, metric.name))
    places = decimals(metric.unit)
    return f"{number(mean, places)} ± {number(sd, places)}" if np.isfinite(sd) else "–"


def _against_norm(norms: Norms, metric: Metric) -> str:
    if metric.name not in norms.metrics:
        return "–"
    low, _, high = norms.metrics[metric.name]
    places = decimals(metric.unit)
    where = "below" if metric.value < low else "above" if metric.value > high else "within"
    where = where if np.isfinite(metric.value) else "–"
    return f"{number(low, places)} to {number(high, places)}: {where}"


def _values(found: Pitching, name: str) -> list[float]:
    return [m.value for pitch in found.pitches for m in pitch.metrics if m.name == name]


def _variability(found: Pitching) -> Markup:
    """Return spread and trend of every metric over the throws."""
    rows = []
    for metric in found.pitches[0].metrics:
        values = np.asarray(_values(found, metric.name))
        mean, sd = mean_and_sd(list(values))
        if not np.isfinite(sd):
            continue
        known = np.isfinite(values)
        slope = float(np.polyfit(np.flatnonzero(known), values[known], 1)[0])
        places = decimals(metric.unit)
        share = 100.0 * sd / abs(mean) if abs(mean) > 1e-9 else float("nan")
        rows.append(
            (
                metric.label,
                number(mean, places, metric.unit),
                number(sd, places + 1, metric.unit),
                number(share, 0, "%") if metric.unit not in ("deg", "ms") else "–",
                number(slope, places + 1, metric.unit),
                number(1.96 * np.sqrt(2.0) * sd, places, metric.unit),
            )
        )
    columns = ("Metric", "Mean", "SD", "CV", "Trend per throw", "Detectable change")
    return section(
        "Variability and trend",
        table(columns, rows),
        note="A change from one throw to another below the detectable change (1.96 √2 SD) may be "
        "chance. The trend is the slope of a straight line over the throws. CV only where zero "
        "means none.",
    )


def _made(data: PitchingReport) -> tuple[tuple[str, str], ...]:
    found = data.found
    options = found.options
    cutoff, position = options.angle_cutoff_hz, options.position_cutoff_hz
    target = f"{found.target_deg:.1f} deg from world X"
    return (
        ("Frame rate", f"{found.thrower.fps:g} frames per second"),
        ("Filter on positions", _filter(position) + ", after the smoothing of the motion"),
        ("Filter on angles and velocities", _filter(cutoff)),
        ("Thorax", found.thrower.thorax),
        ("Target direction", target + (" (taken from the hand)" if found.target_guessed else "")),
        ("Angles", "ISB sequences; rotation 0 faces third base, 90 faces the target"),
        *quality_line(data.points),
        *data.made,
    )


def _filter(cutoff_hz: float | None) -> str:
    if cutoff_hz is None:
        return "none"
    return f"Butterworth 4th order, zero lag, {cutoff_hz:g} Hz (half power of both passes)"


__all__ = ["PitchingReport", "Thumbnail", "write_pitching_report"]
