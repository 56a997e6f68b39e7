"""How badly a rigid body explains its keypoints: errors that no averaging over time removes.

Skin slides over bone, shoulders glide, detectors move their joints about. A body with bones of
constant length follows most of that, turns its joints wrongly, and leaves the rest as a distance
between its own points and the keypoints. That rest tells how far to trust the joints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray

FOLLOWED = 2.0 / 3.0
"""Share of the variance of slow keypoint errors that a fitted pose follows. Of 20 mm of wobble per
axis arms, legs and trunk left 11 to 13 mm: 55 to 70 %."""

BANDWIDTH_HZ = 4.0
"""Errors of soft tissue vary about as fast as the motion itself."""

WINDOW_S = 0.5
"""The misfit of a moment is taken over this time, and never less than what is usual in the take."""

USUAL_PERCENT = 75.0
"""Of the take's moments: what is usual. Single moments with wrong keypoints do not count."""

SAID_MM = 5.0
"""A misfit below this is no more than the shapes of the body explain; it is not worth a warning."""

GREY_MM = 10.0
"""Beyond this the bands themselves are doubtful: the pose follows in ways that sampling does not
know (gliding shoulders turned the other angles of the arm by twice the band)."""

_SIDED = {
    "arm": ("shoulder", "elbow", "wrist"),
    "leg": ("hip", "knee", "ankle", "heel", "big_toe", "small_toe"),
}
PARTS: Mapping[str, tuple[str, ...]] = {
    "trunk": ("left_shoulder", "right_shoulder", "left_hip", "right_hip"),
    "head": ("nose", "left_eye", "right_eye", "left_ear", "right_ear"),
    **{
        f"{side} {part}": tuple(f"{side}_{name}" for name in names)
        for side in ("left", "right")
        for part, names in _SIDED.items()
    },
}
"""Keypoints that are judged together; shoulders and hips belong to two parts."""


@dataclass(frozen=True, eq=False)
class Misfit:
    """What the body leaves unexplained.

    Attributes:
        sigma_m: (frame, keypoint) standard deviation per axis of the persistent error of each
            keypoint, beyond its own uncertainty.
        part_mm: the same by part of the body, as is usual in the take.
    """

    sigma_m: FloatArray
    part_mm: Mapping[str, float] = field(default_factory=dict)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences about the parts that the body does not explain."""
        bad = [f"{part} ({mm:.0f} mm)" for part, mm in self.part_mm.items() if mm > SAID_MM]
        if not bad:
            return ()
        return (
            f"the fitted body does not explain the keypoints of {_listed(bad)}: they move as no "
            "body of constant bones can. The bands include it; look at the overlay and the "
            "keypoints in the take's report",
        )

    def why_not(self, parts: Sequence[str]) -> str:
        """Return why a number of these parts cannot be trusted, or an empty text."""
        bad = [part for part in parts if self.part_mm.get(part, 0.0) > GREY_MM]
        if not bad:
            return ""
        worst_mm = max(self.part_mm[part] for part in bad)
        return (
            f"the fitted body does not explain the keypoints of {_listed(bad)}: they lie about "
            f"{worst_mm:.0f} mm from where a body of constant bones can have them"
        )


_TRUNK = {"torso", "trunk", "pelvis", "neck"}
_OVER_TRUNK = ("shoulder_line", "hip_shoulder")
_LIMB_WORDS = {
    "arm": {"shoulder", "elbow", "wrist", "arm"},
    "leg": {"knee", "hip", "ankle", "thigh", "valgus", "depth", "frontal", "medial"},
}


def parts_of(name: str, sides: Sequence[str]) -> tuple[str, ...]:
    """Return the parts of the body that an angle of this name is read from.

    `left_` or `right_` in the name wins over `sides`.
    """
    words = set(name.split("_"))
    if words & _TRUNK or any(each in name for each in _OVER_TRUNK):
        return ("trunk",)
    own = [side for side in ("left", "right") if side in words] or sides
    for limb, members in _LIMB_WORDS.items():
        if words & members:
            ends = ("trunk",) if words & {"shoulder", "hip"} else ()
            return (*(f"{side} {limb}" for side in own), *ends)
    return ()


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def measure_misfit(points: Points3D, on_body_m: FloatArray) -> Misfit:
    """Return what a fitted body leaves unexplained of one person's keypoints.

    The mean square distance of a part's keypoints beyond their own variance, over half a second,
    divided by the share that a fitted pose does not follow.

    Args:
        points: of one person.
        on_body_m: (frame, keypoint, 3) from the point of the body to the keypoint, metres, without
            what is constant in the body; NaN where unknown.

    Raises:
        InputError: body and points do not have the same frames and keypoints.
    """
    if on_body_m.shape != (len(points.xyz), len(points.keypoint_names), 3):
        raise InputError(
            f"the fitted body has {len(on_body_m)} frames, the keypoints {len(points.xyz)}: fit "
            "the body again."
        )
    extra = np.mean(on_body_m**2, axis=-1) - np.asarray(points.sigma_m[:, 0]) ** 2
    window = max(1, round(WINDOW_S * points.fps))
    variance = np.zeros(extra.shape)
    part_mm = {}
    for part, names in PARTS.items():
        members = [points.keypoint_names.index(n) for n in names if n in points.keypoint_names]
        if not members or not np.isfinite(extra[:, members]).any():
            continue
        local = np.maximum(_running_mean(extra[:, members], window), 0.0)
        # Where the pose happens to follow everything, the rest of the take still tells.
        usual = float(np.percentile(local, USUAL_PERCENT))
        pooled = np.maximum(local, usual) / (1.0 - FOLLOWED)
        variance[:, members] = np.maximum(variance[:, members], pooled[:, None])
        part_mm[part] = 1000.0 * float(np.sqrt(usual / (1.0 - FOLLOWED)))
    return Misfit(np.sqrt(variance), part_mm)


def _running_mean(values: FloatArray, window: int) -> FloatArray:
    """Return the mean (frame,) of the known values (frame, keypoint) within a window."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1)
    kernel = np.ones(min(window, len(values)))
    count = np.convolve(known.sum(axis=1), kernel, mode="same")
    return np.convolve(total, kernel, mode="same") / np.maximum(count, 1.0)
