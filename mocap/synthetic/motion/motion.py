"""Motions of the free body with known truth, at any frame rate.

Every motion is a smooth function of time sampled at the frames: a clip at 240 fps passes through
the frames of the same clip at 60 fps. World Z up, the floor is z = 0 and no sole goes below it by
more than a few millimetres.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mocap.body.model import BodyModel, load_free_body
from mocap.core.keypoints import COCO_17_FEET, KeypointSet
from mocap.core.shapes import FloatArray
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.exercises import arm_raise, dance, squat
from mocap.synthetic.motion.gait import walk
from mocap.synthetic.motion.throwing import pitchers_throw, throw

MOTIONS: dict[str, Callable[..., SyntheticMotion]] = {
    "walk": walk,
    "squat": squat,
    "throw": throw,
    "pitchers_throw": pitchers_throw,
    "arm_raise": arm_raise,
    "dance": dance,
}
"""Motions by name; each takes duration_s, fps and, by keyword, seed, heading_deg and origin_m."""


def body_keypoints(
    motion: SyntheticMotion,
    keypoint_set: KeypointSet = COCO_17_FEET,
    model: BodyModel | None = None,
) -> FloatArray:
    """Return the true keypoints (frame, keypoint, 3) in the world, metres.

    Shoulders, elbows, wrists, hips, knees and ankles are the body's joint centres; face and feet
    are points on the skin. Detectors put some of them elsewhere (hips and shoulders by 3 cm):
    that difference is theirs, not an error of the truth.
    """
    body = model or load_free_body()
    joints, _ = body.forward_kinematics(motion.rotations, motion.betas, motion.transl)
    skin = body.landmarks(motion.rotations, motion.betas, motion.transl)
    return np.stack(
        [
            skin[:, body.landmark_names.index(name)]
            if name in body.landmark_names
            else joints[:, body.joint(name)]
            for name in keypoint_set.keypoint_names
        ],
        axis=1,
    )


__all__ = [
    "MOTIONS",
    "SyntheticMotion",
    "arm_raise",
    "body_keypoints",
    "dance",
    "pitchers_throw",
    "squat",
    "throw",
    "walk",
]
