"""An overhand throw from the set position: leg kick, stride, cocking, release, follow-through.

Key poses are in `throw_scripts`: an amateur's throw, and a pitcher's with published speeds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mocap.body.model import BodyModel, load_free_body
from mocap.core.shapes import Array, FloatArray
from mocap.synthetic.footage.puppet import Puppet, SyntheticMotion, raised_arm
from mocap.synthetic.motion.curves import ease, keys
from mocap.synthetic.motion.throw_scripts import AMATEUR, PITCHER, ThrowScript

_LEG_OF_KEYS_M = 0.816  # leg length of the mean body, for which the lengths above are written


def throw(
    duration_s: float = 2.8,
    fps: float = 60.0,
    *,
    seed: int = 0,
    heading_deg: float = 0.0,
    origin_m: tuple[float, float] = (0.0, 0.0),
    left_handed: bool = False,
    script: ThrowScript = AMATEUR,
    model: BodyModel | None = None,
    betas: Array | None = None,
) -> SyntheticMotion:
    """Throw once from the set position, stepping about a metre and a quarter.

    The middle of the stride is at `origin_m`; `heading_deg` is the direction of the throw. `seed`
    varies tempo, arm slot, stride and trunk within a few per cent; `script` tells how fast; other
    arguments as for `walk`.
    """
    body = model or load_free_body()
    shape = np.zeros(body.shape_count) if betas is None else np.asarray(betas, dtype=np.float64)
    rng = np.random.default_rng(seed)
    frames = max(1, round(duration_s * fps))
    time = np.arange(frames) / fps / rng.uniform(0.97, 1.05)
    puppet = Puppet(body, shape, frames)
    scale = puppet.leg_length_m / _LEG_OF_KEYS_M
    _move_trunk(puppet, time, script.body, scale, rng)
    _move_arm(puppet, -1, time, _vary(script.throwing_arm, [3, 4, 4, 3, 3], rng))
    _move_arm(puppet, 1, time, _vary(script.glove_arm, [4, 4, 4, 4, 0], rng))
    puppet.curl_fingers(-1, 38.0)
    puppet.curl_fingers(1, 32.0)
    _move_foot(puppet, -1, time, script.rear_foot, scale)
    _move_foot(puppet, 1, time, script.front_foot, scale)
    middle = 0.55 * scale
    puppet.root_position[:, 2] -= middle
    if left_handed:
        puppet.mirror()
    return puppet.world_motion(fps, heading_deg, origin_m)


def _vary(table: FloatArray, spread_deg: list[float], rng: np.random.Generator) -> FloatArray:
    """Shift whole columns: a thrower's habit, not a tremor."""
    shift = np.append(0.0, rng.normal(0.0, 0.5, len(spread_deg)) * spread_deg)
    return table + shift


def pitchers_throw(duration_s: float = 2.8, fps: float = 240.0, **options: Any) -> SyntheticMotion:
    """Throw as a collegiate pitcher does; arguments as for `throw`."""
    return throw(duration_s, fps, script=PITCHER, **options)


def _move_trunk(
    puppet: Puppet, time: FloatArray, table: FloatArray, scale: float, rng: np.random.Generator
) -> None:
    """Set root, spine and head; the eyes stay on the target as far as the neck allows."""
    columns = keys(time, table[:, 0], table[:, 1:]).T
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
