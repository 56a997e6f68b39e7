"""All 33 points of BlazePose, for people whom MoveNet finds.

One network instead of two: fingers, heels and toes come with the body. Its bodies break on bent
poses more often than MoveNet's; where they are somebody else's, or nobody's, what MoveNet saw of
COCO's points is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.core.keypoints import BLAZEPOSE_33, COCO_17
from mocap.core.shapes import Array, FloatArray
from mocap.detect.blazepose import INPUT_SIZE, FeetFinder, body_square
from mocap.detect.crops import square_crop
from mocap.detect.detectors import feet_finder, open_movenet
from mocap.detect.following.pace import THOROUGH, Pace
from mocap.detect.people import Detection, jumped, without_duplicates
from mocap.detect.top_down import Finder

BOX_MARGIN = 1.25
"""Of the upright square around a box, where hips and shoulders are not sure."""

_COUNT = len(BLAZEPOSE_33.keypoint_names)
_COCO = [BLAZEPOSE_33.index(name) for name in COCO_17.keypoint_names]


@dataclass(frozen=True, eq=False)
class BlazePose:
    """A detector of 33 keypoints: a finder of people and the landmark network."""

    finder: Finder
    landmarks: FeetFinder

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints, in order."""
        return BLAZEPOSE_33.keypoint_names

    def __call__(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image, each once."""
        return without_duplicates(self.read(image, each) for each in self.finder.find(image))

    def read(self, image: Array, guess: Detection) -> Detection:
        """Return the person of a guess with COCO's 17 keypoints."""
        center, side, rotation = body_square(guess) or _upright_square(guess.box)
        crop = square_crop(image, center, side, INPUT_SIZE, rotation=rotation, replicate=True)
        pixels, confidence = self.landmarks.read(crop)
        found = Detection(pixels[:_COUNT], confidence[:_COUNT], guess.box)
        body = Detection(found.pixels[_COCO], found.confidence[_COCO], guess.box)
        if not jumped(body, guess):
            return found
        kept, sure = np.full((_COUNT, 2), np.nan), np.zeros(_COUNT)
        kept[_COCO], sure[_COCO] = guess.pixels, guess.confidence
        return Detection(kept, sure, guess.box)


def _upright_square(box: FloatArray) -> tuple[FloatArray, float, float]:
    """Return centre, side and rotation of the square around a box."""
    side = float((box[2:] - box[:2]).max())
    return (box[:2] + box[2:]) / 2, BOX_MARGIN * side, 0.0


def open_blazepose(
    *,
    feet: bool = True,
    weights: Path | None = None,
    workers: int = 1,
    pace: Pace = THOROUGH,
) -> BlazePose:
    """Return BlazePose with fetched weights; it finds the feet itself and takes no other weights.

    Raises:
        ModelError: weights are missing or damaged; says what to run.
    """
    return BlazePose(open_movenet(feet=False, workers=workers), feet_finder(workers))
