"""Between poses of a body model (Y-up body frame) and skeletons in the Z-up world.

The skeleton's rest pose is the model's zero pose stood upright: a T-pose facing -Y, left is +X,
all joint frames parallel to the world. A local rotation R of the model is then B R B^T in the
skeleton, with B = WORLD_FROM_BODY; the root's is R B^T because R already ends in the world.
"""

from __future__ import annotations

import numpy as np

from mocap.body.lbs import as_matrices
from mocap.body.model import WORLD_FROM_BODY, BodyModel
from mocap.core.errors import BodyError
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_quaternion_wxyz, quaternion_wxyz_from_matrix
from mocap.core.shapes import Array, FloatArray


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
    local = as_matrices(rotations)
    turned = WORLD_FROM_BODY @ local @ WORLD_FROM_BODY.T
    turned[:, 0] = local[:, 0] @ WORLD_FROM_BODY.T
    joints = model.joints(betas)
    offsets = joints - joints[np.maximum(model.parents, 0)]
    return SkeletonMotion(
        joint_names=model.joint_names,
        parents=model.parents,
        rest_offsets=offsets @ WORLD_FROM_BODY.T,
        local_rotations_wxyz=quaternion_wxyz_from_matrix(turned),
        root_positions=joints[0] + np.asarray(transl, dtype=np.float64),
        fps=fps,
    )


def pose_from_skeleton(
    model: BodyModel, motion: SkeletonMotion, betas: Array
) -> tuple[FloatArray, FloatArray]:
    """Return model rotations (frame, joint, 3, 3) and transl (frame, 3) of a skeleton's motion.

    Joints are matched by name; joints of the model that the skeleton lacks stay at rest. The
    skeleton's rest pose must be the T-pose described above.

    Raises:
        BodyError: when the skeleton's root is not the model's, or it has unknown joints.
    """
    unknown = sorted(set(motion.joint_names) - set(model.joint_names))
    if unknown or motion.joint_names[0] != model.joint_names[0]:
        raise BodyError(
            f"a skeleton rooted at '{motion.joint_names[0]}' with {len(unknown)} unknown joints "
            f"({', '.join(unknown[:5])}) cannot drive body '{model.name}'; rename its joints to "
            "SMPL-X names."
        )
    frames = len(motion.root_positions)
    rotations = np.tile(np.eye(3), (frames, model.joint_count, 1, 1))
    local = matrix_from_quaternion_wxyz(motion.local_rotations_wxyz)
    columns = [model.joint(name) for name in motion.joint_names]
    rotations[:, columns] = WORLD_FROM_BODY.T @ local @ WORLD_FROM_BODY
    rotations[:, 0] = local[:, 0] @ WORLD_FROM_BODY
    return rotations, motion.root_positions - model.joints(betas)[0]
