"""One person's keypoints as the skeleton needs them: trimmed, with what is known per joint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.body.skeleton.layout import (
    FOOT_JOINTS,
    LIMBS,
    NECK_SHARE_WITHOUT_HEAD,
    SPINE_SHARES,
    Measures,
    joint_tree,
    symmetric_lengths,
)
from mocap.core.errors import BodyError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import BoolArray, FloatArray

_TRUNK = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_FEET = ("left_big_toe", "left_heel", "right_big_toe", "right_heel")

# Head and feet take part when they are known in at least this share of the frames; the rest of
# the skeleton does not depend on them.
_OPTIONAL_SHARE = 0.5

# Lengths come from measured frames alone when there are at least this many; a median of fewer
# is no better than one that includes interpolated frames.
_ENOUGH_MEASURED = 10


@dataclass(frozen=True, eq=False)
class PersonKeypoints:
    """Keypoints of one person over the frames in which hips and shoulders are known.

    Attributes:
        xyz: (frame, 3) in metres by keypoint name; NaN where missing.
        measured: (frame,) by keypoint name: seen by cameras, not filled in.
        known: (frame,) by joint name: its rotation can be computed.
        first_frame: frame of the points that is frame 0 here.
        source_frames: frames of the points.
        fps: frames per second.
        with_head, with_feet: whether these parts were seen often enough to use.
    """

    xyz: Mapping[str, FloatArray]
    measured: Mapping[str, BoolArray]
    known: Mapping[str, BoolArray]
    first_frame: int
    source_frames: int
    fps: float
    with_head: bool
    with_feet: bool

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.known["pelvis"])

    @property
    def hips(self) -> FloatArray:
        """Midpoint (frame, 3) of the hips: the pelvis joint."""
        return 0.5 * (self.xyz["left_hip"] + self.xyz["right_hip"])

    @property
    def shoulders(self) -> FloatArray:
        """Midpoint (frame, 3) of the shoulders: the neck joint."""
        return 0.5 * (self.xyz["left_shoulder"] + self.xyz["right_shoulder"])

    @property
    def ears(self) -> FloatArray:
        """Midpoint (frame, 3) of the ears: the head joint."""
        return 0.5 * (self.xyz["left_ear"] + self.xyz["right_ear"])


def select_person(points: Points3D, person_id: int) -> PersonKeypoints:
    """Return one person's keypoints, cut to the frames between the first and last seen trunk.

    Raises:
        BodyError: no such person, keypoints the skeleton needs do not exist, or a limb or the
            trunk is never seen.
    """
    person = points.person_index(person_id)
    needed = {*_TRUNK, *(name for limb in LIMBS for name in (limb.upper, limb.lower, limb.end))}
    absent = sorted(needed - set(points.keypoint_names))
    if absent:
        raise BodyError(
            f"a skeleton needs the keypoints {', '.join(absent)}, which this detector does not "
            "give. Use a detector with the COCO keypoints."
        )
    column = {name: index for index, name in enumerate(points.keypoint_names)}
    finite: BoolArray = np.asarray(np.isfinite(points.xyz[:, person]).all(axis=-1))
    trunk = np.flatnonzero(finite[:, [column[name] for name in _TRUNK]].all(axis=1))
    if not len(trunk):
        raise BodyError(
            f"person {person_id} has no frame in which both hips and both shoulders are known, "
            "so no skeleton can be placed. Check that at least two cameras see the trunk."
        )
    span = slice(int(trunk[0]), int(trunk[-1]) + 1)
    finite = finite[span]
    known = _known(finite, column)
    for limb in LIMBS:
        for first, second in ((limb.upper, limb.lower), (limb.lower, limb.end)):
            if not known[first].any():
                raise BodyError(
                    f"{first} and {second} are never known in the same frame, so the bone between "
                    "them cannot be built. Check that at least two cameras see this limb."
                )
    return PersonKeypoints(
        xyz={n: np.asarray(points.xyz[span, person, k], np.float64) for n, k in column.items()},
        measured={n: points.source[span, person, k] == Source.MEASURED for n, k in column.items()},
        known=known,
        first_frame=span.start,
        source_frames=len(points.xyz),
        fps=float(points.fps),
        with_head=bool(known["head"].mean() >= _OPTIONAL_SHARE),
        with_feet=all(
            bool(known[f"{s}_ankle"].mean() >= _OPTIONAL_SHARE) for s in ("left", "right")
        ),
    )


def _known(finite: BoolArray, column: Mapping[str, int]) -> dict[str, BoolArray]:
    """Return (frame,) by joint: whether the keypoints that its rotation needs are there."""
    needs: dict[str, tuple[str, ...]] = {name: () for name in joint_tree(with_feet=True)[0]}
    for name in ("pelvis", "spine1", "spine2", "spine3", "left_collar", "right_collar"):
        needs[name] = _TRUNK
    needs["neck"] = (*_TRUNK, "left_ear", "right_ear")
    needs["head"] = (*_TRUNK, *_FACE)
    for limb in LIMBS:
        needs[limb.upper] = (limb.upper, limb.lower)
        needs[limb.lower] = (limb.lower, limb.end)
    for side in ("left", "right"):
        needs[f"{side}_ankle"] = tuple(f"{side}_{part}" for part in ("ankle", "heel", "big_toe"))
    known = {}
    for joint, keypoints in needs.items():
        exists = all(name in column for name in keypoints)
        seen = finite[:, [column[name] for name in keypoints if name in column]]
        known[joint] = np.asarray(seen.all(axis=1)) & exists
    return known


def measure(person: PersonKeypoints, *, symmetric: bool) -> Measures:
    """Return the constant lengths of a person: medians over the frames that were measured.

    Args:
        person: the keypoints.
        symmetric: give left and right limbs their mean length.
    """
    bone = {}
    for limb in LIMBS:
        bone[limb.lower] = _distance(person, limb.upper, limb.lower)
        bone[limb.end] = _distance(person, limb.lower, limb.end)
    trunk = _trunk_length(person)
    neck = NECK_SHARE_WITHOUT_HEAD * trunk
    if person.with_head:
        neck = float(np.nanmedian(np.linalg.norm(person.ears - person.shoulders, axis=-1)))
    return Measures(
        bone=symmetric_lengths(bone) if symmetric else bone,
        hip_width=_distance(person, "left_hip", "right_hip"),
        shoulder_width=_distance(person, "left_shoulder", "right_shoulder"),
        trunk=trunk,
        neck=neck,
    )


def _trunk_length(person: PersonKeypoints) -> float:
    """Return the median length of the spine from hips to shoulders in metres.

    The spine leaves the pelvis at a right angle to the hip line and bends at its lowest joint, a
    share `a` of its length l above the hips. With d the distance from hips to shoulders and b its
    angle to the first piece, the triangle of the two pieces gives
    (1 - 2 a) l² + 2 a d cos(b) l - d² = 0.
    """
    a = SPINE_SHARES["spine1"]
    hip_line = person.xyz["left_hip"] - person.xyz["right_hip"]
    chord = person.shoulders - person.hips
    d = np.linalg.norm(chord, axis=-1)
    sine = np.sum(chord * hip_line, axis=-1) / (d * np.linalg.norm(hip_line, axis=-1))
    half = a * np.sqrt(1.0 - sine**2)
    return float(np.nanmedian(d * (np.sqrt(half**2 + 1.0 - 2.0 * a) - half) / (1.0 - 2.0 * a)))


def _distance(person: PersonKeypoints, first: str, second: str) -> float:
    """Return the median distance of two keypoints in metres."""
    distance = np.linalg.norm(person.xyz[first] - person.xyz[second], axis=-1)
    measured = person.measured[first] & person.measured[second] & np.isfinite(distance)
    usable = distance[measured] if measured.sum() >= _ENOUGH_MEASURED else distance
    return float(np.nanmedian(usable))


def used_joints(person: PersonKeypoints) -> tuple[str, ...]:
    """Return the joints whose rotation is computed from keypoints for this person."""
    unused = set(FOOT_JOINTS)
    if not person.with_head:
        unused |= {"neck", "head"}
    if not person.with_feet:
        unused |= {"left_ankle", "right_ankle"}
    return tuple(name for name in joint_tree(person.with_feet)[0] if name not in unused)
