"""The pitching report: events, curves with bands, sequence, metrics, variability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.metric import mean_and_sd
from mocap.measure.norms import Norms
from mocap.measure.pitching.curves import CHEST_CURVES, CURVE_UNITS
from mocap.measure.pitching.pitching import MeasuredThrow, Pitching
from mocap.measure.tables import phase_curve
from mocap.studio.measure.parts import (
    COLOURS,
    TEMPLATES,
    Thumbnail,
    band,
    decimals,
    layout,
    line,
    made_with,
    quality_line,
    vertical,
    warnings_box,
    words,
)
from mocap.studio.measure.throws import events_section, metrics_section, sequence_section
from mocap.studio.page.page import (
    Markup,
    cards,
    chart,
    number,
    section,
    table,
    tag,
    write_page,
)
from mocap.studio.take.figures import BLUE, PlotlyJson

PHASES: FloatArray = np.linspace(-50.0, 150.0, 201)
"""Per cent of the time from foot plant (0) to ball release (100)."""

_CURVES = (
    "elbow_flexion", "shoulder_abduction", "shoulder_horizontal_abduction",
    "shoulder_external_rotation", "torso_rotation", "torso_anterior_tilt", "torso_lateral_tilt",
    "pelvis_rotation", "hip_shoulder_separation", "shoulder_line_rotation", "lead_knee_flexion",
    "hand_speed",
)  # fmt: skip
_OWN, _NORM = "rgba(43,123,189,0.20)", "rgba(138,143,150,0.22)"
_FEW = 2


@dataclass(frozen=True, eq=False)
class PitchingReport:
    """What a pitching report shows.

    Attributes:
        take_name: of the take.
        athlete: name and height as text; empty when unknown.
        found: the measurement.
        points: keypoints of the take, for the quality line.
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
    charts: dict[str, PlotlyJson] = {}
    body = [_cards(data), warnings_box((*found.warnings, *data.warnings))]
    body += [
        events_section(found, data.pictures),
        sequence_section(found, charts),
        _curves(data, charts),
        metrics_section(found, data.norms),
    ]
    if len(found.throws) >= _FEW:
        body.append(_variability(found))
    body.append(made_with(_made(data)))
    write_page(
        Path(path),
        title=f"Pitching: {data.take_name}",
        subtitle=_subtitle(data),
        body=body,
        data={"charts": charts},
        templates=TEMPLATES,
    )


def _subtitle(data: PitchingReport) -> str:
    found = data.found
    count = len(found.throws)
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
        metrics = [m for throw in data.found.throws for m in throw.metrics if m.name == name]
        mean, sd = mean_and_sd([m.value for m in metrics])
        unit = metrics[0].unit if metrics else ""
        if len(metrics) > 1:
            remark = f"mean of {len(metrics)}, SD {number(sd, decimals(unit), unit)}"
        else:
            care = bool(metrics) and not metrics[0].trusted
            remark = "read with care" if care else "of the only throw"
        shown.append((label, number(mean, decimals(unit), unit), remark))
    return cards(shown)


def _curves(data: PitchingReport, charts: dict[str, PlotlyJson]) -> Markup:
    """Return the time-normalised curves of all throws with the athlete's band and the norms."""
    found = data.found
    places = []
    for name in _CURVES:
        if name in CHEST_CURVES and not found.thrower.has_chest:
            continue
        curves = [_phases(found, throw, name) for throw in found.throws]
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
        tag("div", *places, class_="row three"),
        note="Time is normalised: 0 % is foot plant, 100 % is ball release (dotted lines). The "
        "blue band is the mean of this athlete's throws ± one standard deviation, when there are "
        "several; a grey band is the norm of the file given with `--norms`.",
    )


def _phases(found: Pitching, throw: MeasuredThrow, name: str) -> FloatArray | None:
    plant, release = throw.events.get("foot_plant"), throw.events.get("ball_release")
    if plant is None or release is None or release.frame <= plant.frame:
        return None
    return phase_curve(found.curves[name], plant.frame, release.frame, PHASES)


def _curve_traces(
    found: Pitching, known: Sequence[FloatArray], norms: Norms, name: str
) -> list[PlotlyJson]:
    traces: list[PlotlyJson] = []
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


def _values(found: Pitching, name: str) -> list[float]:
    return [m.value for throw in found.throws for m in throw.metrics if m.name == name]


def _variability(found: Pitching) -> Markup:
    """Return spread and trend of every metric over the throws."""
    rows = []
    for metric in found.throws[0].metrics:
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
