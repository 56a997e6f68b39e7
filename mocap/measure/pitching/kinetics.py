"""Forces and torques in the throwing arm by inverse dynamics: no force plate is needed for an arm.

Newton and Euler from the free end inwards (Winter 2009, Biomechanics and Motor Control of Human
Movement, chapter 7): hand with the ball until release, forearm, upper arm. Segment masses, centres
and radii of gyration are shares of body mass and segment length (de Leva 1996, J. Biomech. 29(9),
table 4, means of women and men). Positions are low-passed before they are differentiated twice.

Torques are those of the joint on the distal segment: varus torque holds the forearm against
valgus, internal-rotation torque turns the upper arm inwards, and the distraction force is what
holds the upper arm in its socket, along the bone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.rotation import unit
from mocap.core.shapes import FloatArray
from mocap.measure.filters import butterworth
from mocap.measure.segments.dynamics import (
    FOREARM,
    UPPER_ARM,
    bone_body,
    joint_torque,
    point_body,
)
from mocap.measure.segments.segments import Segments

BALL_KG = 0.145
"""A baseball: 5 to 5.25 ounces."""

CURVES = {
    "elbow_varus_torque": "Nm",
    "shoulder_internal_rotation_torque": "Nm",
    "shoulder_distraction_force": "N",
}

_HAND_SHARE, _HAND_PLACE = 0.0059, 0.77
# Without knuckles the hand's mass lies at the wrist: a tenth of a forearm too near.


@dataclass(frozen=True)
class Load:
    """What is moved: body mass and ball in kg, and the frames after which the ball is gone.

    The ball lies in the hand from the start of the take to the first release, and again from one
    release's `REGRIP_S` on.
    """

    mass_kg: float
    ball_kg: float = BALL_KG
    releases: Sequence[float] = ()


REGRIP_S = 1.0
"""A second after a release there may be a ball in the hand again: no throw is measured there."""


def arm_loads(
    thrower: Segments, hand: FloatArray, load: Load, cutoff_hz: float | None
) -> dict[str, FloatArray]:
    """Return the loads (frame,) of the right arm by the names of `CURVES`.

    Args:
        thrower: right-handed, metres, Z up.
        hand: (frame, 3) knuckles, or the wrist.
        load: what is moved.
        cutoff_hz: low-pass on positions; None for none.
    """
    fps = thrower.fps
    at = {
        name: butterworth(thrower.position(f"right_{name}"), fps, cutoff_hz)
        for name in ("shoulder", "elbow", "wrist")
    }
    grip = butterworth(hand, fps, cutoff_hz)
    frames = np.arange(len(grip))
    held = np.ones(len(grip))
    for release in load.releases:
        held[(frames > release) & (frames < release + REGRIP_S * fps)] = 0.0
    hand_centre = at["wrist"] + _HAND_PLACE * (grip - at["wrist"])
    bodies = [
        point_body(hand_centre, np.full(len(grip), _HAND_SHARE * load.mass_kg), fps),
        point_body(grip, load.ball_kg * held, fps),
        bone_body(thrower, "right_forearm", (at["elbow"], at["wrist"]), FOREARM, load.mass_kg,
                  cutoff_hz),
    ]  # fmt: skip
    upper = bone_body(
        thrower, "right_humerus", (at["shoulder"], at["elbow"]), UPPER_ARM, load.mass_kg, cutoff_hz
    )
    elbow_torque = joint_torque(bodies, at["elbow"])
    shoulder_torque = joint_torque([*bodies, upper], at["shoulder"])
    shoulder_force = np.sum([body.force for body in (*bodies, upper)], axis=0)
    humerus = unit(at["shoulder"] - at["elbow"])
    forearm = unit(at["elbow"] - at["wrist"])
    hinge = thrower.rotation("right_humerus")[:, :, 2]
    # The axis of varus and valgus stands on the hinge and on the forearm; of a right arm its
    # positive turn is adduction of the forearm: varus.
    varus = unit(np.cross(forearm, hinge))
    return {
        "elbow_varus_torque": np.sum(elbow_torque * varus, axis=-1),
        # Internal rotation is positive about the humerus' Y, which points to the shoulder.
        "shoulder_internal_rotation_torque": np.sum(shoulder_torque * humerus, axis=-1),
        "shoulder_distraction_force": np.sum(shoulder_force * humerus, axis=-1),
    }
