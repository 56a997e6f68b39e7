"""Segments from keypoints alone: honest about what a stick figure cannot show.

Not measured this way: the chest wall (the shoulder line stands in and is named so), pronation,
the hand, 3D knee valgus (hip, knee and ankle span the very plane it is measured from), and the
turn of a limb about its length while the limb is nearly straight.
"""

from __future__ import annotations

import numpy as np

from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.core.rotation import unit
from mocap.core.shapes import BoolArray, FloatArray
from mocap.measure.segments.segments import (
    POINTS,
    SEGMENTS,
    SIDES,
    THORAX_SHOULDER_LINE,
    Segments,
    frame_yx,
    frame_yz,
    frame_zy,
)

PLANE_BEND_DEG = 20.0
"""A limb's plane is seen from this bend on: the error of its turn grows with 1 / sin(bend), at 20
degrees threefold, and keypoints 10 mm off already turn it by 10 degrees."""

NOTES = (
    "from keypoints alone: thorax angles follow the line of the shoulders, not the chest",
    "3D knee valgus and knee rotation are not measured; valgus in the frontal projection is",
    f"hip rotation is measured from {PLANE_BEND_DEG:g} deg of knee flexion on",
    f"humeral rotation is measured from {PLANE_BEND_DEG:g} deg of elbow flexion on",
    "pronation and wrist angles are not measured",
)

_NAMES = {"toe": "big_toe"}
_NEEDED = tuple(
    f"{side}_{joint}"
    for side in SIDES
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)


def segments_from_points(points: Points3D, person_id: int | None = None) -> Segments:
    """Return the segments of one person spanned by keypoints.

    Raises:
        InputError: the person is unknown, or keypoints of arms or legs are missing from the set.
    """
    person = points.person_index(person_id)
    missing = [name for name in _NEEDED if name not in points.keypoint_names]
    if missing:
        raise InputError(
            f"the keypoints lack {', '.join(missing[:4])}; measuring needs shoulders, elbows, "
            "wrists, hips, knees and ankles. Use a detector that finds them."
        )
    xyz = np.asarray(points.xyz[:, person], dtype=np.float64)
    at = {name: xyz[:, k] for k, name in enumerate(points.keypoint_names)}
    turned = np.full((len(xyz), len(SEGMENTS), 3, 3), np.nan)
    known = np.zeros((len(xyz), len(SEGMENTS)), dtype=np.bool_)
    frames = _trunk(at) | {k: v for side in SIDES for k, v in _limbs(at, side).items()}
    for name, (rotation, seen) in frames.items():
        turned[:, SEGMENTS.index(name)] = rotation
        known[:, SEGMENTS.index(name)] = seen & np.isfinite(rotation).all(axis=(1, 2))
    return Segments(
        rotations=turned,
        axial_known=known,
        positions=_positions(at, len(xyz)),
        fps=points.fps,
        thorax=THORAX_SHOULDER_LINE,
        from_keypoints=True,
        notes=NOTES,
    )


_Frames = dict[str, tuple[FloatArray, BoolArray | bool]]


def _trunk(at: dict[str, FloatArray]) -> _Frames:
    hips = at["right_hip"] - at["left_hip"]
    shoulders = at["right_shoulder"] - at["left_shoulder"]
    up = 0.5 * (at["right_shoulder"] + at["left_shoulder"] - at["right_hip"] - at["left_hip"])
    # The hip line is the pelvis' own axis; the trunk line is that of the thorax.
    out: _Frames = {"pelvis": (frame_zy(hips, up), True), "thorax": (frame_yz(up, shoulders), True)}
    if {"nose", "left_ear", "right_ear"} <= set(at):
        across = at["right_ear"] - at["left_ear"]
        forward = at["nose"] - 0.5 * (at["right_ear"] + at["left_ear"])
        out["head"] = (frame_zy(across, np.cross(across, forward)), True)
    return out


def _limbs(at: dict[str, FloatArray], side: str) -> _Frames:
    """Return arm and leg; the hinge's axis is the normal of the plane of the three joints."""
    point = {
        name.removeprefix(f"{side}_"): xyz for name, xyz in at.items() if name.startswith(side)
    }
    humerus, forearm = point["shoulder"] - point["elbow"], point["elbow"] - point["wrist"]
    femur, tibia = point["hip"] - point["knee"], point["knee"] - point["ankle"]
    hip_line = at["right_hip"] - at["left_hip"]
    shoulder_line = at["right_shoulder"] - at["left_shoulder"]
    # Flexion turns the forearm forwards and the shank backwards: opposite normals.
    elbow_axis, arm_seen = _hinge(humerus, forearm, np.cross(humerus, forearm), shoulder_line)
    knee_axis, leg_seen = _hinge(femur, tibia, -np.cross(femur, tibia), hip_line)
    out: _Frames = {
        f"{side}_humerus": (frame_yz(humerus, elbow_axis), arm_seen),
        f"{side}_forearm": (frame_yz(forearm, elbow_axis), False),
        f"{side}_femur": (frame_yz(femur, knee_axis), leg_seen),
        # The plane of hip, knee and ankle makes both frames: against it there is no valgus.
        f"{side}_tibia": (frame_yz(tibia, knee_axis), False),
    }
    if {"big_toe", "heel"} <= set(point):
        along = point["big_toe"] - point["heel"]
        upwards = point["ankle"] - 0.5 * (point["heel"] + point["big_toe"])
        level = np.cross(np.cross(along, upwards), along)
        out[f"{side}_foot"] = (frame_yx(level, along), True)
    return out


def _hinge(
    upper: FloatArray, lower: FloatArray, normal: FloatArray, fallback: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Return the hinge's axis (frame, 3) and where it was seen; the body's own line elsewhere."""
    sine = np.linalg.norm(np.cross(unit(upper), unit(lower)), axis=-1)
    folded = np.sum(upper * lower, axis=-1) < 0
    seen = (sine > np.sin(np.deg2rad(PLANE_BEND_DEG))) | (folded & (sine > 1e-3))
    return np.where(seen[:, None], normal, fallback), seen


def _positions(at: dict[str, FloatArray], frames: int) -> FloatArray:
    out = np.full((frames, len(POINTS), 3), np.nan)
    for k, point in enumerate(POINTS):
        side, _, name = point.rpartition("_")
        keypoint = f"{side}_{_NAMES.get(name, name)}" if side else name
        if keypoint in at:
            out[:, k] = at[keypoint]
    out[:, POINTS.index("pelvis")] = 0.5 * (at["left_hip"] + at["right_hip"])
    out[:, POINTS.index("neck")] = 0.5 * (at["left_shoulder"] + at["right_shoulder"])
    if {"left_ear", "right_ear"} <= set(at):
        out[:, POINTS.index("head")] = 0.5 * (at["left_ear"] + at["right_ear"])
    return out
