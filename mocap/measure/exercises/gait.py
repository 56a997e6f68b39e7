"""Walking: spatio-temporal figures, symmetry, spread, and curves per cycle."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.core.shapes import BoolArray, FloatArray
from mocap.measure.angles import joint_angles
from mocap.measure.events import Event, EventDraw
from mocap.measure.exercises.exercise import (
    Exercise,
    Quantity,
    Reading,
    mean_of,
    measured,
    resampled,
)
from mocap.measure.exercises.gait_events import CUTOFF_HZ, foot_velocity_events, gait_events
from mocap.measure.exercises.gait_path import WalkingPath, walking_path
from mocap.measure.exercises.gait_strides import MERGED, Row, strides_of
from mocap.measure.exercises.leg_loads import UNIT as LOAD_UNIT
from mocap.measure.exercises.leg_loads import LegLoads, leg_loads, load_quantities
from mocap.measure.filters import butterworth, possible_cutoff_hz
from mocap.measure.misfit import Misfit
from mocap.measure.segments.segments import SIDES, Segments
from mocap.measure.uncertainty import SAMPLES

_FILTERS = f"Butterworth 4th order, zero lag, {CUTOFF_HZ:g} Hz on foot paths and angles"

# name: label, unit, definition, largest known error of the method, useful spread. The errors are
# those `benchmarks/measure.py` prints for scripted walks.
# Label, unit, definition, method limit, spread above which a single value is grey. The limits are
# estimates of what cameras and a body model leave open; that of stance is a tenth above the worst
# walk of benchmarks/measure.py, double support has two such phases. Above the spread a value cannot
# tell the steps of one person apart, which differ by about as much.
_GAIT = {
    "cadence": ("Cadence", "steps/min", "heel strikes of both feet per minute", 1.0, 2.0),
    "speed": ("Speed", "m/s", "way of the pelvis along the path in a stride over its time", 0.02,
              0.05),
    "stride_time": ("Stride time", "s", "heel strike to next heel strike of the same foot",
                    0.02, 0.02),
    "stride_length": ("Stride length", "m", "way of the pelvis along the path in one stride", 0.02,
                      0.03),
    "step_length": ("Step length", "m", "from where the other heel stands to where this one does, "
                    "along the path", 0.01, 0.03),
    "step_time": ("Step time", "s", "from the other foot's heel strike to this one's", 0.02, 0.02),
    "step_width": ("Step width", "m", "sideways distance of the ankles at heel strike", 0.01,
                   0.015),
    "stance": ("Stance", "% stride", "heel strike to toe-off of the same foot", 4.5, 2.0),
    "double_support": ("Double support", "% stride", "both feet on the floor, twice a stride", 9.0,
                       4.0),
    "single_support": ("Single support", "% stride", "only this foot on the floor", 4.5, 2.0),
}  # fmt: skip
_SYMMETRIES = ("step_length", "step_time", "stance")
_SPREADS = ("stride_time", "step_length", "step_width")
_APART_MS = 100.0
"""On regular walks the two rules lie up to 75 ms apart, each within what is known of it."""

LEAST_STANCE_PERCENT = 50.0
"""Who walks stands on each foot for more than half of the stride; less is running, or heel strikes
and toe-offs have changed places."""

_CURVES = ("hip_flexion", "hip_adduction", "knee_flexion", "ankle_dorsiflexion")


def measure_gait(
    segments: Segments,
    *,
    direction_deg: float | None = None,
    belt_m_s: float | None = None,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
    mass_kg: float | None = None,
) -> Exercise:
    """Measure a walk, on the floor or a treadmill, straight, there and back, or in a curve.

    Args:
        segments: of the walker.
        direction_deg: of the walk from world X, seen from above; None: along its way.
        belt_m_s: speed of a treadmill; None: told by the standing feet.
        points, misfit, person_id, samples: for the bands, see `exercise.measured`.
        mass_kg: of the body: torques of the legs are estimated where it is known.

    Raises:
        InputError: nobody walks, or the direction is the opposite one.
    """
    return measured(
        "gait",
        segments,
        lambda person, draw: _read_gait(
            walking_path(person, direction_deg, belt_m_s), draw, mass_kg
        ),
        _gait_quantities() | (load_quantities(mass_kg, "walk") if mass_kg else {}),
        filters=_FILTERS,
        points=points,
        misfit=misfit,
        person_id=person_id,
        samples=samples,
    )


def _gait_quantities() -> dict[str, Quantity]:
    quantities = {
        "strides": Quantity("Strides", "", "strides of both feet that the means are taken of"),
        "turn_strides": Quantity("Strides in turns", "", "left out of the means"),
        "odd_strides": Quantity(
            "Strides left out",
            "",
            f"longer than {MERGED:g} times the median, or with a hidden foot",
        ),
    }
    for side in ("", *(f"{side}_" for side in SIDES)):
        for name, (label, unit, text, systematic, useful) in _GAIT.items():
            title = f"{side.strip('_').capitalize()} {label.lower()}" if side else label
            if not (side and name == "cadence"):
                quantities[side + name] = Quantity(title, unit, text, systematic, useful)
    for name in _SYMMETRIES:
        label = _GAIT[name][0]
        quantities[f"{name}_asymmetry"] = Quantity(
            f"{label}, left less right", "% of mean",
            f"difference of the means of {label.lower()}, of their mean", 2.0, 2.5,
        )  # fmt: skip
    for name in _SPREADS:
        label, unit = _GAIT[name][:2]
        quantities[f"{name}_sd"] = Quantity(
            f"{label}: spread", unit,
            f"standard deviation of {label.lower()} over strides, errors of measurement included",
        )  # fmt: skip
    quantities["cadence_sd"] = Quantity(
        "Cadence: spread",
        "steps/min",
        "standard deviation of cadence over strides, errors of measurement included",
    )
    return quantities


def _read_gait(path: WalkingPath, draw: EventDraw, mass_kg: float | None) -> Reading:
    person = path.person
    events = gait_events(path)
    _refuse_swapped(person, events)
    rows = strides_of(path, events, draw)
    used = [row for row in rows if row["used"] == "yes"]
    values = {name: mean_of(used, name) for name in _GAIT if name != "cadence"}
    values["cadence"] = 120.0 / values["stride_time"]
    for side in SIDES:
        own = [row for row in used if row["side"] == side]
        values |= {f"{side}_{name}": mean_of(own, name) for name in _GAIT if name != "cadence"}
    for name in _SYMMETRIES:
        left, right = values[f"left_{name}"], values[f"right_{name}"]
        values[f"{name}_asymmetry"] = 200.0 * (left - right) / (left + right)
    for name in _SPREADS:
        values[f"{name}_sd"] = _within_sides_sd(used, name)
    times = [float(row["stride_time"]) for row in used]
    values["cadence_sd"] = (
        float(np.std([120.0 / t for t in times], ddof=1)) if len(times) > 1 else float("nan")
    )
    values["strides"] = float(len(used))
    values["turn_strides"] = float(sum(row["kind"] == "turn" for row in rows))
    values["odd_strides"] = float(sum(row["kind"] == "odd" for row in rows))
    carrying = _carrying(person, events)
    carried = leg_loads(person, mass_kg, carrying) if mass_kg else LegLoads({}, np.zeros(0))
    loads = carried.torques
    values |= _largest(rows, loads, person.fps)
    curves, cycles = _gait_curves(person, rows, loads)
    ordered = sorted((e for each in events.values() for e in each), key=lambda event: event.frame)
    units = dict.fromkeys(curves, "deg") | dict.fromkeys(loads, LOAD_UNIT)
    units |= {name: each[1] for name, each in _GAIT.items()}
    warnings = _second_opinion(events, foot_velocity_events(person), person.fps)
    units["start_time"] = "s"
    return Reading(values, rows, ordered, curves, cycles, units, carried.reasons,
                   (*_said(path, rows), *warnings))  # fmt: skip


def _carrying(person: Segments, events: Mapping[str, Sequence[Event]]) -> dict[str, BoolArray]:
    """Return where (frame,) each foot stands: from its heel strikes to the toe-offs that follow.

    A foot whose first event is a toe-off stood before it; one without events never stands.
    """
    frames = np.arange(person.frame_count)
    out = {}
    for side in SIDES:
        changes = sorted(
            (event.frame, name == "heel_strike")
            for name in ("heel_strike", "toe_off")
            for event in events[f"{side}_{name}"]
        )
        stands = np.full(len(frames), bool(changes) and not changes[0][1])
        for frame, down in changes:
            stands[frames >= frame] = down
        out[side] = stands
    return out


def _largest(rows: Sequence[Row], loads: Mapping[str, FloatArray], fps: float) -> dict[str, float]:
    """Put the largest load of each stride of its own leg into its row; return the means."""
    for row in rows:
        start = float(row["start_time"]) * fps
        cut = slice(int(start), int(np.ceil(start + float(row["stride_time"]) * fps)) + 1)
        for name in (name for name in loads if name.startswith(str(row["side"]))):
            window = loads[name][cut]
            known = np.isfinite(window).any()
            row[name.removeprefix(f"{row['side']}_")] = (
                float(np.nanmax(window)) if known else float("nan")
            )
    used = [row for row in rows if row["used"] == "yes"]
    return {
        name: mean_of([row for row in used if row["side"] == side], name.removeprefix(f"{side}_"))
        for side in SIDES
        for name in loads
        if name.startswith(side)
    }


def _within_sides_sd(rows: Sequence[Mapping[str, float | str]], name: str) -> float:
    """Return the spread of a column over strides; left and right each about its own mean."""
    residuals, groups = [], 0
    for side in SIDES:
        own = [float(row[name]) for row in rows if row["side"] == side]
        known = np.array([value for value in own if np.isfinite(value)])
        if len(known) > 1:
            residuals.append(known - known.mean())
            groups += 1
    if not residuals:
        return float("nan")
    pooled = np.concatenate(residuals)
    return float(np.sqrt(np.sum(pooled**2) / (len(pooled) - groups)))


def _refuse_swapped(person: Segments, events: Mapping[str, Sequence[Event]]) -> None:
    """Refuse a motion whose feet stand for less than half of the stride."""
    shares = []
    for side in SIDES:
        strikes = [event.frame for event in events[f"{side}_heel_strike"]]
        lifts = [event.frame for event in events[f"{side}_toe_off"]]
        for start, end in itertools.pairwise(strikes):
            off = [frame for frame in lifts if start < frame < end]
            if off:
                shares.append(100.0 * (off[0] - start) / (end - start))
    if shares and np.median(shares) < LEAST_STANCE_PERCENT:
        raise InputError(
            f"each foot stands for {np.median(shares):.0f} % of the stride, a walker's for more "
            f"than {LEAST_STANCE_PERCENT:g}: the person runs, walks backwards, or the direction is "
            "the opposite one (--direction-deg). Gait is not measured."
        )


def _said(path: WalkingPath, rows: Sequence[Mapping[str, float | str]]) -> tuple[str, ...]:
    """Say what was found out about floor, turns and strides that were left out."""
    out = []
    if path.belt_estimated:
        out.append(
            f"treadmill: the standing feet move with {path.belt_m_s:.2f} m/s, taken as the "
            "belt's speed; --belt-m-s sets it"
        )
    turns = sum(row["kind"] == "turn" for row in rows)
    odd = sum(row["kind"] == "odd" for row in rows)
    if turns:
        out.append(f"{turns} strides lie in turns and are left out of the means")
    if odd:
        out.append(
            f"{odd} strides are longer than {MERGED:g} times the median or have a hidden foot: an "
            "event was missed, or the person stopped. They are left out of the means"
        )
    return tuple(out)


def _gait_curves(
    person: Segments,
    rows: Sequence[Mapping[str, float | str]],
    loads: Mapping[str, FloatArray],
) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """Return the joint curves of both legs, and their cycles over the strides that are used."""
    angles = joint_angles(person)
    cutoff = possible_cutoff_hz(CUTOFF_HZ, person.fps)
    curves, cycles = {}, {}
    for side in SIDES:
        spans = [
            (float(row["start_time"]) * person.fps, float(row["stride_time"]) * person.fps)
            for row in rows
            if row["side"] == side and row["used"] == "yes"
        ]
        own = [name for name in loads if name.startswith(side)]
        for name in (*(f"{side}_{curve}" for curve in _CURVES), *own):
            curves[name] = (
                loads[name] if name in loads else butterworth(angles[name], person.fps, cutoff)
            )
            if spans:
                cycles[name] = np.stack(
                    [resampled(curves[name], start, start + length) for start, length in spans]
                )
    return curves, cycles


def _second_opinion(
    first: Mapping[str, Sequence[Event]], second: Mapping[str, Sequence[Event]], fps: float
) -> tuple[str, ...]:
    """Say when the two event rules disagree by more than either claims."""
    out = []
    for name, events in first.items():
        frames = np.array([event.frame for event in second[name]])
        if not len(events) or not len(frames):
            continue
        apart = [float(np.min(np.abs(frames - event.frame))) / fps * 1000.0 for event in events]
        if np.median(apart) > _APART_MS:
            out.append(
                f"{name.replace('_', ' ')}: the two event rules lie {np.median(apart):.0f} ms "
                "apart (median); check events in the report"
            )
    return tuple(out)
