"""Small networks: their outputs are read right, end to end, and real ones find people."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from mocap.core.errors import ModelError
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import Array, FloatArray
from mocap.detect import registry
from mocap.detect.cards import load_card
from mocap.detect.known import DETECTORS
from mocap.detect.people import Detection
from mocap.detect.runtime import Network
from mocap.detect.small.boxes import CENTERNET_SIZE, CenterNet, NanoDet
from mocap.detect.small.posenet import INPUT_SIZE, STRIDE, PoseNet

WIDTH, HEIGHT = 800, 600
BOXES = np.array([[100.0, 80.0, 219.0, 459.0], [420.0, 160.0, 519.0, 519.0]])
LEVELS = 60 + 11 * np.arange(17)


def people_image() -> Array:
    """White rectangles where people are; a grey one that is none."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for x0, y0, x1, y1 in BOXES.astype(int):
        image[y0 : y1 + 1, x0 : x1 + 1] = 255
    image[300:400, 620:700] = 90
    return image


def rectangles(seen: Array, least: float, most: float) -> list[FloatArray]:
    """Return x0 y0 x1 y1 of the regions (row, column) whose values lie between, left to right."""
    columns = np.flatnonzero(((seen > least) & (seen < most)).any(axis=0))
    out = []
    for part in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
        rows = np.flatnonzero(((seen > least) & (seen < most))[:, part].any(axis=1))
        out.append(np.array([part[0], rows[0], part[-1], rows[-1]], dtype=np.float64))
    return out


def see_centernet(image: Array) -> list[Array]:
    """Finished boxes: people, and a chair."""
    assert image.shape == (1, CENTERNET_SIZE, CENTERNET_SIZE, 3) and image.max() > 200.0
    rows = np.zeros((1, 100, 6), np.float32)
    for row, box in enumerate(rectangles(image[0, ..., 0], 170.0, 300.0)):
        rows[0, row] = [*box, 0.9, 0]
    rows[0, 50] = [*rectangles(image[0, ..., 0], 85.0, 95.0)[-1], 0.95, 56]
    return [rows]


