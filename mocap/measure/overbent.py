"""Limbs that bend as no limb can: then their joints are wrong, and no spread of theirs says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import minimum_filter1d

from mocap.core.rotation import unit
from mocap.measure.segments.segments import SIDES, Segments

MOST_BENT_DEG = 165.0
"""Knees of healthy men bend by 144 deg with a standard deviation of 6.5 (Roaas and Andersson 1982,
"Normal range of motion of the hip, knee and ankle joints in male subjects, 30-40 years of age"),
elbows by 143 with 6 (Boone and Azen 1979, "Normal range of motion of joints in male subjects"):
this is more than three standard deviations above both."""

LASTING_S = 0.1
"""A single keypoint that is wrong for a moment is another fault: smoothing and bands know it."""

_CHAINS = {"arm": ("shoulder", "elbow", "wrist"), "leg": ("hip", "knee", "ankle")}


@dataclass(frozen=True)
class Overbent:
    """Limbs of a take that bend as no limb can.

    Attributes:
        bent_deg: the most that lasts, by part of the body as in `misfit.PARTS`.
    """

    bent_deg: Mapping[str, float] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence about each of these limbs."""
        return tuple(f"{self._words(part)}. Look at the overlay" for part in self.bent_deg)

    def why_not(self, parts: Sequence[str]) -> str:
        """Return why a number of these parts cannot be trusted, or an empty text."""
        return next((self._words(part) for part in parts if part in self.bent_deg), "")

    def _words(self, part: str) -> str:
        side, limb = part.split()
        joint = "knee" if limb == "leg" else "elbow"
        return (
            f"the {side} {joint} bends by {self.bent_deg[part]:.0f} deg, and none can by more than "
            f"{MOST_BENT_DEG:g}: the joints of this {limb} are wrong"
        )


def overbent(person: Segments) -> Overbent:
    """Return the limbs whose elbow or knee bends too far for a tenth of a second."""
    found = {}
    for side in SIDES:
        for limb, names in _CHAINS.items():
            first, middle, last = (person.position(f"{side}_{name}") for name in names)
            along = np.sum(unit(middle - first) * unit(last - middle), axis=-1)
            bend = np.rad2deg(np.arccos(np.clip(along, -1.0, 1.0)))
            lasting = minimum_filter1d(np.nan_to_num(bend), max(3, round(LASTING_S * person.fps)))
            if len(lasting) and lasting.max() > MOST_BENT_DEG:
                found[f"{side} {limb}"] = float(lasting.max())
    return Overbent(found)
