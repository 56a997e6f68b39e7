"""A fitted body as a skeleton: joint centres and rotations, ready for animation formats."""

from __future__ import annotations

from mocap.body.mesh import posed_rotations
from mocap.body.model import BodyModel
from mocap.body.model_motion import skeleton_from_pose
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import BodyError
from mocap.core.motion import SkeletonMotion


def skeleton_of(motion: BodyMotion, model: BodyModel) -> SkeletonMotion:
    """Return the skeleton of a fitted body; its root is the pelvis joint, its rest a T-pose.

    Raises:
        BodyError: the motion belongs to another body.
    """
    check_model(motion, model)
    rotations = posed_rotations(model, motion, range(motion.frame_count))
    return skeleton_from_pose(model, rotations, motion.betas, motion.transl, motion.fps)


def check_model(motion: BodyMotion, model: BodyModel) -> None:
    """Check that a motion was fitted with this very body.

    Raises:
        BodyError: it was not.
    """
    if motion.model_hash != model.content_hash:
        raise BodyError(
            f"this motion was fitted with body '{motion.model_name}' "
            f"({motion.model_hash[:12]}), not with '{model.name}' ({model.content_hash[:12]}). "
            "Give the same body file, or fit again."
        )
