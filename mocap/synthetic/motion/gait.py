"""Walking: feet planted step by step on a path, the rest swung from the phase of the stride.

Timing and ranges are those of healthy adults at a comfortable speed (Perry and Burnfield 2010,
Gait Analysis, chapters 1 and 2): stance 62 % of the stride, heel strike with the toes 18 degrees
up, foot flat at 9 %, heel off from 32 %, pelvis bobbing twice and swaying once a stride. A foot
neither lands nor leaves at rest: the heel still moves forwards at 0.87 m/s when it strikes (Winter
1992, Phys. Ther. 72), and the heel is rising fastest when the toes leave.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mocap.body.model import BodyModel, load_free_body
from mocap.core.shapes import Array, FloatArray
from mocap.synthetic.footage.puppet import SIDE_NAME, Puppet, SyntheticMotion, hanging_arm
from mocap.synthetic.motion.curves import bridge, bump, cycle_keys, ease

TOE_OFF = 0.62
# Foot pitch through the stride: phase, degrees, toes up positive. Steepest as the toes leave; the
# keys in the swing let the foot leave and arrive with speed.
_PITCH = (
    (0.0, 18.0), (0.09, 0.0), (0.32, 0.0), (0.50, -22.0), (0.57, -38.0), (TOE_OFF, -58.0),
    (0.66, -66.0), (0.90, 14.0),
)  # fmt: skip
# A foot slides to rest as it lands and out of rest as it leaves, in this time.
_SLIDE_S = 0.03
_LANDING_M_S, _LEAVING_M_S = 0.87, 0.5
_TOES_STRAIGHT_AT = 0.86
_STEP_CLEARANCE_M = 0.05
_HALF_STEP_WIDTH_M = 0.055
_MID_STANCE = 0.29  # the pelvis passes the foot
_BOB_M = 0.023


@dataclass(frozen=True)
class Path:
    """A straight line along the stage's +Z, a circle about its origin, or there and back.

    Attributes:
        length_m: how far the walk goes; the straight path is centred on the origin.
        radius_m: of the circle, walked to the left; None for the straight line.
        turn_after_m: with a radius: straight on for this way, half a circle to the left, and back.
    """

    length_m: float
    radius_m: float | None
    turn_after_m: float | None = None

    def place(self, distance_m: Array) -> tuple[FloatArray, FloatArray]:
        """Return points (..., 2) as x, z and the heading (...) in degrees (0 along +Z)."""
        s = np.asarray(distance_m, dtype=np.float64)
        if self.radius_m is None:
            return np.stack([np.zeros_like(s), s - 0.5 * self.length_m], -1), np.zeros_like(s)
        if self.turn_after_m is not None:
            return self._there_and_back(s, self.radius_m, self.turn_after_m)
        angle = s / self.radius_m
        point = self.radius_m * np.stack([-np.cos(angle), np.sin(angle)], -1)
        return point, np.rad2deg(angle)

    def _there_and_back(
        self, s: FloatArray, radius_m: float, leg_m: float
    ) -> tuple[FloatArray, FloatArray]:
        angle = np.clip((s - leg_m) / radius_m, 0.0, np.pi)
        there, back = np.minimum(s, leg_m), np.maximum(s - leg_m - np.pi * radius_m, 0.0)
        x = radius_m * (1.0 - np.cos(angle))
        z = there + radius_m * np.sin(angle) - back
        return np.stack([x, z - 0.5 * leg_m], -1), np.rad2deg(angle)


def walk(
    duration_s: float = 3.0,
    fps: float = 30.0,
    *,
    seed: int = 0,
    speed_m_s: float = 1.15,
    radius_m: float | None = None,
    turn_after_m: float | None = None,
    limp: float = 0.0,
    heading_deg: float = 0.0,
    origin_m: tuple[float, float] = (0.0, 0.0),
    model: BodyModel | None = None,
    betas: Array | None = None,
) -> SyntheticMotion:
    """Walk straight through `origin_m`, or round it on a circle of `radius_m`.

    Args:
        duration_s: length of the clip.
        fps: frames per second; the motion is the same at any rate.
        seed: varies phase, cadence, arm swing and posture within ordinary limits.
        speed_m_s: of the pelvis.
        radius_m: of the circle, or None to walk straight.
        turn_after_m: with a radius: walk straight this far, turn on half the circle, and back.
        limp: by how much of their mean the left step is longer, in time and way, than the right.
        heading_deg: direction of the straight walk from world X.
        origin_m: middle of the walk in the world.
        model: the free body without.
        betas: shape; the mean body without.
    """
    body = model or load_free_body()
    shape = np.zeros(body.shape_count) if betas is None else np.asarray(betas, dtype=np.float64)
    rng = np.random.default_rng(seed)
    frames = max(1, round(duration_s * fps))
    time = np.arange(frames) / fps
    puppet = Puppet(body, shape, frames)
    tempo = _tempo(puppet.leg_length_m, speed_m_s, rng, limp)
    cycle = time / tempo.stride_s + tempo.start  # strides of the left foot
    stride_m = speed_m_s * tempo.stride_s
    path = Path(speed_m_s * duration_s, radius_m, turn_after_m)
    start = tempo.start
    feet = {side: _step(puppet, side, cycle, tempo, speed_m_s, path) for side in (1, -1)}
    _carry_trunk(puppet, cycle, path.place((cycle - start) * stride_m), rng)
    # Lowest while both feet carry (4 % of the stride), highest in mid stance.
    bob = -_BOB_M * np.cos(4.0 * np.pi * (cycle - 0.04))
    puppet.stand_up({side: foot.ankle for side, foot in feet.items()}, bob)
    for side, foot in feet.items():
        yaw = foot.yaw_deg
        puppet.leg(side, foot.ankle, yaw, foot.pitch_deg, yaw + 2.0 * side, foot.toes_deg)
    return puppet.world_motion(fps, heading_deg, origin_m)


@dataclass(frozen=True)
class _Tempo:
    """Time of a stride, where in the left foot's stride (0 to 1) the clip starts, and the limp."""

    stride_s: float
    start: float
    limp: float = 0.0

    def shift(self, side: int) -> float:
        """Return by how much of a stride a foot is ahead of the left one."""
        # Steps of (1/2 - l/4) and (1/2 + l/4) of a stride differ by l of their mean.
        return 0.0 if side == 1 else 0.5 + 0.25 * self.limp


