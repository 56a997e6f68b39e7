"""A walking, turning, arm-swinging skeleton with known rotations, and the keypoints on it."""

from __future__ import annotations

import numpy as np

from mocap.body.skeleton.layout import (
    LEFT,
    LIMBS,
    UP,
    Measures,
    foot_offsets,
    joint_tree,
    rest_offsets,
)
from mocap.core.keypoints import COCO_17_FEET, KeypointSet
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D, Source
from mocap.core.rotation import matrix_from_rotvec, quaternion_wxyz_from_matrix
from mocap.core.shapes import FloatArray

FORWARD = np.array([0.0, -1.0, 0.0])

MEASURES = Measures(
    bone={
        f"{side}_{joint}": length
        for side in ("left", "right")
        for joint, length in (("knee", 0.42), ("ankle", 0.40), ("elbow", 0.29), ("wrist", 0.25))
    },
    hip_width=0.24,
    shoulder_width=0.36,
    trunk=0.50,
    neck=0.21,
)
TOE = np.array([0.0, -0.15, -0.07])

# Points on the face and foot in the axes of head and ankle; the heel lies straight behind the toe.
_ON_HEAD = {
    "nose": (0.0, -0.11, -0.025),
    "left_eye": (0.032, -0.09, 0.025),
    "right_eye": (-0.032, -0.09, 0.025),
    "left_ear": (0.075, 0.0, 0.0),
    "right_ear": (-0.075, 0.0, 0.0),
}
_ON_FOOT = {"heel": (0.0, 0.08, -0.07), "big_toe": tuple(TOE)}


def walk(frames: int = 120, fps: float = 60.0, *, knee_bend: float = 0.9) -> SkeletonMotion:
    """Return a skeleton that walks a curve; `knee_bend` and the elbows stay bent in radians."""
    t = np.arange(frames) / fps
    swing = np.sin(2.0 * np.pi * t)
    names, parents = joint_tree(with_feet=True)
    offsets = {**rest_offsets(MEASURES), **foot_offsets(TOE)}
    rotvec = {name: np.zeros((frames, 3)) for name in names}
    rotvec["pelvis"] = np.outer(0.8 * np.pi * t, UP)
    for name in ("spine1", "spine2", "spine3"):
        rotvec[name] = np.outer(0.08 * swing, UP)
    rotvec["neck"] = np.outer(0.2 * swing, LEFT)
    rotvec["head"] = 0.3 * np.stack([swing, swing**2, np.cos(t)], axis=-1)
    bend = {}
    for limb in LIMBS:
        sign = 1.0 if limb.upper.startswith("left") else -1.0
        if limb.upper.endswith("hip"):
            bend[limb.lower] = knee_bend + 0.4 * swing * sign
            rotvec[limb.upper] = np.outer(-0.5 * swing * sign, LEFT) + np.outer(0.1 + 0 * t, UP)
        else:
            bend[limb.lower] = 1.0 + 0.3 * swing * sign
            drop = np.outer(1.1 + 0 * t, np.cross(UP, LEFT) * sign)
            rotvec[limb.upper] = drop + np.outer(0.5 * swing, LEFT)
        rotvec[limb.lower] = np.outer(bend[limb.lower], limb.hinge)
    for side in ("left", "right"):
        rotvec[f"{side}_ankle"] = np.outer(0.3 * swing, LEFT)
    local = matrix_from_rotvec(np.stack([rotvec[name] for name in names], axis=1))
    sway = matrix_from_rotvec(np.outer(0.25 * np.cos(2.0 * np.pi * t), FORWARD))
    local[:, names.index("spine1")] = sway @ local[:, names.index("spine1")]
    root = np.stack([1.2 * np.sin(t), 1.2 - 1.2 * np.cos(t), 0.9 + 0.02 * swing], axis=-1)
    return SkeletonMotion(
        joint_names=names,
        parents=parents,
        rest_offsets=np.array([offsets[name] for name in names]),
        local_rotations_wxyz=quaternion_wxyz_from_matrix(local),
        root_positions=root,
        fps=fps,
    )


def keypoints_on(
    motion: SkeletonMotion, keypoint_set: KeypointSet = COCO_17_FEET, noise_m: float = 0.0
) -> Points3D:
    """Return the keypoints of a skeleton as one measured person with id 0."""
    positions, rotations = motion.forward_kinematics()
    joint = {name: index for index, name in enumerate(motion.joint_names)}

    def at(name: str, offset: tuple[float, float, float]) -> FloatArray:
        return np.asarray(positions[:, joint[name]] + rotations[:, joint[name]] @ np.array(offset))

    columns = []
    for keypoint in keypoint_set.keypoint_names:
        side, _, part = keypoint.partition("_")
        if keypoint in _ON_HEAD:
            columns.append(at("head", _ON_HEAD[keypoint]))
        elif part in _ON_FOOT:
            columns.append(at(f"{side}_ankle", _ON_FOOT[part]))
        else:
            columns.append(positions[:, joint[keypoint]])
    xyz = np.stack(columns, axis=1)[:, None]
    xyz = xyz + np.random.default_rng(5).normal(0.0, noise_m, xyz.shape)
    shape = xyz.shape[:3]
    return Points3D(
        keypoint_names=keypoint_set.keypoint_names,
        person_ids=(0,),
        fps=motion.fps,
        xyz=xyz,
        covariance=np.broadcast_to(np.eye(3) * 0.005**2, (*shape, 3, 3)).copy(),
        reprojection_error_px=np.full(shape, 1.5),
        view_count=np.full(shape, 4),
        source=np.full(shape, int(Source.MEASURED), dtype=np.uint8),
    )
