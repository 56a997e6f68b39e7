"""The free body with fast spins in every joint: the hardest character to write."""

from __future__ import annotations

import numpy as np

from mocap.body.model import WORLD_FROM_BODY, load_free_body
from mocap.body.model_motion import skeleton_from_pose
from mocap.body.skin import skinned_mesh
from mocap.core.mesh import SkinnedMesh
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.export.character import Character, rest_positions


def free_body_mesh() -> SkinnedMesh:
    """Return the mean free body as a skin."""
    return skinned_mesh(load_free_body())


def spinning_body(frames: int = 90, fps: float = 60.0, seed: int = 3) -> SkeletonMotion:
    """Return 55 joints that swing by 25 degrees; pelvis, right arm and left thigh turn round.

    The arm makes 2.2 turns a second about a slanted axis, the pelvis one, the thigh one and a half.
    """
    model = load_free_body()
    random = np.random.default_rng(seed)
    t = np.arange(frames) / fps
    axes = random.normal(size=(model.joint_count, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    phase = t[:, None] * random.uniform(0.4, 1.5, model.joint_count) + random.uniform(
        0.0, 1.0, model.joint_count
    )
    swing = 0.44 * np.sin(2.0 * np.pi * phase)
    rotations = matrix_from_rotvec(swing[..., None] * axes)
    for name, axis, turns in (
        ("pelvis", (0.0, 1.0, 0.0), 1.0),
        ("right_shoulder", (0.36, 0.48, 0.8), 2.2),
        ("left_hip", (1.0, 0.0, 0.0), 1.5),
    ):
        joint = model.joint(name)
        spin = matrix_from_rotvec(np.outer(2.0 * np.pi * turns * t, axis))
        rotations[:, joint] = spin @ rotations[:, joint]
    rotations[:, 0] = WORLD_FROM_BODY @ rotations[:, 0]
    travel = np.stack([0.8 * t, 0.5 * np.sin(np.pi * t), 0.95 + 0.05 * np.sin(4 * np.pi * t)], 1)
    return skeleton_from_pose(model, rotations, np.zeros(0), travel - model.joints()[0], fps)


def spinning_character(frames: int = 90, fps: float = 60.0) -> Character:
    """Return the spinning free body with its skin."""
    return Character(spinning_body(frames, fps), free_body_mesh(), "Ann")


def posed_skin(character: Character, frame: int) -> FloatArray:
    """Return the skin (vertex, 3) of one frame in the world, metres."""
    assert character.mesh is not None
    positions, rotations = character.motion.forward_kinematics()
    rest = rest_positions(character.motion)
    return np.asarray(character.mesh.posed(rest, positions[frame], rotations[frame]))
