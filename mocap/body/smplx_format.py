"""What the SMPL-X file format fixes: the joint tree, vertex numbers and the face landmarks.

Programs that read SMPL-X files have these numbers built in. They are facts of the interface; no
part of any SMPL-X mesh is here.
"""

from __future__ import annotations

FINGERS = ("index", "middle", "pinky", "ring", "thumb")

BODY_JOINT_NAMES = (
    "pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2",
    "left_ankle", "right_ankle", "spine3", "left_foot", "right_foot", "neck", "left_collar",
    "right_collar", "head", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow",
    "left_wrist", "right_wrist", "jaw", "left_eye_smplhf", "right_eye_smplhf",
)  # fmt: skip

JOINT_NAMES: tuple[str, ...] = BODY_JOINT_NAMES + tuple(
    f"{side}_{finger}{k}" for side in ("left", "right") for finger in FINGERS for k in (1, 2, 3)
)

_BODY_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)

PARENTS: tuple[int, ...] = (
    *_BODY_PARENTS,
    *(15, 15, 15),
    *(
        wrist if k == 0 else first + 3 * finger + k - 1
        for first, wrist in ((25, 20), (40, 21))
        for finger in range(len(FINGERS))
        for k in range(3)
    ),
)

VERTEX_COUNT = 10475
"""Vertices of every SMPL-X body."""

LANDMARK_VERTICES: dict[str, int] = {
    "nose": 9120,
    "left_eye": 9448,
    "right_eye": 9929,
    "left_ear": 6,
    "right_ear": 616,
    "left_thumb_tip": 5361,
    "right_thumb_tip": 8079,
    "left_index_tip": 4933,
    "right_index_tip": 7669,
    "left_middle_tip": 5058,
    "right_middle_tip": 7794,
    "left_ring_tip": 5169,
    "right_ring_tip": 7905,
    "left_pinky_tip": 5286,
    "right_pinky_tip": 8022,
    "left_big_toe": 5770,
    "right_big_toe": 8463,
    "left_small_toe": 5780,
    "right_small_toe": 8474,
    "left_heel": 8846,
    "right_heel": 8635,
}
"""Vertices that programs look up by number: points 55 to 75 of the joints `smplx` returns."""


# Rows of the table of face contours: yaws of 0 to 39 degrees to one side, then to the other.
CONTOUR_YAWS = 79

# Two ways to lay out shape and expression in `shapedirs`: full files hold 300 + 100 components,
# reduced ones 10 + 10.
FULL_SHAPES, FULL_EXPRESSIONS = 300, 100
REDUCED_SHAPES = 10
