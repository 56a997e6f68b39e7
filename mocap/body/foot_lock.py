"""Feet that stand do not slide: the legs are bent so that heel and ball keep their place.

While a part of a foot stands it is held at its mean place; the hold fades in and out, so that
nothing jumps. The leg follows by turning the hip and bending the knee (two bones, law of
cosines). Near full extension the knee would snap: the reach is limited softly, and what is left
moves the root (Kovar, Schreiner and Gleicher 2002, "Footskate cleanup for motion capture
editing"). Soles below the floor are lifted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from mocap.body.contact import (
    PARTS,
    SIDES,
    FootContacts,
    contact_points,
    find_contacts,
    intervals,
    slide_mm,
    sole_vertices,
)
from mocap.body.model import BodyModel
from mocap.core.body_motion import BodyMotion, split_rotations
from mocap.core.errors import BodyError
from mocap.core.rotation import matrix_from_rotvec, rotation_between, rotvec_from_matrix
from mocap.core.shapes import FloatArray

FootLockMode = Literal["auto", "always", "never", "ground"]
MODES: tuple[FootLockMode, ...] = ("auto", "always", "never", "ground")

# "auto" holds stances that are at least this sure at their best; "always" holds every one.
LEAST_CONFIDENCE = 0.5

# A hold fades in and out over this time at both ends of a stance: shorter is seen as a jerk.
FADE_S = 0.10

# Corrections of the root and lifts of the sole are spread over about this time.
_SPREAD_S = 0.05

# The knee is left alone up to this share of the leg's full length; beyond it gives way softly.
SOFT_REACH = 0.985


@dataclass(frozen=True, eq=False)
class FootLock:
    """A motion whose feet stand still, and what changed.

    Attributes:
        motion: the corrected motion.
        contacts: of the motion before.
        slide_before_mm, slide_after_mm: by "ankle", "heel" and "ball": median over all stances of
            the largest horizontal distance from the mean place; NaN without stances.
        penetration_before_mm, penetration_after_mm: deepest sole below the floor.
    """

    motion: BodyMotion
    contacts: FootContacts
    slide_before_mm: dict[str, float]
    slide_after_mm: dict[str, float]
    penetration_before_mm: float
    penetration_after_mm: float


def lock_feet(
    motion: BodyMotion,
    model: BodyModel,
    *,
    mode: FootLockMode = "auto",
    floor_m: float | None = None,
) -> FootLock:
    """Return the motion with standing feet held and no sole below the floor.

    Args:
        motion: the body.
        model: the body it was fitted with.
        mode: "auto" holds feet that surely stand, "always" also doubtful ones, "ground" only
            keeps feet on and above the floor, "never" changes nothing.
        floor_m: height of the floor; estimated from the feet when not given.

    Raises:
        BodyError: there is no such mode.
    """
    if mode not in MODES:
        raise BodyError(f"there is no foot lock '{mode}'; known are {', '.join(MODES)}.")
    least = LEAST_CONFIDENCE if mode == "auto" else 0.0
    contacts = find_contacts(motion, model, floor_m=floor_m, least_confidence=least)
    locked = motion
    if mode != "never":
        legs = _Legs(motion, model)
        for index, side in enumerate(SIDES):
            _hold(legs, contacts, index, side, horizontal=mode != "ground")
        locked = legs.solved()
        # Lifting bends the knee, which may leave a millimetre: one more round removes it.
        for _ in range(2):
            locked = _lifted(locked, model, contacts.floor_m)
    return FootLock(
        motion=locked,
        contacts=contacts,
        slide_before_mm=_slides(motion, model, contacts),
        slide_after_mm=_slides(locked, model, contacts),
        penetration_before_mm=1000.0 * float(_depth(motion, model, contacts.floor_m).max()),
        penetration_after_mm=1000.0 * float(_depth(locked, model, contacts.floor_m).max()),
    )


class _Legs:
    """Both legs of a motion; collects where the ankles should be and how the feet should turn."""

    def __init__(self, motion: BodyMotion, model: BodyModel) -> None:
        self.motion, self.model = motion, model
        self.local = matrix_from_rotvec(motion.rotation_vectors())
        self.positions, self.turns = model.forward_kinematics(
            self.local, motion.betas, motion.transl
        )
        frames = motion.frame_count
        self.ankle_change = np.zeros((frames, 2, 3))
        self.foot_turn = np.tile(np.eye(3), (frames, 2, 1, 1))

    def joint(self, side: int, name: str) -> int:
        """Return the index of a joint of a side."""
        return self.model.joint(f"{SIDES[side]}_{name}")

    def solved(self) -> BodyMotion:
        """Return the motion whose ankles are where they should be, as far as legs reach."""
        missing = np.zeros((self.motion.frame_count, 3))
        for side in range(2):
            missing += 0.5 * self._out_of_reach(side)
        root = gaussian_filter1d(missing, _SPREAD_S * self.motion.fps, axis=0, mode="nearest")
        local = self.local.copy()
        for side in range(2):
            self._bend(local, side, root)
        changed: dict[str, Any] = {**split_rotations(local)}
        return replace(self.motion, transl=self.motion.transl + root, **changed)

    def _target(self, side: int) -> FloatArray:
        return self.positions[:, self.joint(side, "ankle")] + self.ankle_change[:, side]

    def _out_of_reach(self, side: int) -> FloatArray:
        """Return how far the root must move (frame, 3) for the leg to reach softly."""
        hip = self.positions[:, self.joint(side, "hip")]
        reach = self._target(side) - hip
        distance = np.linalg.norm(reach, axis=-1)
        short = distance - self._soft(side, distance)
        return reach * (short / distance)[:, None]

    def _soft(self, side: int, distance: FloatArray) -> FloatArray:
        """Return the distance (frame,) from hip to ankle that the leg takes on."""
        hip, knee, ankle = (self.positions[:, self.joint(side, j)] for j in _LEG)
        full = np.linalg.norm(knee - hip, axis=-1) + np.linalg.norm(ankle - knee, axis=-1)
        before = np.linalg.norm(ankle - hip, axis=-1)
        soft, room = SOFT_REACH * full, (1.0 - SOFT_REACH) * full
        beyond = np.maximum(distance - soft, 0.0)
        limited = np.where(beyond > 0.0, soft + room * (1.0 - np.exp(-beyond / room)), distance)
        # A leg that was straight before may stay as straight.
        return np.minimum(distance, np.maximum(limited, np.minimum(before, distance)))

    def _bend(self, local: FloatArray, side: int, root: FloatArray) -> None:
        """Turn hip, knee and ankle of one side in `local` (frame, joint, 3, 3)."""
        hip_j, knee_j, ankle_j = (self.joint(side, j) for j in _LEG)
        hip, knee, ankle = (self.positions[:, j] + root for j in (hip_j, knee_j, ankle_j))
        thigh, shank = knee - hip, ankle - knee
        reach = self._target(side) - hip
        wanted = self._soft(side, np.linalg.norm(reach, axis=-1))
        hinge = self.turns[:, knee_j, :, 0]
        bend = _hinge_turn(thigh, shank, hinge, wanted)
        straightened = thigh + np.einsum("fab,fb->fa", bend, shank)
        swing = rotation_between(straightened, reach)
        hip_turn = swing @ self.turns[:, hip_j]
        knee_turn = swing @ bend @ self.turns[:, knee_j]
        foot_turn = self.foot_turn[:, side] @ self.turns[:, ankle_j]
        local[:, hip_j] = np.swapaxes(self.turns[:, 0], -1, -2) @ hip_turn
        local[:, knee_j] = np.swapaxes(hip_turn, -1, -2) @ knee_turn
        local[:, ankle_j] = np.swapaxes(knee_turn, -1, -2) @ foot_turn


_LEG = ("hip", "knee", "ankle")


def _hinge_turn(
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


def _hold(legs: _Legs, contacts: FootContacts, index: int, side: str, *, horizontal: bool) -> None:
    """Ask one foot's ankle and sole to stay where they stand."""
    fps = legs.motion.fps
    weight = np.stack([_faded(contacts.standing[:, index, part], fps) for part in range(2)])
    places = contacts.positions[:, index]
    anchors = np.stack(
        [
            _anchors(
                places[:, part],
                contacts.standing[:, index, part],
                contacts.floor_m + contacts.clearance_m[index, part],
                horizontal,
            )
            for part in range(2)
        ]
    )
    heel, ball = places[:, 0], places[:, 1]
    both = (weight[0] * weight[1])[:, None]
    turn = rotvec_from_matrix(rotation_between(ball - heel, anchors[1] - anchors[0]))
    legs.foot_turn[:, index] = matrix_from_rotvec(both * turn)
    ankle = legs.positions[:, legs.model.joint(f"{side}_ankle")]
    change = np.zeros_like(ankle)
    for part in range(2):
        turned = np.einsum("fab,fb->fa", legs.foot_turn[:, index], places[:, part] - ankle)
        change += weight[part][:, None] * (anchors[part] - ankle - turned)
    legs.ankle_change[:, index] = change / np.maximum(weight.sum(axis=0), 1.0)[:, None]


