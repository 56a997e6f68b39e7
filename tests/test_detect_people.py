"""People are kept apart, crops map back to the image, and feet are believed only when they fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.keypoints import COCO_17, COCO_17_FEET
from mocap.core.shapes import FloatArray
from mocap.detect import blazepose
from mocap.detect.crops import affine_crop, letterbox, square_crop
from mocap.detect.people import (
    DUPLICATE_DISTANCE,
    JUMP_DISTANCE,
    Detection,
    extent,
    jumped,
    median_distance,
    outline,
    outline_with_room,
    overlap,
    roomy_box,
    seen_inside,
    without_duplicates,
)


def person(x: float = 200.0, y: float = 100.0, height: float = 400.0) -> Detection:
    """Return a standing COCO-17 person, `height` px tall, whose nose is at x, y."""
    across = [0, 0.02, -0.02, 0.04, -0.04, 0.1, -0.1, 0.15, -0.15, 0.15, -0.15]
    across += [0.06, -0.06, 0.06, -0.06, 0.06, -0.06]
    down = [0.0, -0.01, -0.01, 0, 0, 0.12, 0.12, 0.28, 0.28, 0.42, 0.42]
    down += [0.45, 0.45, 0.68, 0.68, 0.9, 0.9]
    pixels = np.array([x, y]) + height * np.column_stack([across, down])
    box = np.array([x - 0.2 * height, y - 0.05 * height, x + 0.2 * height, y + 0.95 * height])
    return Detection(pixels, np.full(17, 0.8), box)


def moved(original: Detection, by_px: float) -> Detection:
    return replace(original, pixels=original.pixels + np.array([by_px, 0.0]))


def test_person_refuses_arrays_that_disagree() -> None:
    with pytest.raises(ValueError, match="confidence has shape"):
        Detection(np.zeros((17, 2)), np.zeros(16), np.zeros(4))


def test_median_distance_ignores_unsure_keypoints() -> None:
    a = person()
    b = moved(a, 10.0)
    b.pixels[:5] += 1000.0
    b.confidence[:5] = 0.1
    assert median_distance(a, b) == pytest.approx(10.0)


def test_median_distance_of_people_who_share_nothing_is_infinite() -> None:
    hidden = replace(person(), confidence=np.zeros(17))
    assert median_distance(person(), hidden) == np.inf


@pytest.mark.parametrize(("share", "count"), [(0.9, 1), (1.1, 2)])
def test_duplicates_within_the_limit_are_dropped(share: float, count: int) -> None:
    first = person()
    other = moved(first, share * DUPLICATE_DISTANCE * first.size_px)
    other = replace(other, confidence=np.full(17, 0.5))
    kept = without_duplicates([other, first])
    assert len(kept) == count
    assert kept[0] is first  # the more confident one survives


def test_overlap_is_the_share_of_the_union() -> None:
    left = replace(person(), box=np.array([0.0, 0.0, 4.0, 10.0]))
    right = replace(person(), box=np.array([2.0, 0.0, 6.0, 10.0]))
    away = replace(person(), box=np.array([9.0, 0.0, 9.0, 10.0]))
    assert overlap(left, right) == pytest.approx(20 / 60)
    assert overlap(left, away) == overlap(away, away) == 0.0


def test_no_people_stay_no_people() -> None:
    assert without_duplicates([]) == []


@pytest.mark.parametrize(("share", "expected"), [(0.9, False), (1.1, True)])
def test_jump_is_measured_against_the_person_size(share: float, expected: bool) -> None:
    guess = person()
    assert jumped(moved(guess, share * JUMP_DISTANCE * guess.size_px), guess) is expected


def test_keypoints_outside_the_image_and_weak_ones_are_not_seen() -> None:
    each = person(x=200.0, y=100.0)
    each.confidence[3] = 0.05
    seen = seen_inside(each, (640, 400), least_confidence=0.1)
    expected = (each.pixels[:, 1] <= 399.5) & (each.confidence >= 0.1)
    assert 0 < expected.sum() < 16
    np.testing.assert_array_equal(np.isfinite(seen.pixels).all(axis=1), expected)
    np.testing.assert_array_equal(seen.confidence > 0, expected)


def test_a_hand_that_is_not_sure_has_room_around_its_elbow() -> None:
    pixels = np.full((17, 2), 50.0)
    pixels[0], pixels[16] = (50.0, 0.0), (50.0, 100.0)
    pixels[7] = (50.0, 5.0)  # an elbow, up
    each = Detection(pixels, np.full(17, 0.9), np.array([30.0, 0.0, 70.0, 100.0]))
    np.testing.assert_allclose(outline_with_room(each), outline(each))
    assert extent(each, room=True)[1] == extent(each)[1]
    each.confidence[9] = 0.3
    low, high = outline_with_room(each)
    np.testing.assert_allclose(low, [50 - 16, 5 - 16])
    np.testing.assert_allclose(high, [50 + 16, 100])
    np.testing.assert_allclose(roomy_box(each), [30, -11, 70, 100])
    each.confidence[7] = 0.1  # nor is the elbow
    np.testing.assert_allclose(outline_with_room(each), outline(each))


def test_extent_covers_the_sure_keypoints() -> None:
    each = person()
    each.pixels[0] = [-5000.0, -5000.0]
    each.confidence[0] = 0.01
    center, side = extent(each)
    low, high = each.pixels[1:].min(axis=0), each.pixels[1:].max(axis=0)
    np.testing.assert_allclose(center, (low + high) / 2)
    assert side == pytest.approx((high - low).max())


def blob_image(at: FloatArray, sigma_px: float, size: tuple[int, int] = (640, 480)) -> np.ndarray:
    y, x = np.mgrid[: size[1], : size[0]]
    gray = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * sigma_px**2))
    return np.repeat(gray[..., None], 3, axis=2).round().astype(np.uint8)


def centroid(image: np.ndarray) -> FloatArray:
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    return np.asarray(np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum())


@pytest.mark.parametrize("rotation", [0.0, 0.7, -2.5])
@pytest.mark.parametrize("side_px", [100.0, 256.0, 470.0, 900.0])
def test_square_crops_map_back_to_the_image(side_px: float, rotation: float) -> None:
    at = np.array([311.3, 233.8])
    image = blob_image(at, sigma_px=max(3.0, side_px / 60))
    crop = square_crop(image, np.array([300.0, 240.0]), side_px, 256, rotation=rotation)
    assert crop.image.shape == (256, 256, 3)
    # 8-bit rounding over a blob of some hundred pixels: hundredths of a pixel.
    np.testing.assert_allclose(crop.to_image(centroid(crop.image)), at, atol=0.05 * side_px / 256)


@pytest.mark.parametrize(
    ("size", "expected"), [((640, 480), (384, 512)), ((108, 192), (512, 288)), ((33, 1), (32, 512))]
)
def test_letterbox_maps_back_to_the_image(size: tuple[int, int], expected: tuple[int, int]) -> None:
    at = np.array([size[0] * 0.3, size[1] * 0.4])
    crop = letterbox(blob_image(at, 6.0, size), 512, 32)
    assert crop.image.shape[:2] == expected
    if min(size) > 100:
        np.testing.assert_allclose(crop.to_image(centroid(crop.image)), at, atol=0.3)


def test_crops_outside_the_image_are_black_or_repeat_the_border() -> None:
    image = np.full((50, 60, 3), 200, np.uint8)
    shift = np.array([[4.0, 0, 500], [0, 4.0, 500]])
    assert affine_crop(image, shift, (8, 8)).image.max() == 0
    assert affine_crop(image, shift, (8, 8), replicate=True).image.min() == 200


@pytest.mark.parametrize("angle", [0.0, 0.4, -1.2, np.pi])
def test_body_square_turns_with_the_trunk(angle: float) -> None:
    upright = person()
    cos, sin = np.cos(angle), np.sin(angle)
    turned = replace(upright, pixels=upright.pixels @ np.array([[cos, sin], [-sin, cos]]))
    square = blazepose.body_square(turned)
    assert square is not None
    center, side, rotation = square
    np.testing.assert_allclose(center, turned.pixels[[11, 12]].mean(axis=0))
    assert np.cos(rotation - angle) == pytest.approx(1.0)
    reach = np.linalg.norm(turned.pixels - center, axis=1).max()
    assert side == pytest.approx(2 * blazepose.REACH_MARGIN * reach)


def test_body_square_needs_hips_and_shoulders() -> None:
    each = person()
    each.confidence[11] = 0.1
    assert blazepose.body_square(each) is None


class FakeLandmarks:
    """Stands for the network: puts given image pixels at their place in the crop."""

    def __init__(self, each: Detection, ankle_error_px: float = 0.0, swapped: bool = False) -> None:
        square = blazepose.body_square(each)
        assert square is not None
        crop = square_crop(np.zeros((8, 8, 3), np.uint8), *square[:2], 256, rotation=square[2])
        left, right = ((28, 32, 30), (27, 31, 29)) if swapped else ((27, 31, 29), (28, 32, 30))
        pixels = np.zeros((39, 2))
        for ankle, toe, heel, joint in ((*left, 15), (*right, 16)):
            pixels[ankle] = each.pixels[joint] + [ankle_error_px, 0]
            pixels[toe] = each.pixels[joint] + [30.0, 12.0]
            pixels[heel] = each.pixels[joint] + [-9.0, 11.0]
        linear, offset = crop.image_from_crop[:, :2], crop.image_from_crop[:, 2]
        in_crop = np.linalg.solve(linear, (pixels - offset).T).T
        self.values = np.full((39, 5), 20.0, np.float32)
        self.values[:, :2] = in_crop + 0.5

    def __call__(self, image: np.ndarray) -> list[np.ndarray]:
        assert image.shape == (1, 256, 256, 3)
        assert image.dtype == np.float32
        empty = np.full((1, 64, 64, 39), -20.0, np.float32)
        return [self.values.reshape(1, 195), np.ones((1, 1), np.float32), empty]


@pytest.mark.parametrize("swapped", [False, True])
def test_feet_are_added_on_the_right_side(swapped: bool) -> None:
    each = person()
    finder = blazepose.FeetFinder(FakeLandmarks(each, swapped=swapped))  # type: ignore[arg-type]
    found = finder(np.zeros((480, 640, 3), np.uint8), each)
    ankles = each.pixels[[15, 16]]
    names = COCO_17_FEET.keypoint_names
    assert len(found.pixels) == len(names)
    toes = found.pixels[[names.index("left_big_toe"), names.index("right_big_toe")]]
    heels = found.pixels[[names.index("left_heel"), names.index("right_heel")]]
    np.testing.assert_allclose(toes, ankles + np.array([30.0, 12.0]), atol=1e-3)
    np.testing.assert_allclose(heels, ankles + np.array([-9.0, 11.0]), atol=1e-3)
    assert found.confidence[17:].min() > 0.99


def test_feet_whose_ankles_do_not_fit_are_not_seen() -> None:
    each = person()
    off = 1.5 * blazepose.LARGEST_ANKLE_DISTANCE * each.size_px
    finder = blazepose.FeetFinder(FakeLandmarks(each, ankle_error_px=off))  # type: ignore[arg-type]
    found = finder(np.zeros((480, 640, 3), np.uint8), each)
    assert np.isnan(found.pixels[17:]).all()
    assert not found.confidence[17:].any()
    np.testing.assert_array_equal(found.pixels[:17], each.pixels)


def test_refinement_moves_to_the_centre_of_mass() -> None:
    maps = np.zeros((64, 64, 3))
    maps[20, 30, 0] = maps[20, 31, 0] = 0.8  # clear peak beside the landmark
    maps[20, 30, 1] = 0.4  # too weak
    start = np.array([[29.5, 20.5], [29.5, 20.5], [99.0, 20.0]]) / 64
    refined = blazepose.refine(start, maps) * 64
    np.testing.assert_allclose(refined, [[30.5, 20.0], [29.5, 20.5], [99.0, 20.0]])


def test_coco_person_has_coco_keypoints() -> None:
    assert len(person().pixels) == len(COCO_17.keypoint_names)
