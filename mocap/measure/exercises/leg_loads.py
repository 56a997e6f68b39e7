"""Torques in the legs without force plates: an estimate, and said to be one.

Newton and Euler from the whole body: what all segments need together is what the floor gives, and
where it gives it is where the moment about the level axes vanishes (the zero moment point, here the
centre of pressure). Who stands on both feet shares the force between them by where that point lies
on the line between their middles; the point of each foot lies as far beside its middle as that of
both, and never beyond its sole. Nothing shows that share but this rule: the method limit says what
it may be off. A motion whose point lies beyond the soles is not one that its feet could carry: by
centimetres it is measured badly, and its torques are not to be trusted.

Torques are those of the joint on the distal segment, about the left-right axis of the pelvis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.rotation import unit
from mocap.core.shapes import BoolArray, FloatArray
from mocap.measure.exercises.exercise import Quantity
from mocap.measure.filters import butterworth, possible_cutoff_hz
from mocap.measure.segments.dynamics import (
    FOREARM,
    GRAVITY,
    SHANK,
    THIGH,
    UPPER_ARM,
    MovingBody,
    bone_body,
    joint_torque,
    point_body,
)
from mocap.measure.segments.mass import FOOT_SHARE, HAND_SHARE, HEAD_SHARE, TRUNK_PLACE, TRUNK_SHARE
from mocap.measure.segments.segments import SIDES, Segments

CUTOFF_HZ = 6.0
"""Low-pass on positions before they are differentiated twice (Winter 2009, section 2.2.4)."""

# name: joint of the leg, sign of the axis that extends or plantarflexes, label.
JOINTS = {
    "knee_extension_moment": ("knee", 1.0, "knee extension moment"),
    "hip_extension_moment": ("hip", -1.0, "hip extension moment"),
    "ankle_plantarflexion_moment": ("ankle", -1.0, "ankle plantarflexion moment"),
}
_UPWARDS = ("ankle", "knee", "hip")
"""Joints in the order of the bodies of a leg: each carries that of its place and those before."""

UNIT = "Nm"

# What the rule of sharing leaves open, per kg of body mass. On two feet: a centre of pressure 20 mm
# off under half of the weight is 0.10 Nm/kg, a share 5 % off at a lever of 0.15 m 0.07 Nm/kg. On
# one foot nothing is shared, but 20 mm are under the whole weight: 0.20 Nm/kg, and while weight
# changes feet both add up.
LIMIT_NM_PER_KG = {"two feet": 0.12, "walk": 0.25}
USEFUL_NM_PER_KG = 0.15
"""A seventh of what a knee holds in a squat: with a larger spread sides and visits look alike."""

_HALF_SOLE_M = 0.05
"""Across the foot."""

BEYOND_M, BEYOND_PERCENTILE = 0.03, 75.0
"""A true motion's centre of pressure never leaves the soles; a quarter of the time further off than
a few errors of measurement is a motion that its feet could not carry."""

# Of the weight: with less the feet are in the air, or nearly.
_LEAST_FORCE = 0.2


@dataclass(frozen=True, eq=False)
class LegLoads:
    """What the legs carry.

    Attributes:
        torques: (frame,) in Nm by side and the names of `JOINTS`.
        beyond_m: (frame,) how far the centre of pressure lies beyond the soles.
    """

    torques: Mapping[str, FloatArray]
    beyond_m: FloatArray

    @property
    def reasons(self) -> dict[str, str]:
        """Why the torques are not to be trusted, by name; nothing when they are."""
        known = self.beyond_m[np.isfinite(self.beyond_m)]
        if not len(known):
            return dict.fromkeys(self.torques, "heels and toes are not known, or nothing stands")
        beyond = float(np.percentile(known, BEYOND_PERCENTILE))
        if beyond <= BEYOND_M:
            return {}
        why = (
            f"the floor would have to push {1000.0 * beyond:.0f} mm beyond the soles: the motion "
            "is not known well enough for forces, or something else is touched"
        )
        return dict.fromkeys(self.torques, why)


def load_quantities(mass_kg: float, stance: str) -> dict[str, Quantity]:
    """Return what the loads of both legs are; `stance` is "two feet" or "walk"."""
    out = {}
    for side in SIDES:
        for name, (_, _, label) in JOINTS.items():
            out[f"{side}_{name}"] = Quantity(
                f"{side.capitalize()} {label}",
                UNIT,
                "largest; an estimate without force plates, from the accelerations of all segments",
                LIMIT_NM_PER_KG[stance] * mass_kg,
                USEFUL_NM_PER_KG * mass_kg,
            )
    return out


def leg_loads(
    person: Segments, mass_kg: float, carries: Mapping[str, BoolArray] | None = None
) -> LegLoads:
    """Return the torques of both legs.

    Args:
        person: metres, Z up.
        mass_kg: of the body.
        carries: (frame,) by side, where that foot stands; both feet always when None. NaN comes
            out where neither does, and where the floor gives hardly any force.
    """
    cutoff = possible_cutoff_hz(CUTOFF_HZ, person.fps)
    at = {name: butterworth(person.position(name), person.fps, cutoff) for name in _POINTS}
    if not all(np.isfinite(at[name]).any() for name in _SOLES):
        nothing = np.full(person.frame_count, np.nan)
        return LegLoads({f"{side}_{name}": nothing for side in SIDES for name in JOINTS}, nothing)
    legs = {side: _leg(person, at, side, mass_kg, cutoff) for side in SIDES}
    bodies = [each for leg in legs.values() for each in leg]
    bodies += _upper_body(person, at, mass_kg, cutoff)
    floor_m = float(np.nanmin([np.nanpercentile(at[name][:, 2], 5.0) for name in _SOLES]))
    force, point = floor_force(bodies, floor_m)
    force = np.where(force[:, 2:] > _LEAST_FORCE * mass_kg * -GRAVITY[2], force, np.nan)
    middles = {side: 0.5 * (at[f"{side}_heel"] + at[f"{side}_toe"]) for side in SIDES}
    share = _left_share(point, middles, carries)
    shares = {"left": share, "right": 1.0 - share}
    beside = point - sum(shares[side][:, None] * middles[side] for side in SIDES)
    right_axis = person.rotation("pelvis")[:, :, 2]
    out, beyond = {}, np.zeros(person.frame_count)
    for side in SIDES:
        own = shares[side][:, None] * force
        wanted = (middles[side] + beside) * [1.0, 1.0, 0.0] + [0.0, 0.0, floor_m]
        pressure = _on_sole(wanted, at[f"{side}_heel"], at[f"{side}_toe"])
        beyond += shares[side] * np.linalg.norm(wanted - pressure, axis=-1)
        for name, (joint, sign, _) in JOINTS.items():
            centre = at[f"{side}_{joint}"]
            torque = joint_torque(legs[side][: _UPWARDS.index(joint) + 1], centre)
            torque = torque - np.cross(pressure - centre, own)
            out[f"{side}_{name}"] = sign * np.sum(torque * right_axis, axis=-1)
    return LegLoads(out, np.where(np.isfinite(force[:, 2]), beyond, np.nan))


def _on_sole(point: FloatArray, heel: FloatArray, toe: FloatArray) -> FloatArray:
    """Return points (frame, 3) of the floor moved to the nearest of a foot's sole."""
    level = np.array([1.0, 1.0, 0.0])
    middle, length = 0.5 * (heel + toe) * level, (toe - heel) * level
    ahead = unit(length)
    across = np.cross([0.0, 0.0, 1.0], ahead)
    half = 0.5 * np.linalg.norm(length, axis=-1)
    from_middle = (point - middle) * level
    along = np.clip(np.sum(from_middle * ahead, axis=-1), -half, half)
    aside = np.clip(np.sum(from_middle * across, axis=-1), -_HALF_SOLE_M, _HALF_SOLE_M)
    moved = middle + along[:, None] * ahead + aside[:, None] * across
    return np.asarray(moved + point * [0.0, 0.0, 1.0])


