"""Four hundred random postures: do the rules for arms agree with where the arms are?

The truth is plain geometry of the body's joints in the frame of its chest joint, computed here and
not by the product; seen are the body itself, and keypoints 8 mm off.
"""

from __future__ import annotations

import numpy as np
from figures import Figure

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.model import load_free_body
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import BoolArray, FloatArray
from mocap.measure.ergonomics.posture import RELAXED_DEG, postures
from mocap.measure.ergonomics.scores import Limits
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import Segments
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.motion import body_keypoints
from mocap.synthetic.motion.random_motion import measured_points, random_motion

COUNT = 400
_SEEDS = (11, 12, 13, 14)
_NOISE_M = 0.008
_FPS = 4.0  # a new target every frame: postures that have nothing to do with each other


def true_rules(motion: SyntheticMotion, side: str) -> tuple[BoolArray, BoolArray]:
    """Return where (frame,) an upper arm is abducted, and a hand out of its lane."""
    positions, rotations = motion.skeleton.forward_kinematics()
    names = motion.skeleton.joint_names
    chest = rotations[:, names.index("spine3")]

    def local(name: str, origin: str) -> FloatArray:
        way = positions[:, names.index(name)] - positions[:, names.index(origin)]
        return np.asarray(np.einsum("fji,fj->fi", chest, way))

    outward = 1.0 if side == "left" else -1.0  # the rest pose has its left along +X
    arm = local(f"{side}_elbow", f"{side}_shoulder")
    aside = np.abs(arm[:, 0]) / np.linalg.norm(arm, axis=-1)
    limits = Limits()
    abducted = aside > np.sin(np.deg2rad(limits.abduction_deg))
    other = "right" if side == "left" else "left"
    shoulder = outward * 0.5 * local(f"{side}_shoulder", f"{other}_shoulder")[:, 0]
    hand = outward * local(f"{side}_wrist", f"{side}_shoulder")[:, 0] + shoulder
    length = np.linalg.norm(local(f"{side}_wrist", f"{side}_elbow"), axis=-1)
    elbow = outward * arm[:, 0] + shoulder
    past = -hand / length > np.sin(np.deg2rad(limits.across_deg))
    outside = (hand - np.maximum(shoulder, elbow)) / length
    return abducted, past | (outside > np.sin(np.deg2rad(limits.across_deg + RELAXED_DEG)))


def agreement(motion: SyntheticMotion, seen: Segments) -> tuple[list[bool], list[bool]]:
    """Return for each posture and arm whether both rules agree with the truth."""
    limits = Limits()
    upper: list[bool] = []
    lower: list[bool] = []
    for side, posture in postures(seen).items():
        abducted, out = true_rules(motion, side)
        upper += list((posture.upper_arm_abduction > limits.abduction_deg) == abducted)
        lower += list((posture.forearm_across > limits.across_deg) == out)
    return upper, lower


def posture_figures() -> list[Figure]:
    """Return how often the rules agree, from the body and from keypoints."""
    model = load_free_body()
    agreed: dict[tuple[str, str], list[bool]] = {}
    for seed in _SEEDS:
        motion = random_motion(COUNT // len(_SEEDS), _FPS, seed=seed)
        names = COCO_17_FEET.keypoint_names
        points = measured_points(body_keypoints(motion), names, _FPS, sigma_m=_NOISE_M, seed=seed)
        sources = {
            "fitted body": segments_from_skeleton(
                motion.skeleton, bony_landmarks(model, motion.betas)
            ),
            "keypoints": segments_from_points(points),
        }
        for source, seen in sources.items():
            upper, lower = agreement(motion, seen)
            agreed.setdefault((source, "upper arm abducted"), []).extend(upper)
            agreed.setdefault((source, "forearm across or out"), []).extend(lower)
    return [
        Figure(f"{rule}, {source}: agrees with geometry", 100.0 * float(np.mean(each)), "%",
               95.0 if source == "fitted body" else None, ">=")
        for (source, rule), each in agreed.items()
    ]  # fmt: skip
