"""Walking and jumping: spatio-temporal figures and curves per cycle."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.angles import joint_angles
from mocap.measure.events import Event
from mocap.measure.exercises.exercise import (
    Exercise,
    Quantity,
    Reading,
    mean_of,
    measured,
    resampled,
)
from mocap.measure.exercises.gait_events import (
    CUTOFF_HZ,
    foot_velocity_events,
    gait_events,
    jumps,
    walking_direction,
)
from mocap.measure.filters import butterworth
from mocap.measure.misfit import Misfit
from mocap.measure.segments.mass import centre_of_mass
from mocap.measure.segments.segments import SIDES, Segments
from mocap.measure.uncertainty import SAMPLES

_FILTERS = f"Butterworth 4th order, zero lag, {CUTOFF_HZ:g} Hz on foot paths and angles"

_GAIT = {
    "cadence": ("Cadence", "steps/min", "heel strikes of both feet per minute", 1.0, 2.0),
    "speed": ("Speed", "m/s", "stride length over stride time", 0.02, 0.05),
    "stride_time": ("Stride time", "s", "heel strike to next heel strike of the same foot",
                    0.02, 0.02),
    "stride_length": ("Stride length", "m", "way of the ankle in one stride", 0.02, 0.03),
    "step_length": ("Step length", "m", "ankle ahead of the other ankle at heel strike", 0.02,
                    0.03),
    "step_width": ("Step width", "m", "sideways distance of the ankles at heel strike", 0.01,
                   0.015),
    "stance": ("Stance", "% stride", "heel strike to toe-off of the same foot", 3.0, 2.0),
}  # fmt: skip
_APART_MS = 100.0
"""On regular walks the two rules lie up to 75 ms apart, each within what is known of it."""

_CURVES = ("hip_flexion", "hip_adduction", "knee_flexion", "ankle_dorsiflexion")


def measure_gait(
    segments: Segments,
    *,
    direction_deg: float | None = None,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
) -> Exercise:
    """Measure a walk in one direction.

    Args:
        segments: of the walker.
        direction_deg: of the walk from world X, seen from above; needed on a treadmill, else from
            the way of the pelvis.
        points, misfit, person_id, samples: for the bands, see `exercise.measured`.

    Raises:
        InputError: the person goes nowhere and no direction is given.
    """
    direction = walking_direction(segments) if direction_deg is None else _heading(direction_deg)
    quantities = {"strides": Quantity("Strides", "", "full strides of both feet")}
    for side in ("", *(f"{side}_" for side in SIDES)):
        for name, (label, unit, text, systematic, useful) in _GAIT.items():
            title = f"{side.strip('_').capitalize()} {label.lower()}" if side else label
            if not (side and name == "cadence"):
                quantities[side + name] = Quantity(title, unit, text, systematic, useful)
    return measured(
        "gait",
        segments,
        lambda person: _read_gait(person, direction),
        quantities,
        filters=_FILTERS,
        points=points,
        misfit=misfit,
        person_id=person_id,
        samples=samples,
    )


def _heading(degrees: float) -> FloatArray:
    return np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees)), 0.0])


def _read_gait(person: Segments, direction: FloatArray) -> Reading:
    events = gait_events(person, direction)
    rows = [row for side in SIDES for row in _strides(person, events, direction, side)]
    values = {name: mean_of(rows, name) for name in _GAIT if name != "cadence"}
    values["cadence"] = 120.0 / values["stride_time"]
    for side in SIDES:
        own = [row for row in rows if row["side"] == side]
        values |= {f"{side}_{name}": mean_of(own, name) for name in _GAIT if name != "cadence"}
    values["strides"] = float(len(rows))
    angles = joint_angles(person)
    cutoff = min(CUTOFF_HZ, 0.45 * person.fps)
    curves, cycles = {}, {}
    for side in SIDES:
        strikes = [event.frame for event in events[f"{side}_heel_strike"]]
        for name in (f"{side}_{curve}" for curve in _CURVES):
            curves[name] = butterworth(angles[name], person.fps, cutoff)
            if len(strikes) > 1:
                pairs = itertools.pairwise(strikes)
                cycles[name] = np.stack([resampled(curves[name], a, b) for a, b in pairs])
    ordered = sorted((e for each in events.values() for e in each), key=lambda event: event.frame)
    units = dict.fromkeys(curves, "deg") | {name: each[1] for name, each in _GAIT.items()}
    warnings = _second_opinion(events, foot_velocity_events(person), person.fps)
    return Reading(values, rows, ordered, curves, cycles, units | {"start_time": "s"}, {}, warnings)


def _strides(
    person: Segments,
    events: Mapping[str, Sequence[Event]],
    direction: FloatArray,
    side: str,
) -> list[dict[str, float | str]]:
    """Return one row per stride of a foot."""
    other = "right" if side == "left" else "left"
    across = np.array([-direction[1], direction[0], 0.0])
    ankle, far = person.position(f"{side}_ankle"), person.position(f"{other}_ankle")
    strikes = [event.frame for event in events[f"{side}_heel_strike"]]
    lifts = [event.frame for event in events[f"{side}_toe_off"]]
    rows: list[dict[str, float | str]] = []
    for start, end in itertools.pairwise(strikes):
        time_s = (end - start) / person.fps
        length = float((_at(ankle, end) - _at(ankle, start)) @ direction)
        apart = _at(ankle, start) - _at(far, start)
        off = [frame for frame in lifts if start < frame < end]
        rows.append(
            {
                "side": side,
                "start_time": start / person.fps,
                "stride_time": time_s,
                "stride_length": length,
                "speed": length / time_s,
                "step_length": float(apart @ direction),
                "step_width": float(abs(apart @ across)),
                "stance": 100.0 * (off[0] - start) / (end - start) if off else float("nan"),
            }
        )
    return rows


def _at(path: FloatArray, frame: float) -> FloatArray:
    """Return a point (3,) of a path (frame, 3) between two frames."""
    before = min(int(frame), len(path) - 2)
    share = frame - before
    return np.asarray((1.0 - share) * path[before] + share * path[before + 1])


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


def measure_jump(
    segments: Segments,
    *,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
) -> Exercise:
    """Measure jumps: flight time and height by flight and by the centre of mass."""
    quantities = {
        "count": Quantity("Jumps", "", "flights of at least 0.08 s"),
        "flight_time": Quantity("Flight time", "s", "both feet off the floor, mean", 0.02, 0.02),
        "height_by_flight": Quantity(
            "Height by flight time", "m", "g t² / 8; too great when landing with bent knees",
            0.05, 0.03,
        ),
        "height_by_com": Quantity(
            "Height by centre of mass", "m", "rise of the centre of mass from take-off", 0.02, 0.02
        ),
    }  # fmt: skip
    return measured(
        "jump",
        segments,
        _read_jump,
        quantities,
        filters="none beyond the smoothing of the motion",
        points=points,
        misfit=misfit,
        person_id=person_id,
        samples=samples,
    )


def _read_jump(person: Segments) -> Reading:
    com = centre_of_mass(person)
    found = jumps(person, com)
    rows: list[dict[str, float | str]] = [
        {
            "take_off_time": each.take_off.time_s(person.fps),
            "landing_time": each.landing.time_s(person.fps),
            "flight_time": (each.landing.frame - each.take_off.frame) / person.fps,
            "height_by_flight": each.height_by_flight_m,
            "height_by_com": each.height_by_com_m,
        }
        for each in found
    ]
    names = ("flight_time", "height_by_flight", "height_by_com")
    values = {name: mean_of(rows, name) for name in names} | {"count": float(len(rows))}
    units = {name: "s" if "time" in name else "m" for name in (*names, "take_off_time",
                                                              "landing_time")}  # fmt: skip
    events = [event for each in found for event in (each.take_off, each.landing)]
    curves = {"centre_of_mass_height": com[:, 2]}
    warnings = () if found else ("no jump was found: both feet never leave the floor together",)
    return Reading(values, rows, events, curves, {}, units | {"centre_of_mass_height": "m"}, {},
                   warnings)  # fmt: skip
