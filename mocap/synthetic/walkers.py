"""One walker as a detector with habits would see them: for rigs that are solved from people.

A detector does not put a joint where it is, and its mistake depends on the side it looks from: the
same in every frame in which a body shows that side. White noise alone would promise rigs ten times
better than real ones are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.motion import body_keypoints, walk

# Displacement of a joint in the image plane at the body, rms over sides of the body: 17 mm, and
# twice that for hips and shoulders, which lie deep inside.
BIAS_M, DEEP_BIAS_M = 0.017, 0.035
DEEP = ("hip", "shoulder")


@dataclass(frozen=True)
class Habits:
    """What is wrong with what a detector reports.

    Attributes:
        noise_px: white noise per axis.
        outliers: share of joints that are anywhere in a box of 300 px.
        bias: factor on the displacements that depend on the side of the body.
        seed: of the random numbers.
    """

    noise_px: float = 2.5
    outliers: float = 0.10
    bias: float = 1.0
    seed: int = 0


def walked_circle(
    duration_s: float = 12.0, fps: float = 15.0, radius_m: float = 1.0, seed: int = 0
) -> FloatArray:
    """Return keypoints (frame, keypoint, 3) of COCO_17_FEET of somebody who walks in circles."""
    motion = walk(duration_s, fps, seed=seed, radius_m=radius_m)
    return body_keypoints(motion, COCO_17_FEET)


def seen_by(
    rig: Calibration, xyz: FloatArray, habits: Habits, *, fps: float = 15.0
) -> Detections2D:
    """Return detections of keypoints (frame, keypoint, 3) of one person in all cameras."""
    random = np.random.default_rng(habits.seed)
    names = COCO_17_FEET.keypoint_names
    size = np.array([DEEP_BIAS_M if any(d in n for d in DEEP) else BIAS_M for n in names])
    # Displacement right and down: a constant and a wave over the side that the body shows; half of
    # its variance is the detector's, half is the view's (light, clothes, height of the camera).
    shape = (len(rig.cameras), 3, len(names), 2)
    parts = random.normal(0.0, 1.0, shape[1:]) + random.normal(0.0, 1.0, shape)
    habit = parts * habits.bias * size[:, None] / 2.0
    across = xyz[:, names.index("left_hip"), :2] - xyz[:, names.index("right_hip"), :2]
    heading = np.arctan2(across[:, 1], across[:, 0])
    pixels = np.full((len(rig.cameras), len(xyz), 1, len(names), 2), np.nan)
    for index, camera in enumerate(rig.cameras):
        off = xyz.mean(axis=1)[:, :2] - camera.center[:2]
        side = heading - np.arctan2(off[:, 1], off[:, 0])
        own, turn = habit[index], side[:, None, None]
        wave = own[0] + np.cos(turn) * own[1] + np.sin(turn) * own[2]
        distance = np.linalg.norm(xyz - camera.center, axis=-1)
        put = camera.project(xyz) + wave * (camera.lens[0] / distance)[..., None]
        put += random.normal(0.0, habits.noise_px, put.shape)
        wrong = random.random(put.shape[:2]) < habits.outliers
        put[wrong] += random.uniform(-300.0, 300.0, put.shape)[wrong]
        with np.errstate(invalid="ignore"):
            inside = ((put >= 0) & (put < camera.image_size)).all(axis=-1)
        pixels[index, :, 0] = np.where(inside[..., None], put, np.nan)
    seen = np.isfinite(pixels[..., 0])
    low, high = np.nanmin(pixels, axis=3, initial=1e9), np.nanmax(pixels, axis=3, initial=-1e9)
    boxes = np.concatenate([low, high], axis=-1)
    boxes[~seen.any(axis=3)] = np.nan
    confidence = np.where(seen, 0.85, 0.0)
    return Detections2D(rig.names, names, fps, pixels, confidence, boxes)
