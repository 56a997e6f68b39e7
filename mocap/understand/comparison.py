"""Differences between repetitions in words and degrees.

Never "wrong": a repetition differs from a person's own reference, and by how much. What is good for
them, the person who chose the reference knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray
from mocap.understand.joints import LEFT_HIP, LEFT_SHOULDER, RATE_HZ, RIGHT_HIP, RIGHT_SHOULDER

NOISE_DEG = 4.0
"""Standard deviation of an angle's extreme in one repetition at 8 to 15 mm of joint noise."""

MOST_SAID = 3
_Z95 = 1.96

_HINGES = {
    "left elbow bend": (1, 3, 5),
    "right elbow bend": (2, 4, 6),
    "left knee bend": (7, 9, 11),
    "right knee bend": (8, 10, 12),
    "left hip bend": (1, 7, 9),
    "right hip bend": (2, 8, 10),
}
"""180 degrees less the angle at the middle joint: 0 when straight."""

_LIFTS = {"left arm lift": (7, 1, 3), "right arm lift": (8, 2, 4)}
"""Angle between trunk and upper arm: 0 when the arm hangs."""

TRUNK = "trunk lean"

ANGLES = (*_HINGES, *_LIFTS, TRUNK)


@dataclass(frozen=True)
class Difference:
    """How one angle of a repetition differs from the reference.

    Attributes:
        angle: one of `ANGLES`.
        peak_deg: its largest value in the repetition.
        reference_deg: mean of its largest values in the reference repetitions.
        band_deg: 95 % band of the difference that repetitions of the reference show by themselves.
    """

    angle: str
    peak_deg: float
    reference_deg: float
    band_deg: float

    @property
    def difference_deg(self) -> float:
        """Repetition less reference."""
        return self.peak_deg - self.reference_deg

    def sentence(self) -> str:
        """Return the difference in words: "left knee bend: 12 deg less than in your reference"."""
        direction = "more" if self.difference_deg > 0 else "less"
        return (
            f"{self.angle}: {abs(self.difference_deg):.0f} deg {direction} than in your reference "
            f"({self.peak_deg:.0f} against {self.reference_deg:.0f}, +-{self.band_deg:.0f})"
        )


def comparison_angles_deg(xyz: FloatArray) -> FloatArray:
    """Return angles (frame, angle), degrees, of joints (frame, 13, 3), ordered as `ANGLES`."""
    hinges = [180.0 - _between_deg(xyz, *joints) for joints in _HINGES.values()]
    lifts = [_between_deg(xyz, *joints) for joints in _LIFTS.values()]
    trunk = 0.5 * (
        xyz[:, LEFT_SHOULDER] + xyz[:, RIGHT_SHOULDER] - xyz[:, LEFT_HIP] - xyz[:, RIGHT_HIP]
    )
    upright = trunk[:, 2] / np.maximum(np.linalg.norm(trunk, axis=-1), 1e-9)
    lean = np.degrees(np.arccos(np.clip(upright, -1.0, 1.0)))
    return np.stack([*hinges, *lifts, lean], axis=-1)


def _between_deg(xyz: FloatArray, near: int, middle: int, far: int) -> FloatArray:
    a, b = xyz[:, near] - xyz[:, middle], xyz[:, far] - xyz[:, middle]
    norm = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    cosine = (a * b).sum(-1) / np.maximum(norm, 1e-9)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))), np.float64)


def peaks_deg(xyz: FloatArray) -> FloatArray:
    """Return the largest value (angle,) of each angle in one repetition.

    The 97th percentile over the frames stands for the largest: one wild frame is no peak.
    """
    return np.asarray(np.percentile(comparison_angles_deg(xyz), 97.0, axis=0), np.float64)


def differences(repetition: FloatArray, reference: Sequence[FloatArray]) -> tuple[Difference, ...]:
    """Return how a repetition (frame, 13, 3) differs from reference repetitions, largest first.

    Only differences outside the band are returned, at most three. The band of a difference to the
    mean of n repetitions is 1.96 sqrt((s^2 + e^2) (1 + 1/n)), with the spread s of the reference
    (0 for one repetition) and the noise e of a peak.
    """
    peak = peaks_deg(repetition)
    peaks = np.array([peaks_deg(each) for each in reference])
    count = len(peaks)
    spread = peaks.std(axis=0, ddof=1) if count > 1 else np.zeros(len(ANGLES))
    band = _Z95 * np.sqrt((spread**2 + NOISE_DEG**2) * (1.0 + 1.0 / count))
    found = [
        Difference(name, float(peak[k]), float(peaks[:, k].mean()), float(band[k]))
        for k, name in enumerate(ANGLES)
    ]
    outside = [each for each in found if abs(each.difference_deg) > each.band_deg]
    outside.sort(key=lambda each: abs(each.difference_deg) / each.band_deg, reverse=True)
    return tuple(outside[:MOST_SAID])


def duration_sentence(frames: int, reference_frames: Sequence[int]) -> str:
    """Return a sentence where a repetition is a third faster or slower than the reference."""
    usual = float(np.mean(reference_frames))
    ratio = frames / usual
    if 0.67 <= ratio <= 1.5:
        return ""
    word = "faster" if ratio < 1.0 else "slower"
    return (
        f"{word} than in your reference ({frames / RATE_HZ:.1f} s against {usual / RATE_HZ:.1f} s)"
    )
