"""Hands are looked for where forearms point, mapped back, and believed when they fit."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17, COCO_17_FEET, COCO_17_FEET_HANDS, WHOLEBODY_133
from mocap.core.shapes import Array, FloatArray
from mocap.detect.hands import (
    INPUT_SIZE,
    SMALLEST_HAND_PX,
    HandFinder,
    WithHands,
    first_square,
    names_with_hands,
    second_square,
)
from mocap.detect.people import Detection

SIZE = 256


def map_image() -> Array:
    """Return an image whose colour is the place: red counts columns, green rows."""
    row, column = np.mgrid[:SIZE, :SIZE]
    return np.stack([column, row, np.zeros_like(row)], axis=-1).astype(np.uint8)


def reaching(forearm_px: float = 80.0, angle: float = 0.0) -> Detection:
    """Return somebody whose left forearm points in a direction (0: right, quarter turn: down)."""
    pixels, confidence = np.full((17, 2), np.nan), np.zeros(17)
    elbow, wrist = COCO_17.index("left_elbow"), COCO_17.index("left_wrist")
    pixels[wrist] = (128.0, 128.0)
    pixels[elbow] = pixels[wrist] - forearm_px * np.array([np.cos(angle), np.sin(angle)])
    confidence[[elbow, wrist]] = 0.9
    return Detection(pixels, confidence, np.array([0.0, 0.0, SIZE, SIZE]))


def hand(angle: float = 0.0, length_px: float = 60.0) -> FloatArray:
    """Return 21 points of a flat hand at the wrist of `reaching`."""
    points = [(0.0, 0.0)]
    for across in (-0.3, -0.15, 0.0, 0.15, 0.3):
        points += [(along, across) for along in (0.5, 0.7, 0.85, 1.0)]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(length_px * np.array(points) @ np.array([[cos, sin], [-sin, cos]]) + 128.0)


class MapReader:
    """A network that finds given points of the map image wherever a crop shows them."""

    def __init__(self, points: FloatArray, *presence: float) -> None:
        self.points = points
        self.presence = presence or (0.9,)
        self.crops: list[Array] = []

    def __call__(self, images: Array) -> list[Array]:
        self.crops.append(images[0])
        places = 255.0 * images[0, ..., :2].astype(np.float64)
        # Away from the border of the image colours are the places: fit the map of the crop.
        inside = ((places > 2) & (places < SIZE - 3)).all(axis=-1)
        row, column = np.nonzero(inside)
        design = np.column_stack([places[inside], np.ones(len(row))])
        crop_from_image, *_ = np.linalg.lstsq(design, np.column_stack([column, row]), rcond=None)
        found = np.column_stack([self.points, np.ones(21)]) @ crop_from_image
        output = np.column_stack([found + 0.5, np.zeros(21)]).astype(np.float32)
        return [
            output.reshape(1, 63),
            np.array([[self.presence[(len(self.crops) - 1) % len(self.presence)]]], np.float32),
            np.array([[0.5]], np.float32),
            np.zeros((1, 63), np.float32),
        ]


def finder(network: MapReader) -> HandFinder:
    return HandFinder(network)  # type: ignore[arg-type]


@pytest.mark.parametrize("angle", [0.0, 1.0, -2.0, np.pi])
def test_points_come_back_to_the_image(angle: float) -> None:
    network = MapReader(hand(angle))
    pixels, confidence = finder(network)(map_image(), reaching(angle=angle))
    # Colours are whole numbers: a fit over thousands of them is good to a tenth of a pixel.
    assert np.abs(pixels[:21] - hand(angle)).max() < 0.1
    assert confidence[:21] == pytest.approx(0.9)
    # Nobody knows where the right arm is.
    assert np.isnan(pixels[21:]).all() and not confidence[21:].any()


def test_the_second_look_shows_fingers_upwards_and_whole() -> None:
    points = hand(2.0)
    center, side, rotation = second_square(points)
    cos, sin = np.cos(rotation), np.sin(rotation)
    turned = (points - center) @ np.array([[cos, -sin], [sin, cos]])
    assert turned[12, 1] < turned[0, 1] and turned[12, 0] == pytest.approx(turned[0, 0], abs=1e-9)
    assert np.abs(turned).max() < side / 2


def test_a_hand_is_left_out_when_it_is_not_there_elsewhere_or_too_small() -> None:
    image = map_image()
    absent = MapReader(hand(), 0.3)
    elsewhere = MapReader(hand() + np.array([0.0, 40.0]))
    small = MapReader(hand())
    too_short = 0.99 * SMALLEST_HAND_PX / 0.75
    for network, person in (
        (absent, reaching()),
        (elsewhere, reaching()),
        (small, reaching(forearm_px=too_short)),
    ):
        pixels, confidence = finder(network)(image, person)
        assert np.isnan(pixels).all() and not confidence.any()
    assert not small.crops


def test_a_hand_that_three_looks_do_not_find_is_looked_for_from_other_squares() -> None:
    network = MapReader(hand(), *[0.9, 0.9, 0.2, 0.9, 0.9, 0.8])
    pixels, confidence = finder(network)(map_image(), reaching())
    assert len(network.crops) == 6 and confidence[:21] == pytest.approx(0.8)
    assert np.abs(pixels[:21] - hand()).max() < 0.1
    square = first_square(reaching(), "left") or pytest.fail("no square")
    (_, usual, up), (_, small, same), (center, _, down) = square.begins()
    assert small < usual and same == up and down == pytest.approx(up + np.pi)
    np.testing.assert_allclose(center, square.wrist)


def test_a_foreshortened_forearm_does_not_make_a_small_hand() -> None:
    person = reaching(forearm_px=20.0)
    for name, place in (("left_shoulder", (100.0, 50.0)), ("left_hip", (100.0, 210.0))):
        person.pixels[COCO_17.index(name)] = place
        person.confidence[COCO_17.index(name)] = 0.9
    square = first_square(person, "left")
    assert square is not None
    assert square.length_px == pytest.approx(0.75 * 0.51 * 160.0)


def test_a_detector_gets_hands_behind_its_own_keypoints() -> None:
    class Body:
        keypoint_names = COCO_17_FEET.keypoint_names

        def __call__(self, image: Array) -> list[Detection]:
            person = reaching()
            return [
                Detection(
                    np.vstack([person.pixels, np.full((4, 2), np.nan)]),
                    np.append(person.confidence, np.zeros(4)),
                    person.box,
                )
            ]

    detector = WithHands(Body(), finder(MapReader(hand())))
    assert detector.keypoint_names == COCO_17_FEET_HANDS.keypoint_names
    (found,) = detector(map_image())
    tip = COCO_17_FEET_HANDS.index("left_middle_4")
    assert np.linalg.norm(found.pixels[tip] - hand()[12]) < 0.1
    assert found.pixels.shape == (63, 2)


def test_detectors_that_cannot_take_hands_are_told_so() -> None:
    for names in (WHOLEBODY_133.keypoint_names, COCO_17.keypoint_names):
        with pytest.raises(InputError, match="hands can be added to 'coco_17_feet', not to"):
            names_with_hands(names)


def test_the_network_gets_fractions_of_its_size() -> None:
    network = MapReader(hand())
    finder(network)(map_image(), reaching())
    assert [each.shape for each in network.crops] == [(INPUT_SIZE, INPUT_SIZE, 3)] * 3
    assert all(each.dtype == np.float32 and each.max() <= 1.0 for each in network.crops)
