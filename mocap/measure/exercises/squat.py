"""Squats, lunges and rises from a seat: depth, lean and valgus of every repetition, by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap.core.points import Points3D
from mocap.core.rotation import unit
from mocap.core.shapes import FloatArray
from mocap.measure.angles import PELVIS_TILT_LIMIT_DEG, PELVIS_TILT_UNSEEN, joint_angles
from mocap.measure.events import Event, EventDraw, timing_sd_ms
from mocap.measure.exercises.exercise import (
    Exercise,
    Quantity,
    Reading,
    mean_of,
    measured,
    resampled,
)
from mocap.measure.exercises.form import LEG_RULES, feedback
from mocap.measure.exercises.leg_loads import JOINTS as LOADS
from mocap.measure.exercises.leg_loads import UNIT as LOAD_UNIT
from mocap.measure.exercises.leg_loads import LegLoads, leg_loads, load_quantities
from mocap.measure.exercises.recognise import (
    LUNGE,
    SIDE_LUNGE,
    SIT_TO_STAND,
    SQUAT,
    Attempt,
    attempts,
    recognised,
    shape_curves,
    summary,
)
from mocap.measure.exercises.repetitions import CUTOFF_HZ, Repetition, repetitions
from mocap.measure.filters import butterworth, possible_cutoff_hz
from mocap.measure.misfit import Misfit
from mocap.measure.segments.segments import SIDES, Segments
from mocap.measure.uncertainty import SAMPLES

VALGUS_FROM_DEG = 20.0
"""Of knee flexion: below it the leg is so straight that its plane is noise."""

# A bone's projection must keep this share of its length: it is then within 60 deg of the plane.
_IN_PLANE = 0.5

_LEAST_HEIGHT = 0.5
"""Of the hip above the ankle, in thighs. There a pelvis turned 4 deg wrongly (8 mm at two hips
0.2 m apart) moves the knee by some 7 % of the thigh; lower the error has no bound."""

# Label, unit, definition, method limit, spread above which a single value is grey. The limits are
# estimates (no laboratory comparison): 3 degrees for hinges and lines between joint centres, which
# keypoints a centimetre off turn by as much; 5 where a foot or a projection takes part, 6 for the
# abduction that crosstalk from flexion reaches. The spread is that of range of motion.
_SIDED = {
    "knee_flexion": ("knee flexion", "deg", "at the lowest point", 3.0, 2.5),
    "hip_flexion": (
        "hip flexion", "deg",
        "at the lowest point; the tilt of the pelvis is hardly seen while the trunk bends",
        PELVIS_TILT_LIMIT_DEG, 2.5,
    ),
    "ankle_dorsiflexion": ("ankle dorsiflexion", "deg", "at the lowest point", 5.0, 2.5),
    "thigh_above_level": (
        "thigh above the level", "deg",
        "hip above knee as an angle at the lowest point; 0 is parallel, below is negative",
        3.0, 2.5,
    ),
    "valgus": (
        "knee valgus, 3D", "deg",
        "largest knee abduction (Grood and Suntay) from 20 deg of flexion on", 6.0, 2.5,
    ),
    "frontal_plane_angle": (
        "knee valgus, frontal projection", "deg",
        "largest angle of thigh and shank in the upright plane of the hip line, knee inwards "
        "positive, from 20 deg of flexion on while the thigh is within 60 deg of the plane",
        15.0, 2.5,
    ),
    "medial_displacement": (
        "knee inwards", "% thigh",
        "largest distance of the knee from the plane of hip, ankle and forwards, of thigh length; "
        "the hip must be at least half a thigh above the ankle",
        5.0, 3.0,
    ),
}  # fmt: skip


_COUNTS = ("count", "incomplete", "other")


def _quantities(kind: str, mass_kg: float | None = None) -> dict[str, Quantity]:
    title = kind.replace("-", " ")
    out = {
        "count": Quantity("Repetitions", "", f"complete repetitions recognised as {title}"),
        "incomplete": Quantity("Incomplete", "", "less than 60 % of the usual depth"),
        "other": Quantity("Others", "", f"repetitions that are no {title}, not measured"),
        "depth": Quantity(
            "Depth", "deg", "largest knee flexion, mean of both legs and all repetitions", 3.0, 2.5
        ),
        "trunk_lean": Quantity(
            "Trunk lean", "deg", "line from hips to shoulders from upright, at the lowest point",
            3.0, 2.5,
        ),
    }  # fmt: skip
    for side in SIDES:
        for name, (label, unit_, text, systematic, useful) in _SIDED.items():
            out[f"{side}_{name}"] = Quantity(
                f"{side.capitalize()} {label}", unit_, text, systematic, useful
            )
    out["knee_flexion_asymmetry"] = Quantity(
        "Knee flexion, left less right", "deg", "mean difference at the lowest point", 2.0, 2.5
    )
    return out | (load_quantities(mass_kg, "two feet") if mass_kg else {})


KINDS: Mapping[str, tuple[str, ...]] = {
    "squat": (SQUAT, SIT_TO_STAND),
    "lunge": (LUNGE, SIDE_LUNGE),
    "sit-to-stand": (SIT_TO_STAND, SQUAT),
}
"""Labels of the recogniser that are measured as each exercise. A squat with the arms forwards and a
rise from a seat look alike: no joint shows the seat."""

# A lunge bends one knee more, and neither thigh need be level.
_UNEVEN_BY_NATURE = tuple(rule for rule in LEG_RULES if "medial" in rule.metric)

# When the lowest point of a slow movement is: it is flat.
_LOWEST_SD_MS = 30.0


def measure_squat(
    segments: Segments,
    kind: str = "squat",
    *,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
    mass_kg: float | None = None,
) -> Exercise:
    """Measure the squats (or lunges, or rises from a seat: `KINDS`) of a take.

    What the take shows is recognised first: where it shows no such exercise, nothing is measured
    and the exercise says what it shows instead. Torques of the legs are estimated where the mass
    of the body is known and both feet stand: not in a rise from a seat, which carries too.
    """
    mass_kg = None if kind == "sit-to-stand" else mass_kg
    shown = attempts(segments)
    wanted = any(each.label in KINDS[kind] for each in shown)
    said = () if wanted else (_not_shown(kind, shown),)

    def read(person: Segments, draw: EventDraw) -> Reading:
        return _read(person, draw, kind, mass_kg, measured_at_all=wanted)

    found = measured(
        kind,
        segments,
        read,
        _quantities(kind, mass_kg),
        filters=f"Butterworth 4th order, zero lag, {CUTOFF_HZ:g} Hz on angles",
        points=points,
        misfit=misfit,
        person_id=person_id,
        samples=samples,
    )
    rules = LEG_RULES if kind == "squat" else _UNEVEN_BY_NATURE
    return replace(
        found, warnings=(*said, *found.warnings), feedback=feedback(found.metrics, rules)
    )


def _not_shown(kind: str, shown: Sequence[Attempt]) -> str:
    """Return the sentence that a take does not show an exercise."""
    why = next((f" ({each.reason})" for each in shown if each.reason), "")
    return (
        f"no {kind.replace('-', ' ')} here: the take shows {summary(shown)}{why}. Nothing was "
        "measured"
    )


def _read(
    person: Segments, draw: EventDraw, kind: str, mass_kg: float | None, *, measured_at_all: bool
) -> Reading:
    cutoff = possible_cutoff_hz(CUTOFF_HZ, person.fps)
    curves = {
        name: butterworth(curve, person.fps, cutoff) for name, curve in squat_curves(person).items()
    }
    loads = leg_loads(person, mass_kg) if mass_kg else LegLoads({}, np.zeros(0))
    curves |= loads.torques
    depth = 0.5 * (curves["left_knee_flexion"] + curves["right_knee_flexion"])
    found = repetitions(depth, person.fps) if measured_at_all else ()
    lowest = [Event("lowest_point", e.peak, timing_sd_ms(_LOWEST_SD_MS, person.fps)) for e in found]
    at = [draw.frame(event, person.fps) for event in lowest]
    rows = [_row(k, each, curves, person.fps, at[k]) for k, each in enumerate(found)]
    shape = shape_curves(person)
    for row, each in zip(rows, found, strict=True):
        row["exercise"] = recognised(shape, (each.start, each.peak, each.end))[0]
        other = row["complete"] == "yes" and row["exercise"] not in KINDS[kind]
        row["complete"] = "other" if other else row["complete"]
    full = [row for row in rows if row["complete"] == "yes"]
    names = [key for key in _quantities(kind, mass_kg) if key not in _COUNTS]
    values = {name: mean_of(full, name) for name in names}
    for name, answer in zip(_COUNTS, ("yes", "no", "other"), strict=True):
        values[name] = float(sum(row["complete"] == answer for row in rows))
    complete = [each for each, row in zip(found, rows, strict=True) if row["complete"] == "yes"]
    cycles = {
        name: np.stack([resampled(curve, each.start, each.end) for each in complete])
        for name, curve in curves.items()
        if complete and np.isfinite(curve).any()
    }
    units = {name: _unit(name) for name in (*curves, *names)}
    return Reading(
        values,
        rows,
        lowest,
        curves,
        cycles,
        units | {"start_time": "s", "lowest_time": "s", "end_time": "s"},
        {**loads.reasons, **_reasons(person, curves, values, kind if not full else "")},
    )


def _unit(name: str) -> str:
    if name.endswith("moment"):
        return LOAD_UNIT
    return "% thigh" if "displacement" in name else "deg"


def _reasons(
    person: Segments,
    curves: Mapping[str, FloatArray],
    values: Mapping[str, float],
    lacking: str,
) -> dict[str, str]:
    """Return why numbers cannot be trusted, by name; `lacking` names an exercise without any."""
    if lacking:
        none = f"no {lacking.replace('-', ' ')} was found in this take"
        return {name: none for name in _quantities(lacking) if name not in _COUNTS}
    reasons = {}
    for side in SIDES:
        reasons[f"{side}_frontal_plane_angle"] = (
            "the projection of a bent leg whose foot points outwards is up to 15 deg off: read how "
            "far the knee goes inwards"
        )
        if person.from_keypoints:
            reasons[f"{side}_hip_flexion"] = PELVIS_TILT_UNSEEN
        plane = f"{side}_{_AT_DEPTH}"
        if np.isnan(values[plane]) and np.isfinite(curves[plane]).any():
            reasons[plane] = (
                "the hip comes to less than half a thigh above the ankle: where the plane of the "
                "leg is cannot be told there"
            )
        if np.isnan(curves[f"{side}_valgus"]).all() and person.from_keypoints:
            reasons[f"{side}_valgus"] = (
                "hip, knee and ankle alone span the plane that 3D valgus is measured from: read "
                "how far the knee goes inwards, or fit a body"
            )
    return reasons


def squat_curves(person: Segments) -> dict[str, FloatArray]:
    """Return the curves (frame,) a squat is read from, unfiltered."""
    angles = joint_angles(person)
    out: dict[str, FloatArray] = {}
    for side in SIDES:
        sided = person if side == "right" else person.mirrored()
        for name in ("knee_flexion", "hip_flexion", "ankle_dorsiflexion"):
            out[f"{side}_{name}"] = angles[f"{side}_{name}"]
        bent = np.nan_to_num(angles[f"{side}_knee_flexion"]) >= VALGUS_FROM_DEG
        out[f"{side}_valgus"] = np.where(bent, -angles[f"{side}_knee_adduction"], np.nan)
        hip, knee, ankle = (sided.position(f"right_{joint}") for joint in ("hip", "knee", "ankle"))
        pelvis = sided.rotation("pelvis")
        frontal = _frontal_angle_deg(pelvis, knee - hip, ankle - knee)
        out[f"{side}_frontal_plane_angle"] = np.where(bent, frontal, np.nan)
        out[f"{side}_medial_displacement"] = _inwards_percent(pelvis, hip, knee, ankle)
        rise = (hip - knee)[:, 2] / np.linalg.norm(hip - knee, axis=-1)
        out[f"{side}_thigh_above_level"] = np.rad2deg(np.arcsin(np.clip(rise, -1.0, 1.0)))
    at = person.position
    line = at("left_shoulder") + at("right_shoulder") - at("left_hip") - at("right_hip")
    out["trunk_lean"] = np.rad2deg(np.arccos(np.clip(unit(line)[:, 2], -1.0, 1.0)))
    return out


def _standing_axes(pelvis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return forwards and right (frame, 3) of a person, both level: trunk lean is no part."""
    level = pelvis[:, :, 2] * np.array([1.0, 1.0, 0.0])
    right = unit(level)
    return np.cross(np.array([0.0, 0.0, 1.0]), right), right