_POINTS = tuple(
    f"{side}_{name}"
    for side in SIDES
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "heel", "toe")
)
_SOLES = tuple(f"{side}_{name}" for side in SIDES for name in ("heel", "toe"))


def floor_force(bodies: list[MovingBody], floor_m: float = 0.0) -> tuple[FloatArray, FloatArray]:
    """Return the force (frame, 3) of the floor on all bodies and where (frame, 3) it acts.

    With the moment M of what the bodies need about the origin, and the force F, the point p on the
    floor has p_x = (z F_x - M_y) / F_z and p_y = (M_x + z F_y) / F_z: there the level moments
    vanish.
    """
    force = np.sum([body.force for body in bodies], axis=0)
    moment = joint_torque(bodies, np.zeros(3))
    upward = force[:, 2]
    point = np.stack(
        [
            (floor_m * force[:, 0] - moment[:, 1]) / upward,
            (moment[:, 0] + floor_m * force[:, 1]) / upward,
            np.full(len(force), floor_m),
        ],
        axis=-1,
    )
    return force, point


def _left_share(
    point: FloatArray, middles: Mapping[str, FloatArray], carries: Mapping[str, BoolArray] | None
) -> FloatArray:
    """Return the share (frame,) of the force that the left foot carries; NaN where none does."""
    line = (middles["left"] - middles["right"]) * [1.0, 1.0, 0.0]
    along = np.sum((point - middles["right"]) * line, axis=-1) / np.sum(line * line, axis=-1)
    share = np.clip(along, 0.0, 1.0)
    if carries is None:
        return np.asarray(share)
    left, right = carries["left"], carries["right"]
    alone = np.where(left, 1.0, np.where(right, 0.0, np.nan))
    return np.asarray(np.where(left & right, share, alone))


