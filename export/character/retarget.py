"""Bring the motion of a foreign skeleton onto ours: our joints, names and T-pose.

The foreign bones keep their lengths. Joints of ours are found by name; a foreign joint without a
counterpart is left out, and where it bends between two that stay, the bone between them is only
right on average (`RetargetedMotion.error_m` says by how much).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import (
    matrix_from_rotvec,
    quaternion_wxyz_from_matrix,
    rotation_between,
)
from mocap.core.shapes import BoolArray, FloatArray
from mocap.export.character.character import Character
from mocap.export.character.names import recognised
from mocap.export.character.rest_pose import reposed

_LEFT, _UP, _DOWN = np.eye(3)[0], np.eye(3)[2], -np.eye(3)[2]

# Some skeletons have joints on top of each other: no bone, no direction.
_NO_LENGTH_M = 1e-6

# Directions of bones in our T-pose, by the joint at their near end and the one at their far end.
_T_POSE = {
    ("spine1", "spine2"): _UP,
    ("spine2", "spine3"): _UP,
    ("spine3", "neck"): _UP,
    ("neck", "head"): _UP,
    **{
        (f"{side}_{near}", f"{side}_{far}"): sign * direction
        for side, sign_out in (("left", 1.0), ("right", -1.0))
        for near, far, direction, outward in (
            ("hip", "knee", _DOWN, False),
            ("knee", "ankle", _DOWN, False),
            ("shoulder", "elbow", _LEFT, True),
            ("elbow", "wrist", _LEFT, True),
            ("wrist", "middle1", _LEFT, True),
        )
        for sign in ((sign_out if outward else 1.0),)
    },
}


@dataclass(frozen=True, eq=False)
class RetargetedMotion:
    """A motion on our skeleton.

    Attributes:
        motion: our joints, at rest in a T-pose.
        source_names: the foreign joint behind each of ours.
        error_m: largest distance of any joint in any frame from where it was, metres.
    """

    motion: SkeletonMotion
    source_names: tuple[str, ...]
    error_m: float


def retargeted(
    motion: SkeletonMotion, *, keep_unknown: bool = False, names: dict[str, str] | None = None
) -> RetargetedMotion:
    """Return a foreign motion on our skeleton.

    Args:
        motion: as read from a file, in metres, Z up, at rest in whatever pose the file has.
        keep_unknown: keep joints without a counterpart, under their own names: exact.
        names: SMPL-X names by foreign names; recognised by the presets of
            `mocap.export.character.names` when left out.

    Raises:
        ExportError: the hips are not found, or the root is no joint of ours.
    """
    ours = _with_upper_spine(motion, recognised(motion.joint_names)) if names is None else names
    root = motion.joint_names[0]
    if ours.get(root) != "pelvis" or not {"left_hip", "right_hip"} <= set(ours.values()):
        raise ExportError(
            f"the joints of this skeleton are not known (root '{root}', {len(ours)} of "
            f"{len(motion.joint_names)} recognised). Give their SMPL-X names by hand."
        )
    kept = np.array([keep_unknown or name in ours for name in motion.joint_names])
    reduced = _reduced(motion, kept)
    renamed = tuple(ours.get(name, name) for name in reduced.joint_names)
    on_ours = replace(reduced, joint_names=renamed)
    result = reposed(Character(on_ours), _t_pose(on_ours)).motion
    truth = motion.forward_kinematics()[0][:, kept]
    error = np.linalg.norm(result.forward_kinematics()[0] - truth, axis=-1)
    return RetargetedMotion(result, reduced.joint_names, float(error.max()))


def _with_upper_spine(motion: SkeletonMotion, ours: dict[str, str]) -> dict[str, str]:
    """Return names by which the upper spine is the joint that carries the collar bones.

    Spines have two to six joints; which of them are left out makes the difference.
    """
    collars = [each for each, name in ours.items() if name == "left_collar"]
    if not collars:
        return ours
    carrier = motion.joint_names[motion.parents[motion.joint_names.index(collars[0])]]
    if carrier in ours and ours[carrier] != "spine3":
        return ours
    kept = {each: name for each, name in ours.items() if name != "spine3"}
    return {**kept, carrier: "spine3"}


def _reduced(motion: SkeletonMotion, kept: BoolArray) -> SkeletonMotion:
    """Return the motion of some joints; each hangs on its nearest ancestor that stays."""
    if kept.all():
        return motion
    positions, rotations = motion.forward_kinematics()
    index = [joint for joint, stays in enumerate(kept) if stays]
    parents = []
    for joint in index:
        parent = motion.parents[joint]
        while parent >= 0 and not kept[parent]:
            parent = motion.parents[parent]
        parents.append(-1 if parent < 0 else index.index(parent))
    world = rotations[:, index]
    places = positions[:, index]
    offsets = np.zeros((len(index), 3))
    for joint in range(len(index)):
        below = [child for child, parent in enumerate(parents) if parent == joint]
        if len(below) == 1:
            # What bent in between goes into this joint: the next one keeps its direction.
            arm = places[:, below[0]] - places[:, joint]
            mean = np.einsum("fba,fb->fa", world[:, joint], arm).mean(axis=0)
            if min(np.linalg.norm(mean), np.linalg.norm(arm, axis=1).min()) < _NO_LENGTH_M:
                continue
            world[:, joint] = rotation_between(world[:, joint] @ mean, arm) @ world[:, joint]
    local = world.copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            local[:, joint] = np.swapaxes(world[:, parent], -1, -2) @ world[:, joint]
            arm = places[:, joint] - places[:, parent]
            offsets[joint] = np.einsum("fba,fb->fa", world[:, parent], arm).mean(axis=0)
    return SkeletonMotion(
        joint_names=tuple(motion.joint_names[joint] for joint in index),
        parents=tuple(parents),
        rest_offsets=offsets,
        local_rotations_wxyz=quaternion_wxyz_from_matrix(local),
        root_positions=motion.root_positions,
        fps=motion.fps,
    )


def _t_pose(motion: SkeletonMotion) -> dict[str, FloatArray]:
    """Return the local rotations (3, 3) by joint that put a skeleton into our T-pose.

    The pelvis turns upright and to the front; each bone then takes the shortest way to its
    direction, and what has no direction follows its parent.
    """
    names = motion.joint_names
    world: list[FloatArray] = []
    for joint, name in enumerate(names):
        parent = motion.parents[joint]
        turn = _upright(motion) if parent < 0 else world[parent]
        for child, above in enumerate(motion.parents):
            direction = _T_POSE.get((name, names[child])) if above == joint else None
            bone = turn @ motion.rest_offsets[child]
            if direction is not None and np.linalg.norm(bone) > _NO_LENGTH_M:
                turn = rotation_between(bone, direction) @ turn
        world.append(turn)
    return {
        name: world[joint] if up < 0 else world[up].T @ world[joint]
        for joint, (name, up) in enumerate(zip(names, motion.parents, strict=True))
    }


def _upright(motion: SkeletonMotion) -> FloatArray:
    """Return the turn (3, 3) of the pelvis that puts the trunk up and the hips left to right."""
    still = replace(
        motion,
        local_rotations_wxyz=np.tile([1.0, 0.0, 0.0, 0.0], (1, len(motion.parents), 1)),
        root_positions=np.zeros((1, 3)),
    )
    places = dict(zip(motion.joint_names, still.forward_kinematics()[0][0], strict=True))
    trunk = next((name for name in ("spine3", "neck", "spine2", "spine1") if name in places), None)
    hips = 0.5 * (places["left_hip"] + places["right_hip"])
    upward = _UP if trunk is None else places[trunk] - hips
    turn = rotation_between(upward, _UP)
    across = turn @ (places["left_hip"] - places["right_hip"])
    return matrix_from_rotvec(-np.arctan2(across[1], across[0]) * _UP) @ turn
