"""ONNX networks of a user's own: every head is run end to end on a network that really looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mocap.core.errors import InputError, ModelError
from mocap.core.keypoints import BODY_25, COCO_17
from mocap.core.shapes import Array, FloatArray
from mocap.detect.detectors import best_here, open_detector, weight_hashes
from mocap.detect.known import OwnNetwork
from mocap.detect.onnx.boxes import apart
from mocap.detect.onnx.card import BOX_HEADS, CROP_HEADS, card_names, load_onnx_card
from mocap.detect.onnx.crop_reader import CropReader
from mocap.detect.onnx.open import open_boxes, open_onnx_network
from mocap.detect.onnx.part_fields import _FIELDS, _LIMBS, group
from mocap.detect.people import Detection
from mocap.detect.top_down import TopDown
from mocap.synthetic.motion.random_motion import random_motion, true_points
from mocap.synthetic.onnx_networks import STRIDE, dotted_image, write_network

SIZE = (480, 400)


@dataclass(frozen=True)
class Here:
    """A finder that knows where the person is."""

    box: FloatArray

    def find(self, image: Array) -> list[Detection]:
        return [Detection(np.full((17, 2), np.nan), np.zeros(17), self.box)]


def person(names: tuple[str, ...], size: tuple[int, int] = SIZE) -> FloatArray:
    """Return keypoints (keypoint, 2) of a standing person, none hidden behind another."""
    xyz = true_points(random_motion(1, 30.0, seed=8), names)[0]
    flat = np.column_stack([xyz[:, 0] + 0.4 * xyz[:, 1], -xyz[:, 2]])
    flat = (flat - flat.min(axis=0)) / np.ptp(flat, axis=0)
    # The dots of a face would cover each other: each keypoint gets a place of its own.
    order = np.argsort(np.argsort(flat[:, 1])) / len(flat)
    low, high = 0.2 * np.array(size), 0.8 * np.array(size)
    return np.asarray(np.rint(low + (high - low) * np.column_stack([flat[:, 0], order])))


def network_for(card_name: str, folder: Path, size: tuple[int, int], count: int = 17) -> Path:
    """Write a network that wants its images as a card says and gives what its head does."""
    card = load_onnx_card(card_name)
    head = card_name if card.head == "boxes" else card.head
    return write_network(
        folder / f"{card_name}.onnx", head, size, count,
        divide_by=card.image.divide_by, mean=card.image.mean, deviation=card.image.deviation,
        bgr=card.image.colour == "bgr", unbiased=card.decode.refine == "udp",
    )  # fmt: skip


CROPS = [name for name in card_names() if load_onnx_card(name).head in CROP_HEADS]
BOXES = [name for name in card_names() if load_onnx_card(name).head in BOX_HEADS]


@pytest.mark.parametrize("name", CROPS)
def test_networks_that_read_crops(tmp_path: Path, name: str) -> None:
    """Within half a cell of the heat map, and what rounding dots to pixels leaves."""
    at = person(COCO_17.keypoint_names)
    box = np.concatenate([at.min(axis=0), at.max(axis=0)])
    detector = open_onnx_network(network_for(name, tmp_path, (192, 256)), name, finder=Here(box))
    assert isinstance(detector, TopDown) and isinstance(detector.reader, CropReader)
    image, (guess,) = dotted_image(SIZE, at), Here(box).find(np.zeros(0))
    image_px = max((box[2:] - box[:2]) / (192, 256)) * 1.25
    half_cell = 0.5 * STRIDE * image_px
    # Dots do not know left from right: in the mirror they keep their names, which are swapped back.
    swapped = list(COCO_17.mirror_indices())
    for mirrored, order in ((False, list(range(17))), (True, swapped)):
        found = detector.reader.look(image, guess, mirrored=mirrored)
        assert np.linalg.norm(found.pixels[order] - at, axis=1).max() < half_cell + 1.0
        assert found.confidence.min() > 0.3
    assert len(detector(image)) == 1


@pytest.mark.parametrize("name", ["yolo_pose", "rtmo"])
def test_networks_that_see_whole_images(tmp_path: Path, name: str) -> None:
    at = person(COCO_17.keypoint_names)
    detector = open_onnx_network(network_for(name, tmp_path, (320, 320)), name)
    assert detector.keypoint_names == COCO_17.keypoint_names
    (found,) = detector(dotted_image(SIZE, at))
    half_cell = 0.5 * np.sqrt(2.0) * STRIDE * 480 / 320
    assert np.linalg.norm(found.pixels - at, axis=1).max() < half_cell + 1.0
    np.testing.assert_allclose(found.box, [*at.min(axis=0), *at.max(axis=0)], atol=half_cell + 1.0)


@pytest.mark.parametrize("name", BOXES)
def test_networks_that_find_boxes(tmp_path: Path, name: str) -> None:
    at = person(COCO_17.keypoint_names)
    finder = open_boxes(network_for(name, tmp_path, (320, 320)), name)
    (found,) = finder.find(dotted_image(SIZE, at))
    half_cell = 0.5 * STRIDE * 480 / 320
    np.testing.assert_allclose(found.box, [*at.min(axis=0), *at.max(axis=0)], atol=half_cell + 1.0)
    reader = network_for("rtmpose", tmp_path, (192, 256))
    detector = open_onnx_network(reader, "rtmpose", finder=finder)
    assert isinstance(detector, TopDown) and isinstance(detector.reader, CropReader)
    looked = detector.reader.look(dotted_image(SIZE, at), found, mirrored=False)
    assert np.linalg.norm(looked.pixels - at, axis=1).max() < 4.0


def fields_of(people: list[FloatArray], shape: tuple[int, int], stride: float) -> FloatArray:
    """Return fields (2 x limb, h, w) of people (keypoint, 2) as a trained network gives them."""
    limbs = _LIMBS["body_25"]
    fields = np.zeros((2 * len(limbs), *shape))
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    for (a, b), channel in zip(limbs, _FIELDS["body_25"], strict=True):
        for each in people:
            start, along = each[a] / stride, (each[b] - each[a]) / stride
            length = np.linalg.norm(along)
            unit = along / length
            x, y = columns - start[0], rows - start[1]
            beside = np.abs(x * unit[1] - y * unit[0])
            far = x * unit[0] + y * unit[1]
            near = (beside < 1.5) & (far > -1.5) & (far < length + 1.5)
            fields[channel][near], fields[channel + 1][near] = unit
    return fields


def test_openpose_groups_along_its_fields(tmp_path: Path) -> None:
    at = person(BODY_25.keypoint_names, (640, 480))
    fields = fields_of([at], (60, 80), 8.0)
    card = load_onnx_card("openpose").image
    path = write_network(tmp_path / "o.onnx", "part_fields", (640, 480), 25, fields=fields,
                         divide_by=card.divide_by, mean=card.mean, bgr=True)  # fmt: skip
    detector = open_onnx_network(path, "openpose")
    assert detector.keypoint_names == BODY_25.keypoint_names
    (found,) = detector(dotted_image((640, 480), at, radius=9))
    # Cells of 8 px, refined by a parabola; the middle of a cell is 3.5 px from its first pixel.
    assert np.linalg.norm(found.pixels - at, axis=1).max() < 8.0


def test_two_people_side_by_side_are_not_mixed() -> None:
    """Golden tensors: both people's maps at once, one shifted by a third of a body."""
    first = person(BODY_25.keypoint_names, (640, 480))
    both = [first, first + np.array([110.0, 15.0])]
    heat = np.zeros((25, 60, 80))
    rows, columns = np.mgrid[:60, :80]
    for each in both:
        for k, (x, y) in enumerate(each / 8.0):
            near = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 2)
            heat[k] = np.maximum(heat[k], near)
    found = group(heat, fields_of(both, (60, 80), 8.0), "body_25")
    assert len(found) == 2
    for at, sure in found:
        assert (sure > 0).all()
        errors = [np.linalg.norm(8.0 * at - each, axis=1).max() for each in both]
        assert min(errors) < 4.0


