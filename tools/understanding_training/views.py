"""Views of clips by random cameras: what one camera would see, and the pose that it cannot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.core.shapes import Array, FloatArray
from mocap.understand.joints import LEFT_HIP, MIRRORED, RIGHT_HIP
from mocap.understand.lift_network import FRAMES, pelvis_turn, view_inputs
from understanding_training.clips import Clip

ADULT_SIZE_M = 1.78
DISTANCE_M, CAMERA_HEIGHT_M = (2.2, 8.0), (0.3, 2.6)
ROLL_RAD = 0.06
PROPORTIONS, JOINT_OFFSET = 0.07, 0.006
SIZE_ERROR = 0.02
NOISE = (0.004, 0.014)
"""Of the body's size: 7 to 25 mm, white; as much again in part stays over a window."""
LASTING_NOISE = 0.7
LOST_SHARE = 0.06
UNSEEN_KINDS = ("scripted_dance", "scripted_throw", "scripted_pitch")
"""The sample session shows these: they stay out of training so that it is a fair test."""


def split_of(clip: Clip) -> str:
    """Return "train", "check", "test" or "unseen": people, clips and seeds are never shared."""
    if clip.kind in UNSEEN_KINDS:
        return "unseen"
    if clip.origin == "uiprmd":
        return "test" if clip.person in (3, 6, 9) else "check" if clip.person == 5 else "train"
    if clip.origin == "cmu":
        return ("test", "check", "train", "train", "train", "train")[clip.person % 6]
    return ("test", "check")[clip.person % 10] if clip.person % 10 < 2 else "train"


