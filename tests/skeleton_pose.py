"""The pose of a body model from a skeleton's motion: the way back of `skeleton_from_pose`."""

from __future__ import annotations

import numpy as np

from mocap.body.model import WORLD_FROM_BODY, BodyModel
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.shapes import Array, FloatArray


def pose_from_skeleton(
    model: BodyModel, motion: SkeletonMotion, betas: Array
) -> tuple[FloatArray, FloatArray]:
    """Return model rotations (frame, joint, 3, 3) and transl (frame, 3) of a skeleton's motion.

    Joints are matched by name; joints of the model that the skeleton lacks stay at rest. The
    skeleton's rest pose must be the T-pose described above.

    """
    frames = len(motion.root_positions)
    rotations = np.tile(np.eye(3), (frames, model.joint_count, 1, 1))
    local = matrix_from_quaternion_wxyz(motion.local_rotations_wxyz)
    columns = [model.joint(name) for name in motion.joint_names]
    rotations[:, columns] = WORLD_FROM_BODY.T @ local @ WORLD_FROM_BODY
    rotations[:, 0] = local[:, 0] @ WORLD_FROM_BODY
    return rotations, motion.root_positions - model.joints(betas)[0]
