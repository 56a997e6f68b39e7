"""What a file of keypoints holds, before anybody knows which camera or which set it is of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mocap.core.shapes import FloatArray

MOST_KEYPOINTS = 1000
"""Of one person; the largest set that is known has 136."""


FARTHEST_PX = 1e6
"""From the corner of an image: no image is so large."""


@dataclass(frozen=True, eq=False)
class FileKeypoints:
    """The people of one camera as a file has them.

    Attributes:
        format: what the file is, for people.
        frames: (person, keypoint, 3) x, y and confidence by frame number; NaN = not seen.
        names: of the keypoints, where the file says them.
        layout: name of the keypoint set, where the format has no other.
        image_size: (width, height) in pixels, where the file says it.
        fractions: x and y are shares of width and height, counted from the edge of the image.
        said: what a person should know.
    """

    format: str
    frames: Mapping[int, FloatArray]
    names: tuple[str, ...] = ()
    layout: str = ""
    image_size: tuple[int, int] | None = None
    fractions: bool = False
    said: tuple[str, ...] = field(default=())

    @property
    def count(self) -> int:
        """How many keypoints a person has; 0 where there is nobody."""
        return next((each.shape[1] for each in self.frames.values() if len(each)), 0)


def flat_triplets(values: Sequence[Any]) -> FloatArray:
    """Return x0, y0, c0, x1, … as (keypoint, 3).

    Raises:
        ValueError: they are no triplets of numbers.
    """
    points = np.array(values, dtype=np.float64)
    if points.ndim != 1 or points.size % 3:
        raise ValueError(f"{points.size} numbers of a person are no triplets x, y, confidence")
    return points.reshape(-1, 3)


def people_array(people: Iterable[FloatArray]) -> FloatArray:
    """Return people (keypoint, 3) of a frame as one array (person, keypoint, 3).

    Raises:
        ValueError: they have different numbers of keypoints, or too many.
    """
    listed = list(people)
    if not listed:
        return np.zeros((0, 0, 3))
    counts = {len(each) for each in listed}
    if len(counts) > 1 or max(counts) > MOST_KEYPOINTS:
        raise ValueError(f"people with {', '.join(map(str, sorted(counts)))} keypoints")
    return np.stack(listed)


def unseen_at_zero(points: FloatArray) -> FloatArray:
    """Blank keypoints (…, 3) of no confidence, which several tools write as 0, 0, 0.

    So are those at no pixel of any image; some tools give more than 1 to what they are sure of.
    """
    with np.errstate(invalid="ignore"):
        there = (points[..., 2] > 0.0) & (np.abs(points[..., :2]) <= FARTHEST_PX).all(axis=-1)
    blanked = np.where(there[..., None], points, np.array([np.nan, np.nan, 0.0]))
    blanked[..., 2] = np.minimum(blanked[..., 2], 1.0)
    return blanked


def with_frame(frames: dict[int, FloatArray], number: int, people: FloatArray) -> None:
    """Put the people of a frame into a table.

    Raises:
        ValueError: the frame is there already, or its number is below zero.
    """
    if number < 0 or number in frames:
        raise ValueError(f"frame {number} {'is below zero' if number < 0 else 'comes twice'}")
    frames[number] = people
