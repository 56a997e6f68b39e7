"""Find the 21 points of each hand of a person, in crops that begin at the wrist.

A hand is looked at three times: in a square that the forearm points to, and twice in a tighter one
around what the look before found, the fingers upwards. Its own presence score, the wrist of the
body and the size of the person say whether it is believed. When it is not, the looks begin anew
from a smaller square, and from one that is upside down; a hand that is too small for fingers is
left out.

Networks, input and outputs: the model card of MediaPipe Hands; the square around a hand (twice its
palm and middle joints, a tenth towards the fingers): its hand_landmark graph (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17, HANDS_42, KEYPOINT_SETS, keypoint_set_of
from mocap.core.shapes import Array, FloatArray
from mocap.detect.crops import square_crop
from mocap.detect.detect import Detector
from mocap.detect.following.follow import Eyes
from mocap.detect.people import SURE_CONFIDENCE, Detection
from mocap.detect.runtime import Network

INPUT_SIZE = 224
LEAST_PRESENCE = 0.75
"""The network's own score of "there is a hand in this square". On rendered hands a tenth of those
it gives less lie 20 px and more beside the truth; from here on 8 px."""

SMALLEST_HAND_PX = 40.0
"""From the wrist to the tip of the middle finger, held straight. Below it the fingers are two or
three pixels wide, and what the network says of them is what hands usually do."""

LARGEST_WRIST_DISTANCE = 0.3
"""Share of the hand's length by which the hand's root may lie off the wrist of the body."""

HAND_PER_FOREARM = 0.75
"""Length of a hand, wrist to the tip of the middle finger, as a share of the forearm."""

_FIRST_SIDE = 2.2
"""Side of the first square in hand lengths: the hand however it is bent at the wrist."""
_FIRST_SHIFT = 0.45
"""How far beyond the wrist, in hand lengths, the first square has its centre."""
# Of the squares after it: a smaller one, and one for a hand that points back along its forearm.
_SMALL_SIDE, _TURNED_SIDE = 1.6, 2.0
_SECOND_SIDE = 2.0
_SECOND_SHIFT = 0.1
_POINTS = 21
# The palm and the middle joints of the fingers: tips move too much to carry the square.
_STEADY = [0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18]
_KNUCKLES, _KNUCKLE_WEIGHTS = [5, 9, 13], np.array([0.25, 0.5, 0.25])

# Segments whose longest says how large the person is in the image, and what share of each the
# forearm is; the usual proportions of people (Drillis and Contini 1966).
_SCALES = (
    ("shoulder", "elbow", 0.86),
    ("elbow", "wrist", 1.0),
    ("shoulder", "hip", 0.51),
    ("hip", "knee", 0.6),
    ("knee", "ankle", 0.6),
)


@dataclass(frozen=True, eq=False)
class HandFinder:
    """Reads the hands of people whose first 17 keypoints are COCO's."""

    landmarks: Network

    def __call__(self, image: Array, person: Detection) -> tuple[FloatArray, FloatArray]:
        """Return pixels (42, 2) and confidences (42,): the left hand, then the right one.

        A hand that is not in sight, too small or not to be believed is NaN with confidence 0.
        """
        pixels, confidence = np.full((2 * _POINTS, 2), np.nan), np.zeros(2 * _POINTS)
        for start, side in ((0, "left"), (_POINTS, "right")):
            square = first_square(person, side)
            found = None if square is None else self._hand(image, square)
            if found is not None:
                pixels[start : start + _POINTS], confidence[start : start + _POINTS] = found
        return pixels, confidence

    def _hand(self, image: Array, square: HandSquare) -> tuple[FloatArray, float] | None:
        """Return pixels (21, 2) and the presence of a hand, None when it is not believed."""
        if square.length_px < SMALLEST_HAND_PX:
            return None
        for begin in square.begins():
            # The first look's score says little: .04 became .96 once the fingers pointed up. The
            # second square is as wrong as the first look: a third look is nearer by a tenth.
            look, _ = self.look(image, *begin)
            look, _ = self.look(image, *second_square(look))
            hand, presence = self.look(image, *second_square(look))
            away = float(np.linalg.norm(hand[0] - square.wrist))
            if presence >= LEAST_PRESENCE and away < LARGEST_WRIST_DISTANCE * square.length_px:
                return hand, presence
        return None

    def look(
        self, image: Array, center: FloatArray, side_px: float, rotation: float
    ) -> tuple[FloatArray, float]:
        """Return pixels (21, 2) of the hand in a turned square, and the score of its presence."""
        crop = square_crop(image, center, side_px, INPUT_SIZE, rotation=rotation, replicate=True)
        # Points of the image, presence, handedness, points in space.
        points, presence, *_ = self.landmarks(crop.image[None].astype(np.float32) / 255)
        pixels = points.reshape(_POINTS, 3)[:, :2].astype(np.float64)
        return crop.to_image(pixels - 0.5), float(presence.reshape(-1)[0])


