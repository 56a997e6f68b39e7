"""Find heels and toes with BlazePose, for people whose body MoveNet has already found.

BlazePose sees one person at a time in a square turned so that the trunk is upright. Its body
keypoints break on bent poses and are not used, except the ankles: where they disagree with
MoveNet's the foot is not believed.

Input, outputs and the 7x7 refinement: the model card of BlazePose GHUM 3D and the pose_landmark
graph of MediaPipe (Apache-2.0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import Array, FloatArray
from mocap.detect.crops import Crop, square_crop
from mocap.detect.people import SURE_CONFIDENCE, Detection
from mocap.detect.runtime import Network

INPUT_SIZE = 256
REACH_MARGIN = 1.25
"""The square reaches this much farther from the hips than the farthest sure keypoint: room for
toes and fingers.

With 1.0 toes at the border are lost; with 1.25 one look is as good as BlazePose's usual two."""

LARGEST_ANKLE_DISTANCE = 0.08
"""Share of the person size by which the two networks' ankles may differ before the foot is
dropped."""

_LANDMARKS = 39
_HEATMAP_SIZE = 64
_REFINE_RADIUS = 3
_REFINE_LEAST_PEAK = 0.5

# Landmark numbers of BlazePose: ankle, big toe, heel of the left and of the right foot.
_FEET = {"left": (27, 31, 29), "right": (28, 32, 30)}
_ANKLES_AND_FEET = slice(27, 33)


@dataclass(frozen=True, eq=False)
class FeetFinder:
    """Add big toes and heels to COCO-17 people."""

    landmarks: Network
    keypoint_names: tuple[str, ...] = COCO_17_FEET.keypoint_names

    def __call__(self, image: Array, person: Detection, *, read: bool = True) -> Detection:
        """Return the person with 21 keypoints; a foot that cannot be trusted, or is not to be read
        in this image, is not seen."""
        pixels, confidence = np.full((4, 2), np.nan), np.zeros(4)
        square = body_square(person) if read else None
        if square is not None:
            center, side, rotation = square
            crop = square_crop(image, center, side, INPUT_SIZE, rotation=rotation, replicate=True)
            found, visibility = self.read(crop, refined=_ANKLES_AND_FEET)
            for start, foot in zip((0, 2), _trusted_feet(person, found), strict=True):
                if foot is not None:
                    pixels[start : start + 2] = found[list(foot)]
                    confidence[start : start + 2] = visibility[list(foot)]
        return Detection(
            np.vstack([person.pixels, pixels]), np.append(person.confidence, confidence), person.box
        )

    def read(self, crop: Crop, *, refined: slice = slice(None)) -> tuple[FloatArray, FloatArray]:
        """Return image pixels (39, 2) and visibilities (39,): 33 of the body, then helpers.

        Only those that are wanted are refined: it takes a tenth of the time of the network.
        """
        outputs = self.landmarks(crop.image[None].astype(np.float32) / 255)
        values = next(each for each in outputs if each.size == _LANDMARKS * 5).reshape(
            _LANDMARKS, 5
        )
        heatmaps = next(
            each for each in outputs if each.shape[1:] == (_HEATMAP_SIZE, _HEATMAP_SIZE, _LANDMARKS)
        )
        raw = values[:, :2].astype(np.float64) / INPUT_SIZE
        fractions = raw.copy()
        hills = sigmoid(heatmaps[0, ..., refined].astype(np.float64))
        fractions[refined] = refine(raw[refined], hills)
        visibility = sigmoid(values[:, 3].astype(np.float64)) * sigmoid(
            values[:, 4].astype(np.float64)
        )
        return crop.to_image(fractions * INPUT_SIZE - 0.5), visibility


def body_square(person: Detection) -> tuple[FloatArray, float, float] | None:
    """Return centre (2,), side (px) and rotation (rad) of the square BlazePose expects around a
    COCO-17 person.

    The centre is between the hips and the trunk points up. None when hips or shoulders are not
    sure.
    """
    trunk = [5, 6, 11, 12]
    if (person.confidence[trunk] <= SURE_CONFIDENCE).any():
        return None
    hips, shoulders = person.pixels[[11, 12]].mean(axis=0), person.pixels[[5, 6]].mean(axis=0)
    sure = person.confidence > SURE_CONFIDENCE
    reach = np.linalg.norm(person.pixels[sure] - hips, axis=1).max()
    up_x, up_y = shoulders - hips
    return hips, float(2 * REACH_MARGIN * reach), float(np.arctan2(up_x, -up_y))


def refine(fractions: FloatArray, heatmaps: FloatArray) -> FloatArray:
    """Move regressed landmarks (landmark, 2) to the centre of mass of their heat map around them.

    `heatmaps` (row, column, landmark) in [0, 1]; landmarks without a clear peak nearby stay where
    they are.
    """
    rows, columns, _ = heatmaps.shape
    refined = fractions.copy()
    for index, (x, y) in enumerate(fractions * (columns, rows)):
        if not (0 <= x < columns and 0 <= y < rows):
            continue
        top, left = max(int(y) - _REFINE_RADIUS, 0), max(int(x) - _REFINE_RADIUS, 0)
        part = heatmaps[
            top : int(y) + _REFINE_RADIUS + 1, left : int(x) + _REFINE_RADIUS + 1, index
        ]
        if part.max() >= _REFINE_LEAST_PEAK:
            total = part.sum()
            refined[index, 0] = (
                left + part.sum(axis=0) @ np.arange(part.shape[1]) / total
            ) / columns
            refined[index, 1] = (top + part.sum(axis=1) @ np.arange(part.shape[0]) / total) / rows
    return refined


def sigmoid(x: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def _trusted_feet(person: Detection, found: FloatArray) -> list[tuple[int, int] | None]:
    """Return (toe, heel) landmark numbers for the left and right foot, None for a foot not to be
    trusted.

    BlazePose may take left for right: the assignment whose ankles fit MoveNet's better is used.
    """
    ankles = person.pixels[[15, 16]]
    options = [("left", "right"), ("right", "left")]
    distances = [
        np.linalg.norm(found[[_FEET[a][0], _FEET[b][0]]] - ankles, axis=1) for a, b in options
    ]
    best = int(np.sum(distances[1]) < np.sum(distances[0]))
    limit = LARGEST_ANKLE_DISTANCE * person.size_px
    trusted = (distances[best] < limit) & (person.confidence[[15, 16]] > SURE_CONFIDENCE)
    return [
        _FEET[side][1:] if ok else None for side, ok in zip(options[best], trusted, strict=True)
    ]