def _faded(standing: np.ndarray, fps: float) -> FloatArray:
    """Return weights (frame,): 1 while standing, fading to 0 outside within `FADE_S`."""
    reach = max(1, round(FADE_S * fps))
    weight = np.zeros(len(standing))
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, reach + 1) / (reach + 1))
    for first, end in intervals(standing):
        weight[first:end] = 1.0
        before, after = min(reach, first), min(reach, len(standing) - end)
        weight[first - before : first] = np.maximum(
            weight[first - before : first], ramp[:before][::-1]
        )
        weight[end : end + after] = np.maximum(weight[end : end + after], ramp[:after])
    return weight


def _anchors(
    positions: FloatArray, standing: np.ndarray, height_m: float, horizontal: bool
) -> FloatArray:
    """Return where a part should be (frame, 3); that of the nearest stance between stances."""
    out = positions.copy()
    found = intervals(standing)
    if not found:
        return out
    middles = np.array([0.5 * (first + end - 1) for first, end in found])
    places = []
    for first, end in found:
        place = np.median(positions[first:end], axis=0)
        places.append([place[0], place[1], height_m])
    nearest = np.abs(np.arange(len(positions))[:, None] - middles).argmin(axis=1)
    for number, (first, end) in enumerate(found):
        nearest[first:end] = number
    chosen = np.array(places)[nearest]
    if horizontal:
        out[:, :2] = chosen[:, :2]
    out[:, 2] = chosen[:, 2]
    return out


