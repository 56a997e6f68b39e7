"""A person who walks past cameras, small and at once: for examples in documentation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.gait import walk
from mocap.synthetic.motion.motion import body_keypoints
from mocap.synthetic.motion.random_motion import points_of
from mocap.synthetic.observations import observe_people, observe_points
from mocap.synthetic.rigs import laboratory

FPS = 60.0
# How far keypoints in space are off in the example: a good detector seen by eight cameras.
SIGMA_M = 0.003
NOISE_PX = 1.0


@dataclass(frozen=True, eq=False)
class Walker:
    """What is known of the walk, and what cameras saw of it.

    Attributes:
        calibration: eight cameras round a room.
        detections: people in the images, without identity.
        tracks: the same with identity.
        points: keypoints in space, each `SIGMA_M` off.
        xyz: (frame, keypoint, 3) the truth, metres.
        skeleton: the true skeleton.
    """

    calibration: Calibration
    detections: Detections2D
    tracks: Tracks2D
    points: Points3D
    xyz: FloatArray
    skeleton: SkeletonMotion


@lru_cache(maxsize=1)
def walker(duration_s: float = 1.0) -> Walker:
    """Return a walk at 1.15 m/s, seen at 60 frames per second with 1 px of noise.

    >>> seen = walker()
    >>> seen.tracks.pixels.shape  # camera, frame, person, keypoint, 2
    (8, 60, 1, 21, 2)
    """
    motion = walk(duration_s, FPS, seed=1)
    xyz = body_keypoints(motion)
    names = COCO_17_FEET.keypoint_names
    rig = laboratory(seed=1)
    return Walker(
        calibration=rig,
        detections=observe_people(rig, xyz[:, None], names, fps=FPS, noise_px=NOISE_PX),
        tracks=observe_points(rig, xyz[:, None], names, fps=FPS, noise_px=NOISE_PX),
        points=points_of(xyz, names, FPS, SIGMA_M),
        xyz=xyz,
        skeleton=motion.skeleton,
    )
