"""Other rest poses, and mirror images.

In every rest pose all joint frames are parallel to the world: zero rotations are that pose.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.errors import ExportError
from mocap.core.keypoints import mirrored_name
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import (
    matrix_from_rotvec,
    quaternion_wxyz_from_matrix,
)
from mocap.core.shapes import FloatArray
from mocap.export.character.character import Character
from mocap.export.quaternions import conjugate, multiply

REST_POSES = ("t", "a")

# Arms of an A-pose hang half-way between a T-pose and straight down.
_A_POSE_DEG = 45.0
_FORE_AFT = np.array([0.0, 1.0, 0.0])

# Reflection in the body's middle plane, x = 0.
_MIRROR = np.array([-1.0, 1.0, 1.0])
# A mirrored turn has its axis mirrored and its sense reversed: (w, x, -y, -z).
_MIRROR_WXYZ = np.array([1.0, 1.0, -1.0, -1.0])


def with_rest_pose(character: Character, pose: str) -> Character:
    """Return the same motion of the same skin, at rest in a `t` or an `a` pose.

    Raises:
        ExportError: unknown pose.
    """
    if pose not in REST_POSES:
        raise ExportError(f"rest pose '{pose}' is unknown; choose t or a.")
    if pose == "t":
        return character
    down = np.deg2rad(_A_POSE_DEG)
    return reposed(
        character,
        {
            "left_shoulder": matrix_from_rotvec(down * _FORE_AFT),
            "right_shoulder": matrix_from_rotvec(-down * _FORE_AFT),
        },
    )


def reposed(character: Character, rotations: Mapping[str, FloatArray]) -> Character:
    """Return the same motion with the pose of some local rotations (3, 3) as its rest pose.

    With G the world rotations of that pose and L the local ones of the motion, the new local
    rotations are G_parent L G^T and the new offsets G_parent offset.

    The skin is posed and bound anew. Where joints that turn against each other share the skin, a
    linear blend is not undone by another one: there the moving skin changes (for arms lowered by
    45 degrees by up to 3 cm at the armpit in extreme poses; 94 % of the skin does not change).
    """
    motion = character.motion
    pose = np.tile(np.eye(3), (len(motion.parents), 1, 1))
    for name, rotation in rotations.items():
        if name in motion.joint_names:
            pose[motion.joint_names.index(name)] = rotation
    still = replace(
        motion,
        local_rotations_wxyz=quaternion_wxyz_from_matrix(pose)[None],
        root_positions=np.zeros((1, 3)),
    )
    positions, world = (each[0] for each in still.forward_kinematics())
    above = np.stack([np.eye(3) if up < 0 else world[up] for up in motion.parents])
    turns = multiply(quaternion_wxyz_from_matrix(above), motion.local_rotations_wxyz)
    turns = multiply(turns, conjugate(quaternion_wxyz_from_matrix(world)))
    mesh = character.mesh
    if mesh is not None:
        vertices = mesh.posed(motion.rest_positions(), positions, world)
        mesh = replace(mesh, vertices=vertices)
    return replace(
        character,
        motion=replace(
            motion,
            rest_offsets=np.einsum("jab,jb->ja", above, motion.rest_offsets),
            local_rotations_wxyz=turns,
        ),
        mesh=mesh,
    )


def mirrored(character: Character) -> Character:
    """Return the mirror image in the plane x = 0: what the left side did, the right side does.

    Raises:
        ExportError: a joint has no counterpart on the other side.
    """
    motion = character.motion
    names = motion.joint_names
    lonely = [name for name in names if mirrored_name(name) not in names]
    if lonely:
        raise ExportError(f"these joints have no counterpart to mirror: {', '.join(lonely[:5])}.")
    other = [names.index(mirrored_name(name)) for name in names]
    mesh = character.mesh
    return replace(
        character,
        motion=SkeletonMotion(
            joint_names=names,
            parents=motion.parents,
            rest_offsets=motion.rest_offsets[other] * _MIRROR,
            local_rotations_wxyz=motion.local_rotations_wxyz[:, other] * _MIRROR_WXYZ,
            root_positions=motion.root_positions * _MIRROR,
            fps=motion.fps,
        ),
        mesh=None if mesh is None else _mirrored_mesh(mesh, other),
    )


def _mirrored_mesh(mesh: SkinnedMesh, other: list[int]) -> SkinnedMesh:
    """Return the mirror image of a skin, its faces still seen from outside."""
    return SkinnedMesh(
        vertices=mesh.vertices * _MIRROR,
        faces=mesh.faces[:, ::-1].copy(),
        joints=np.array(other)[mesh.joints],
        weights=mesh.weights,
    )