def _frontal_angle_deg(pelvis: FloatArray, thigh: FloatArray, shank: FloatArray) -> FloatArray:
    """Return the angle (frame,) of a right leg in the upright frontal plane, knee inwards positive.

    NaN where a bone points so far out of the plane that its projection says nothing.
    """
    _, right = _standing_axes(pelvis)
    outwards, in_plane = [], np.ones(len(thigh), dtype=np.bool_)
    for bone in (thigh, shank):
        aside, up = np.sum(bone * right, axis=-1), bone[:, 2]
        outwards.append(np.arctan2(aside, -up))
        in_plane &= np.hypot(aside, up) > _IN_PLANE * np.linalg.norm(bone, axis=-1)
    return np.where(in_plane, np.rad2deg(outwards[1] - outwards[0]), np.nan)


def _inwards_percent(
    pelvis: FloatArray, hip: FloatArray, knee: FloatArray, ankle: FloatArray
) -> FloatArray:
    """Return how far (frame,) a right knee lies inwards of its leg's plane, % of thigh length.

    NaN where the hip comes so near to the height of the ankle that the line between them runs
    forwards: then it spans no plane with it, and the sign is by chance.
    """
    forward, _ = _standing_axes(pelvis)
    outward = unit(np.cross(ankle - hip, forward))
    distance = np.sum((knee - hip) * outward, axis=-1)
    thigh = np.linalg.norm(knee - hip, axis=-1)
    high = (hip - ankle)[:, 2] >= _LEAST_HEIGHT * thigh
    return np.where(high, -100.0 * distance / thigh, np.nan)


