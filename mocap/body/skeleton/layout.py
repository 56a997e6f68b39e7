"""The joint tree, rest pose and bone lengths of the skeleton built from keypoints.

The rest pose is a T-pose standing in the world (Z up): left is +X, forward is -Y, the arms lie
along +X and -X, the legs point down. Seen with Y up (as animation formats want it) that is left
+X, up +Y, forward +Z. Joint names are those of SMPL-X.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.keypoints import mirrored_name
from mocap.core.shapes import FloatArray

LEFT = np.array([1.0, 0.0, 0.0])
UP = np.array([0.0, 0.0, 1.0])

# (joint, parent), parents first. Without feet keypoints the two foot joints are left out.
_TREE = (
    ("pelvis", ""),
    ("left_hip", "pelvis"),
    ("right_hip", "pelvis"),
    ("spine1", "pelvis"),
    ("left_knee", "left_hip"),
    ("right_knee", "right_hip"),
    ("spine2", "spine1"),
    ("left_ankle", "left_knee"),
    ("right_ankle", "right_knee"),
    ("spine3", "spine2"),
    ("left_foot", "left_ankle"),
    ("right_foot", "right_ankle"),
    ("neck", "spine3"),
    ("left_collar", "spine3"),
    ("right_collar", "spine3"),
    ("head", "neck"),
    ("left_shoulder", "left_collar"),
    ("right_shoulder", "right_collar"),
    ("left_elbow", "left_shoulder"),
    ("right_elbow", "right_shoulder"),
    ("left_wrist", "left_elbow"),
    ("right_wrist", "right_elbow"),
)
PARENTS = dict(_TREE)
FOOT_JOINTS = ("left_foot", "right_foot")

# Heights of the spine joints as shares of the way from the hips to the shoulders: about the
# lumbosacral, thoracolumbar and mid-thoracic levels of an adult. Keypoints cannot see them.
SPINE_SHARES = {"spine1": 0.20, "spine2": 0.45, "spine3": 0.60}

# The inner end of the collar bone lies this share of the way from the midline to the shoulder.
COLLAR_SHARE = 0.15

# Shoulder line to ear line as a share of hip line to shoulder line, for takes without a head.
NECK_SHARE_WITHOUT_HEAD = 0.40


@dataclass(frozen=True, eq=False)
class Limb:
    """An arm or a leg: two bones that meet in a hinge.

    Attributes:
        parent: joint whose rotation carries the limb in the rest pose's sense.
        upper, lower, end: joints, and at the same time names of the keypoints on them.
        bone: (3,) direction of the straight limb in the rest pose.
        hinge: (3,) axis about which the lower bone bends, in the rest pose.
        twist_range_deg: how far from neutral the hinge can turn about the upper bone.
    """

    parent: str
    upper: str
    lower: str
    end: str
    bone: FloatArray
    hinge: FloatArray
    twist_range_deg: float


# A thigh turns in and out by 40 to 60 degrees; twice that still tells a knee that bends backwards
# from one that noise bends forwards. A pitcher's upper arm reaches any twist, so none is excluded.
_LEG_TWIST_DEG = 120.0
_ARM_TWIST_DEG = 180.0

LIMBS = (
    Limb("left_collar", "left_shoulder", "left_elbow", "left_wrist", LEFT, -UP, _ARM_TWIST_DEG),
    Limb("right_collar", "right_shoulder", "right_elbow", "right_wrist", -LEFT, UP, _ARM_TWIST_DEG),
    Limb("pelvis", "left_hip", "left_knee", "left_ankle", -UP, LEFT, _LEG_TWIST_DEG),
    Limb("pelvis", "right_hip", "right_knee", "right_ankle", -UP, LEFT, _LEG_TWIST_DEG),
)


def joint_tree(with_feet: bool) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return joint names and parent indices."""
    rows = [row for row in _TREE if with_feet or row[0] not in FOOT_JOINTS]
    names = tuple(name for name, _ in rows)
    return names, tuple(names.index(parent) if parent else -1 for _, parent in rows)


@dataclass(frozen=True, eq=False)
class Measures:
    """What is constant in a person, in metres.

    Attributes:
        bone: length by joint at its far end: knees, ankles, elbows, wrists.
        hip_width, shoulder_width: between left and right.
        trunk: hip line to shoulder line.
        neck: shoulder line to ear line.
    """

    bone: dict[str, float]
    hip_width: float
    shoulder_width: float
    trunk: float
    neck: float


def symmetric_lengths(bone: dict[str, float]) -> dict[str, float]:
    """Return lengths with left and right replaced by their mean."""
    return {name: 0.5 * (bone[name] + bone[mirrored_name(name)]) for name in bone}


def rest_offsets(measures: Measures) -> dict[str, FloatArray]:
    """Return the offset (3,) from the parent in the rest pose by joint, metres; feet excepted."""
    half_shoulder = 0.5 * measures.shoulder_width
    shares = {"pelvis": 0.0, **SPINE_SHARES}
    offsets = {"pelvis": 0.0 * UP}
    for below, above in (("pelvis", "spine1"), ("spine1", "spine2"), ("spine2", "spine3")):
        offsets[above] = (shares[above] - shares[below]) * measures.trunk * UP
    to_shoulders = (1.0 - shares["spine3"]) * measures.trunk * UP
    offsets["neck"] = to_shoulders
    offsets["head"] = measures.neck * UP
    for side, outward in (("left", LEFT), ("right", -LEFT)):
        offsets[f"{side}_hip"] = 0.5 * measures.hip_width * outward
        offsets[f"{side}_collar"] = to_shoulders + COLLAR_SHARE * half_shoulder * outward
        offsets[f"{side}_shoulder"] = (1.0 - COLLAR_SHARE) * half_shoulder * outward
    for limb in LIMBS:
        offsets[limb.lower] = measures.bone[limb.lower] * limb.bone
        offsets[limb.end] = measures.bone[limb.end] * limb.bone
    return offsets


def foot_offsets(ankle_to_toe: FloatArray) -> dict[str, FloatArray]:
    """Return the offsets of both foot joints from ankle to big toe (3,) of the left foot."""
    return {"left_foot": ankle_to_toe, "right_foot": ankle_to_toe * [-1.0, 1.0, 1.0]}