def test_overlapping_boxes_are_one_person() -> None:
    boxes = np.array([[0, 0, 10, 20], [1, 0, 11, 20], [30, 0, 40, 20], [0, 0, 0, 0]], float)
    scores = np.array([0.5, 0.9, 0.4, 1.0])
    assert apart(boxes, scores, 0.3, 0.65) == [1, 2]


def test_hostile_and_truncated_files_give_one_sentence(tmp_path: Path) -> None:
    path = network_for("hrnet", tmp_path, (192, 256))
    whole = path.read_bytes()
    here = Here(np.array([0.0, 0.0, 10.0, 20.0]))
    bad = tmp_path / "bad.onnx"
    for content in (b"", b"not a network", whole[: len(whole) // 2], b"\x08\x07" + b"\xff" * 200):
        bad.write_bytes(content)
        with pytest.raises(ModelError, match=r"bad\.onnx is damaged or no network") as caught:
            open_onnx_network(bad, "hrnet", finder=here)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    with pytest.raises(ModelError, match="does not exist"):
        open_onnx_network(tmp_path / "none.onnx", "hrnet", finder=here)
    with pytest.raises(ModelError, match="expects rows of 384 and 512 bins"):
        open_onnx_network(path, "rtmpose", finder=here)
    with pytest.raises(ModelError, match="gives no people that card 'rtmo'"):
        open_onnx_network(path, "rtmo")
    with pytest.raises(ModelError, match="which card 'yolo'"):
        open_boxes(path, "yolo")
    with pytest.raises(ModelError, match="finds 16 keypoints, and nothing says which"):
        open_onnx_network(network_for("hrnet", tmp_path, (192, 256), 16), "hrnet", finder=here)


def test_cards_are_read_strictly(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no card 'rtmpos'; known are"):
        load_onnx_card("rtmpos")
    card = tmp_path / "own.toml"
    for text, sentence in (
        ('name = "x"\nhead = "heat"', "'head' is 'heat'; known are heatmap"),
        ('name = "x"\nhead = "simcc"\nkeypoints = "body_25"', "need COCO's 17 keypoints first"),
        ('name = "x"\nhead = "simcc"\n[input]\nsize = [9, 9]', "give 16 to 4096 pixels"),
        ('name = "x"\nhead = "simcc"\n[decode]\nrefin = "dark"', "unknown key 'refin'"),
    ):
        card.write_text(text)
        with pytest.raises(InputError, match=sentence):
            load_onnx_card(str(card))
    card.write_text('name = "x"\nhead = "simcc"\n[decode]\nsplit_ratio = 3.0')
    assert load_onnx_card(str(card)).decode.split_ratio == 3.0


def test_a_detector_by_its_name(tmp_path: Path) -> None:
    """`--detector onnx --weights FILE --card NAME`, and what does not go together."""
    weights = network_for("rtmo", tmp_path, (320, 320))
    own = OwnNetwork(card="rtmo")
    detector = open_detector("onnx", weights=weights, own=own)
    assert len(detector(dotted_image(SIZE, person(COCO_17.keypoint_names)))) == 1
    assert list(weight_hashes("onnx", weights=weights, own=own)) == ["rtmo.onnx"]
    assert best_here(weights) == ("onnx", weights)
    boxes = network_for("yolox", tmp_path, (320, 320))
    crops = network_for("rtmpose", tmp_path, (192, 256))
    both = OwnNetwork("rtmpose", boxes, "yolox")
    assert isinstance(open_detector("onnx", weights=crops, own=both, feet=False), TopDown)
    for name, wrong, sentence in (
        ("onnx", OwnNetwork(), "name its card with --card"),
        ("movenet", own, "has its own weights"),
        ("hrnet", own, "--card and --boxes are for detector 'onnx'"),
        ("onnx", OwnNetwork("rtmpose", boxes), "--boxes and --boxes-card go together"),
        ("onnx", OwnNetwork("yolox"), "finds boxes around people, no keypoints"),
    ):
        with pytest.raises(InputError, match=sentence):
            open_detector(name, weights=weights, own=wrong)
