"""Curves of a throw: angles and angular velocities in the conventions of pitching research.

The thrower is turned so that the target lies along +X and, when left-handed, mirrored: everything
below is a right-handed throw. Rotation of pelvis and thorax: 0 faces third base (away from the
open side), +90 faces the target. The conventions are those of the OpenBiomechanics Project's
documentation, so that numbers can be compared; velocities are segment-resolved vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.shapes import FloatArray
from mocap.measure.angles import LIMB_JOINTS, TRUNK_JOINTS, Joint, axial_knowledge, right_joint_deg
from mocap.measure.filters import butterworth, derivative, joint_velocity_deg, segment_velocity_deg
from mocap.measure.pitching.kinetics import CURVES as LOADS
from mocap.measure.pitching.kinetics import Load, arm_loads
from mocap.measure.segments.mass import centre_of_mass
from mocap.measure.segments.segments import Segments

_JOINT = {joint.name: joint for joint in (*LIMB_JOINTS, *TRUNK_JOINTS)}

CURVE_UNITS = {
    "elbow_flexion": "deg",
    "elbow_pronation": "deg",
    "shoulder_abduction": "deg",
    "shoulder_horizontal_abduction": "deg",
    "shoulder_external_rotation": "deg",
    "glove_elbow_flexion": "deg",
    "glove_shoulder_abduction": "deg",
    "glove_shoulder_horizontal_abduction": "deg",
    "glove_shoulder_external_rotation": "deg",
    "lead_knee_flexion": "deg",
    "rear_knee_flexion": "deg",
    "torso_rotation": "deg",
    "torso_anterior_tilt": "deg",
    "torso_lateral_tilt": "deg",
    "pelvis_rotation": "deg",
    "pelvis_anterior_tilt": "deg",
    "pelvis_lateral_tilt": "deg",
    "hip_shoulder_separation": "deg",
    "shoulder_line_rotation": "deg",
    "arm_slot": "deg",
    "elbow_extension_velocity": "deg/s",
    "shoulder_internal_rotation_velocity": "deg/s",
    "torso_rotation_velocity": "deg/s",
    "pelvis_rotation_velocity": "deg/s",
    "lead_knee_extension_velocity": "deg/s",
    "cog_velocity_x": "m/s",
    "hand_speed": "m/s",
    **LOADS,
}
"""Names and units of all curves."""

CHEST_CURVES = (
    "torso_rotation",
    "torso_anterior_tilt",
    "torso_lateral_tilt",
    "torso_rotation_velocity",
    "hip_shoulder_separation",
)
"""Curves that say something about the chest: without a chest they are not given at all."""


UNFILTERED = ("arm_slot", "shoulder_line_rotation")
"""Directions between two joints at one instant: read from the smoothed points as they are. A
low-pass of the angle turns the arm slot of a fast arm by degrees."""


@dataclass(frozen=True, eq=False)
class ThrowCurves:
    """Curves (frame,) of a take in canonical view.

    Attributes:
        values: by name, all names of `CURVE_UNITS`; NaN where not measured.
        fps: frames per second.
        angle_cutoff_hz: of the filter on angles and velocities, or None.
    """

    values: Mapping[str, FloatArray]
    fps: float
    angle_cutoff_hz: float | None

    def __getitem__(self, name: str) -> FloatArray:
        """Return one curve (frame,)."""
        return self.values[name]


def canonical(segments: Segments, target_deg: float, hand: str) -> Segments:
    """Return the thrower with the target along +X, as a right-handed one."""
    turned = segments.turned(target_deg)
    return turned.mirrored() if hand == "left" else turned


def hand_point(segments: Segments, side: str) -> FloatArray:
    """Return the knuckles (frame, 3) of a hand, or the wrist where the hand is unknown."""
    hand = segments.position(f"{side}_hand")
    return hand if np.isfinite(hand).any() else segments.position(f"{side}_wrist")


def throw_curves(
    thrower: Segments, angle_cutoff_hz: float | None, *, chest_stand_in: bool = False
) -> ThrowCurves:
    """Return the curves of a canonical thrower, low-passed at the angle stage.

    Without a chest its curves are NaN; `chest_stand_in` fills them from the shoulder line, which
    is only good for how much they scatter.
    """
    mirrored = thrower.mirrored()
    raw = _arm(thrower, "") | _arm(mirrored, "glove_") | _trunk(thrower) | _legs(thrower, mirrored)
    raw |= _velocities(thrower, mirrored)
    if not thrower.has_chest and not chest_stand_in:
        raw |= {name: np.full(thrower.frame_count, np.nan) for name in CHEST_CURVES}
    # Loads need a body mass: `with_loads` fills them in.
    raw |= {name: np.full(thrower.frame_count, np.nan) for name in LOADS}
    smooth = {
        name: butterworth(raw[name], thrower.fps, None if name in UNFILTERED else angle_cutoff_hz)
        for name in CURVE_UNITS
    }
    return ThrowCurves(smooth, thrower.fps, angle_cutoff_hz)


def with_loads(curves: ThrowCurves, thrower: Segments, load: Load) -> ThrowCurves:
    """Return the curves with the loads of the throwing arm."""
    hand = hand_point(thrower, "right")
    loads = arm_loads(thrower, hand, load, curves.angle_cutoff_hz)
    return replace(curves, values={**curves.values, **loads})


def _angles(person: Segments, joint: Joint) -> FloatArray:
    """Return angles (frame, 3) with those that rest on a guessed turn left out."""
    angles = right_joint_deg(person, joint)
    return np.where(axial_knowledge(person, joint), angles, np.nan)


def _arm(person: Segments, prefix: str) -> dict[str, FloatArray]:
    plane, elevation, external = _angles(person, _JOINT["shoulder"]).T
    flexion, _, pronation = _angles(person, _JOINT["elbow"]).T
    out = {
        f"{prefix}elbow_flexion": flexion,
        f"{prefix}shoulder_abduction": elevation,
        f"{prefix}shoulder_horizontal_abduction": -plane,
        f"{prefix}shoulder_external_rotation": external,
    }
    return out | ({} if prefix else {"elbow_pronation": pronation})


def _trunk(thrower: Segments) -> dict[str, FloatArray]:
    rotation, drop, tilt = right_joint_deg(thrower, _JOINT["pelvis"]).T
    turn, lean, forward = right_joint_deg(thrower, _JOINT["thorax"]).T
    separation = -_angles(thrower, _JOINT["trunk"])[:, 2]
    across = thrower.position("left_shoulder") - thrower.position("right_shoulder")
    # The line to the left shoulder points away from where the person faces by +90 degrees.
    line = np.rad2deg(np.unwrap(np.arctan2(across[:, 1], across[:, 0])))
    return {
        "pelvis_rotation": _facing(rotation + 90.0),
        "pelvis_lateral_tilt": -drop,
        "pelvis_anterior_tilt": tilt,
        "torso_rotation": _facing(turn + 90.0),
        "torso_lateral_tilt": -lean,
        "torso_anterior_tilt": forward,
        "hip_shoulder_separation": separation,
        "shoulder_line_rotation": _facing(line),
    }


def _facing(rotation_deg: FloatArray) -> FloatArray:
    """Move a continuous rotation by whole turns so that most of it lies in ±180 degrees."""
    if not np.isfinite(rotation_deg).any():
        return rotation_deg
    return rotation_deg - 360.0 * np.round(np.nanmedian(rotation_deg) / 360.0)


def _legs(thrower: Segments, mirrored: Segments) -> dict[str, FloatArray]:
    forearm = thrower.position("right_wrist") - thrower.position("right_elbow")
    level = np.hypot(forearm[:, 0], forearm[:, 1])
    com_x = centre_of_mass(thrower)[:, 0]
    hand = hand_point(thrower, "right")
    return {
        "lead_knee_flexion": right_joint_deg(mirrored, _JOINT["knee"])[:, 0],
        "rear_knee_flexion": right_joint_deg(thrower, _JOINT["knee"])[:, 0],
        "arm_slot": np.rad2deg(np.arctan2(forearm[:, 2], level)),
        "cog_velocity_x": derivative(com_x, thrower.fps),
        "hand_speed": np.linalg.norm(derivative(hand, thrower.fps), axis=-1),
    }


def _velocities(thrower: Segments, mirrored: Segments) -> dict[str, FloatArray]:
    """Return angular velocities: of the distal segment about a named axis of one segment."""
    humerus = joint_velocity_deg(thrower, "thorax", "right_humerus")
    elbow = joint_velocity_deg(thrower, "right_humerus", "right_forearm", in_distal=False)
    knee = joint_velocity_deg(mirrored, "right_femur", "right_tibia", in_distal=False)
    known = thrower.known("right_humerus")
    if thrower.from_keypoints:
        # The hinges' axes come from the same planes: the bend's own rate is steadier.
        bend = right_joint_deg(thrower, _JOINT["elbow"])[:, 0]
        lead = right_joint_deg(mirrored, _JOINT["knee"])[:, 0]
        extension = -derivative(bend, thrower.fps)
        knee_extension = -derivative(lead, thrower.fps)
    else:
        extension, knee_extension = -elbow[:, 2], knee[:, 2]
    return {
        "shoulder_internal_rotation_velocity": np.where(known, humerus[:, 1], np.nan),
        "elbow_extension_velocity": extension,
        "torso_rotation_velocity": segment_velocity_deg(thrower, "thorax")[:, 1],
        "pelvis_rotation_velocity": segment_velocity_deg(thrower, "pelvis")[:, 1],
        "lead_knee_extension_velocity": knee_extension,
    }