def _tempo(
    leg_length_m: float, speed_m_s: float, rng: np.random.Generator, limp: float = 0.0
) -> _Tempo:
    """Draw a tempo: cadence falls with leg length as a pendulum's."""
    # 1.08 s for a leg of 0.82 m at 1.15 m/s.
    stride_s = 1.08 * math.sqrt(leg_length_m / 0.82) * (1.15 / speed_m_s) ** 0.45
    return _Tempo(stride_s * rng.uniform(0.96, 1.04), rng.uniform(0.0, 1.0), limp)


def walk_events(
    duration_s: float = 3.0,
    *,
    seed: int = 0,
    speed_m_s: float = 1.15,
    limp: float = 0.0,
    model: BodyModel | None = None,
    betas: Array | None = None,
) -> dict[str, FloatArray]:
    """Return when (seconds, ascending) each foot of `walk` lands and leaves, by event name.

    Names as `left_heel_strike` and `right_toe_off`; arguments as for `walk`.
    """
    body = model or load_free_body()
    shape = np.zeros(body.shape_count) if betas is None else np.asarray(betas, dtype=np.float64)
    leg_m = Puppet(body, shape, 1).leg_length_m
    tempo = _tempo(leg_m, speed_m_s, np.random.default_rng(seed), limp)
    strides = np.arange(-1.0, math.ceil(duration_s / tempo.stride_s) + 2.0)
    out = {}
    for side, name in SIDE_NAME.items():
        for event, phase in (("heel_strike", 0.0), ("toe_off", TOE_OFF)):
            time_s = tempo.stride_s * (strides + phase - tempo.shift(side) - tempo.start)
            out[f"{name}_{event}"] = time_s[(time_s >= 0.0) & (time_s <= duration_s)]
    return out


@dataclass(frozen=True, eq=False)
class _FootPath:
    ankle: FloatArray
    yaw_deg: FloatArray
    pitch_deg: FloatArray
    toes_deg: FloatArray


def _foot_pitch(phase: Array) -> FloatArray:
    phases, pitch = np.array(_PITCH).T
    return cycle_keys(phase, phases, pitch)


def _slide_m(phase: Array, stride_s: float) -> FloatArray:
    """Return how far ahead of its print a standing foot is: behind as it lands, ahead as it leaves.

    Cubes: speed at the ends of stance, none in between, and no jump of the acceleration.
    """
    length = _SLIDE_S / stride_s
    to_rest = np.maximum(1.0 - np.asarray(phase) / length, 0.0)
    from_rest = np.maximum(1.0 + (np.asarray(phase) - TOE_OFF) / length, 0.0)
    third = _SLIDE_S / 3.0
    return np.asarray(third * (_LEAVING_M_S * from_rest**3 - _LANDING_M_S * to_rest**3))


