"""Legs that follow their feet: hips turn, knees bend, and the root gives way where that is less.

A leg of two bones reaches an ankle by the law of cosines. Near full extension a millimetre of
reach turns into a centimetre of knee: what a leg is too long or too short for is therefore shared
between the knees and the root, so that the joints together are displaced least. The reach is
limited softly (Kovar, Schreiner and Gleicher 2002, "Footskate cleanup for motion capture editing").
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mocap.core.rotation import matrix_from_rotvec, rotation_between
from mocap.core.shapes import FloatArray

# Corrections of the root are spread over about this time.
SPREAD_S = 0.05

# The knee is left alone up to this share of the leg's full length; beyond it gives way softly.
SOFT_REACH = 0.985

# Joints that move with the root: hips, shoulders, elbows, wrists and head. A knee is one.
_MOVED_WITH_ROOT = 9.0

# A knee nearer to the line from hip to ankle than this share of the leg counts as so near: at
# nothing a change of reach would move it infinitely.
_LEAST_KNEE = 0.01


@dataclass(frozen=True, eq=False)
class BentLeg:
    """World rotations (frame, 3, 3) of the bones of one solved leg."""

    hip: FloatArray
    knee: FloatArray
    ankle: FloatArray


class LegPair:
    """Both legs of a motion; collects where the ankles should be and how the feet should turn.

    Attributes:
        fps: frames per second.
        ankle_change: (frame, side, 3) metres, to be filled in.
        foot_turn: (frame, side, 3, 3) in the world, to be filled in.
        ankle: (frame, side, 3) as they are.
        ankle_turn: (frame, side, 3, 3) as they are, in the world.
    """

    def __init__(self, joints: FloatArray, turns: FloatArray, fps: float) -> None:
        """Take the legs as they are.

        Args:
            joints: (frame, side, 3, 3) positions of hip, knee and ankle, metres; left first.
            turns: (frame, side, 3, 3, 3) their rotations in the world; a knee bends about its x.
            fps: frames per second.
        """
        self._joint, self._turn, self.fps = joints, turns, fps
        self.ankle, self.ankle_turn = joints[:, :, 2], turns[:, :, 2]
        self.ankle_change = np.zeros((len(joints), 2, 3))
        self.foot_turn = np.tile(np.eye(3), (len(joints), 2, 1, 1))

    def solve(self) -> tuple[FloatArray, tuple[BentLeg, BentLeg]]:
        """Return the move of the root (frame, 3), and both legs as far as they reach."""
        sigma = SPREAD_S * self.fps
        root = gaussian_filter1d(self._least_move(), sigma, axis=0, mode="nearest")
        missing = sum(0.5 * self._out_of_reach(side, root) for side in range(2))
        root = root + gaussian_filter1d(missing, sigma, axis=0, mode="nearest")
        return root, (self._bent(0, root), self._bent(1, root))

    def _target(self, side: int) -> FloatArray:
        return self.ankle[:, side] + self.ankle_change[:, side]

    def _lengths(self, side: int) -> tuple[FloatArray, FloatArray]:
        hip, knee, ankle = np.moveaxis(self._joint[:, side], 1, 0)
        return np.linalg.norm(knee - hip, axis=-1), np.linalg.norm(ankle - knee, axis=-1)

    def _least_move(self) -> FloatArray:
        """Return the move of the root (frame, 3) that with the bent knees displaces joints least.

        Minimises sum over legs of k² (longer - along . move)² + n |move|², where k is how far the
        knee goes for a change of the distance from hip to ankle.
        """
        matrix = np.tile(_MOVED_WITH_ROOT * np.eye(3), (len(self._joint), 1, 1))
        right = np.zeros((len(self._joint), 3))
        for side in range(2):
            hip = self._joint[:, side, 0]
            reach = self._target(side) - hip
            wanted = np.linalg.norm(reach, axis=-1)
            before = np.linalg.norm(self.ankle[:, side] - hip, axis=-1)
            along = reach / wanted[:, None]
            weight = self._knee_moves(side, 0.5 * (wanted + before)) ** 2
            matrix += weight[:, None, None] * along[:, :, None] * along[:, None, :]
            right += (weight * (wanted - before))[:, None] * along
        return np.asarray(np.linalg.solve(matrix, right[..., None])[..., 0])

    def _knee_moves(self, side: int, distance: FloatArray) -> FloatArray:
        """Return how far the knee (frame,) moves for a change of this distance hip to ankle."""
        thigh, shank = self._lengths(side)
        along = (thigh**2 - shank**2 + distance**2) / (2.0 * distance)
        across = np.sqrt(np.maximum(thigh**2 - along**2, (_LEAST_KNEE * thigh) ** 2))
        slope = 1.0 - along / distance
        return np.asarray(np.hypot(slope, along * slope / across))

    def _out_of_reach(self, side: int, root: FloatArray) -> FloatArray:
        """Return how far the root must move on (frame, 3) for the leg to reach softly."""
        reach = self._target(side) - self._joint[:, side, 0] - root
        distance = np.linalg.norm(reach, axis=-1)
        short = distance - self._soft(side, distance)
        return np.asarray(reach * (short / distance)[:, None])

    def _soft(self, side: int, distance: FloatArray) -> FloatArray:
        """Return the distance (frame,) from hip to ankle that the leg takes on."""
        full = np.add(*self._lengths(side))
        before = np.linalg.norm(self.ankle[:, side] - self._joint[:, side, 0], axis=-1)
        soft, room = SOFT_REACH * full, (1.0 - SOFT_REACH) * full
        beyond = np.maximum(distance - soft, 0.0)
        limited = np.where(beyond > 0.0, soft + room * (1.0 - np.exp(-beyond / room)), distance)
        # A leg that was straight before may stay as straight.
        return np.minimum(distance, np.maximum(limited, np.minimum(before, distance)))

    def _bent(self, side: int, root: FloatArray) -> BentLeg:
        """Return the world rotations of one leg whose ankle is at its target."""
        hip, knee, ankle = np.moveaxis(self._joint[:, side] + root[:, None], 1, 0)
        hip_turn, knee_turn, ankle_turn = np.moveaxis(self._turn[:, side], 1, 0)
        thigh, shank = knee - hip, ankle - knee
        reach = self._target(side) - hip
        wanted = self._soft(side, np.linalg.norm(reach, axis=-1))
        bend = hinge_turn(thigh, shank, knee_turn[:, :, 0], wanted)
        straightened = thigh + np.einsum("fab,fb->fa", bend, shank)
        swing = rotation_between(straightened, reach)
        return BentLeg(
            hip=swing @ hip_turn,
            knee=swing @ bend @ knee_turn,
            ankle=self.foot_turn[:, side] @ ankle_turn,
        )


def hinge_turn(
    thigh: FloatArray, shank: FloatArray, hinge: FloatArray, distance: FloatArray
) -> FloatArray:
    """Return the turns (frame, 3, 3) of the shank about the hinge that give a hip-ankle distance.

    |thigh + R(angle) shank|² is c + a cos(angle) + b sin(angle); of its two solutions the one
    nearer to no turn is taken: the knee keeps bending the way it bends.
    """
    along = np.sum(shank * hinge, axis=-1, keepdims=True) * hinge
    flat = shank - along
    cosine = 2.0 * np.sum(thigh * flat, axis=-1)
    sine = 2.0 * np.sum(thigh * np.cross(hinge, flat), axis=-1)
    constant = (
        np.sum(thigh**2, axis=-1) + np.sum(shank**2, axis=-1) + 2.0 * np.sum(thigh * along, axis=-1)
    )
    size = np.hypot(cosine, sine)
    share = np.clip((distance**2 - constant) / np.maximum(size, 1e-12), -1.0, 1.0)
    phase, spread = np.arctan2(sine, cosine), np.arccos(share)
    choices = np.stack([phase + spread, phase - spread])
    choices = (choices + np.pi) % (2.0 * np.pi) - np.pi
    angle = np.take_along_axis(choices, np.abs(choices).argmin(axis=0)[None], axis=0)[0]
    return matrix_from_rotvec(hinge * angle[:, None])
