"""Segments from a body's skeleton: constant rest-pose offsets, no planes that degenerate.

Each segment's ISB frame is built once on the rest pose (a T-pose facing -Y, palms down) and then
moves with its joint: R_ISB(t) = R_joint(t) C with C constant. Works at full extension too.
"""

from __future__ import annotations

import numpy as np

from mocap.core.body.landmarks import BonyLandmarks
from mocap.core.errors import BodyError
from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import BoolArray, FloatArray, in_parts
from mocap.measure.segments.segments import (
    POINTS,
    SEGMENTS,
    SIDES,
    THORAX_CHEST,
    THORAX_ISB,
    THORAX_SHOULDER_LINE,
    Segments,
    frame_yz,
)

# Joint that carries each segment, SMPL-X names.
_CARRIER = {
    "pelvis": "pelvis",
    "thorax": "spine3",
    "head": "head",
    "humerus": "shoulder",
    "forearm": "elbow",
    "hand": "wrist",
    "femur": "hip",
    "tibia": "knee",
    "foot": "ankle",
}
# Joints at both ends of a limb segment: its long axis in the rest pose.
_ENDS = {
    "humerus": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
    "hand": ("elbow", "wrist"),
    "femur": ("hip", "knee"),
    "tibia": ("knee", "ankle"),
}
_FORWARD = np.array([0.0, -1.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])
_RIGHT = np.array([-1.0, 0.0, 0.0])
_UPRIGHT: FloatArray = np.stack([_FORWARD, _UP, _RIGHT], axis=-1)

# Z of the right limbs in the rest pose. The elbow's hinge is vertical there (the forearm flexes
# forwards); the palm looks down, which is 90 degrees of pronation: Z of forearm and hand, which
# points to the thumb, looks forwards.
_REST_Z = {
    "humerus": _UP,
    "forearm": _FORWARD,
    "hand": _FORWARD,
    "femur": _RIGHT,
    "tibia": _RIGHT,
}
_FLIP_X = np.array([-1.0, 1.0, 1.0])
_FLIP_Z = np.array([1.0, 1.0, -1.0])

# All joints of a frame take several times the room of its segments.
_FRAMES_AT_ONCE = 4096

_POINT_JOINTS = {"hand": "middle1", "toe": "foot"}
"""Points that go by another name in the skeleton."""

_POINT_LANDMARKS = {
    "left_heel": "LCAL",
    "right_heel": "RCAL",
    "left_toe": "LTOE",
    "right_toe": "RTOE",
}
"""Points that are bony landmarks."""


def segments_from_skeleton(
    motion: SkeletonMotion,
    landmarks: BonyLandmarks | None = None,
    *,
    axial_known: dict[str, BoolArray] | None = None,
    chest_measured: bool = True,
) -> Segments:
    """Return the segments of a moving body.

    Args:
        motion: SMPL-X joint names, rest pose a T-pose facing -Y.
        landmarks: bony landmarks of the body; without them the thorax is the chest joint, and
            heels are unknown.
        axial_known: (frame,) by joint name, where the turn of a joint about its bone was
            measured; everywhere for joints that are not named.
        chest_measured: False when the chest's turn was taken from the line of the shoulders.

    Raises:
        BodyError: the skeleton lacks a joint that a segment needs.
    """
    offsets = _rest_frames(motion, landmarks)
    frames = len(motion.root_positions)
    turned = np.full((frames, len(SEGMENTS), 3, 3), np.nan)
    known = np.ones((frames, len(SEGMENTS)), dtype=np.bool_)
    points = np.full((frames, len(POINTS), 3), np.nan)
    carriers = [(k, _carrier(segment)) for k, segment in enumerate(SEGMENTS)]
    for k, joint in carriers:
        there = joint in motion.joint_names
        known[:, k] = (axial_known or {}).get(joint, True) if there else False
    for part in in_parts(frames, _FRAMES_AT_ONCE):
        positions, rotations = motion.part(part).forward_kinematics()
        for k, joint in carriers:
            if joint in motion.joint_names:
                carrier = rotations[:, motion.joint_names.index(joint)]
                turned[part, k] = carrier @ offsets[SEGMENTS[k]]
        points[part] = _points(motion.joint_names, positions, rotations, landmarks)
    thorax = THORAX_CHEST if landmarks is None else THORAX_ISB
    return Segments(
        rotations=turned,
        axial_known=known,
        positions=points,
        fps=motion.fps,
        thorax=thorax if chest_measured else THORAX_SHOULDER_LINE,
    )


def _carrier(segment: str) -> str:
    side, _, limb = segment.partition("_")
    return f"{side}_{_CARRIER[limb]}" if limb else _CARRIER[segment]


def _rest_frames(motion: SkeletonMotion, landmarks: BonyLandmarks | None) -> dict[str, FloatArray]:
    """Return the ISB frame (3, 3) of every segment in the rest pose."""
    rest = motion.rest_positions()
    needed = [f"{side}_{joint}" for side in SIDES for ends in _ENDS.values() for joint in ends]
    missing = sorted({"pelvis", "spine3", *needed} - set(motion.joint_names))
    if missing:
        raise BodyError(
            f"the skeleton has no {', '.join(missing[:4])}; measuring needs SMPL-X joint names."
        )
    frames = {"pelvis": _UPRIGHT, "head": _UPRIGHT, "thorax": _thorax(landmarks)}
    for limb, ends in _ENDS.items():
        for side in SIDES:
            start, end = (rest[motion.joint_names.index(f"{side}_{joint}")] for joint in ends)
            frames[f"{side}_{limb}"] = _limb(start - end, _REST_Z[limb], side)
    frames |= {f"{side}_foot": _UPRIGHT for side in SIDES}
    return frames


def _limb(long_axis: FloatArray, z: FloatArray, side: str) -> FloatArray:
    """Return a limb's frame; a left one is the mirror image of a right one, Z turned round."""
    if side == "right":
        return frame_yz(long_axis, z)
    return np.asarray(_FLIP_X[:, None] * frame_yz(long_axis * _FLIP_X, z) * _FLIP_Z)


def _thorax(landmarks: BonyLandmarks | None) -> FloatArray:
    """Return the ISB thorax (Wu 2005): Y from mid(PX, T8) to mid(IJ, C7), Z to the right.

    IJ and PX go by the names of their markers, CLAV and STRN.
    """
    if landmarks is None:
        return _UPRIGHT
    top = 0.5 * (landmarks.offset("CLAV") + landmarks.offset("C7"))
    bottom = 0.5 * (landmarks.offset("STRN") + landmarks.offset("T8"))
    return frame_yz(top - bottom, _RIGHT)


def _points(
    joint_names: tuple[str, ...],
    positions: FloatArray,
    rotations: FloatArray,
    landmarks: BonyLandmarks | None,
) -> FloatArray:
    """Return the named points (frame, point, 3); NaN where the skeleton has none."""
    out = np.full((len(positions), len(POINTS), 3), np.nan)
    marked: dict[str, FloatArray] = {}
    if landmarks:
        wanted = tuple(_POINT_LANDMARKS.values())
        marked = landmarks.carried(joint_names, positions, rotations, wanted)
    for k, point in enumerate(POINTS):
        side, _, name = point.rpartition("_")
        prefix = f"{side}_" if side else ""
        joint = prefix + _POINT_JOINTS.get(name, name)
        if joint in joint_names:
            out[:, k] = positions[:, joint_names.index(joint)]
        if marked and point in _POINT_LANDMARKS:
            out[:, k] = marked[_POINT_LANDMARKS[point]]
    return out
