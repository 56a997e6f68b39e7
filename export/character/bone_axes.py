"""Directions of the axes of bones in the rest pose.

Inside, all joint frames are parallel to the world in the rest pose (axis `none`). Some programs
draw or drive bones by an axis that runs along them: +Y (Blender, Mixamo) or +X (Maya, Unreal).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.shapes import Array, FloatArray
from mocap.export.character.mixamo_frames import mixamo_frames

BONE_AXES = ("none", "y", "x", "mixamo")

# Where several bones meet, the one that continues the body.
_CONTINUES = {
    "root": "pelvis",
    "pelvis": "spine1",
    "spine3": "neck",
    "left_wrist": "left_middle1",
    "right_wrist": "right_middle1",
}

# Body direction of the ends that have no bone to follow, in the Z-up rest pose facing -Y.
_ENDS = {
    "head": (0.0, 0.0, 1.0),
    "jaw": (0.0, -1.0, 0.0),
    "left_eye_smplhf": (0.0, -1.0, 0.0),
    "right_eye_smplhf": (0.0, -1.0, 0.0),
    "left_foot": (0.0, -1.0, 0.0),
    "right_foot": (0.0, -1.0, 0.0),
}

_FORWARD = np.array([0.0, -1.0, 0.0])
_UP = np.array([0.0, 0.0, 1.0])

# Closer than 37 degrees to forward, "forward" is a poor second direction; up takes its place.
_NEARLY_FORWARD = 0.8

# A bone shorter than this has no direction of its own.
_NO_LENGTH_M = 1e-9


def rest_rotations(
    names: Sequence[str], parents: Sequence[int], rest_positions: Array, bone_axis: str
) -> FloatArray:
    """Return the orientation (joint, 3, 3) of each joint's frame in the Z-up rest pose.

    Args:
        names: SMPL-X names; other names are oriented along their first child.
        parents: index of each joint's parent, -1 for the root.
        rest_positions: (joint, 3) metres.
        bone_axis: `none` (parallel to the world), `y` or `x` (that axis along the bone; the
            remaining directions as near to the body's forward as they can be), or `mixamo`
            (see `mixamo_frames`).

    Raises:
        ExportError: unknown bone axis.
    """
    if bone_axis not in BONE_AXES:
        raise ExportError(
            f"bone axis '{bone_axis}' is unknown; choose one of {', '.join(BONE_AXES)}."
        )
    if bone_axis == "mixamo":
        return np.asarray(mixamo_frames(names))
    out = np.tile(np.eye(3), (len(names), 1, 1))
    if bone_axis == "none":
        return out
    for joint, direction in enumerate(_directions(names, parents, np.asarray(rest_positions))):
        out[joint] = _frame(direction, bone_axis)
    return out


def _directions(
    names: Sequence[str], parents: Sequence[int], rest_positions: FloatArray
) -> list[FloatArray]:
    """Return the unit direction of each joint's bone, towards the child that continues it."""
    directions: list[FloatArray] = []
    for joint, name in enumerate(names):
        children = [child for child, parent in enumerate(parents) if parent == joint]
        named = [child for child in children if names[child] == _CONTINUES.get(name)]
        bone = np.zeros(3)
        if name in _ENDS:
            bone = np.array(_ENDS[name])
        elif children:
            bone = rest_positions[(named or children)[0]] - rest_positions[joint]
        if np.linalg.norm(bone) < _NO_LENGTH_M:
            bone = directions[parents[joint]] if parents[joint] >= 0 else _UP
        directions.append(np.asarray(bone / np.linalg.norm(bone)))
    return directions


def _frame(direction: FloatArray, bone_axis: str) -> FloatArray:
    """Return a right-handed frame (3, 3) with one axis along a unit direction."""
    second = _UP if abs(direction @ _FORWARD) > _NEARLY_FORWARD else _FORWARD
    z = second - direction * (second @ direction)
    z = z / np.linalg.norm(z)
    if bone_axis == "y":
        return np.stack([np.cross(direction, z), direction, z], axis=1)
    return np.stack([direction, np.cross(z, direction), z], axis=1)
