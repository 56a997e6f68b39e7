"""A fitted body as a skeleton: joint centres and rotations, ready for animation formats."""

from __future__ import annotations

from mocap.body.mesh import check_same_body, posed_rotations
from mocap.body.model import BodyModel
from mocap.body.model_motion import skeleton_from_pose
from mocap.core.body_motion import BodyMotion
from mocap.core.motion import SkeletonMotion


def skeleton_of(motion: BodyMotion, model: BodyModel) -> SkeletonMotion:
    """Return the skeleton of a fitted body; its root is the pelvis joint, its rest a T-pose.

    Raises:
        BodyError: the motion belongs to another body.
    """
    check_same_body(model, motion)
    rotations = posed_rotations(model, motion, range(motion.frame_count))
    return skeleton_from_pose(model, rotations, motion.betas, motion.transl, motion.fps)