def _step(
    puppet: Puppet, side: int, cycle: FloatArray, tempo: _Tempo, speed_m_s: float, path: Path
) -> _FootPath:
    """Return a foot that stands at its prints and swings between them.

    A print lies under the pelvis at mid stance; `cycle` counts heel strikes of the left foot.
    """
    shift, stride_m = tempo.shift(side), speed_m_s * tempo.stride_s
    own = cycle + shift
    count = np.floor(own)
    phase = own - count

    def planted(number: FloatArray, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        mid_stance = number + _MID_STANCE - shift - tempo.start
        point, heading = path.place(mid_stance * stride_m)
        across = np.stack([np.cos(np.deg2rad(heading)), -np.sin(np.deg2rad(heading))], -1)
        ahead = np.stack([np.sin(np.deg2rad(heading)), np.cos(np.deg2rad(heading))], -1)
        outward = side * (_HALF_STEP_WIDTH_M + 0.017)
        # The ball of the foot is ahead of the ankle; the body is over the middle of the foot.
        along = 0.09 + _slide_m(at, tempo.stride_s)
        ball = point + outward * across + along[..., None] * ahead
        return puppet.rolling_ankle(side, ball, heading, _foot_pitch(at)), heading

    standing, yaw = planted(count, np.minimum(phase, TOE_OFF))
    step = 1e-3

    def state(number: FloatArray, at: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        before, now, after = (
            planted(number, np.full_like(number, at + k * step))[0] for k in (-1, 0, 1)
        )
        scale = 1.0 - TOE_OFF
        return (
            now,
            scale * (after - before) / (2 * step),
            scale**2 * (after - 2 * now + before) / (step**2),
        )

    swing = (phase - TOE_OFF) / (1.0 - TOE_OFF)
    ankle = standing.copy()
    airborne = np.flatnonzero(swing > 0)
    # Each airborne frame has its own pair of prints, so each has its own bridge.
    leave = state(count, TOE_OFF)
    land = state(count + 1.0, 1e-9)
    for frame in airborne:
        ankle[frame] = bridge(
            swing[frame : frame + 1],
            (leave[0][frame], leave[1][frame], leave[2][frame]),
            (land[0][frame], land[1][frame], land[2][frame]),
        )[0]
    ankle[:, 1] += _STEP_CLEARANCE_M * bump(swing)
    yaw = yaw + ease(swing) * (planted(count + 1.0, phase)[1] - yaw)
    pitch = _foot_pitch(phase)
    straightening = ease((phase - TOE_OFF) / (_TOES_STRAIGHT_AT - TOE_OFF))
    toes = -np.minimum(pitch, 0.0) * (1.0 - straightening)
    return _FootPath(ankle, yaw, pitch, toes)


def _carry_trunk(
    puppet: Puppet,
    cycle: FloatArray,
    place: tuple[FloatArray, FloatArray],
    rng: np.random.Generator,
) -> None:
    """Set the pelvis along the path and swing trunk, arms and head with the stride."""
    point, heading = place
    angle = 2.0 * np.pi * cycle
    lean, swing = rng.uniform(2.0, 5.0), rng.uniform(18.0, 26.0)
    sway = 0.018 * np.cos(angle - 2.0 * np.pi * _MID_STANCE)
    across = np.stack([np.cos(np.deg2rad(heading)), -np.sin(np.deg2rad(heading))], -1)
    place_xz = point + sway[:, None] * across
    puppet.root_position[:, [0, 2]] = place_xz
    yaw = -5.0 * np.cos(angle)
    puppet.pelvis(heading + yaw, np.full_like(angle, 0.5 * lean), 3.0 * np.sin(angle))
    puppet.trunk(-2.2 * yaw, 0.5 * lean + 0.8 * np.cos(2 * angle), -3.5 * np.sin(angle))
    puppet.head(1.2 * yaw, -lean + 1.0 * np.cos(2 * angle + 0.5))
    for side in (1, -1):
        forward = 2.0 - side * swing * np.cos(angle - 0.25)
        elbow = 22.0 + 0.35 * (swing + forward)
        puppet.arm(side, hanging_arm(side, forward, np.full_like(angle, 9.0), 8.0), elbow)