_AT_DEPTH = "medial_displacement"
"""The largest of a repetition is not known when it is not known at the lowest point."""

_LARGEST = ("valgus", "frontal_plane_angle", _AT_DEPTH, "moment")


def _row(
    k: int, each: Repetition, curves: Mapping[str, FloatArray], fps: float, lowest: float
) -> dict[str, float | str]:
    frames = np.arange(len(curves["trunk_lean"]))

    def at_lowest(name: str) -> float:
        return float(np.interp(np.clip(lowest, each.start, each.end), frames, curves[name]))

    row: dict[str, float | str] = {
        "repetition": float(k + 1),
        "complete": "yes" if each.complete else "no",
        "start_time": each.start / fps,
        "lowest_time": each.peak / fps,
        "end_time": each.end / fps,
        "depth": each.peak_deg,
        "trunk_lean": at_lowest("trunk_lean"),
    }
    for name in (f"{side}_{name}" for side in SIDES for name in (*_SIDED, *LOADS)):
        if name not in curves:
            continue
        window = curves[name][each.start : each.end + 1]
        if name.endswith(_AT_DEPTH) and np.isnan(at_lowest(name)):
            row[name] = float("nan")
        elif name.endswith(_LARGEST):
            row[name] = float(np.nanmax(window)) if np.isfinite(window).any() else float("nan")
        else:
            row[name] = at_lowest(name)
    left, right = row["left_knee_flexion"], row["right_knee_flexion"]
    assert isinstance(left, float) and isinstance(right, float)
    row["knee_flexion_asymmetry"] = left - right
    return row
