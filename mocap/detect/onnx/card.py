"""Cards of ONNX networks: what goes in, which head comes out, and which keypoints it finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from mocap.capture.toml_tables import check_keys, flag, load_toml, number, numbers, text
from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17, KEYPOINT_SETS, KeypointSet

CROP_HEADS = ("heatmap", "simcc")
"""Read one person from a crop."""

IMAGE_HEADS = ("yolo_pose", "rtmo", "part_fields")
"""Find everybody in a whole image."""

BOX_HEADS = ("yolo_boxes", "yolox_boxes", "boxes")
"""Find boxes around people, for the heads that read crops."""

HEADS = (*CROP_HEADS, *IMAGE_HEADS, *BOX_HEADS)
REFINEMENTS = ("none", "quarter", "dark", "udp")

_KEYS = ("name", "title", "licence", "origin", "head", "keypoints", "input", "decode")
_INPUT_KEYS = ("size", "colour", "divide_by", "mean", "deviation", "pad", "centred")
_DECODE_KEYS = ("refine", "sigma_px", "split_ratio", "box_margin", "least_confidence", "overlap",
                "person_label", "fractions")  # fmt: skip


@dataclass(frozen=True)
class InputCard:
    """How an image is turned into numbers.

    Attributes:
        size: (width, height) of the network's input; of the file where it says it.
        colour: "rgb" or "bgr".
        divide_by: what pixels 0..255 are divided by before mean and deviation.
        mean, deviation: of each colour, in its order.
        pad: grey value around an image that does not fill the input.
        centred: the image lies in the middle of the input, not at its upper left.
    """

    size: tuple[int, int] = (640, 640)
    colour: str = "rgb"
    divide_by: float = 1.0
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    deviation: tuple[float, ...] = (1.0, 1.0, 1.0)
    pad: int = 0
    centred: bool = False


@dataclass(frozen=True)
class DecodeCard:
    """How outputs are turned into people.

    Attributes:
        refine: of heat maps, see `mocap.detect.heatmaps`; "none" takes the highest pixel.
        sigma_px: of the heat maps it was trained with.
        split_ratio: bins of a SimCC head for each pixel of the input.
        box_margin: the crop by the person's box.
        least_confidence: people and boxes below are none.
        overlap: of two boxes, as a share of their union, above which they are one person's.
        person_label: of boxes that have a class.
        fractions: boxes are shares of the input.
    """

    refine: str = "quarter"
    sigma_px: int = 2
    split_ratio: float = 2.0
    box_margin: float = 1.25
    least_confidence: float = 0.3
    overlap: float = 0.65
    person_label: int = 0
    fractions: bool = False


@dataclass(frozen=True)
class OnnxCard:
    """A network as its card describes it.

    Attributes:
        name, title, licence: for people.
        origin: where such networks are published.
        head: one of `HEADS`.
        keypoints: name of a keypoint set; "" where the number of outputs tells it.
        image: what goes in.
        decode: what comes out.
    """

    name: str
    title: str
    licence: str
    origin: tuple[str, ...]
    head: str
    keypoints: str
    image: InputCard
    decode: DecodeCard


def card_names() -> tuple[str, ...]:
    """Return the names of the cards that are known."""
    folder = files("mocap.detect.onnx.cards")
    found = (each.name.removesuffix(".toml") for each in folder.iterdir())
    return tuple(sorted(name for name in found if not name.startswith("__")))


def load_onnx_card(name: str) -> OnnxCard:
    """Return a card by its name, or a user's own by the path of its TOML.

    Raises:
        InputError: there is none, or it says something that is not understood.
    """
    if name.endswith(".toml"):
        return card_from(load_toml(Path(name)), Path(name))
    if name not in card_names():
        raise InputError(
            f"there is no card '{name}'; known are {', '.join(card_names())}, and the path of a "
            ".toml of your own."
        )
    with as_file(files("mocap.detect.onnx.cards").joinpath(f"{name}.toml")) as path:
        return card_from(load_toml(path), path)


def card_from(table: Mapping[str, Any], path: Path) -> OnnxCard:
    """Return the card that a TOML says.

    Raises:
        InputError: a key or a value is not understood; says which.
    """
    check_keys(table, _KEYS, path)
    head = _one_of(text(table, "head", path), HEADS, "head", path)
    keypoints = text(table, "keypoints", path, "")
    if keypoints:
        _one_of(keypoints, tuple(KEYPOINT_SETS), "keypoints", path)
        if head in CROP_HEADS:
            require_coco_first(KEYPOINT_SETS[keypoints], path)
    return OnnxCard(
        name=text(table, "name", path),
        title=text(table, "title", path, ""),
        licence=text(table, "licence", path, ""),
        origin=tuple(str(each) for each in table.get("origin", ())),
        head=head,
        keypoints=keypoints,
        image=_input(_table(table, "input", path), path),
        decode=_decode(_table(table, "decode", path), path),
    )


def require_coco_first(keypoint_set: KeypointSet, path: Path) -> None:
    """Raise InputError unless a set that is read from crops begins with COCO's 17."""
    if keypoint_set.keypoint_names[:17] != COCO_17.keypoint_names:
        raise InputError(
            f"{path}: networks that read crops need COCO's 17 keypoints first; "
            f"{keypoint_set.name} has others."
        )


def _table(table: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    found = table.get(key, {})
    if not isinstance(found, Mapping):
        raise InputError(f"{path}: '{key}' must be a table written as [{key}].")
    return found


def _input(table: Mapping[str, Any], path: Path) -> InputCard:
    check_keys(table, _INPUT_KEYS, path, "input")
    width, height = numbers(table.get("size", [640, 640]), 2, "size", path)
    if not (16 <= width <= 4096 and 16 <= height <= 4096):
        raise InputError(f"{path}: 'size' is {width:g} x {height:g}; give 16 to 4096 pixels.")
    deviation = numbers(table.get("deviation", [1.0, 1.0, 1.0]), 3, "deviation", path)
    if min(deviation) <= 0.0:
        raise InputError(f"{path}: 'deviation' must be above zero.")
    return InputCard(
        size=(int(width), int(height)),
        colour=_one_of(text(table, "colour", path, "rgb"), ("rgb", "bgr"), "colour", path),
        divide_by=number(table, "divide_by", path, 1.0),
        mean=numbers(table.get("mean", [0.0, 0.0, 0.0]), 3, "mean", path),
        deviation=deviation,
        pad=int(numbers([table.get("pad", 0)], 1, "pad", path)[0]) % 256,
        centred=flag(table, "centred", path, False),
    )


def _decode(table: Mapping[str, Any], path: Path) -> DecodeCard:
    check_keys(table, _DECODE_KEYS, path, "decode")
    return DecodeCard(
        refine=_one_of(text(table, "refine", path, "quarter"), REFINEMENTS, "refine", path),
        sigma_px=int(number(table, "sigma_px", path, 2)),
        split_ratio=number(table, "split_ratio", path, 2.0),
        box_margin=number(table, "box_margin", path, 1.25),
        least_confidence=number(table, "least_confidence", path, 0.3),
        overlap=number(table, "overlap", path, 0.65),
        person_label=int(numbers([table.get("person_label", 0)], 1, "person_label", path)[0]),
        fractions=flag(table, "fractions", path, False),
    )


def _one_of(word: str, known: tuple[str, ...], key: str, path: Path) -> str:
    if word not in known:
        raise InputError(f"{path}: '{key}' is '{word}'; known are {', '.join(known)}.")
    return word
