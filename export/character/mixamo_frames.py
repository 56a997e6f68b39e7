"""The joint frames of Mixamo's rigs in their T-pose, so that a clip fits a Mixamo character.

Y runs along the bone, X is the hinge. Directions (Y up, facing +Z) were measured on one published
rig, both sides averaged; the right side is the mirror image. Every rig of Mixamo's auto-rigger has
these frames to within the slope of its bones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.core.shapes import FloatArray

_ALONG_ARM = ((1.0, 0.0, 0.0), (0.0, -0.999, 0.045))

# By our joint: the directions of Y and Z, of the left side where there are two.
_AXES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "pelvis": ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "spine": ((0.0, 0.993, -0.121), (0.0, 0.121, 0.993)),
    "neck": ((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "hip": ((0.004, -1.0, -0.021), (-0.005, -0.021, 1.0)),
    "knee": ((-0.004, -0.999, -0.041), (-0.005, -0.041, 0.999)),
    "ankle": ((0.072, -0.562, 0.823), (-0.051, 0.823, 0.566)),
    "foot": ((0.095, -0.009, 0.995), (0.017, 1.0, 0.007)),
    "collar": ((0.966, -0.260, -0.007), (-0.257, -0.958, 0.126)),
    "shoulder": ((1.0, 0.0, 0.0), (0.0, -0.993, 0.115)),
    "elbow": ((1.0, 0.0, 0.0), (0.0, -0.993, 0.119)),
    "wrist": ((0.996, -0.028, -0.082), (-0.025, -0.999, 0.034)),
    "thumb1": ((0.808, -0.141, 0.572), (-0.173, -0.985, 0.001)),
    "thumb2": ((0.754, -0.132, 0.644), (-0.179, -0.984, 0.008)),
    "thumb3": ((0.645, -0.111, 0.756), (-0.179, -0.984, 0.008)),
    "index": ((1.0, 0.0, 0.0), (0.0, -0.999, 0.031)),
    "middle": ((1.0, 0.0, 0.0), (0.0, -0.999, 0.037)),
    "ring": _ALONG_ARM,
    "pinky": _ALONG_ARM,
}
# Joints that Mixamo's rigs have not: eyes and jaw follow the head.
_LIKE = {"head": "neck", "jaw": "neck", "spine1": "spine", "spine2": "spine", "spine3": "spine"}

# (x, y, z) with Y up -> (x, -z, y) with Z up.
_Z_UP_FROM_Y_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def mixamo_frames(names: Sequence[str]) -> FloatArray:
    """Return the orientation (joint, 3, 3) of joints, SMPL-X names, in the Z-up rest pose."""
    return np.stack([_frame(name) for name in names])


def _frame(name: str) -> FloatArray:
    side, _, part = name.partition("_")
    if side not in ("left", "right"):
        part = _LIKE.get(name, name)
    elif part.startswith("eye"):
        part = "neck"
    if part not in _AXES:
        part = part.rstrip("0123456789")
    # A bone of the floor (root) stands as the hips do.
    y, z = (np.array(axis) for axis in _AXES.get(part, _AXES["pelvis"]))
    if side == "right":
        y, z = y * [-1.0, 1.0, 1.0], z * [-1.0, 1.0, 1.0]
    y = y / np.linalg.norm(y)
    z = z - (z @ y) * y
    z = z / np.linalg.norm(z)
    return np.asarray(_Z_UP_FROM_Y_UP @ np.stack([np.cross(y, z), y, z], axis=1))
