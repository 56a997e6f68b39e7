"""The free body with fast spins in every joint: the hardest motion to write into a file."""

from __future__ import annotations

import numpy as np

from mocap.body.model import WORLD_FROM_BODY, load_free_body
from mocap.body.model_motion import skeleton_from_pose
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_rotvec

_SWING_RAD = 0.44

# Joint, axis in the body frame, most turns per second: full turns pass every gimbal lock there is.
_SPINS = (
    ("pelvis", (0.0, 1.0, 0.0), 1.0),
    ("right_shoulder", (0.36, 0.48, 0.8), 2.2),
    ("left_hip", (1.0, 0.0, 0.0), 1.5),
)

# They turn three seconds one way, three back and so on: nobody makes a hundred turns in a row.
_PERIOD_S = 12.0


def spinning_body(frames: int = 90, fps: float = 60.0, seed: int = 3) -> SkeletonMotion:
    """Return 55 joints that swing by 25 degrees; pelvis, right arm and left thigh turn round."""
    model = load_free_body()
    random = np.random.default_rng(seed)
    t = np.arange(frames) / fps
    axes = random.normal(size=(model.joint_count, 3))
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    phase = t[:, None] * random.uniform(0.4, 1.5, model.joint_count)
    phase += random.uniform(0.0, 1.0, model.joint_count)
    swing = _SWING_RAD * np.sin(2.0 * np.pi * phase)
    rotations = matrix_from_rotvec(swing[..., None] * axes)
    turned = _PERIOD_S * np.sin(2.0 * np.pi * t / _PERIOD_S)
    for name, axis, turns in _SPINS:
        joint = model.joint(name)
        spin = matrix_from_rotvec(np.outer(turns * turned, axis))
        rotations[:, joint] = spin @ rotations[:, joint]
    rotations[:, 0] = WORLD_FROM_BODY @ rotations[:, 0]
    travel = np.stack(
        [
            0.8 * np.sin(0.5 * t),
            0.5 * np.sin(np.pi * t),
            0.95 + 0.05 * np.sin(4.0 * np.pi * t),
        ],
        axis=1,
    )
    return skeleton_from_pose(model, rotations, np.zeros(0), travel - model.joints()[0], fps)
