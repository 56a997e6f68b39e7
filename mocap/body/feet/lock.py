"""Feet that stand do not slide: the legs are bent so that heel and ball keep their place.

While a part of a foot stands it is held at its mean place, and a flat foot as it is turned in the
mean; the hold fades in and out, so that nothing jumps. The legs follow (`foot_legs`), then toes
below the floor bend and soles below it are lifted (`foot_ground`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mocap.body.feet.contact import (
    PARTS,
    SIDES,
    FootContacts,
    contact_points,
    find_contacts,
    slide_mm,
)
from mocap.body.feet.ground import lifted, sole_depth, toes_bent
from mocap.body.feet.legs import Legs
from mocap.body.model import BodyModel
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import BodyError
from mocap.core.rotation import matrix_from_rotvec, rotation_between, rotvec_from_matrix
from mocap.core.runs import runs
from mocap.core.shapes import BoolArray, FloatArray, IntArray

FootLockMode = Literal["auto", "always", "never", "ground"]
MODES: tuple[FootLockMode, ...] = ("auto", "always", "never", "ground")

# "auto" holds stances that are at least this sure at their best; "always" holds every one.
LEAST_CONFIDENCE = 0.5

# A hold fades in and out over this time at both ends of a stance: shorter is seen as a jerk.
FADE_S = 0.10


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
        legs = Legs(motion, model)
        for index in range(len(SIDES)):
            _hold(legs, contacts, index, horizontal=mode != "ground")
        locked = toes_bent(legs.solved(), model, contacts.floor_m)
        # Lifting bends the knee, which may leave a millimetre: one more round removes it.
        for _ in range(2):
            locked = lifted(locked, model, contacts.floor_m)
    return FootLock(
        motion=locked,
        contacts=contacts,
        slide_before_mm=_slides(motion, model, contacts),
        slide_after_mm=_slides(locked, model, contacts),
        penetration_before_mm=1000.0 * float(sole_depth(motion, model, contacts.floor_m).max()),
        penetration_after_mm=1000.0 * float(sole_depth(locked, model, contacts.floor_m).max()),
    )


def _hold(legs: Legs, contacts: FootContacts, index: int, *, horizontal: bool) -> None:
    """Ask one foot's ankle and sole to stay where they stand."""
    standing = contacts.standing[:, index]
    flat = np.asarray(standing.all(axis=-1))
    weight = [_faded(standing[:, part], legs.motion.fps) for part in range(2)]
    places, ankle = contacts.positions[:, index], legs.ankle[:, index]
    heights = contacts.floor_m + contacts.clearance_m[index]
    moves = [
        _to_place(places[:, part], standing[:, part], heights[part], horizontal)
        for part in range(2)
    ]
    foot = places[:, 1] - places[:, 0]
    turn = np.tile(np.eye(3), (len(foot), 1, 1))
    if horizontal:
        turn = _to_mean_turn(legs.ankle_turn[:, index], flat)
    turned = np.einsum("fab,fb->fa", turn, foot)
    turn = rotation_between(turned, foot + moves[1] - moves[0]) @ turn
    both = weight[0] * weight[1]
    turn = matrix_from_rotvec(both[:, None] * rotvec_from_matrix(turn[_nearest_standing(flat)]))
    change = np.zeros_like(ankle)
    for part in range(2):
        off = places[:, part] - ankle
        # The part goes to its place, less what the turn about the ankle does already.
        move = moves[part] + off - np.einsum("fab,fb->fa", turn, off)
        change += weight[part][:, None] * move
    legs.foot_turn[:, index] = turn
    legs.ankle_change[:, index] = change / np.maximum(weight[0] + weight[1], 1.0)[:, None]


def _faded(standing: BoolArray, fps: float) -> FloatArray:
    """Return weights (frame,): 1 while standing, fading to 0 outside within `FADE_S`."""
    reach = max(1, round(FADE_S * fps))
    weight = np.zeros(len(standing))
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, reach + 1) / (reach + 1))
    for first, end in runs(standing):
        weight[first:end] = 1.0
        before, after = min(reach, first), min(reach, len(standing) - end)
        weight[first - before : first] = np.maximum(
            weight[first - before : first], ramp[:before][::-1]
        )
        weight[end : end + after] = np.maximum(weight[end : end + after], ramp[:after])
    return weight


def _to_place(
    positions: FloatArray, standing: BoolArray, height_m: float, horizontal: bool
) -> FloatArray:
    """Return what moves a part to its place (frame, 3).

    Between stances it is that of the nearest moment of one: the foot is on its way then.
    """
    move = np.zeros_like(positions)
    if horizontal:
        for first, end in runs(standing):
            place = np.median(positions[first:end, :2], axis=0)
            move[first:end, :2] = place - positions[first:end, :2]
    move[:, 2] = height_m - positions[:, 2]
    return move[_nearest_standing(standing)]


def _to_mean_turn(turns: FloatArray, flat: BoolArray) -> FloatArray:
    """Return what turns a foot (frame, 3, 3) as it is in the mean of its flat stance."""
    change = np.tile(np.eye(3), (len(turns), 1, 1))
    for first, end in runs(flat):
        left, _, right = np.linalg.svd(turns[first:end].mean(axis=0))
        change[first:end] = left @ right @ np.swapaxes(turns[first:end], -1, -2)
    return change


def _nearest_standing(standing: BoolArray) -> IntArray:
    """Return the nearest frame (frame,) in which something stands; its own where it never does."""
    frames = np.arange(len(standing))
    found = np.flatnonzero(standing)
    if not len(found):
        return frames
    after = np.searchsorted(found, frames).clip(0, len(found) - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(found[before] - frames) <= np.abs(found[after] - frames)
    return np.asarray(np.where(nearer, found[before], found[after]))


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
