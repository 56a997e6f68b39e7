"""An overhand throw from the set position: leg kick, stride, cocking, release, follow-through.

Key poses of a pitch with the timing and ranges of collegiate pitchers, slowed to an
amateur's speed (Fleisig et al. 1996, J. Appl. Biomech. 12: hip-shoulder separation at foot
contact, external rotation near 170 degrees, release soon after foot contact). Written for the
right hand: the stage's +Z is the direction of the throw, the body stands side-on facing -X.
"""

from __future__ import annotations

import numpy as np

from mocap.body.model import BodyModel, load_free_body
from mocap.core.shapes import Array, FloatArray
from mocap.synthetic.footage.puppet import Puppet, SyntheticMotion, raised_arm
from mocap.synthetic.motion.curves import ease, keys

# Knee highest at 0.90 s, foot contact at 1.48, arm cocked at 1.69, release at 1.74.
# time | pelvis yaw, tilt, list | spine yaw, flex, side (degrees) | root height share, root z (m)
_BODY = np.array(
    [
        [0.000, -88, 5, 0, 0, 3, 0, 0.975, 0.16],
        [0.350, -90, 5, 0, 0, 4, 0, 0.970, 0.13],
        [0.900, -104, -4, 4, -8, 12, 0, 0.955, 0.03],
        [1.100, -100, 2, 1, -10, 8, 0, 0.925, 0.08],
        [1.300, -86, 6, -2, -14, 4, 3, 0.850, 0.30],
        [1.480, -50, 8, 0, -34, -4, 0, 0.800, 0.64],
        [1.600, -20, 8, -2, -28, -8, -6, 0.800, 0.76],
        [1.690, -2, 12, -4, -4, 2, -10, 0.810, 0.82],
        [1.742, 6, 20, -5, 8, 16, -12, 0.820, 0.85],
        [1.810, 10, 26, -4, 16, 26, -10, 0.830, 0.88],
        [2.120, 16, 42, -2, 24, 38, -4, 0.830, 0.97],
        [2.550, 5, 18, 0, 4, 14, 0, 0.920, 1.04],
    ]
)
# time | across, elevation, rotation, elbow, wrist flexion (degrees)
_THROWING_ARM = np.array(
    [
        [0.000, 50, -58, 5, 108, 0],
        [0.350, 50, -58, 5, 108, 0],
        [0.900, 52, -52, 5, 112, 0],
        [1.100, 45, -58, 0, 90, 0],
        [1.300, -5, -55, -5, 35, 0],
        [1.400, -22, -25, 5, 45, -10],
        [1.480, -22, 0, 45, 85, -20],
        [1.600, -12, 8, 105, 100, -25],
        [1.690, 2, 8, 168, 92, -30],
        [1.742, 8, 8, 112, 24, 0],
        [1.810, 20, 4, 15, 18, 25],
        [1.930, 45, -8, -5, 25, 20],
        [2.120, 85, -30, 0, 40, 10],
        [2.550, 35, -58, 10, 60, 0],
    ]
)
_GLOVE_ARM = np.array(
    [
        [0.000, 50, -58, 5, 108, 0],
        [0.350, 50, -58, 5, 108, 0],
        [0.900, 52, -52, 5, 112, 0],
        [1.100, 45, -50, 0, 90, 0],
        [1.300, 25, -15, -10, 45, 0],
        [1.480, 10, 0, -10, 25, 0],
        [1.600, 12, -8, 10, 50, 0],
        [1.690, 15, -35, 20, 100, 0],
        [1.810, 5, -55, 20, 115, 0],
        [2.120, -5, -60, 10, 100, 0],
        [2.550, 30, -58, 10, 70, 0],
    ]
)
# time | ball x, z, lift (m) | foot yaw, pitch, knee yaw (degrees)
_REAR_FOOT = np.array(
    [
        [0.000, -0.14, 0.00, 0.00, -88, 0, -88],
        [1.200, -0.14, 0.00, 0.00, -88, 0, -85],
        [1.480, -0.14, 0.03, 0.00, -60, -42, -45],
        [1.600, -0.15, 0.17, 0.00, -38, -58, -25],
        [1.690, -0.16, 0.28, 0.00, -25, -64, -15],
        [1.742, -0.17, 0.35, 0.00, -20, -66, -12],
        [1.810, -0.18, 0.43, 0.00, -15, -66, -8],
        [2.120, -0.26, 0.85, 0.14, 0, -45, 5],
        [2.500, -0.26, 1.22, 0.00, 5, 0, 5],
        [2.550, -0.26, 1.22, 0.00, 5, 0, 5],
    ]
)
_FRONT_FOOT = np.array(
    [
        [0.000, -0.14, 0.34, 0.00, -82, 0, -80],
        [0.350, -0.14, 0.34, 0.00, -82, 0, -80],
        [0.600, -0.17, 0.27, 0.25, -90, -25, -90],
        [0.900, -0.28, 0.20, 0.50, -98, -25, -104],
        [1.100, -0.18, 0.38, 0.32, -85, -20, -90],
        [1.300, -0.08, 0.86, 0.12, -45, -12, -60],
        [1.480, 0.03, 1.28, 0.00, -8, 0, -16],
        [1.600, 0.03, 1.28, 0.00, -8, 0, -6],
        [1.810, 0.03, 1.28, 0.00, -8, 0, 0],
        [2.550, 0.03, 1.28, 0.00, -8, 0, 0],
    ]
)
_LEG_OF_KEYS_M = 0.816  # leg length of the mean body, for which the lengths above are written


