"""Squat, arm raise and dance: motions on the spot with planted or stepping feet."""

from __future__ import annotations

import numpy as np

from mocap.body.model import BodyModel, load_free_body
from mocap.core.shapes import Array, FloatArray
from mocap.synthetic.footage.puppet import Puppet, SyntheticMotion, hanging_arm, raised_arm
from mocap.synthetic.motion.curves import bump, cycle_keys, ease

# The feet stand this far ahead of the pelvis, so that the body's weight is over their middle.
_BALL_AHEAD_M = 0.11


def _start(
    duration_s: float, fps: float, model: BodyModel | None, betas: Array | None
) -> tuple[Puppet, FloatArray]:
    """Return a puppet and its frame times."""
    body = model or load_free_body()
    shape = np.zeros(body.shape_count) if betas is None else np.asarray(betas, dtype=np.float64)
    frames = max(1, round(duration_s * fps))
    return Puppet(body, shape, frames), np.arange(frames) / fps


def _stand(puppet: Puppet, half_width_m: float, toe_out_deg: float, above_m: FloatArray) -> None:
    """Plant both feet flat and set the root's height; `above_m` is its change, 0 at the top."""
    ankles = {
        side: puppet.rolling_ankle(
            side, np.array([[side * half_width_m, _BALL_AHEAD_M]]), side * toe_out_deg, 0.0
        )
        for side in (1, -1)
    }
    puppet.stand_up(ankles, above_m)
    for side, ankle in ankles.items():
        puppet.leg(side, ankle, side * toe_out_deg, 0.0, side * (toe_out_deg + 4.0))