@dataclass(frozen=True, eq=False)
class HandSquare:
    """Where a hand is looked for first.

    Attributes:
        wrist: (2,) pixels.
        center: (2,) pixels of the first square.
        length_px: of the hand, as far as the rest of the body tells.
        rotation: of the square, rad: the forearm points upwards in it.
    """

    wrist: FloatArray
    center: FloatArray
    length_px: float
    rotation: float

    def begins(self) -> Iterator[tuple[FloatArray, float, float]]:
        """Yield centre (2,), side (px) and rotation (rad) of the squares to begin with.

        On rendered hands of 120 px the first finds 66 % of those in the images, the second 13 %
        more, the third 3 %; a square around the true hand finds 82 %.
        """
        yield self.center, _FIRST_SIDE * self.length_px, self.rotation
        toward = np.array([np.sin(self.rotation), -np.cos(self.rotation)])
        ahead = self.wrist + _FIRST_SHIFT * self.length_px * toward
        yield ahead, _SMALL_SIDE * self.length_px, self.rotation
        yield self.wrist, _TURNED_SIDE * self.length_px, self.rotation + np.pi


def first_square(person: Detection, side: str) -> HandSquare | None:
    """Return the square in which the hand of a side is looked for, None when its wrist or elbow is
    not sure."""
    elbow, wrist = (COCO_17.index(f"{side}_{joint}") for joint in ("elbow", "wrist"))
    if (person.confidence[[elbow, wrist]] <= SURE_CONFIDENCE).any():
        return None
    forearm = person.pixels[wrist] - person.pixels[elbow]
    length = max(_forearm_lengths(person))
    toward_x, toward_y = forearm
    return HandSquare(
        wrist=person.pixels[wrist],
        center=person.pixels[wrist] + _FIRST_SHIFT * HAND_PER_FOREARM * forearm,
        length_px=HAND_PER_FOREARM * length,
        rotation=float(np.arctan2(toward_x, -toward_y)),
    )


def second_square(hand: FloatArray) -> tuple[FloatArray, float, float]:
    """Return centre (2,), side (px) and rotation (rad) of the square around a hand (21, 2) whose
    fingers it turns upwards."""
    toward_x, toward_y = _KNUCKLE_WEIGHTS @ hand[_KNUCKLES] - hand[0]
    rotation = float(np.arctan2(toward_x, -toward_y))
    cos, sin = np.cos(rotation), np.sin(rotation)
    image_from_square = np.array([[cos, -sin], [sin, cos]])
    turned = hand[_STEADY] @ image_from_square
    low, high = turned.min(axis=0), turned.max(axis=0)
    length = float((high - low).max())
    center = (low + high) / 2 - (0, _SECOND_SHIFT * length)
    return image_from_square @ center, max(_SECOND_SIDE * length, 1.0), rotation


def _forearm_lengths(person: Detection) -> Iterator[float]:
    """Yield lengths (px) of a forearm across the view as the sure segments of the body tell.

    Foreshortening only makes them shorter: the longest is nearest to the truth.
    """
    for start, end, share in _SCALES:
        for side in ("left", "right"):
            ends = [COCO_17.index(f"{side}_{joint}") for joint in (start, end)]
            if (person.confidence[ends] > SURE_CONFIDENCE).all():
                yield share * float(np.linalg.norm(np.subtract(*person.pixels[ends])))


@dataclass(frozen=True, eq=False)
class WithHands:
    """A detector whose people get their hands from a hand network."""

    detector: Detector
    hands: HandFinder

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints of the detector, then those of the left and of the right hand."""
        return names_with_hands(self.detector.keypoint_names)

    def __call__(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image."""
        return [self.complete(image, person) for person in self.detector(image)]

    def complete(self, image: Array, person: Detection) -> Detection:
        """Return the person with both hands."""
        pixels, confidence = self.hands(image, person)
        return replace(
            person,
            pixels=np.vstack([person.pixels, pixels]),
            confidence=np.append(person.confidence, confidence),
        )


class FollowedWithHands(WithHands):
    """The same for a detector that can follow people: hands are read wherever a person was."""

    def find(self, image: Array) -> list[Detection]:
        """Search the image."""
        return self._eyes.find(image)

    def glance(self, image: Array) -> list[Detection]:
        """Search the image at a glance."""
        return self._eyes.glance(image)

    def read(self, image: Array, guess: Detection) -> Detection:
        """Read somebody whom a search found."""
        return self._eyes.read(image, guess)

    def look(
        self, image: Array, around: Detection, *, mirrored: bool, room: bool = False
    ) -> Detection:
        """Read somebody once."""
        return self._eyes.look(image, around, mirrored=mirrored, room=room)

    def with_feet(self, image: Array, person: Detection, *, read: bool) -> Detection:
        """Add heels, toes and hands."""
        return self.complete(image, self._eyes.with_feet(image, person, read=read))

    @property
    def _eyes(self) -> Eyes:
        assert isinstance(self.detector, Eyes)
        return self.detector


def names_with_hands(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the known set that adds both hands.

    Raises:
        InputError: there is no such set: the detector finds hands itself, or no heels and toes.
    """
    whole = (*names, *HANDS_42.keypoint_names)
    if not any(each.keypoint_names == whole for each in KEYPOINT_SETS.values()):
        raise InputError(
            f"hands can be added to {' or '.join(_bases())}, not to "
            f"{keypoint_set_of(names).name!r}. Leave out --hands, or choose another detector."
        )
    return whole


def _bases() -> list[str]:
    """Return the names of the sets that hands can be added to."""
    wholes = {each.keypoint_names for each in KEYPOINT_SETS.values()}
    return [
        repr(each.name)
        for each in KEYPOINT_SETS.values()
        if (*each.keypoint_names, *HANDS_42.keypoint_names) in wholes
    ]
