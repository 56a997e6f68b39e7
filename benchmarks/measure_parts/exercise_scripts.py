"""Thirty exercise clips whose repetitions are written down, and whether they are counted right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mocap.body.model import load_free_body
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.exercises.exercise import Exercise
from mocap.measure.exercises.range_of_motion import measure_range_of_motion
from mocap.measure.exercises.squat import measure_squat
from mocap.measure.segments.points import segments_from_points
from mocap.synthetic.footage.puppet import Puppet, SyntheticMotion, hanging_arm, raised_arm
from mocap.synthetic.motion.curves import ease
from mocap.synthetic.motion.motion import body_keypoints
from mocap.synthetic.motion.random_motion import measured_points

FPS = 60.0
NOISE_M = 0.008
_STEPS = 101
"""Poses between standing and fully there; repetitions walk back and forth along them."""


@dataclass(frozen=True)
class Repetition:
    """One repetition: share of the full angle, how long, and how long it rests at the turn."""

    depth: float = 1.0
    seconds: float = 2.0
    pause_s: float = 0.0


@dataclass(frozen=True)
class Clip:
    """A clip: which exercise, what is done, and the seed of the noise."""

    exercise: str
    repetitions: tuple[Repetition, ...]
    seed: int


def _plan(kind: str, seed: int) -> tuple[Repetition, ...]:
    """Return the repetitions of one kind of clip, varied by the seed."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 8))
    full = [Repetition(rng.uniform(0.9, 1.0), rng.uniform(1.8, 2.6)) for _ in range(count)]
    if kind == "slow":
        return tuple(Repetition(each.depth, rng.uniform(4.0, 6.0)) for each in full)
    if kind == "fast":
        return tuple(Repetition(each.depth, rng.uniform(0.8, 1.0)) for each in full)
    if kind == "paused":
        return tuple(Repetition(each.depth, each.seconds, rng.uniform(0.5, 2.0)) for each in full)
    if kind == "incomplete":
        shallow = [Repetition(rng.uniform(0.40, 0.48), 1.8) for _ in range(2)]
        mixed = [*full, *shallow]
        rng.shuffle(mixed)
        return tuple(mixed)
    return tuple(full)


_KINDS = ("even", "slow", "fast", "paused", "incomplete")
CLIPS = tuple(
    Clip(exercise, _plan(kind, 100 * e + 10 * k + n), 100 * e + 10 * k + n)
    for e, exercise in enumerate(("squat", "lunge", "arm_raise"))
    for k, kind in enumerate(_KINDS)
    for n in range(2)
)


def counted(clip: Clip) -> bool:
    """Whether complete and incomplete repetitions of a clip are counted right."""
    points = clip_points(clip)
    segments = segments_from_points(points)
    shallow = sum(each.depth < 0.6 for each in clip.repetitions)
    wanted = (float(len(clip.repetitions) - shallow), float(shallow))
    if clip.exercise == "arm_raise":
        name = "left_shoulder_elevation"
        found = measure_range_of_motion(segments, [name])
        return _counts(found, f"{name}_") == wanted
    return _counts(measure_squat(segments, clip.exercise), "") == wanted


def _counts(found: Exercise, prefix: str) -> tuple[float, float]:
    values = found.reading.values
    return values[f"{prefix}count"], values[f"{prefix}incomplete"]


def clip_points(clip: Clip) -> Points3D:
    """Return the keypoints of a clip with noise."""
    names = COCO_17_FEET.keypoint_names
    return measured_points(clip_keypoints(clip), names, FPS, sigma_m=NOISE_M, seed=clip.seed)


def clip_keypoints(clip: Clip) -> FloatArray:
    """Return the true keypoints (frame, keypoint, 3) of a clip."""
    poses = _poses(clip.exercise)
    steps = np.interp(_depths(clip.repetitions), np.linspace(0.0, 1.0, _STEPS), np.arange(_STEPS))
    low = np.minimum(steps.astype(np.int64), _STEPS - 2)
    share = (steps - low)[:, None, None]
    return np.asarray((1.0 - share) * poses[low] + share * poses[low + 1], np.float64)


def _depths(repetitions: Sequence[Repetition]) -> FloatArray:
    """Return how deep (frame,) the person is, with a rest before, between and after."""
    rest = np.zeros(round(0.4 * FPS))
    parts = [rest]
    for each in repetitions:
        down = each.depth * ease(np.linspace(0.0, 1.0, round(0.5 * each.seconds * FPS)))
        hold = np.full(round(each.pause_s * FPS), each.depth)
        parts += [down, hold, down[::-1], rest]
    return np.concatenate(parts)


def _sunk(share: FloatArray, half_knee_deg: float) -> FloatArray:
    """Return how far the body has sunk when the knees have bent by a share of their flexion.

    A leg of two equal bones is as long as the cosine of half its flexion.
    """
    half = np.deg2rad(half_knee_deg)
    return np.asarray((1.0 - np.cos(half * share)) / (1.0 - np.cos(half)))


@lru_cache(maxsize=3)
def _poses(exercise: str) -> FloatArray:
    """Return the keypoints (step, keypoint, 3) from standing to fully there."""
    share = np.linspace(0.0, 1.0, _STEPS)
    model = load_free_body()
    puppet = Puppet(model, np.zeros(model.shape_count), _STEPS)
    ahead = {1: 0.11, -1: 0.11}
    depth_m = np.zeros(_STEPS)
    lean = np.zeros(_STEPS)
    if exercise == "squat":
        depth_m, lean = 0.42 * _sunk(share, 57.0), 34.0 * share
        puppet.root_position[:, 2] = -0.20 * share
    elif exercise == "lunge":
        depth_m, ahead = 0.22 * _sunk(share, 42.0), {1: 0.45, -1: -0.25}
    puppet.pelvis(0.0 * share, lean, 0.0)
    puppet.trunk(0.0 * share, 2.0 + 4.0 * share, 0.0)
    for side in (1, -1):
        if exercise == "arm_raise":
            upper = raised_arm(side, 8.0 + 0.0 * share, -80.0 + 140.0 * share, 40.0 * share)
        else:
            upper = hanging_arm(side, 5.0 + 40.0 * share, 8.0, 8.0)
        puppet.arm(side, upper, 14.0 + 0.0 * share)
    pitch = {1: 0.0, -1: -30.0 if exercise == "lunge" else 0.0}
    ankles = {
        side: puppet.rolling_ankle(
            side, np.array([[side * 0.15, ahead[side]]]), side * 5.0, pitch[side]
        )
        for side in (1, -1)
    }
    puppet.stand_up(ankles, -depth_m)
    for side, ankle in ankles.items():
        puppet.leg(side, ankle, side * 5.0, pitch[side], side * 8.0)
    motion: SyntheticMotion = puppet.world_motion(FPS, 0.0, (0.0, 0.0))
    return body_keypoints(motion)
