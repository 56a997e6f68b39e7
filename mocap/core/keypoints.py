"""Keypoint sets: names, bones and left/right pairs of what detectors find."""

from __future__ import annotations

from dataclasses import dataclass

from mocap.core import keypoint_names as names
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
        """Return for each keypoint the position of its mirror image: itself on the midline, and
        where the set has no other side."""
        names = self.keypoint_names
        mirrored = (mirrored_name(name) for name in names)
        return tuple(
            self.index(other) if other in names else index for index, other in enumerate(mirrored)
        )


def mirrored_name(keypoint: str) -> str:
    """Return the name on the other side of the body: left_knee <-> right_knee; nose stays."""
    if keypoint.startswith("left_"):
        return "right_" + keypoint.removeprefix("left_")
    if keypoint.startswith("right_"):
        return "left_" + keypoint.removeprefix("right_")
    return keypoint


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

_FEET_BONES = (
    ("left_ankle", "left_heel"),
    ("left_heel", "left_big_toe"),
    ("left_ankle", "left_big_toe"),
    ("right_ankle", "right_heel"),
    ("right_heel", "right_big_toe"),
    ("right_ankle", "right_big_toe"),
)

_SMALL_TOE_BONES = (
    ("left_ankle", "left_small_toe"),
    ("left_big_toe", "left_small_toe"),
    ("left_heel", "left_small_toe"),
    ("right_ankle", "right_small_toe"),
    ("right_big_toe", "right_small_toe"),
    ("right_heel", "right_small_toe"),
)


