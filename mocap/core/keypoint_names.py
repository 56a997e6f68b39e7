"""Names of keypoints in the orders of the published sets.

Names are ours, the same for the same point in every set. Left and right are the person's.
"""

from __future__ import annotations

from itertools import chain

COCO = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
    "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
    "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""COCO 2017 person keypoints."""

HEEL_AND_TOE = ("left_big_toe", "left_heel", "right_big_toe", "right_heel")

BODY_25 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "mid_hip", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee",
    "left_ankle", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe",
    "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
"""OpenPose (Cao et al. 2019)."""

BODY_25B = (
    *COCO, "upper_neck", "head_top", "left_big_toe", "left_small_toe", "left_heel",
    "right_big_toe", "right_small_toe", "right_heel",
)  # fmt: skip
"""OpenPose's single-network body (Hidalgo et al. 2019): as many points as BODY_25, in another
order."""

COCO_18 = (
    "nose", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow",
    "left_wrist", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
    "right_eye", "left_eye", "right_ear", "left_ear",
)  # fmt: skip
"""OpenPose's first body: COCO with a neck between the shoulders."""

BLAZEPOSE_33 = (
    "nose", "left_eye_inner_corner", "left_eye", "left_eye_outer_corner", "right_eye_inner_corner",
    "right_eye", "right_eye_outer_corner", "left_ear", "right_ear", "left_mouth_corner",
    "right_mouth_corner", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "left_pinky_1", "right_pinky_1", "left_index_1", "right_index_1",
    "left_thumb_2", "right_thumb_2", "left_hip", "right_hip", "left_knee", "right_knee",
    "left_ankle", "right_ankle", "left_heel", "right_heel", "left_big_toe", "right_big_toe",
)  # fmt: skip
"""MediaPipe Pose: its card calls 17 to 22 the first knuckles of little and index finger and the
second of the thumb."""

HALPE_26 = (
    *COCO, "head_top", "neck", "mid_hip", "left_big_toe", "right_big_toe", "left_small_toe",
    "right_small_toe", "left_heel", "right_heel",
)  # fmt: skip
"""Halpe full body without face and hands (Fang et al. 2022)."""

JAW_LINE: tuple[str, ...] = (
    *(f"right_jaw_line_{k}" for k in range(1, 9)),  # from the ear to the chin
    "chin",
    *(f"left_jaw_line_{k}" for k in range(8, 0, -1)),
)
"""Points 1 to 17 of the 68-point face markup (Sagonas et al. 2013)."""

INNER_FACE: tuple[str, ...] = (
    *(f"right_eyebrow_{k}" for k in range(1, 6)),  # from the temple to the nose
    *(f"left_eyebrow_{k}" for k in range(5, 0, -1)),  # from the nose to the temple
    *(f"nose_ridge_{k}" for k in range(1, 5)),  # downwards
    "right_nose_wing", "right_nostril", "nose_base", "left_nostril", "left_nose_wing",
    "right_eye_outer_corner", "right_upper_lid_outer", "right_upper_lid_inner",
    "right_eye_inner_corner", "right_lower_lid_inner", "right_lower_lid_outer",
    "left_eye_inner_corner", "left_upper_lid_inner", "left_upper_lid_outer",
    "left_eye_outer_corner", "left_lower_lid_outer", "left_lower_lid_inner",
    "right_mouth_corner", "right_upper_lip_outer", "right_upper_lip_peak", "upper_lip",
    "left_upper_lip_peak", "left_upper_lip_outer", "left_mouth_corner", "left_lower_lip_outer",
    "left_lower_lip_middle", "lower_lip", "right_lower_lip_middle", "right_lower_lip_outer",
    "right_inner_mouth_corner", "right_inner_upper_lip", "inner_upper_lip",
    "left_inner_upper_lip", "left_inner_mouth_corner", "left_inner_lower_lip",
    "inner_lower_lip", "right_inner_lower_lip",
)  # fmt: skip
"""Points 18 to 68 of the same markup: brows, nose, eyes, outer and inner rim of the lips."""

FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def _hand(side: str) -> tuple[str, ...]:
    """Return the 21 points of a hand: its root, then four of each finger towards the tip."""
    fingers = (f"{side}_{finger}_{k}" for finger in FINGERS for k in range(1, 5))
    return (f"{side}_hand_root", *fingers)


LEFT_HAND, RIGHT_HAND = _hand("left"), _hand("right")
"""A hand in the order of OpenPose, MediaPipe and COCO-WholeBody: 21 points."""

FACE_68 = (*JAW_LINE, *INNER_FACE)

WHOLEBODY_133: tuple[str, ...] = (
    *COCO, "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe",
    "right_heel", *FACE_68, *LEFT_HAND, *RIGHT_HAND,
)  # fmt: skip
"""COCO-WholeBody (Jin et al. 2020)."""

HALPE_136: tuple[str, ...] = (*HALPE_26, *FACE_68, *LEFT_HAND, *RIGHT_HAND)
"""Halpe full body (Fang et al. 2022)."""


def _right_then_left(*names: str) -> tuple[str, ...]:
    return tuple(chain.from_iterable((f"right_{name}", f"left_{name}") for name in names))


SYNTHPOSE_52: tuple[str, ...] = (
    *COCO,
    "sternum",
    *_right_then_left(
        "acromion", "lateral_elbow", "medial_elbow", "lateral_wrist", "medial_wrist", "asis",
        "psis", "lateral_knee", "medial_knee", "lateral_ankle", "medial_ankle",
        "fifth_metatarsal", "second_metatarsal", "big_toe",
    ),
    "left_heel", "right_heel",  # the only pair with the left one first
    "c7", "l2", "t11", "t6",
)  # fmt: skip
"""SynthPose (Gozlan et al. 2024, "OpenCapBench"): order of the model card of its HRNet and of
`id2label` in the configuration of its ViTPose. There `r_toe` is our second metatarsal, `l_calc`
our heel. The cards do not say where on the skin a marker lies: the body's landmarks follow the
usual places of such markers."""
