"""The centre of mass of a body from its joint centres."""

from __future__ import annotations

import numpy as np

from mocap.core.shapes import FloatArray
from mocap.measure.segments.segments import SIDES, Segments

# Mass share and place of each segment's centre from its first to its second end: means of the
# women's and the men's values of de Leva 1996, J. Biomech. 29(9), table 4.
_LIMBS = (
    ("shoulder", "elbow", 0.0263, 0.576),
    ("elbow", "wrist", 0.0150, 0.457),
    ("hip", "knee", 0.1447, 0.385),
    ("knee", "ankle", 0.0457, 0.444),
)
HAND_SHARE, FOOT_SHARE, HEAD_SHARE = 0.0059, 0.0133, 0.0681
TRUNK_SHARE, TRUNK_PLACE = 0.4302, 0.432


def centre_of_mass(segments: Segments) -> FloatArray:
    """Return the centre of mass (frame, 3) in metres; hands at the wrists, feet at the ankles."""
    at = segments.position
    middle = {
        name: 0.5 * (at(f"left_{name}") + at(f"right_{name}")) for name in ("shoulder", "hip")
    }
    trunk = middle["shoulder"] + TRUNK_PLACE * (middle["hip"] - middle["shoulder"])
    head = at("head") if np.isfinite(at("head")).any() else middle["shoulder"]
    total = TRUNK_SHARE * trunk + HEAD_SHARE * head
    mass = TRUNK_SHARE + HEAD_SHARE
    for side in SIDES:
        for start, end, share, place in _LIMBS:
            first, second = at(f"{side}_{start}"), at(f"{side}_{end}")
            total = total + share * (first + place * (second - first))
            mass += share
        total = total + HAND_SHARE * at(f"{side}_wrist") + FOOT_SHARE * at(f"{side}_ankle")
        mass += HAND_SHARE + FOOT_SHARE
    return np.asarray(total / mass)
