"""Feet that roll on the floor: over the heel with the toes up, over the toes with the heel up.

Pitch is positive with the toes up. It must pass zero at rest (no speed, no acceleration): the
ankle's path has a corner there, because a flat foot rests on heel and toes at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.body.model import BodyModel
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, FloatArray

# Beyond these a standing foot slips or the mesh tears.
_HEEL_ROLL_DEG = 40.0
_TOE_ROLL_DEG = 70.0
_POWERS = np.arange(1, 6)


@dataclass(frozen=True, eq=False)
class Foot:
    """Where the ankle is while the foot rolls on the floor, fitted to the sole of the mesh.

    Attributes:
        flat_height: of the ankle above the floor, foot flat, metres.
        heel_rise, toe_rise: (5,) coefficients of pitch**1 to pitch**5 (radians) added to it while
            the foot rolls over the heel (pitch > 0) or the toes (pitch < 0).
        toe_joint: (3,) from the ankle in the zero pose: it stays where it is as the heel rises.
    """

    flat_height: float
    heel_rise: FloatArray
    toe_rise: FloatArray
    toe_joint: FloatArray

    @property
    def ball(self) -> FloatArray:
        """Ball of the flat foot (3,) from the point of the floor below the ankle."""
        return self.toe_joint * [1.0, 0.0, 1.0]

    def roll(self, pitch_deg: Array) -> FloatArray:
        """Return the ankle (..., 3) from the point below the flat foot's ankle, heading +Z."""
        pitch = np.deg2rad(np.asarray(pitch_deg, dtype=np.float64))
        powers = pitch[..., None] ** _POWERS
        over_heel = pitch > 0
        rise = np.where(over_heel, powers @ self.heel_rise, powers @ self.toe_rise)
        # A convex body rolls by the integral of its support function (heel); a pivot is a circle.
        rolled = -(
            self.flat_height * pitch + powers * pitch[..., None] @ (self.heel_rise / (_POWERS + 1))
        )
        _, down, ahead = self.toe_joint
        pivoted = ahead * (1.0 - np.cos(pitch)) + down * np.sin(pitch)
        travel = np.where(over_heel, rolled, pivoted)
        return np.stack([np.zeros_like(pitch), self.flat_height + rise, travel], axis=-1)


def measure_foot(model: BodyModel, betas: FloatArray, side: str) -> Foot:
    """Fit a foot to the sole of a body's mesh; the toes stay flat while the heel is up."""
    ankle, toes = model.joint(f"{side}_ankle"), model.joint(f"{side}_foot")
    sole = np.flatnonzero(np.isin(model.dominant_joint(), (ankle, toes)))
    joints = model.joints(betas)

    def height(pitch_deg: FloatArray) -> FloatArray:
        pose = np.zeros((len(pitch_deg), model.joint_count, 3))
        pose[:, ankle, 0] = -np.deg2rad(pitch_deg)
        pose[:, toes, 0] = np.deg2rad(np.minimum(pitch_deg, 0.0))
        lowest = model.skin(matrix_from_rotvec(pose), betas, vertices=sole)[..., 1].min(axis=1)
        return np.asarray(joints[ankle, 1] - lowest)

    flat = float(height(np.zeros(1))[0])

    def rise(limit_deg: float) -> FloatArray:
        pitch_deg = np.linspace(0.0, limit_deg, 36)[1:]
        powers = np.deg2rad(pitch_deg)[:, None] ** _POWERS
        solution = np.linalg.lstsq(powers, height(pitch_deg) - flat, rcond=None)[0]
        return np.asarray(solution, dtype=np.float64)

    return Foot(flat, rise(_HEEL_ROLL_DEG), rise(-_TOE_ROLL_DEG), joints[toes] - joints[ankle])
