"""Windows of sequences: cut evenly for tests, drawn with every disturbance of a recording for
training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray
from mocap.understand.joints import MIRRORED
from mocap.understand.window_features import window_features
from understanding_training.clips import Clip

SPEED = (0.85, 1.15)
SLOW_CAMERA_SHARE, SLOWEST_CAMERA = 0.4, 2.0
TREADMILL_SHARE = 0.35
PROPORTIONS = 0.06
JOINT_OFFSET_M = 0.018
"""Detectors put joints elsewhere than depth cameras and markers do."""
NOISE_M = (0.002, 0.02)
SIZE_ERROR = 0.02
LOST_SHARE = 0.08


def cut(xyz: FloatArray, start: int, frames: int) -> FloatArray:
    """Return `frames` frames from `start` on, held at the ends."""
    return xyz[np.clip(np.arange(start, start + frames), 0, len(xyz) - 1)]


def sampled(xyz: FloatArray, at: FloatArray) -> FloatArray:
    """Return frames at fractional positions, linear in between."""
    if len(xyz) == 1:
        return np.repeat(xyz, len(at), axis=0)
    before = np.minimum(np.floor(at).astype(int), len(xyz) - 2)
    share = (at - before)[:, None, None]
    return np.asarray((1.0 - share) * xyz[before] + share * xyz[before + 1], np.float64)


def even_windows(
    sequences: Sequence[Clip],
    frames: int,
    *,
    hop: int | None = None,
    noise_m: float = 0.008,
    seed: int = 0,
) -> tuple[Array, IntArray]:
    """Return features (window, frame, 57) of all windows and the sequence each came from."""
    rng = np.random.default_rng(seed)
    pieces, sizes, owners = [], [], []
    for owner, clip in enumerate(sequences):
        for start in range(0, max(1, len(clip.xyz) - frames + 1), hop or frames // 2):
            pieces.append(cut(clip.xyz, start, frames))
            sizes.append(clip.size_m)
            owners.append(owner)
    xyz = np.array(pieces)
    xyz += noise_m * rng.normal(size=xyz.shape)
    return window_features(xyz, np.array(sizes)), np.array(owners)


def sampling_weights(sequences: Sequence[Clip], favoured: str = "other") -> FloatArray:
    """Return how often to draw each sequence: labels equally, "other" twice, long ones more."""
    frames: dict[str, int] = {}
    for clip in sequences:
        frames[clip.label] = frames.get(clip.label, 0) + len(clip.xyz)
    weights = np.array(
        [
            len(clip.xyz) / frames[clip.label] * (2.0 if clip.label == favoured else 1.0)
            for clip in sequences
        ]
    )
    return np.asarray(weights / weights.sum(), np.float64)


def drawn_windows(
    sequences: Sequence[Clip],
    weights: FloatArray,
    count: int,
    frames: int,
    rng: np.random.Generator,
) -> tuple[Array, IntArray]:
    """Return features (count, frame, 57) of disturbed windows and the sequence of each."""
    chosen = rng.choice(len(sequences), count, p=weights)
    xyz = np.stack([_piece(sequences[k].xyz, frames, rng) for k in chosen])
    sizes = np.array([sequences[k].size_m for k in chosen])
    _put_on_treadmills(xyz, rng)
    mirrored = rng.random(count) < 0.5
    xyz[mirrored] = xyz[mirrored][:, :, MIRRORED] * [-1.0, 1.0, 1.0]
    xyz *= rng.uniform(1.0 - PROPORTIONS, 1.0 + PROPORTIONS, (count, 1, 1, 3))
    xyz += rng.normal(0.0, JOINT_OFFSET_M, (count, 1, xyz.shape[2], 3))
    xyz += rng.uniform(*NOISE_M, (count, 1, 1, 1)) * rng.normal(size=xyz.shape)
    seen = _seen(xyz.shape[:3], rng)
    return window_features(xyz, sizes * rng.normal(1.0, SIZE_ERROR, count), seen), chosen


def _piece(xyz: FloatArray, frames: int, rng: np.random.Generator) -> FloatArray:
    """Return a window at another speed and, now and then, of a slower camera."""
    speed = rng.uniform(*SPEED)
    needed = int(np.ceil(frames * speed)) + 1
    start = int(rng.integers(0, max(1, len(xyz) - needed + 1)))
    window = cut(xyz, start, needed)
    at = np.arange(frames) * speed
    if rng.random() < SLOW_CAMERA_SHARE:
        slower = rng.uniform(1.0, SLOWEST_CAMERA)
        window = sampled(window, np.arange(0.0, needed - 1, slower))
        at = at / slower
    return sampled(window, np.clip(at, 0.0, len(window) - 1.001))


def _put_on_treadmills(xyz: FloatArray, rng: np.random.Generator) -> None:
    """Take the mean travel out of a third of the windows."""
    still = rng.random(len(xyz)) < TREADMILL_SHARE
    pelvis = 0.5 * (xyz[:, :, 7] + xyz[:, :, 8])[..., :2]
    travel = (pelvis[:, -1] - pelvis[:, 0]) / (xyz.shape[1] - 1)
    steps = np.arange(xyz.shape[1])[None, :, None]
    xyz[still, :, :, :2] -= (travel[still][:, None] * steps)[:, :, None]


def _seen(shape: tuple[int, ...], rng: np.random.Generator) -> BoolArray:
    """Return which joints are seen: some are lost for a while, hips never."""
    count, frames, joints = shape
    lost = rng.random((count, joints)) < LOST_SHARE
    lost[:, 7:9] = False
    begin = rng.integers(0, frames, (count, joints))
    end = begin + rng.integers(1, 2 * frames, (count, joints))
    frame = np.arange(frames)[None, :, None]
    return ~(lost[:, None] & (frame >= begin[:, None]) & (frame < end[:, None]))
