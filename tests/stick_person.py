"""A person of straight bones whose joint angles are set by their ISB definitions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from mocap.core.keypoints import COCO_17_FEET, mirrored_name
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D, Source
from mocap.core.rotation import matrix_from_quaternion_wxyz, quaternion_wxyz_from_matrix
from mocap.core.shapes import Array, FloatArray

_TREE: dict[str, tuple[str, tuple[float, float, float]]] = {
    "pelvis": ("", (0, 0, 0)),
    "spine3": ("pelvis", (0, 0, 0.35)),
    "neck": ("spine3", (0, 0, 0.2)),
    "head": ("neck", (0, 0, 0.1)),
}
_LIMBS = {
    "collar": ("spine3", (0.05, 0, 0.15)),
    "shoulder": ("collar", (0.13, 0, 0)),
    "elbow": ("shoulder", (0.3, 0, 0)),
    "wrist": ("elbow", (0.25, 0, 0)),
    "middle1": ("wrist", (0.09, 0, 0)),
    "hip": ("pelvis", (0.1, 0, -0.05)),
    "knee": ("hip", (0, 0, -0.42)),
    "ankle": ("knee", (0, 0, -0.40)),
    "foot": ("ankle", (0, -0.13, -0.07)),
}

# Where X, Y, Z of each right segment point in the T-pose: left of the person is +X, ahead is -Y.
_AHEAD, _UP, _RIGHT = np.array([0, -1.0, 0]), np.array([0, 0, 1.0]), np.array([-1.0, 0, 0])
_UPRIGHT = np.stack([_AHEAD, _UP, _RIGHT], axis=-1)
_HUMERUS = np.stack([_AHEAD, -_RIGHT, _UP], axis=-1)
_PALM_DOWN = np.stack([-_UP, -_RIGHT, _AHEAD], axis=-1)
REST = {
    "pelvis": _UPRIGHT,
    "thorax": _UPRIGHT,
    "head": _UPRIGHT,
    "humerus": _HUMERUS,
    "forearm": _PALM_DOWN,
    "hand": _PALM_DOWN,
    "femur": _UPRIGHT,
    "tibia": _UPRIGHT,
    "foot": _UPRIGHT,
}
# joint -> proximal and distal segment, sequence, signs of the named angles
JOINTS = {
    "shoulder": ("thorax", "humerus", "YXY", (1, -1, -1)),
    "elbow": ("humerus", "forearm", "ZXY", (1, 1, 1)),
    "wrist": ("forearm", "hand", "ZXY", (1, 1, 1)),
    "hip": ("pelvis", "femur", "ZXY", (1, 1, 1)),
    "knee": ("femur", "tibia", "ZXY", (-1, 1, 1)),
    "ankle": ("tibia", "foot", "ZXY", (1, 1, 1)),
}
NEUTRAL = {
    "shoulder": (0.0, 12.0, 0.0),
    "elbow": (0.0, 0.0, 0.0),
    "wrist": (0.0, 0.0, 0.0),
    "hip": (0.0, 0.0, 0.0),
    "knee": (0.0, 0.0, 0.0),
    "ankle": (0.0, 0.0, 0.0),
}
_MIRROR = np.array([-1.0, 1.0, 1.0])


def tree() -> tuple[tuple[str, ...], tuple[int, ...], FloatArray]:
    """Return joint names, parents and rest offsets; parents come first."""
    bones: dict[str, tuple[str, tuple[float, float, float]]] = dict(_TREE)
    for side, sign in (("left", 1), ("right", -1)):
        for name, (parent, (x, y, z)) in _LIMBS.items():
            sided = parent if parent in _TREE else f"{side}_{parent}"
            bones[f"{side}_{name}"] = (sided, (sign * x, y, z))
    names = tuple(bones)
    parents = tuple(-1 if not parent else names.index(parent) for parent, _ in bones.values())
    return names, parents, np.array([offset for _, offset in bones.values()], dtype=np.float64)


def person(
    frames: int = 1,
    fps: float = 100.0,
    *,
    right: Mapping[str, ArrayLike] | None = None,
    left: Mapping[str, ArrayLike] | None = None,
    pelvis: Array | None = None,
    thorax: Array | None = None,
    root: Array | None = None,
) -> SkeletonMotion:
    """Pose a person.

    Args:
        frames, fps: of the motion.
        right, left: joint -> (3,) or (frame, 3) angles in degrees in the order and sign of the
            product's table; neutral where not given.
        pelvis, thorax: rotation matrices: world from rest pelvis, and thorax in the pelvis.
        root: (frame, 3) of the pelvis in metres.
    """
    names, parents, offsets = tree()
    local = np.tile(np.eye(3), (frames, len(names), 1, 1))
    local[:, 0] = np.eye(3) if pelvis is None else pelvis
    local[:, names.index("spine3")] = np.eye(3) if thorax is None else thorax
    for side, given in (("right", right), ("left", left)):
        for joint, (proximal, distal, sequence, signs) in JOINTS.items():
            angles = np.broadcast_to(
                np.asarray((given or {}).get(joint, NEUTRAL[joint]), dtype=np.float64), (frames, 3)
            )
            turn = Rotation.from_euler(sequence, angles * np.array(signs), degrees=True)
            # From the rest pose: distal frame = proximal frame times the Euler rotation.
            posed = REST[proximal] @ turn.as_matrix() @ REST[distal].T
            if side == "left":
                posed = _MIRROR[:, None] * posed * _MIRROR
            local[:, names.index(f"{side}_{joint}")] = posed
    return SkeletonMotion(
        joint_names=names,
        parents=parents,
        rest_offsets=offsets,
        local_rotations_wxyz=quaternion_wxyz_from_matrix(local),
        root_positions=np.tile([0.0, 0.0, 0.95], (frames, 1)) if root is None else np.asarray(root),
        fps=fps,
    )


def mirror_image(motion: SkeletonMotion) -> SkeletonMotion:
    """Return the motion of the mirrored person (plane x = 0)."""
    swap = [motion.joint_names.index(mirrored_name(name)) for name in motion.joint_names]
    local = matrix_from_quaternion_wxyz(motion.local_rotations_wxyz)[:, swap]
    return SkeletonMotion(
        joint_names=motion.joint_names,
        parents=motion.parents,
        rest_offsets=motion.rest_offsets[swap] * _MIRROR,
        local_rotations_wxyz=quaternion_wxyz_from_matrix(_MIRROR[:, None] * local * _MIRROR),
        root_positions=motion.root_positions * _MIRROR,
        fps=motion.fps,
    )


def keypoints_of(motion: SkeletonMotion, sigma_m: float = 0.004) -> Points3D:
    """Return COCO keypoints with feet that sit on the joints of a motion."""
    positions, rotations = motion.forward_kinematics()
    at = {name: positions[:, k] for k, name in enumerate(motion.joint_names)}
    turn = {name: rotations[:, k] for k, name in enumerate(motion.joint_names)}
    for side, sign in (("left", 1), ("right", -1)):
        at[f"{side}_heel"] = at[f"{side}_ankle"] + turn[f"{side}_ankle"] @ [0, 0.06, -0.07]
        at[f"{side}_big_toe"] = at[f"{side}_ankle"] + turn[f"{side}_ankle"] @ [0, -0.2, -0.07]
        at[f"{side}_ear"] = at["head"] + turn["head"] @ [sign * 0.07, 0, 0.1]
        at[f"{side}_eye"] = at["head"] + turn["head"] @ [sign * 0.03, -0.1, 0.12]
    at["nose"] = at["head"] + turn["head"] @ [0, -0.12, 0.1]
    xyz = np.stack([at[name] for name in COCO_17_FEET.keypoint_names], axis=1)[:, None]
    shape = xyz.shape[:3]
    return Points3D(
        keypoint_names=COCO_17_FEET.keypoint_names,
        person_ids=(0,),
        fps=motion.fps,
        xyz=xyz,
        covariance=np.broadcast_to(np.eye(3) * sigma_m**2, (*shape, 3, 3)).copy(),
        reprojection_error_px=np.ones(shape),
        view_count=np.full(shape, 4),
        source=np.full(shape, Source.MEASURED, dtype=np.uint8),
    )
