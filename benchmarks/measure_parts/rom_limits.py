"""Known movements of every joint, seen as keypoints 10 mm off and fitted: how far are angles off?

Prints the method limit of each angle that `mocap measure range-of-motion` states, and holds it: the
95th percentile of the difference to the same measurement of the true motion, worst of the shapes.
"""

from __future__ import annotations

import numpy as np
from figures import Figure

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.fit.fit import fit
from mocap.body.model import BodyModel
from mocap.body.model_motion import skeleton_from_pose
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import FloatArray
from mocap.measure.angles import AngleCurves, joint_angles
from mocap.measure.exercises.range_of_motion import limit_deg
from mocap.measure.filters import butterworth
from mocap.measure.segments.body import segments_from_skeleton
from mocap.synthetic.footage.puppet import Puppet, SyntheticMotion, hanging_arm, raised_arm
from mocap.synthetic.motion.curves import bump
from mocap.synthetic.motion.motion import body_keypoints
from mocap.synthetic.motion.random_motion import measured_points

FPS = 30.0
NOISE_M = 0.010
_SECONDS_EACH = 1.6
_SHAPE_SD = 0.8
_SHAPES = 3

# What is turned one after another, and how far in degrees.
_TRUNK = ("flex", "yaw", "side", "nod", "head_yaw", "head_side", "elevation", "rotation", "elbow",
          "squat")  # fmt: skip
_REACH = {"flex": 45, "yaw": 35, "side": 25, "nod": 35, "head_yaw": 50, "head_side": 25,
          "elevation": 75, "rotation": 60, "elbow": 110, "squat": 0.22}  # fmt: skip
ANGLES = (
    "trunk_flexion", "trunk_left_rotation", "trunk_right_lateral_bend", "neck_flexion",
    "neck_left_rotation", "neck_right_lateral_bend", "right_shoulder_elevation",
    "right_shoulder_external_rotation", "right_elbow_flexion", "right_hip_flexion",
    "right_knee_flexion", "right_ankle_dorsiflexion",
)  # fmt: skip


def movements(model: BodyModel, betas: FloatArray) -> SyntheticMotion:
    """Return a person who moves one joint after another."""
    frames = round(len(_TRUNK) * _SECONDS_EACH * FPS)
    time = np.arange(frames) / FPS
    turn = {name: _REACH[name] * bump(time / _SECONDS_EACH - k) for k, name in enumerate(_TRUNK)}
    puppet = Puppet(model, betas, frames)
    zero = np.zeros(frames)
    puppet.root_position[:, 1] = puppet.standing_height_m * (0.985 - turn["squat"])
    puppet.pelvis(zero, 40.0 * turn["squat"] / _REACH["squat"] * 0.5, zero)
    puppet.trunk(turn["yaw"], turn["flex"], turn["side"])
    puppet.head(turn["head_yaw"], turn["nod"], turn["head_side"])
    left = hanging_arm(1, zero, np.full(frames, 12.0), 0.0)
    puppet.arm(1, left, np.full(frames, 15.0))
    arm = raised_arm(-1, 30.0, -75.0 + turn["elevation"] + 45.0 * _busy(turn), turn["rotation"])
    puppet.arm(-1, arm, 30.0 + turn["elbow"] + 60.0 * _share(turn["rotation"], "rotation"))
    for side in (1, -1):
        ball = np.tile(np.array([side * 0.10, 0.09]), (frames, 1))
        ankle = puppet.rolling_ankle(side, ball, 0.0, zero)
        puppet.leg(side, ankle, 0.0, 0.0, 5.0 * side)
    return puppet.world_motion(FPS, 0.0, (0.0, 0.0))


def _share(turn: FloatArray, name: str) -> FloatArray:
    return turn / _REACH[name]


def _busy(turn: dict[str, FloatArray]) -> FloatArray:
    """The arm is lifted to the side while it turns about itself."""
    return _share(turn["rotation"], "rotation")


def _curve(angles: AngleCurves, name: str) -> FloatArray:
    return butterworth(angles[name], FPS, 6.0)


def limit_figures(model: BodyModel) -> list[Figure]:
    """Return how far every angle is off, with the limit that is stated."""
    worst = dict.fromkeys(ANGLES, 0.0)
    for seed in range(1, _SHAPES + 1):
        rng = np.random.default_rng(seed)
        betas = np.zeros(model.shape_count)
        betas[:4] = rng.normal(0.0, _SHAPE_SD, 4)
        motion = movements(model, betas)
        names = COCO_17_FEET.keypoint_names
        xyz = body_keypoints(motion)
        points = measured_points(xyz, names, FPS, sigma_m=NOISE_M, seed=seed)
        body = fit(points, model).motion
        moved = skeleton_from_pose(model, body.rotation_vectors(), body.betas, body.transl, FPS)
        true, seen = (
            joint_angles(segments_from_skeleton(skeleton, bony_landmarks(model, shape)))
            for skeleton, shape in ((motion.skeleton, betas), (moved, body.betas))
        )
        for name in ANGLES:
            apart = np.abs(_curve(seen, name) - _curve(true, name))
            worst[name] = max(worst[name], float(np.nanpercentile(apart, 95.0)))
    return [
        Figure(f"{name.replace('_', ' ')}, 95 % within", value, "deg", limit_deg(name))
        for name, value in worst.items()
    ]