def _depth(motion: BodyMotion, model: BodyModel, floor_m: float) -> FloatArray:
    """Return how deep each sole (frame, side) is below the floor, metres, never negative."""
    soles = [sole_vertices(model, side) for side in SIDES]
    skin = model.skin(
        motion.rotation_vectors(),
        motion.betas,
        motion.transl,
        vertices=np.concatenate(soles),
        dtype=np.float32,
    )
    lowest = np.stack(
        [skin[:, : len(soles[0]), 2].min(axis=1), skin[:, len(soles[0]) :, 2].min(axis=1)], axis=1
    )
    return np.maximum(floor_m - lowest, 0.0).astype(np.float64)


def _lifted(motion: BodyMotion, model: BodyModel, floor_m: float) -> BodyMotion:
    """Raise feet whose soles are below the floor."""
    depth = _depth(motion, model, floor_m)
    if not depth.any():
        return motion
    # The maximum over the filter's reach keeps the smoothed lift at least as high as needed.
    sigma = _SPREAD_S * motion.fps
    reach = 2 * round(2.0 * sigma) + 1
    lift = gaussian_filter1d(
        maximum_filter1d(depth, reach, axis=0, mode="nearest"),
        sigma,
        axis=0,
        mode="nearest",
        truncate=2.0,
    )
    legs = _Legs(motion, model)
    legs.ankle_change[..., 2] = lift
    return legs.solved()


def _slides(motion: BodyMotion, model: BodyModel, contacts: FootContacts) -> dict[str, float]:
    """Return the slide of ankles, heels and balls in mm over the stances of `contacts`."""
    places, joints = contact_points(motion, model)
    found: dict[str, list[float]] = {"ankle": [], **{part: [] for part in PARTS}}
    for index, side in enumerate(SIDES):
        for part, name in enumerate(PARTS):
            standing = contacts.standing[:, index, part]
            found[name].append(slide_mm(places[:, index, part], standing))
        flat = np.asarray(contacts.standing[:, index].all(axis=-1))
        found["ankle"].append(slide_mm(joints[:, model.joint(f"{side}_ankle")], flat))
    return {name: _mean_known(values) for name, values in found.items()}


def _mean_known(values: list[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")
