"""Between poses of a body model (Y-up body frame) and skeletons in the Z-up world.

The skeleton's rest pose is the model's zero pose stood upright: a T-pose facing -Y, left is +X,
all joint frames parallel to the world. A local rotation R of the model is then B R B^T in the
skeleton, with B = WORLD_FROM_BODY; the root's is R B^T because R already ends in the world.
"""

from __future__ import annotations

import numpy as np

from mocap.body.lbs import as_matrices
from mocap.body.model import WORLD_FROM_BODY, BodyModel
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import quaternion_wxyz_from_matrix
from mocap.core.shapes import Array, in_parts

# Matrices take several times the room of what they become.
_FRAMES_AT_ONCE = 2048


def skeleton_from_pose(
    model: BodyModel, rotations: Array, betas: Array, transl: Array, fps: float
) -> SkeletonMotion:
    """Return the skeleton that moves as the posed model does.

    Args:
        model: gives bones and names.
        rotations: local, (frame, joint, 3, 3) or rotation vectors; the root's takes the Y-up body
            into the world.
        betas: shape.
        transl: (frame, 3) metres, as in `BodyModel.forward_kinematics`.
        fps: frames per second.
    """
    quaternions = np.zeros((len(rotations), len(model.joint_names), 4))
    for part in in_parts(len(rotations), _FRAMES_AT_ONCE):
        local = as_matrices(rotations[part])
        turned = WORLD_FROM_BODY @ local @ WORLD_FROM_BODY.T
        turned[:, 0] = local[:, 0] @ WORLD_FROM_BODY.T
        quaternions[part] = quaternion_wxyz_from_matrix(turned)
    joints = model.joints(betas)
    offsets = joints - joints[np.maximum(model.parents, 0)]
    return SkeletonMotion(
        joint_names=model.joint_names,
        parents=model.parents,
        rest_offsets=offsets @ WORLD_FROM_BODY.T,
        local_rotations_wxyz=quaternions,
        root_positions=joints[0] + np.asarray(transl, dtype=np.float64),
        fps=fps,
    )