def throw(
    duration_s: float = 2.8,
    fps: float = 60.0,
    *,
    seed: int = 0,
    heading_deg: float = 0.0,
    origin_m: tuple[float, float] = (0.0, 0.0),
    left_handed: bool = False,
    model: BodyModel | None = None,
    betas: Array | None = None,
) -> SyntheticMotion:
    """Throw once from the set position, stepping about a metre and a quarter.

    The middle of the stride is at `origin_m`; `heading_deg` is the direction of the throw. `seed`
    varies tempo, arm slot, stride and trunk within a few per cent; other arguments as for `walk`.
    """
    body = model or load_free_body()
    shape = np.zeros(body.shape_count) if betas is None else np.asarray(betas, dtype=np.float64)
    rng = np.random.default_rng(seed)
    frames = max(1, round(duration_s * fps))
    time = np.arange(frames) / fps / rng.uniform(0.97, 1.05)
    puppet = Puppet(body, shape, frames)
    scale = puppet.leg_length_m / _LEG_OF_KEYS_M
    _move_trunk(puppet, time, scale, rng)
    _move_arm(puppet, -1, time, _vary(_THROWING_ARM, [3, 4, 4, 3, 3], rng))
    _move_arm(puppet, 1, time, _vary(_GLOVE_ARM, [4, 4, 4, 4, 0], rng))
    puppet.curl_fingers(-1, 38.0)
    puppet.curl_fingers(1, 32.0)
    _move_foot(puppet, -1, time, _REAR_FOOT, scale)
    _move_foot(puppet, 1, time, _FRONT_FOOT, scale)
    middle = 0.55 * scale
    puppet.root_position[:, 2] -= middle
    if left_handed:
        puppet.mirror()
    return puppet.world_motion(fps, heading_deg, origin_m)


def _vary(table: FloatArray, spread_deg: list[float], rng: np.random.Generator) -> FloatArray:
    """Shift whole columns: a thrower's habit, not a tremor."""
    shift = np.append(0.0, rng.normal(0.0, 0.5, len(spread_deg)) * spread_deg)
    return table + shift


def _move_trunk(puppet: Puppet, time: FloatArray, scale: float, rng: np.random.Generator) -> None:
    """Set root, spine and head; the eyes stay on the target as far as the neck allows."""
    columns = keys(time, _BODY[:, 0], _BODY[:, 1:]).T
    yaw, tilt, lift_left, spine_yaw, flex, side, height, ahead = columns
    flex = flex + rng.normal(0.0, 1.5)
    side = side * rng.uniform(0.8, 1.2)
    puppet.root_position[:, 1] = height * puppet.standing_height_m
    puppet.root_position[:, 2] = ahead * scale
    puppet.pelvis(yaw, tilt, lift_left)
    puppet.trunk(spine_yaw, flex, side)
    puppet.head(-0.75 * (yaw + spine_yaw), -0.5 * (tilt + flex))


def _move_arm(puppet: Puppet, side: int, time: FloatArray, table: FloatArray) -> None:
    """Set one arm from its table."""
    across, elevation, rotation, elbow, wrist = keys(time, table[:, 0], table[:, 1:]).T
    puppet.arm(side, raised_arm(side, across, elevation, rotation), np.maximum(elbow, 5.0))
    puppet.wrist(side, wrist)


def _move_foot(
    puppet: Puppet, side: int, time: FloatArray, table: FloatArray, scale: float
) -> None:
    """Set one leg from its table; toes bend only while they carry."""
    x, z, lift, yaw, pitch, knee_yaw = keys(time, table[:, 0], table[:, 1:]).T
    ball = scale * np.stack([x, z], axis=-1)
    ankle = puppet.rolling_ankle(side, ball, yaw, pitch, scale * lift)
    toes = -pitch * (1.0 - ease(lift / 0.06))
    puppet.leg(side, ankle, yaw, pitch, knee_yaw, toes)
