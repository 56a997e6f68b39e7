"""Feet that stand do not slide: the legs are bent so that heel and ball keep their place.

While a part of a foot stands it is held at its median place, and a flat foot as it is turned in
the mean; the hold fades in and out, so that nothing jumps (`mocap.core.body.footing`). The legs
follow (`mocap.core.body.legs`), then toes below the floor bend, and soles below it are levelled and
lifted (`ground`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from mocap.body.feet.ground import levelled, lifted, sole_depth, toes_bent
from mocap.body.feet.legs import Legs
from mocap.body.model import BodyModel
from mocap.core.body.footing import hold_foot
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import BodyError
from mocap.core.shapes import BoolArray

FootLockMode = Literal["auto", "always", "never", "ground"]
MODES: tuple[FootLockMode, ...] = ("auto", "always", "never", "ground")

# "auto" holds stances that are at least this sure at their best; "always" holds every one.
LEAST_CONFIDENCE = 0.5


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
    said: tuple[BoolArray, BoolArray] | None = None,
) -> FootLock:
    """Return the motion with standing feet held and no sole below the floor.

    Args:
        motion: the body.
        model: the body it was fitted with.
        mode: "auto" holds feet that surely stand, "always" also doubtful ones, "ground" only
            keeps feet on and above the floor, "never" changes nothing.
        floor_m: height of the floor; estimated from the feet when not given.
        said: (frame, side) where a person said that a foot stands, and that it is free; both go
            before what is found.

    Raises:
        BodyError: there is no such mode.
    """
    if mode not in MODES:
        raise BodyError(f"there is no foot lock '{mode}'; known are {', '.join(MODES)}.")
    least = LEAST_CONFIDENCE if mode == "auto" else 0.0
    contacts = find_contacts(motion, model, floor_m=floor_m, least_confidence=least)
    if said is not None:
        contacts = _as_said(contacts, *said)
    locked = motion
    if mode != "never":
        legs = Legs(motion, model)
        for index in range(len(SIDES)):
            hold_foot(legs, contacts, index, horizontal=mode != "ground")
        locked = toes_bent(legs.solved(), model, contacts.floor_m)
        # Turned by more than a little, a sole may be left a millimetre below: that is lifted.
        locked = lifted(levelled(locked, model, contacts.floor_m), model, contacts.floor_m)
    return FootLock(
        motion=locked,
        contacts=contacts,
        slide_before_mm=_slides(motion, model, contacts),
        slide_after_mm=_slides(locked, model, contacts),
        penetration_before_mm=1000.0 * float(sole_depth(motion, model, contacts.floor_m).max()),
        penetration_after_mm=1000.0 * float(sole_depth(locked, model, contacts.floor_m).max()),
    )


def _as_said(contacts: FootContacts, stands: BoolArray, free: BoolArray) -> FootContacts:
    """Return contacts in which a foot stands with heel and ball where a person said so."""
    standing = (contacts.standing | stands[..., None]) & ~free[..., None]
    sure = np.where(stands[..., None], 1.0, contacts.confidence)
    return replace(contacts, standing=standing, confidence=np.where(free[..., None], 0.0, sure))


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