def _leg(
    person: Segments, at: Mapping[str, FloatArray], side: str, mass_kg: float, cutoff: float
) -> list[MovingBody]:
    """Return foot, shank and thigh, from the floor upwards."""
    hip, knee, ankle = (at[f"{side}_{name}"] for name in ("hip", "knee", "ankle"))
    foot = 0.5 * (ankle + at[f"{side}_toe"])
    return [
        point_body(foot, np.full(len(foot), FOOT_SHARE * mass_kg), person.fps),
        bone_body(person, f"{side}_tibia", (knee, ankle), SHANK, mass_kg, cutoff),
        bone_body(person, f"{side}_femur", (hip, knee), THIGH, mass_kg, cutoff),
    ]


def _upper_body(
    person: Segments, at: Mapping[str, FloatArray], mass_kg: float, cutoff: float
) -> list[MovingBody]:
    """Return trunk and head as points, and both arms."""
    shoulders = 0.5 * (at["left_shoulder"] + at["right_shoulder"])
    hips = 0.5 * (at["left_hip"] + at["right_hip"])
    head = person.position("head")
    seen = np.isfinite(head).any()
    head = butterworth(head, person.fps, cutoff) if seen else shoulders
    weights = ((shoulders + TRUNK_PLACE * (hips - shoulders), TRUNK_SHARE), (head, HEAD_SHARE))
    bodies = [
        point_body(path, np.full(len(path), share * mass_kg), person.fps) for path, share in weights
    ]
    for side in SIDES:
        shoulder, elbow, wrist = (at[f"{side}_{name}"] for name in ("shoulder", "elbow", "wrist"))
        bodies += [
            bone_body(person, f"{side}_humerus", (shoulder, elbow), UPPER_ARM, mass_kg, cutoff),
            bone_body(person, f"{side}_forearm", (elbow, wrist), FOREARM, mass_kg, cutoff),
            point_body(wrist, np.full(len(wrist), HAND_SHARE * mass_kg), person.fps),
        ]
    return bodies
