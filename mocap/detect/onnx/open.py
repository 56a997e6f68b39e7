"""Put a detector together from ONNX files and their cards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mocap.core.errors import InputError, ModelError
from mocap.core.keypoints import COCO_17, KEYPOINT_SETS, KeypointSet
from mocap.detect.following.pace import THOROUGH, Pace
from mocap.detect.onnx import crop_reader, part_fields, whole_image
from mocap.detect.onnx.boxes import BoxFinder
from mocap.detect.onnx.card import (
    BOX_HEADS,
    CROP_HEADS,
    OnnxCard,
    load_onnx_card,
    require_coco_first,
)
from mocap.detect.onnx.inputs import open_network
from mocap.detect.top_down import Finder, TopDown

if TYPE_CHECKING:
    from mocap.detect.blazepose import FeetFinder
    from mocap.detect.detect import Detector
    from mocap.detect.known import OwnNetwork


def open_onnx(
    *,
    weights: Path,
    own: OwnNetwork,
    feet: bool = True,
    workers: int = 1,
    pace: Pace = THOROUGH,
) -> Detector:
    """Return the detector of an ONNX file; MoveNet finds the people where nothing else does.

    Raises:
        InputError: as `open_onnx_network`.
        ModelError: as `open_onnx_network`, or MoveNet's weights are missing.
    """
    from mocap.detect.detectors import feet_finder, open_movenet

    finder: Finder | None = None
    toes: FeetFinder | None = None
    if load_onnx_card(own.card).head in CROP_HEADS:
        toes = feet_finder(workers, pace) if feet else None
        if own.boxes is None:
            finder = open_movenet(feet=False, workers=workers)
        else:
            finder = open_boxes(own.boxes, own.boxes_card, workers=workers)
    return open_onnx_network(weights, own.card, finder=finder, feet=toes, workers=workers)


def open_onnx_network(
    weights: Path,
    card: str,
    *,
    finder: Finder | None = None,
    feet: FeetFinder | None = None,
    workers: int = 1,
) -> Detector:
    """Return the detector of an ONNX file.

    Args:
        weights: the file.
        card: name of a card, or path of one.
        finder: finds people for a network that reads crops.
        feet: finds heels and toes for a network that finds COCO's 17 in crops.
        workers: images that will be looked at simultaneously.

    Raises:
        InputError: the card is unknown, or finds boxes only.
        ModelError: the file is damaged, or gives something else than its card says.
    """
    described = load_onnx_card(card)
    if described.head in BOX_HEADS:
        raise InputError(
            f"card '{described.name}' finds boxes around people, no keypoints: give it with "
            "--boxes-card, and its file with --boxes, beside a network that reads crops."
        )
    network = open_network(weights, described, workers)
    if described.head in CROP_HEADS:
        found = _set_of(described, crop_reader.keypoint_count(network), weights)
        require_coco_first(found, weights)
        if finder is None:
            raise InputError(f"card '{described.name}' reads crops and needs boxes of people.")
        return TopDown(finder, crop_reader.CropReader(network, found), feet)
    if described.head == "part_fields":
        return part_fields.PartFields(network, part_fields.keypoint_set_of(network))
    count = whole_image.keypoint_count(network)
    if count <= 0:
        raise ModelError(
            f"{weights} gives no people that card '{described.name}' ({described.head}) can read. "
            "Give the card of this network with --card."
        )
    return whole_image.WholeImage(network, _set_of(described, count, weights))


def open_boxes(weights: Path, card: str, *, workers: int = 1) -> BoxFinder:
    """Return who finds boxes around people with an ONNX file.

    Raises:
        InputError: the card is unknown, or finds something else.
        ModelError: the file is damaged, or gives something else than its card says.
    """
    described = load_onnx_card(card)
    if described.head not in BOX_HEADS:
        raise InputError(f"card '{described.name}' finds keypoints, not boxes ({described.head}).")
    finder = BoxFinder(open_network(weights, described, workers))
    _try(finder)
    return finder


def _try(finder: BoxFinder) -> None:
    """Look at an empty image: what the card cannot read is said before the first video."""
    import numpy as np

    finder.find(np.zeros((64, 64, 3), np.uint8))


def _set_of(card: OnnxCard, count: int, weights: Path) -> KeypointSet:
    """Return the keypoint set of a network: the card's, or the only one of so many."""
    if card.keypoints:
        named = KEYPOINT_SETS[card.keypoints]
        if len(named.keypoint_names) != count:
            raise ModelError(
                f"{weights} finds {count} keypoints; card '{card.name}' says {named.name}, which "
                f"has {len(named.keypoint_names)}."
            )
        return named
    coco = COCO_17.keypoint_names
    for each in KEYPOINT_SETS.values():
        if len(each.keypoint_names) == count and each.keypoint_names[: len(coco)] == coco:
            return each
    known = ", ".join(
        f"{each.name} ({len(each.keypoint_names)})" for each in KEYPOINT_SETS.values()
    )
    raise ModelError(
        f"{weights} finds {count} keypoints, and nothing says which. Known are {known}; name one "
        'in a card of your own: keypoints = "…".'
    )
