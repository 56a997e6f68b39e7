"""Find people with MoveNet MultiPose and refine each of them with MoveNet Thunder.

MultiPose sees the whole image once and gives boxes with rough keypoints. Thunder then looks at
each person three times: in the box, in a tighter crop around its own first answer, and in the
mirror image of that crop; the last two are averaged. On recordings with a refined rig this order
had the lowest reprojection error and the steadiest bone lengths of all the ways tried.

Network outputs are fractions of the input that count from the edge of the first pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.keypoints import COCO_17
from mocap.core.shapes import Array, FloatArray
from mocap.detect.blazepose import FeetFinder
from mocap.detect.crops import Crop, letterbox, mirror_image, square_crop
from mocap.detect.people import (
    Detection,
    averaged,
    extent,
    jumped,
    overlap,
    without_duplicates,
)
from mocap.detect.runtime import Network

MULTIPOSE_LONG_SIDE = 512
"""Recall was complete at 256 already; keypoint similarity rose .73, .80, .83 for 256, 384, 512."""

CLOSE_UP_LONG_SIDE = 256
CLOSE_UP_SHARE = 0.6
"""MultiPose does not see far enough at full size to grasp a person who fills the image.

Where somebody is larger than this share of the image, or nobody was found, it looks again at half
the size: on a close-up the confidence of the person rises from .12 to .50."""

SAME_PLACE_OVERLAP = 0.5
MULTIPOSE_MULTIPLE = 32
MOST_PEOPLE = 6
LEAST_PERSON_CONFIDENCE = 0.12
"""Lower, MultiPose reports furniture; higher, it misses people in the background."""

THUNDER_SIZE = 256
BOX_MARGIN = 1.25
KEYPOINT_MARGIN = 1.35
"""Around keypoints instead of a box: ankles, wrists and eyes lie inside the outline of the body."""

SMALLEST_CROP_PX = 40.0

_MIRROR = list(COCO_17.mirror_indices())
_KEYPOINTS = len(COCO_17.keypoint_names)


@dataclass(frozen=True, eq=False)
class MoveNet:
    """MultiPose and Thunder as one detector of COCO-17 people, with toes and heels where `feet`
    is given."""

    multipose: Network
    thunder: Network
    feet: FeetFinder | None = None
    thunder_size: int = THUNDER_SIZE

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints, in order."""
        return COCO_17.keypoint_names if self.feet is None else self.feet.keypoint_names

    def __call__(self, image: Array) -> list[Detection]:
        """Return up to six people of an (height, width, 3) uint8 RGB image."""
        # Duplicates go before the feet are looked for: most cost for nothing.
        people = without_duplicates(self.read(image, guess) for guess in self.find(image))
        return [self.with_feet(image, each, read=True) for each in people]

    def find(self, image: Array) -> list[Detection]:
        """Return boxes and rough keypoints of up to six people."""
        people = self._found_at(image, MULTIPOSE_LONG_SIDE)
        largest = max((each.size_px for each in people), default=np.inf)
        if largest > CLOSE_UP_SHARE * max(image.shape[:2]):
            close = self.glance(image)
            people = close + [each for each in people if not _overlaps_any(each, close)]
        return people[:MOST_PEOPLE]

    def glance(self, image: Array) -> list[Detection]:
        """Return those whom a search at half the size finds, for a quarter of the work."""
        return self._found_at(image, CLOSE_UP_LONG_SIDE)[:MOST_PEOPLE]

    def _found_at(self, image: Array, long_side: int) -> list[Detection]:
        box = letterbox(image, long_side, MULTIPOSE_MULTIPLE)
        (output,) = self.multipose(box.image[None].astype(np.int32))
        return [
            _multipose_person(row, box) for row in output[0] if row[-1] > LEAST_PERSON_CONFIDENCE
        ]

    def read(self, image: Array, guess: Detection) -> Detection:
        """Return the person of a guess, read in the box and then twice close around the keypoints;
        the guess itself when that is somebody else."""
        center = (guess.box[:2] + guess.box[2:]) / 2
        crop = square_crop(image, center, _side(BOX_MARGIN * guess.size_px), self.thunder_size)
        close = self._close_up(image, self._read(crop, guess))
        refined = averaged(self._read(close, guess), self._read(close, guess, mirrored=True))
        return guess if jumped(refined, guess) else refined

    def look(
        self, image: Array, around: Detection, *, mirrored: bool, room: bool = False
    ) -> Detection:
        """Return the person as read once, close around where their keypoints must be."""
        return self._read(self._close_up(image, around, room=room), around, mirrored=mirrored)

    def with_feet(self, image: Array, person: Detection, *, read: bool) -> Detection:
        """Add heels and toes, where they are wanted."""
        return person if self.feet is None else self.feet(image, person, read=read)

    def _close_up(self, image: Array, person: Detection, *, room: bool = False) -> Crop:
        center, side = extent(person, room=room)
        return square_crop(image, center, _side(KEYPOINT_MARGIN * side), self.thunder_size)

    def _read(self, crop: Crop, guess: Detection, *, mirrored: bool = False) -> Detection:
        seen = mirror_image(crop) if mirrored else crop
        (output,) = self.thunder(seen.image[None].astype(np.int32))
        pixels, confidence = _keypoints(output[0, 0], seen)
        if mirrored:
            pixels, confidence = pixels[_MIRROR], confidence[_MIRROR]
        return Detection(pixels, confidence, guess.box)


def _overlaps_any(person: Detection, others: list[Detection]) -> bool:
    return any(overlap(person, other) > SAME_PLACE_OVERLAP for other in others)


def _side(wanted_px: float) -> float:
    return max(wanted_px, SMALLEST_CROP_PX)


def _keypoints(rows: Array, crop: Crop) -> tuple[FloatArray, FloatArray]:
    """Turn (keypoint, 3) rows of y, x, confidence into image pixels and confidences."""
    height, width = crop.image.shape[:2]
    values = rows.astype(np.float64)
    pixels = values[:, 1::-1] * (width, height) - 0.5
    return crop.to_image(pixels), np.clip(values[:, 2], 0.0, 1.0)


def _multipose_person(row: Array, crop: Crop) -> Detection:
    height, width = crop.image.shape[:2]
    pixels, confidence = _keypoints(row[: 3 * _KEYPOINTS].reshape(_KEYPOINTS, 3), crop)
    y0, x0, y1, x1 = row[3 * _KEYPOINTS : -1].astype(np.float64)
    corners = np.array([[x0, y0], [x1, y1]]) * (width, height) - 0.5
    return Detection(pixels, confidence, crop.to_image(corners).reshape(4))
