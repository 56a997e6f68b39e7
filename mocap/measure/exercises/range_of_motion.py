"""Range of motion: how far a joint goes, and what change would be more than chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.angles import PELVIS_TILT_LIMIT_DEG, AngleCurves, joint_angles
from mocap.measure.events import Event, timing_sd_ms
from mocap.measure.exercises.exercise import Exercise, Quantity, Reading, measured, resampled
from mocap.measure.exercises.recognise import SHOULDER_RAISE, attempts, summary
from mocap.measure.exercises.repetitions import (
    CUTOFF_HZ,
    LEAST_DEG,
    Repetition,
    repetitions,
    summarise,
)
from mocap.measure.filters import butterworth, possible_cutoff_hz
from mocap.measure.misfit import Misfit
from mocap.measure.segments.segments import SIDES, Segments
from mocap.measure.uncertainty import SAMPLES

RELIABLE_SD_DEG = 2.5
"""Clinics ask for 5 degrees in 95 % of readings: a standard deviation of 2.5."""

METHOD_LIMIT_DEG = 5.0
_LIMITS_DEG = {
    "trunk_flexion": 9.0,
    "trunk_left_rotation": 14.0,
    "neck_flexion": 14.0,
    "neck_left_rotation": 9.0,
    "shoulder_external_rotation": 15.0,
    "hip_flexion": PELVIS_TILT_LIMIT_DEG,
}


def limit_deg(name: str) -> float:
    """Return the method limit of an angle: how far a fitted body may be off beyond chance.

    No laboratory comparison: `benchmarks/measure.py` prints what known movements show and holds
    these. How a bend is shared along spine and neck is not seen in keypoints: people share it in
    other ways than the body does.
    """
    return next((v for key, v in _LIMITS_DEG.items() if name.endswith(key)), METHOD_LIMIT_DEG)


MOVEMENTS = (
    *(f"{side}_{angle}" for side in SIDES for angle in (
        "shoulder_elevation", "shoulder_external_rotation", "elbow_flexion", "elbow_pronation",
        "hip_flexion", "hip_adduction", "hip_internal_rotation", "knee_flexion",
        "ankle_dorsiflexion",
    )),
    "trunk_flexion", "trunk_right_lateral_bend", "trunk_left_rotation",
    "neck_flexion", "neck_right_lateral_bend", "neck_left_rotation",
)  # fmt: skip
"""Angles that can be tested; without a choice those that move most."""

_MOST = 2


def measure_range_of_motion(
    segments: Segments,
    movements: Sequence[str] = (),
    *,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
) -> Exercise:
    """Measure start, largest angle and range of motion per repetition of one or more movements.

    Args:
        segments: of the person.
        movements: names of `MOVEMENTS`; by default the two angles that move most.
        points, misfit, person_id, samples: for the bands, see `exercise.measured`.

    Raises:
        InputError: an unknown movement, or nothing moves.
    """
    unknown = [name for name in movements if name not in MOVEMENTS]
    if unknown:
        raise InputError(f"no movement '{unknown[0]}'; known are {', '.join(MOVEMENTS)}.")
    chosen = tuple(movements) or _busiest(joint_angles(segments))
    quantities: dict[str, Quantity] = {}
    for name in chosen:
        quantities |= _quantities(name)
    return measured(
        "range-of-motion",
        segments,
        lambda person, _: _read(person, chosen),
        quantities,
        filters=f"Butterworth 4th order, zero lag, {CUTOFF_HZ:g} Hz on angles",
        points=points,
        misfit=misfit,
        person_id=person_id,
        samples=samples,
    )


def measure_shoulder_raise(
    segments: Segments,
    *,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
) -> Exercise:
    """Measure how far both arms are raised, after recognising that arms are raised at all."""
    shown = attempts(segments)
    if not any(each.label == SHOULDER_RAISE for each in shown):
        why = next((f" ({each.reason})" for each in shown if each.reason), "")
        raise InputError(
            f"no shoulder raise here: the take shows {summary(shown)}{why}. Nothing was measured; "
            "mocap measure range-of-motion --movement measures any joint."
        )
    names = [f"{side}_shoulder_elevation" for side in SIDES]
    found = measure_range_of_motion(
        segments, names, points=points, misfit=misfit, person_id=person_id, samples=samples
    )
    return replace(found, kind="shoulder-raise")


def _busiest(angles: AngleCurves) -> tuple[str, ...]:
    ranges: dict[str, float] = {}
    for name in MOVEMENTS:
        if name not in angles.names:
            continue
        curve = angles[name]
        if np.isfinite(curve).mean() > 0.9:
            ranges[name] = float(np.subtract(*np.nanpercentile(curve, [98.0, 2.0])))
    best = sorted(ranges, key=lambda name: -ranges[name])[:_MOST]
    if not best or ranges[best[0]] < LEAST_DEG:
        raise InputError(
            f"no joint moves by {LEAST_DEG:g} deg in this take. Name the movement with --movement "
            "if it is small on purpose."
        )
    return tuple(best)


def _quantities(name: str) -> dict[str, Quantity]:
    label = name.replace("_", " ").capitalize()
    useful = RELIABLE_SD_DEG
    limit = limit_deg(name)
    return {
        f"{name}_count": Quantity(f"{label}: repetitions", "", "complete repetitions"),
        f"{name}_incomplete": Quantity(
            f"{label}: incomplete", "", "repetitions with less than 60 % of the usual range"
        ),
        f"{name}_start": Quantity(
            f"{label}: start", "deg", "mean least angle before a repetition", limit, useful
        ),
        f"{name}_max": Quantity(f"{label}: largest", "deg", "mean largest angle", limit, useful),
        f"{name}_rom": Quantity(
            f"{label}: range", "deg", "mean of largest less start", limit, useful
        ),
        f"{name}_repetition_sd": Quantity(
            f"{label}: spread",
            "deg",
            "standard deviation of the range over repetitions, errors of measurement included",
        ),
        f"{name}_repetition_change": Quantity(
            f"{label}: least change",
            "deg",
            "1.96 sqrt(2) spreads: two repetitions of today differ by less in 95 %; noise of one "
            "day, errors of measurement included, not between visits",
        ),
    }


def _read(person: Segments, chosen: tuple[str, ...]) -> Reading:
    angles = joint_angles(person)
    values: dict[str, float] = {}
    rows: list[Mapping[str, float | str]] = []
    curves: dict[str, FloatArray] = {}
    cycles: dict[str, FloatArray] = {}
    events: list[Event] = []
    reasons: dict[str, str] = {}
    sd_ms = timing_sd_ms(30.0, person.fps)  # the top of a slow movement is flat
    for name in chosen:
        curve = butterworth(angles[name], person.fps, possible_cutoff_hz(CUTOFF_HZ, person.fps))
        found = repetitions(curve, person.fps)
        summary = summarise(found)
        for key in ("count", "incomplete"):
            values[f"{name}_{key}"] = float(getattr(summary, key))
        for key, field in (("start", "start"), ("max", "peak"), ("rom", "rom"),
                           ("repetition_sd", "sem"), ("repetition_change", "mdc")):  # fmt: skip
            values[f"{name}_{key}"] = float(getattr(summary, f"{field}_deg"))
        rows += [_row(name, k, each, person.fps) for k, each in enumerate(found)]
        events += [Event(f"{name}_peak", each.peak, sd_ms) for each in found]
        curves[name] = curve
        full = [each for each in found if each.complete]
        if full:
            cycles[name] = np.stack([resampled(curve, each.start, each.end) for each in full])
        if limit_deg(name) > 2.0 * RELIABLE_SD_DEG:
            unsure = (
                f"the method itself may be {limit_deg(name):g} deg off, more than the "
                f"{2.0 * RELIABLE_SD_DEG:g} deg clinics ask for: how a bend is shared along spine, "
                "neck and pelvis, or how a bone turns about itself, is hardly seen"
            )
            reasons |= {f"{name}_{key}": unsure for key in ("start", "max", "rom")}
        if name in angles.reasons:
            reasons |= {f"{name}_{key}": angles.reasons[name] for key in ("start", "max", "rom")}
        if summary.sem_deg > RELIABLE_SD_DEG:
            reasons[f"{name}_rom"] = (
                f"repetitions differ by {summary.sem_deg:.1f} deg (spread): fewer than 95 % "
                f"of them lie within {2.0 * RELIABLE_SD_DEG:g} deg, which clinics ask for"
            )
        if summary.count < 2:
            few = "needs two complete repetitions"
            reasons |= {f"{name}_repetition_sd": few, f"{name}_repetition_change": few}
    units = dict.fromkeys(curves, "deg") | {"start": "deg", "max": "deg", "rom": "deg"}
    events.sort(key=lambda event: event.frame)
    return Reading(values, rows, events, curves, cycles, units | _ROW_UNITS, reasons)


_ROW_UNITS = {"start_time": "s", "peak_time": "s", "end_time": "s"}


def _row(name: str, k: int, each: Repetition, fps: float) -> dict[str, float | str]:
    return {
        "movement": name,
        "repetition": float(k + 1),
        "complete": "yes" if each.complete else "no",
        "start_time": each.start / fps,
        "peak_time": each.peak / fps,
        "end_time": each.end / fps,
        "start": each.start_deg,
        "max": each.peak_deg,
        "rom": each.rom_deg,
    }
