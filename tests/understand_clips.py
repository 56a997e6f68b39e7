"""Small motions with known answers for the tests of `mocap/understand`."""

from __future__ import annotations

from functools import cache

import numpy as np

from mocap.body.model import load_free_body
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.motion import MOTIONS, body_keypoints
from mocap.understand.joints import JointClip, joint_clip


@cache
def keypoints_of(name: str, seconds: float = 6.0, fps: float = 30.0, seed: int = 7) -> FloatArray:
    """Return the true keypoints (frame, keypoint, 3) of a scripted motion."""
    body = load_free_body()
    motion = MOTIONS[name](seconds, fps, seed=seed, model=body)
    return body_keypoints(motion, COCO_17_FEET, body)


def clip_of(name: str, seconds: float = 6.0, fps: float = 30.0, seed: int = 7) -> JointClip:
    """Return the joints of a scripted motion on the clock of recognition."""
    xyz = keypoints_of(name, seconds, fps, seed)
    return joint_clip(xyz, COCO_17_FEET.keypoint_names, np.arange(len(xyz)) / fps)