def see_nanodet(image: Array) -> list[Array]:
    """The cell in the middle of each person, on the coarsest grid, is sure of its four sides."""
    blue = image[0, 0] * 57.375 + 103.53
    scores = {side: np.zeros((1, side * side, 80), np.float32) for side in (52, 26, 13)}
    sides = {side: np.zeros((1, side * side, 44), np.float32) for side in (52, 26, 13)}
    for x0, y0, x1, y1 in rectangles(blue, 170.0, 300.0):
        column, row = int((x0 + x1) / 64), int((y0 + y1) / 64)
        x, y = 32 * (column + 0.5), 32 * (row + 0.5)
        scores[13][0, row * 13 + column, 0] = 0.9
        for side, distance in enumerate((x - x0, y - y0, x1 - x, y1 - y)):
            low, part = int(distance / 32), distance / 32 % 1
            places = 11 * side + low + np.arange(2)
            sides[13][0, row * 13 + column] -= np.isin(np.arange(44) // 11, side) * 30.0
            sides[13][0, row * 13 + column, places] = np.log([1 - part + 1e-9, part + 1e-9])
    return [*scores.values(), *sides.values()]


@pytest.mark.parametrize(
    ("kind", "see", "px"), [(CenterNet, see_centernet, 2.0), (NanoDet, see_nanodet, 2.5)]
)
def test_boxes_are_found_where_people_are(
    kind: type[CenterNet] | type[NanoDet], see: object, px: float
) -> None:
    """Within the pixels of the network's input, 800/512 and 800/416 of the image's."""
    found = kind(cast(Network, see)).find(people_image())
    assert len(found) == 2
    boxes = sorted((each.box for each in found), key=lambda box: float(box[0]))
    np.testing.assert_allclose(boxes, BOXES, atol=px)
    assert all(np.isnan(each.pixels).all() for each in found)


def dots(at: FloatArray, others: FloatArray) -> Array:
    """A dot of its own grey for each keypoint, and another's of the same greys."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    for places in (others, at):
        for level, place in zip(LEVELS, places, strict=True):
            image[np.hypot(x - place[0], y - place[1]) < 9.0] = level
    return image


def see_posenet(image: Array) -> list[Array]:
    """Heat in the cell of every dot, most in the leftmost of its grey; offsets to its middle."""
    grey = (image[0, ..., 0] + 1.0) * 127.5
    side = (INPUT_SIZE - 1) // STRIDE + 1
    heat, off = np.full((1, side, side, 17), -9.0), np.zeros((1, side, side, 34))
    for k, level in enumerate(LEVELS):
        rows, columns = np.nonzero(np.abs(grey - level) < 2.0)
        known = np.unique(columns)
        for part in np.split(known, np.flatnonzero(np.diff(known) > 1) + 1):
            chosen = np.isin(columns, part)
            # Edges of brighter dots have the grey too, but few pixels of it.
            if chosen.sum() < 60:
                continue
            x, y = np.median(columns[chosen]), np.median(rows[chosen])
            column, row = int(x / STRIDE), int(y / STRIDE)
            heat[0, row, column, k] = 3.0 - x / INPUT_SIZE
            off[0, row, column, [k, 17 + k]] = y - row * STRIDE, x - column * STRIDE
    return [np.zeros((1, side, side, 32)), heat, off]


def test_posenet_reads_the_person_of_the_box_and_not_a_neighbour() -> None:
    grid = np.stack(np.meshgrid(np.arange(3), np.arange(6)), axis=-1).reshape(-1, 2)[:17]
    at = 60.0 * grid + [420.0, 150.0]
    box = np.array([380.0, 110.0, 580.0, 490.0])
    guess = Detection(at + 8.0, np.ones(17), box)
    image = dots(at, at - [250.0, 0.0])
    reader = PoseNet(cast(Network, see_posenet))
    # A pixel of the input is 1.2 of the image; dots are known to half of one.
    found = reader.look(image, guess, mirrored=False)
    np.testing.assert_allclose(found.pixels, at, atol=1.5)
    assert found.confidence.min() > 0.8
    mirrored = reader.look(image, guess, mirrored=True)
    order = list(COCO_17.mirror_indices())
    np.testing.assert_allclose(mirrored.pixels[order], at, atol=2.5)


@pytest.mark.parametrize("kind", [CenterNet, NanoDet])
def test_another_network_than_that_of_the_card_is_refused(
    kind: type[CenterNet] | type[NanoDet],
) -> None:
    def other(image: Array) -> list[Array]:
        return [np.zeros((1, 17, 3))]

    with pytest.raises(ModelError, match=r"\(1, 17, 3\).*mocap models fetch"):
        kind(cast(Network, other)).find(people_image())
    with pytest.raises(ModelError, match="mocap models fetch posenet"):
        PoseNet(cast(Network, other))(people_image(), Detection(*_nobody()))


def _nobody() -> tuple[FloatArray, FloatArray, FloatArray]:
    return np.full((17, 2), np.nan), np.zeros(17), BOXES[0]


@pytest.mark.weights
@pytest.mark.parametrize("name", ["lightning", "posenet", "centernet", "nanodet", "blazepose_lite"])
def test_the_real_networks_find_two_people(name: str) -> None:
    from mocap.capture.video import read_frames
    from mocap.detect.detectors import open_detector, weight_hashes
    from mocap.workflow.sample.demonstration import SAMPLE

    for model, network in DETECTORS[name].networks:
        if not registry.status(model).has(load_card(model).network(network).files):
            pytest.skip(f"weights are not on this machine: mocap models fetch {model}")
    detector = open_detector(name, feet=False)
    _, image = next(iter(read_frames(SAMPLE / "takes" / "crossing" / "front_left.mp4")))
    people = detector(image)
    assert len(people) == 2
    assert min(each.mean_confidence for each in people) > 0.3
    assert set(weight_hashes(name, feet=False)) >= {
        file for model, network in DETECTORS[name].networks
        for file in load_card(model).network(network).files
    }  # fmt: skip