def _both_sides(*pairs: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    """Return pairs of the left side and their mirror images, middle ones once."""
    mirrored = ((mirrored_name(a), mirrored_name(b)) for a, b in pairs)
    return (*pairs, *(pair for pair in mirrored if pair not in pairs and pair[::-1] not in pairs))


_TRUNK_DRAWN = (*_COCO_DRAWN, *_both_sides(("neck", "left_shoulder"), ("mid_hip", "left_hip")))

_FINGER_BONES = _both_sides(
    *(
        (f"left_{finger}_{k}", f"left_{finger}_{k + 1}")
        for finger in names.FINGERS
        for k in (1, 2, 3)
    )
)
_PALM_DRAWN = _both_sides(*(("left_hand_root", f"left_{finger}_1") for finger in names.FINGERS))


def _outline(points: tuple[str, ...], *, closed: bool = False) -> tuple[tuple[str, str], ...]:
    """Return the lines from each point to the next."""
    ends = points[1:] + points[:1] if closed else points[1:]
    return tuple(zip(points, ends, strict=False))


_FACE_DRAWN = (
    *_outline(names.JAW_LINE),
    *_outline(names.INNER_FACE[0:5]),
    *_outline(names.INNER_FACE[5:10]),
    *_outline(names.INNER_FACE[10:14]),
    *_outline(names.INNER_FACE[14:19]),
    *_outline(names.INNER_FACE[19:25], closed=True),
    *_outline(names.INNER_FACE[25:31], closed=True),
    *_outline(names.INNER_FACE[31:43], closed=True),
    *_outline(names.INNER_FACE[43:51], closed=True),
)

# Markers on both sides of a joint are as far apart in every pose, but for the skin's slip.
_MARKER_BONES = _both_sides(
    ("left_lateral_elbow", "left_medial_elbow"),
    ("left_lateral_wrist", "left_medial_wrist"),
    ("left_lateral_knee", "left_medial_knee"),
    ("left_lateral_ankle", "left_medial_ankle"),
    ("left_asis", "right_asis"),
    ("left_psis", "right_psis"),
    ("left_asis", "left_psis"),
    ("left_fifth_metatarsal", "left_heel"),
    ("left_second_metatarsal", "left_heel"),
    ("left_fifth_metatarsal", "left_second_metatarsal"),
)
_MARKER_DRAWN = (
    ("c7", "t6"),
    ("t6", "t11"),
    ("t11", "l2"),
    *_both_sides(("sternum", "left_acromion"), ("c7", "left_acromion"), ("l2", "left_psis")),
)

COCO_17 = KeypointSet("coco_17", names.COCO, _COCO_BONES, _COCO_DRAWN)
COCO_17_FEET = KeypointSet(
    "coco_17_feet", names.COCO + names.HEEL_AND_TOE, _COCO_BONES + _FEET_BONES, _COCO_DRAWN
)
_WITH_FEET = _COCO_BONES + _FEET_BONES + _SMALL_TOE_BONES
BODY_25 = KeypointSet("body_25", names.BODY_25, _WITH_FEET, _TRUNK_DRAWN)
BODY_25B = KeypointSet("body_25b", names.BODY_25B, _WITH_FEET, _COCO_DRAWN)
COCO_18 = KeypointSet(
    "coco_18",
    names.COCO_18,
    _COCO_BONES,
    (*_COCO_DRAWN, *_both_sides(("neck", "left_shoulder"))),
)
HALPE_26 = KeypointSet("halpe_26", names.HALPE_26, _WITH_FEET, _TRUNK_DRAWN)
BLAZEPOSE_33 = KeypointSet(
    "blazepose_33",
    names.BLAZEPOSE_33,
    _COCO_BONES + _FEET_BONES,
    (
        *_COCO_DRAWN,
        ("left_mouth_corner", "right_mouth_corner"),
        *_both_sides(
            ("left_wrist", "left_pinky_1"),
            ("left_wrist", "left_index_1"),
            ("left_pinky_1", "left_index_1"),
            ("left_wrist", "left_thumb_2"),
        ),
    ),
)
SYNTHPOSE_52 = KeypointSet(
    "synthpose_52",
    names.SYNTHPOSE_52,
    _COCO_BONES + _FEET_BONES + _MARKER_BONES,
    _COCO_DRAWN + _MARKER_DRAWN,
)
WHOLEBODY_133 = KeypointSet(
    "wholebody_133",
    names.WHOLEBODY_133,
    _WITH_FEET + _FINGER_BONES,
    _COCO_DRAWN + _PALM_DRAWN + _FACE_DRAWN,
)
HALPE_136 = KeypointSet(
    "halpe_136",
    names.HALPE_136,
    _WITH_FEET + _FINGER_BONES,
    _TRUNK_DRAWN + _PALM_DRAWN + _FACE_DRAWN,
)
HANDS_42 = KeypointSet("hands_42", names.LEFT_HAND + names.RIGHT_HAND, _FINGER_BONES, _PALM_DRAWN)
LEFT_HAND_21, RIGHT_HAND_21 = (
    KeypointSet(
        f"{side}_hand_21",
        hand,
        tuple(bone for bone in _FINGER_BONES if bone[0].startswith(side)),
        tuple(pair for pair in _PALM_DRAWN if pair[0].startswith(side)),
    )
    for side, hand in (("left", names.LEFT_HAND), ("right", names.RIGHT_HAND))
)
"""One hand alone, as hand networks and OpenPose's hand files have it."""

COCO_17_FEET_HANDS = KeypointSet(
    "coco_17_feet_hands",
    COCO_17_FEET.keypoint_names + HANDS_42.keypoint_names,
    COCO_17_FEET.bones + _FINGER_BONES,
    COCO_17_FEET.drawn + _PALM_DRAWN,
)


def with_hands_and_face(body: KeypointSet) -> KeypointSet:
    """Return a body's set with 21 points of each hand and 68 of the face behind it."""
    return KeypointSet(
        f"{body.name}_hands_face",
        (*body.keypoint_names, *names.LEFT_HAND, *names.RIGHT_HAND, *names.FACE_68),
        body.bones + _FINGER_BONES,
        body.drawn + _PALM_DRAWN + _FACE_DRAWN,
    )


BODY_25_HANDS_FACE = with_hands_and_face(BODY_25)
BODY_25B_HANDS_FACE = with_hands_and_face(BODY_25B)
COCO_18_HANDS_FACE = with_hands_and_face(COCO_18)
"""What OpenPose finds with hands and face switched on."""

KEYPOINT_SETS = {
    keypoint_set.name: keypoint_set
    for keypoint_set in (
        COCO_17,
        COCO_17_FEET,
        COCO_17_FEET_HANDS,
        COCO_18,
        BODY_25,
        BODY_25B,
        HALPE_26,
        BLAZEPOSE_33,
        SYNTHPOSE_52,
        WHOLEBODY_133,
        HALPE_136,
        HANDS_42,
        LEFT_HAND_21,
        RIGHT_HAND_21,
        BODY_25_HANDS_FACE,
        BODY_25B_HANDS_FACE,
        COCO_18_HANDS_FACE,
    )
}


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
