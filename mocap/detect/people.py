"""One person found in one image, and the two checks that keep people apart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.shapes import FloatArray, check_shapes

DUPLICATE_DISTANCE = 0.08
"""Two skeletons whose keypoints lie closer than this share of the person size are one person.

The same person found twice differs by 1-3 %; two people 8 % of a body apart at all keypoints at
once would have to stand exactly behind one another."""

JUMP_DISTANCE = 0.12
"""A refined skeleton farther than this share of the person size from the first guess is someone
else's.

Where two boxes overlap, a single-person network describes whoever is more prominent in the crop."""

SURE_CONFIDENCE = 0.2
"""Keypoints above this take part in the comparisons; below it, positions of hidden joints are
guesses."""

ROOM_CONFIDENCE = 0.5
"""A hand or an ankle below this may be anywhere around its elbow or knee. A crop that was laid
around where it seemed to be would not show where it is, and would be laid there again."""

_FOREARMS_AND_SHANKS = ((7, 9, 0.16), (8, 10, 0.16), (13, 15, 0.25), (14, 16, 0.25))
"""Keypoints of COCO, and their distance as a share of the person size (Winter 2009,
"Biomechanics and Motor Control of Human Movement", figure 4.1: .146 and .246 of the height)."""

_FEWEST_FOR_COMPARISON = 4


@dataclass(frozen=True, eq=False)
class Detection:
    """One person in one image, in pixels of that image.

    Attributes:
        pixels: (keypoint, 2); NaN where not seen.
        confidence: (keypoint,) in [0, 1]; 0 where not seen.
        box: (4,) x0 y0 x1 y1 around the person.
    """

    pixels: FloatArray
    confidence: FloatArray
    box: FloatArray

    def __post_init__(self) -> None:
        """Check that the arrays agree."""
        check_shapes(self, pixels="keypoint 2", confidence="keypoint", box="4")

    @property
    def size_px(self) -> float:
        """Longer side of the box."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    @property
    def mean_confidence(self) -> float:
        """Mean over all keypoints, those not seen counting 0."""
        return float(self.confidence.mean())


def median_distance(a: Detection, b: Detection) -> float:
    """Return the median distance (px) of the keypoints both see; infinite when those are few."""
    sure = (a.confidence > SURE_CONFIDENCE) & (b.confidence > SURE_CONFIDENCE)
    if sure.sum() < _FEWEST_FOR_COMPARISON:
        return float("inf")
    return float(np.median(np.linalg.norm(a.pixels[sure] - b.pixels[sure], axis=1)))


def overlap(a: Detection, b: Detection) -> float:
    """Return the intersection of two people's boxes as a share of their union."""
    low, high = np.maximum(a.box[:2], b.box[:2]), np.minimum(a.box[2:], b.box[2:])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    union = sum(float(np.prod(each.box[2:] - each.box[:2])) for each in (a, b)) - shared
    return shared / union if union > 0 else 0.0


def covered(a: Detection, b: Detection) -> float:
    """Return the share of one person's box that lies in the box of another."""
    low, high = np.maximum(a.box[:2], b.box[:2]), np.minimum(a.box[2:], b.box[2:])
    shared, own = np.prod(np.clip(high - low, 0, None)), np.prod(a.box[2:] - a.box[:2])
    return float(shared / own) if own > 0 else 0.0


def without_duplicates(people: Iterable[Detection]) -> list[Detection]:
    """Keep the most confident of every group of skeletons that lie on top of one another, best
    first."""
    kept: list[Detection] = []
    for person in sorted(people, key=lambda each: -each.mean_confidence):
        limits = (DUPLICATE_DISTANCE * max(person.size_px, other.size_px) for other in kept)
        if all(
            median_distance(person, other) > limit
            for other, limit in zip(kept, limits, strict=True)
        ):
            kept.append(person)
    return kept


def jumped(refined: Detection, guess: Detection) -> bool:
    """Tell whether a refined skeleton belongs to somebody other than the first guess."""
    distance = median_distance(refined, guess)
    return bool(np.isfinite(distance)) and distance > JUMP_DISTANCE * guess.size_px


def seen_inside(
    person: Detection, image_size: tuple[int, int], least_confidence: float
) -> Detection:
    """Blank keypoints outside the image (guesses about padding) or below `least_confidence`."""
    width, height = image_size
    x, y = person.pixels.T
    # Pixel centres run from 0 to size - 1, so the image itself reaches half a pixel further.
    seen = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    seen &= person.confidence >= least_confidence
    return replace(
        person,
        pixels=np.where(seen[:, None], person.pixels, np.nan),
        confidence=np.where(seen, person.confidence, 0.0),
    )


def outline(person: Detection) -> tuple[FloatArray, FloatArray]:
    """Return the lower and the upper corner (2,) of the rectangle around the sure keypoints; of the
    box where there are none at all."""
    if not (person.confidence > 0).any():
        return person.box[:2], person.box[2:]
    sure = person.confidence > SURE_CONFIDENCE
    points = person.pixels[
        sure if sure.sum() >= _FEWEST_FOR_COMPARISON + 2 else person.confidence > 0
    ]
    return points.min(axis=0), points.max(axis=0)


def outline_with_room(person: Detection) -> tuple[FloatArray, FloatArray]:
    """Return the corners of `outline`, moved out so that hands and ankles of COCO-17 that are not
    sure have room wherever they may be around their elbows and knees."""
    low, high = outline(person)
    for near, far, reach in _FOREARMS_AND_SHANKS:
        if person.confidence[near] > SURE_CONFIDENCE and person.confidence[far] < ROOM_CONFIDENCE:
            low = np.minimum(low, person.pixels[near] - reach * person.size_px)
            high = np.maximum(high, person.pixels[near] + reach * person.size_px)
    return low, high


def roomy_box(person: Detection) -> FloatArray:
    """Return the box (4,) of a person, as large as `outline_with_room` needs it."""
    low, high = outline_with_room(person)
    return np.concatenate([np.minimum(person.box[:2], low), np.maximum(person.box[2:], high)])


def extent(person: Detection, *, room: bool = False) -> tuple[FloatArray, float]:
    """Return the centre (2,) and the longer side of the rectangle around the sure keypoints, with
    or without room for those that are not."""
    low, high = outline_with_room(person) if room else outline(person)
    return (low + high) / 2, float((high - low).max())


def averaged(one: Detection, other: Detection) -> Detection:
    """Return the mean of two readings of a person, in the box of the first."""
    return Detection(
        (one.pixels + other.pixels) / 2, (one.confidence + other.confidence) / 2, one.box
    )