class ClipBank:
    """Clips in body sizes, drawn so that each source has its share."""

    def __init__(self, clips: Sequence[Clip], which: str) -> None:
        """Keep the clips of a split."""
        kept = [clip for clip in clips if split_of(clip) == which and len(clip.xyz) >= 2]
        self.sources = np.array([c.kind if c.origin == "script" else c.origin for c in kept])
        self.lengths = np.array([len(clip.xyz) for clip in kept])
        self.starts = np.concatenate([[0], np.cumsum(self.lengths)[:-1]])
        self.frames = np.concatenate([clip.xyz / clip.size_m for clip in kept])
        self.weights = self._weights()

    def _weights(self) -> FloatArray:
        shares = {"cmu": 1.6, "scripted_random": 3.0}
        total = {s: self.lengths[self.sources == s].sum() for s in set(self.sources.tolist())}
        weights = np.array(
            [
                shares.get(str(source), 1.0) * length / total[str(source)]
                for source, length in zip(self.sources, self.lengths, strict=True)
            ]
        )
        return np.asarray(weights / weights.sum(), np.float64)

    def has(self, source: str) -> bool:
        """Tell whether there are clips of a source."""
        return bool((self.sources == source).any())

    def draw(
        self, count: int, rng: np.random.Generator, *, disturbed: bool, source: str | None = None
    ) -> FloatArray:
        """Return windows (count, 27, 13, 3) in body sizes."""
        weights = self.weights if source is None else self.weights * (self.sources == source)
        chosen = rng.choice(len(self.lengths), count, p=weights / weights.sum())
        middle = (rng.random(count) * self.lengths[chosen]).astype(int)
        stride = rng.choice([1, 1, 1, 2], count) if disturbed else np.ones(count, int)
        at = middle[:, None] + stride[:, None] * np.arange(-(FRAMES // 2), FRAMES // 2 + 1)
        at = np.clip(at, 0, (self.lengths[chosen] - 1)[:, None]) + self.starts[chosen][:, None]
        xyz = self.frames[at].copy()
        if disturbed:
            mirrored = rng.random(count) < 0.5
            xyz[mirrored] = xyz[mirrored][:, :, MIRRORED] * [-1.0, 1.0, 1.0]
            xyz *= rng.uniform(1.0 - PROPORTIONS, 1.0 + PROPORTIONS, (count, 1, 1, 3))
            xyz += rng.normal(0.0, JOINT_OFFSET, (count, 1, xyz.shape[2], 3))
        size = 1.0 + SIZE_ERROR * rng.normal(size=(count, 1, 1, 1))
        return np.asarray(xyz * size, np.float64)


def draw_views(
    bank: ClipBank,
    count: int,
    rng: np.random.Generator,
    *,
    disturbed: bool = True,
    source: str | None = None,
) -> tuple[Array, Array]:
    """Return inputs (count, 27, 39) and true poses (count, 13, 3) of the middle frame."""
    xyz = bank.draw(count, rng, disturbed=disturbed, source=source)
    pelvis = 0.5 * (xyz[:, :, LEFT_HIP] + xyz[:, :, RIGHT_HIP])
    camera = _cameras(pelvis[:, FRAMES // 2], rng)
    turn = _rolled(_looking_at(pelvis - camera[:, None]), rng)
    local = np.einsum("wfij,wfkj->wfki", turn, xyz - camera[:, None, None])
    depth = np.linalg.norm(pelvis - camera[:, None], axis=-1)
    pose = local - np.einsum("wfij,wfj->wfi", turn, pelvis - camera[:, None])[:, :, None]
    noise = rng.uniform(*NOISE, (count, 1, 1, 1)) if disturbed else np.full((count, 1, 1, 1), 0.007)
    noise = noise / depth[:, :, None, None]
    rays = local[..., :2] / local[..., 2:]
    rays = rays + noise * rng.normal(size=rays.shape)
    rays += LASTING_NOISE * noise[:, :1] * rng.normal(size=(count, 1, *rays.shape[2:]))
    seen = _seen(rays.shape[:3], rng) if disturbed else np.ones(rays.shape[:3])
    return view_inputs(rays, seen), pose[:, FRAMES // 2].astype(np.float32)


def _cameras(pelvis: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return camera centres (count, 3) around people, in body sizes."""
    count = len(pelvis)
    azimuth = rng.uniform(-np.pi, np.pi, count)
    distance = rng.uniform(*DISTANCE_M, count) / ADULT_SIZE_M
    height = rng.uniform(*CAMERA_HEIGHT_M, count) / ADULT_SIZE_M
    x = pelvis[:, 0] + distance * np.cos(azimuth)
    y = pelvis[:, 1] + distance * np.sin(azimuth)
    return np.stack([x, y, height], axis=-1)


# World axes (Z up) as a camera that looks along Y sees them: right, down, forward.
_CAMERA_FROM_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def _looking_at(direction: FloatArray) -> FloatArray:
    """Return rotations (..., 3, 3) from the world into level views along `direction`."""
    return np.asarray(
        pelvis_turn(direction @ _CAMERA_FROM_WORLD.T) @ _CAMERA_FROM_WORLD, np.float64
    )


def _rolled(turn: FloatArray, rng: np.random.Generator) -> FloatArray:
    angle = rng.normal(0.0, ROLL_RAD, len(turn))
    roll = np.zeros((len(turn), 1, 3, 3))
    roll[:, 0, 0, 0] = roll[:, 0, 1, 1] = np.cos(angle)
    roll[:, 0, 0, 1], roll[:, 0, 1, 0] = np.sin(angle), -np.sin(angle)
    roll[:, 0, 2, 2] = 1.0
    return np.asarray(roll @ turn, np.float64)


def _seen(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    count, frames, joints = shape
    seen = np.ones(shape)
    lost = rng.random((count, joints)) < LOST_SHARE
    lost[:, 7:9] = False
    begin = rng.integers(0, frames, (count, joints))
    end = begin + rng.integers(1, frames, (count, joints))
    frame = np.arange(frames)[None, :, None]
    seen[lost[:, None] & (frame >= begin[:, None]) & (frame < end[:, None])] = 0.0
    return seen
