"""Squats: depth, lean and valgus of every repetition, left and right."""

from __future__ import annotations

from collections.abc import Mapping

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
from mocap.measure.exercises.repetitions import CUTOFF_HZ, Repetition, repetitions
from mocap.measure.filters import butterworth, possible_cutoff_hz
from mocap.measure.misfit import Misfit
from mocap.measure.segments.segments import SIDES, Segments
from mocap.measure.uncertainty import SAMPLES

VALGUS_FROM_DEG = 20.0
"""Of knee flexion: below it the leg is so straight that its plane is noise."""

# A bone's projection must keep this share of its length: it is then within 60 deg of the plane.
_IN_PLANE = 0.5

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
        5.0, 2.5,
    ),
    "medial_displacement": (
        "knee inwards", "% thigh",
        "largest distance of the knee from the plane of hip, ankle and forwards, of thigh length",
        5.0, 3.0,
    ),
}  # fmt: skip


def _quantities() -> dict[str, Quantity]:
    out = {
        "count": Quantity("Repetitions", "", "complete squats"),
        "incomplete": Quantity("Incomplete", "", "squats with less than 60 % of the usual depth"),
        "depth": Quantity(
            "Depth", "deg", "largest knee flexion, mean of both legs and all squats", 3.0, 2.5
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
    return out


def measure_squat(
    segments: Segments,
    *,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
) -> Exercise:
    """Measure the squats of a take; see `_SIDED` for what is read per leg."""
    return measured(
        "squat",
        segments,
        _read,
        _quantities(),
        filters=f"Butterworth 4th order, zero lag, {CUTOFF_HZ:g} Hz on angles",
        points=points,
        misfit=misfit,
        person_id=person_id,
        samples=samples,
    )


def _read(person: Segments, draw: EventDraw) -> Reading:
    cutoff = possible_cutoff_hz(CUTOFF_HZ, person.fps)
    curves = {
        name: butterworth(curve, person.fps, cutoff) for name, curve in squat_curves(person).items()
    }
    depth = 0.5 * (curves["left_knee_flexion"] + curves["right_knee_flexion"])
    found = repetitions(depth, person.fps)
    sd_ms = timing_sd_ms(30.0, person.fps)
    lowest = [Event("lowest_point", each.peak, sd_ms) for each in found]
    at = [draw.frame(event, person.fps) for event in lowest]
    rows = [_row(k, each, curves, person.fps, at[k]) for k, each in enumerate(found)]
    full = [row for row in rows if row["complete"] == "yes"]
    names = [key for key in _quantities() if key not in ("count", "incomplete")]
    values = {name: mean_of(full, name) for name in names}
    values |= {"count": float(len(full)), "incomplete": float(len(rows) - len(full))}
    reasons = {}
    for side in SIDES:
        if person.from_keypoints:
            reasons[f"{side}_hip_flexion"] = PELVIS_TILT_UNSEEN
        if np.isnan(curves[f"{side}_valgus"]).all() and person.from_keypoints:
            reasons[f"{side}_valgus"] = (
                "hip, knee and ankle alone span the plane that 3D valgus is measured from: see the "
                "frontal projection, or fit a body"
            )
    complete = [each for each in found if each.complete]
    cycles = {
        name: np.stack([resampled(curve, each.start, each.end) for each in complete])
        for name, curve in curves.items()
        if complete and np.isfinite(curve).any()
    }
    units = {name: "% thigh" if "displacement" in name else "deg" for name in (*curves, *names)}
    return Reading(
        values,
        rows,
        lowest,
        curves,
        cycles,
        units | {"start_time": "s", "lowest_time": "s", "end_time": "s"},
        reasons,
        warnings=() if found else ("no squat was found: the knees never bend and stretch",),
    )


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
    """Return how far (frame,) a right knee lies inwards of its leg's plane, % of thigh length."""
    forward, _ = _standing_axes(pelvis)
    outward = unit(np.cross(ankle - hip, forward))
    distance = np.sum((knee - hip) * outward, axis=-1)
    return -100.0 * distance / np.linalg.norm(knee - hip, axis=-1)


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
    for side in SIDES:
        for name in _SIDED:
            curve = curves[f"{side}_{name}"]
            window = curve[each.start : each.end + 1]
            largest = name in ("valgus", "frontal_plane_angle", "medial_displacement")
            if largest:
                value = float(np.nanmax(window)) if np.isfinite(window).any() else float("nan")
            else:
                value = at_lowest(f"{side}_{name}")
            row[f"{side}_{name}"] = value
    left, right = row["left_knee_flexion"], row["right_knee_flexion"]
    assert isinstance(left, float) and isinstance(right, float)
    row["knee_flexion_asymmetry"] = left - right
    return row
