"""What moving bodies need of the joints that hold them: Newton and Euler, body by body.

Each body needs a force m (a - g) at its centre of mass and the change of its spin; the torque of a
joint on all that hangs on it is the sum of their moments about the joint (Winter 2009, Biomechanics
and Motor Control of Human Movement, chapter 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.rotation import unit
from mocap.core.shapes import FloatArray
from mocap.measure.filters import angular_velocity, butterworth, derivative
from mocap.measure.segments.segments import Segments

GRAVITY = np.array([0.0, 0.0, -9.80665])

# Share of body mass, centre of mass from the proximal end as a share of the length, and radii of
# gyration as shares of the length, across (mean of sagittal and transverse) and along the bone:
# means of women and men of de Leva 1996, J. Biomech. 29(9), table 4.
UPPER_ARM = (0.0263, 0.576, 0.269, 0.153)
FOREARM = (0.0150, 0.457, 0.263, 0.108)
THIGH = (0.1447, 0.385, 0.348, 0.156)
SHANK = (0.0457, 0.444, 0.261, 0.098)


@dataclass(frozen=True, eq=False)
class MovingBody:
    """What one body needs: where it is (frame, 3), the force, and the change of its spin."""

    centre: FloatArray
    force: FloatArray
    spin: FloatArray


def point_body(path: FloatArray, mass_kg: FloatArray, fps: float) -> MovingBody:
    """Return what a point of a mass (frame,) in kg needs on its path (frame, 3) in metres."""
    acceleration = derivative(derivative(path, fps), fps)
    return MovingBody(path, mass_kg[:, None] * (acceleration - GRAVITY), np.zeros_like(path))


def bone_body(
    person: Segments,
    segment: str,
    ends: tuple[FloatArray, FloatArray],
    shares: tuple[float, float, float, float],
    mass_kg: float,
    cutoff_hz: float | None,
) -> MovingBody:
    """Return what a bone needs, a symmetric top with inertia across and along its length.

    Args:
        person: whose bone it is; its frame tells the turn about the bone.
        segment: name of the bone's frame.
        ends: (frame, 3) proximal and distal end, low-passed.
        shares: as `UPPER_ARM` and the others.
        mass_kg: of the whole person.
        cutoff_hz: low-pass on angular velocity; None for none.
    """
    share, place, across, along = shares
    proximal, distal = ends
    mass = share * mass_kg
    centre = proximal + place * (distal - proximal)
    point = point_body(centre, np.full(len(centre), mass), person.fps)
    length = float(np.nanmedian(np.linalg.norm(distal - proximal, axis=-1)))
    axis = unit(proximal - distal)
    omega = angular_velocity(person.rotation(segment), person.fps, person.known(segment))
    omega = butterworth(omega, person.fps, cutoff_hz)
    spin_along = np.sum(omega * axis, axis=-1, keepdims=True)
    # The swing of the bone is told by its ends alone; only the turn about it needs its frame.
    swing = np.cross(axis, derivative(axis, person.fps))
    momentum = mass * length**2 * (across**2 * swing + along**2 * np.nan_to_num(spin_along) * axis)
    return MovingBody(point.centre, point.force, derivative(momentum, person.fps))


def joint_torque(bodies: Sequence[MovingBody], joint: FloatArray) -> FloatArray:
    """Return the torque (frame, 3) of a joint on all that hangs on it, in Nm."""
    return np.asarray(
        np.sum([np.cross(body.centre - joint, body.force) + body.spin for body in bodies], axis=0)
    )
