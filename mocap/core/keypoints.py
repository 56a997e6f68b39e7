"""Keypoint sets: names, bones and left/right pairs of what detectors find."""

from __future__ import annotations

from dataclasses import dataclass

from mocap.core.errors import InputError


@dataclass(frozen=True)
class KeypointSet:
    """A named order of keypoints.

    Attributes:
        name: name of the set.
        keypoint_names: in the order of the detector's output.
        bones: pairs whose distance is nearly constant: used for soft bone lengths.
        drawn: further pairs that only help the eye.
    """

    name: str
    keypoint_names: tuple[str, ...]
    bones: tuple[tuple[str, str], ...]
    drawn: tuple[tuple[str, str], ...] = ()

    def index(self, keypoint: str) -> int:
        """Return the position of a keypoint."""
        return self.keypoint_names.index(keypoint)

    def bone_indices(self) -> tuple[tuple[int, int], ...]:
        """Return `bones` as pairs of positions."""
        return tuple((self.index(a), self.index(b)) for a, b in self.bones)

    def drawn_indices(self) -> tuple[tuple[int, int], ...]:
        """Return `bones` and `drawn` as pairs of positions: the lines of a stick figure."""
        return tuple((self.index(a), self.index(b)) for a, b in self.bones + self.drawn)

    def mirror_indices(self) -> tuple[int, ...]:
        """Return for each keypoint the position of its mirror image (itself on the midline)."""
        return tuple(self.index(mirrored_name(name)) for name in self.keypoint_names)


def mirrored_name(keypoint: str) -> str:
    """Return the name on the other side of the body: left_knee <-> right_knee; nose stays."""
    if keypoint.startswith("left_"):
        return "right_" + keypoint.removeprefix("left_")
    if keypoint.startswith("right_"):
        return "left_" + keypoint.removeprefix("right_")
    return keypoint


_COCO_NAMES = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)

_COCO_BONES = (
    ("left_shoulder", "right_shoulder"),
    ("left_hip", "right_hip"),
    ("left_shoulder", "left_elbow"),
    ("left_elbow", "left_wrist"),
    ("right_shoulder", "right_elbow"),
    ("right_elbow", "right_wrist"),
    ("left_hip", "left_knee"),
    ("left_knee", "left_ankle"),
    ("right_hip", "right_knee"),
    ("right_knee", "right_ankle"),
    ("nose", "left_eye"),
    ("nose", "right_eye"),
    ("left_eye", "right_eye"),
    ("left_eye", "left_ear"),
    ("right_eye", "right_ear"),
)

# The trunk bends and the shoulders shrug: drawn, but no bone of constant length.
_COCO_DRAWN = (
    ("left_shoulder", "left_hip"),
    ("right_shoulder", "right_hip"),
)

_FEET_NAMES = ("left_big_toe", "left_heel", "right_big_toe", "right_heel")

_FEET_BONES = (
    ("left_ankle", "left_heel"),
    ("left_heel", "left_big_toe"),
    ("left_ankle", "left_big_toe"),
    ("right_ankle", "right_heel"),
    ("right_heel", "right_big_toe"),
    ("right_ankle", "right_big_toe"),
)

COCO_17 = KeypointSet("coco_17", _COCO_NAMES, _COCO_BONES, _COCO_DRAWN)
COCO_17_FEET = KeypointSet(
    "coco_17_feet", _COCO_NAMES + _FEET_NAMES, _COCO_BONES + _FEET_BONES, _COCO_DRAWN
)

KEYPOINT_SETS = {keypoint_set.name: keypoint_set for keypoint_set in (COCO_17, COCO_17_FEET)}


def keypoint_set_of(keypoint_names: tuple[str, ...]) -> KeypointSet:
    """Return the known set with exactly these names in this order.

    Raises:
        InputError: when no set has them.
    """
    for keypoint_set in KEYPOINT_SETS.values():
        if keypoint_set.keypoint_names == tuple(keypoint_names):
            return keypoint_set
    known = ", ".join(
        f"{each.name} ({len(each.keypoint_names)} keypoints)" for each in KEYPOINT_SETS.values()
    )
    raise InputError(
        f"no known keypoint set has these {len(keypoint_names)} keypoints "
        f"({', '.join(keypoint_names[:5])}…); known are {known}."
    )