def _breathing(time: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return slow unrest (frame, 3) of about one: nobody stands still."""
    rate_hz = np.array([0.31, 0.47, 0.23]) * rng.uniform(0.9, 1.1, 3)
    return np.asarray(np.sin(2 * np.pi * (time[:, None] * rate_hz + rng.uniform(0, 1, 3))))


def squat(
    duration_s: float = 5.0,
    fps: float = 30.0,
    *,
    seed: int = 0,
    heading_deg: float = 0.0,
    origin_m: tuple[float, float] = (0.0, 0.0),
    model: BodyModel | None = None,
    betas: Array | None = None,
) -> SyntheticMotion:
    """Squat again and again, thighs about level at the bottom, arms raised forwards.

    Arguments as for `walk`; `seed` varies tempo, depth, stance and arm height.
    """
    puppet, time = _start(duration_s, fps, model, betas)
    rng = np.random.default_rng(seed)
    period_s = rng.uniform(2.2, 2.7)
    depth = rng.uniform(0.9, 1.05) * cycle_keys(
        time / period_s, np.array([0.0, 0.10, 0.48, 0.54, 0.90]), np.array([0, 0, 1.0, 1.0, 0])
    )
    unrest = _breathing(time, rng)
    lean = 34.0 * depth
    puppet.root_position[:, 0] = 0.006 * unrest[:, 0]
    puppet.root_position[:, 2] = -0.20 * depth * puppet.leg_length_m / 0.82 + 0.004 * unrest[:, 1]
    puppet.pelvis(0.8 * unrest[:, 2], lean, 0.5 * unrest[:, 0])
    puppet.trunk(0.8 * unrest[:, 0], 1.0 + 4.0 * depth, 0.4 * unrest[:, 1])
    puppet.head(2.0 * unrest[:, 1], -0.75 * lean)
    forward, outward = rng.uniform(80.0, 95.0), rng.uniform(6.0, 12.0)
    for side in (1, -1):
        # The raise is against the leaning trunk: a level arm needs the lean on top.
        upper = hanging_arm(side, 4.0 + (forward + 20.0) * depth, outward + 0 * depth, 10.0)
        puppet.arm(side, upper, 14.0 - 6.0 * depth + 1.5 * unrest[:, 2])
    _stand(
        puppet, rng.uniform(0.15, 0.19), rng.uniform(6.0, 14.0), -0.52 * puppet.leg_length_m * depth
    )
    return puppet.world_motion(fps, heading_deg, origin_m)


def arm_raise(
    duration_s: float = 4.0,
    fps: float = 30.0,
    *,
    seed: int = 0,
    heading_deg: float = 0.0,
    origin_m: tuple[float, float] = (0.0, 0.0),
    model: BodyModel | None = None,
    betas: Array | None = None,
) -> SyntheticMotion:
    """Raise both arms sideways overhead and lower them, standing.

    Arguments as for `walk`; `seed` varies tempo, height and unrest.
    """
    puppet, time = _start(duration_s, fps, model, betas)
    rng = np.random.default_rng(seed)
    unrest = _breathing(time, rng)
    puppet.root_position[:, 0] = 0.010 * unrest[:, 0]
    puppet.pelvis(1.5 * unrest[:, 2], 1.0 * unrest[:, 1], 0.6 * unrest[:, 0])
    puppet.trunk(1.5 * unrest[:, 0], 1.5 * unrest[:, 2], unrest[:, 1])
    puppet.head(6.0 * unrest[:, 2], 3.0 * unrest[:, 0])
    raised = cycle_keys(
        time / rng.uniform(2.6, 3.2), np.array([0.02, 0.45, 0.55, 0.95]), np.array([0, 1.0, 1.0, 0])
    )
    top = rng.uniform(66.0, 74.0)
    for side in (1, -1):
        elevation = -80.0 + (top + 80.0) * raised + unrest[:, 1]
        # Past the level the upper arm turns outwards, or it would jam in the shoulder.
        puppet.arm(side, raised_arm(side, 8.0 + 4.0 * raised, elevation, 55.0 * raised), 12.0)
    _stand(puppet, 0.13, 6.0, 0.002 * unrest[:, 1])
    return puppet.world_motion(fps, heading_deg, origin_m)


# Key poses of the arms, one every beat and a half: across, elevation, rotation, elbow in degrees.
_DANCE_POSES = np.array(
    [
        [10, -62, 10, 35],
        [20, 15, 80, 80],
        [5, 62, 60, 20],
        [-8, 5, 70, 95],
        [55, -10, 30, 70],
        [60, 20, 60, 60],
        [0, -5, 20, 15],
        [30, -45, 20, 95],
    ],
    dtype=np.float64,
)


def dance(
    duration_s: float = 4.0,
    fps: float = 30.0,
    *,
    seed: int = 0,
    heading_deg: float = 0.0,
    origin_m: tuple[float, float] = (0.0, 0.0),
    model: BodyModel | None = None,
    betas: Array | None = None,
) -> SyntheticMotion:
    """Side-step to a beat while trunk and arms move through key poses.

    Arguments as for `walk`; `seed` varies tempo, poses and their order.
    """
    puppet, time = _start(duration_s, fps, model, betas)
    rng = np.random.default_rng(seed)
    beat = time * rng.uniform(1.75, 2.05) + rng.uniform(0.0, 1.0)
    measure = 2.0 * np.pi * beat / 4.0  # one step to the left and one to the right
    _move_dancing_body(puppet, beat, measure, rng)
    for side in (1, -1):
        order = rng.permutation(len(_DANCE_POSES))
        poses = _DANCE_POSES[order] + rng.normal(0.0, 5.0, _DANCE_POSES.shape)
        phase = beat / (1.5 * len(poses))
        across, elevation, rotation, elbow = cycle_keys(
            phase, np.arange(len(poses)) / len(poses), poses
        ).T
        puppet.arm(side, raised_arm(side, across, elevation, rotation), np.maximum(elbow, 8.0))
        puppet.wrist(side, 12.0 * np.sin(measure + side))
    feet = {side: _side_step(puppet, side, beat) for side in (1, -1)}
    puppet.stand_up(feet, -0.035 * (1.0 - np.cos(2.0 * np.pi * beat)))
    for side, ankle in feet.items():
        puppet.leg(side, ankle, side * 5.0, 0.0, side * 10.0)
    return puppet.world_motion(fps, heading_deg, origin_m)


_STEP_M = 0.30


def _move_dancing_body(
    puppet: Puppet, beat: FloatArray, measure: FloatArray, rng: np.random.Generator
) -> None:
    """Carry the body over the feet and bounce on the beat."""
    # In the middle of the two prints: to the left by half a step while the feet are there.
    puppet.root_position[:, 0] = 0.5 * _STEP_M * np.cos(measure - 2.0 * np.pi * 1.9 / 4.0)
    bounce = 0.5 - 0.5 * np.cos(2.0 * np.pi * beat)
    yaw, sway = rng.uniform(8.0, 14.0), rng.uniform(3.0, 6.0)
    puppet.pelvis(yaw * np.sin(measure), 4.0 + 3.0 * bounce, -sway * np.cos(measure))
    puppet.trunk(
        -1.6 * yaw * np.sin(measure + 0.4), 2.0 + 3.0 * bounce, 1.8 * sway * np.cos(measure)
    )
    puppet.head(0.8 * yaw * np.sin(measure + 0.2), -5.0 - 4.0 * bounce, -sway * np.cos(measure))


def _side_step(puppet: Puppet, side: int, beat: FloatArray) -> FloatArray:
    """Return the ankle (frame, 3) that steps out and together: two beats to the left, two back.

    The left foot leads to the left on beat 0 and the right one follows on beat 1; then back.
    """
    lead, follow = (0.0, 3.0) if side == 1 else (1.0, 2.0)
    within = np.mod(beat, 4.0)
    out = (within - lead) / 0.8
    back = (within - follow) / 0.8
    sideways = _STEP_M * (ease(out) - ease(back)) - 0.5 * _STEP_M
    # The pelvis yaws over the feet; they keep their heading.
    ball = np.stack([side * 0.13 + sideways, np.full_like(beat, _BALL_AHEAD_M)], axis=-1)
    lift = 0.05 * (bump(out) + bump(back))
    return puppet.rolling_ankle(side, ball, side * 5.0, 0.0, lift)
