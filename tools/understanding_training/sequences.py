"""Clips as sequences to draw windows from: repetitions joined, standing made, labels numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mocap.core.shapes import FloatArray
from mocap.understand.joints import RATE_HZ
from understanding_training.clips import Clip

BLEND_FRAMES = 8
STANDING_S = 5.0
_STANDING_STARTS = (
    "hurdle_step", "inline_lunge", "side_lunge", "straight_leg_raise", "shoulder_abduction",
    "shoulder_extension", "shoulder_scaption",
)  # fmt: skip
"""Exercises that begin from quiet standing."""


def joined(
    parts: Sequence[FloatArray], rng: np.random.Generator, pause_frames: tuple[int, int] = (0, 15)
) -> FloatArray:
    """Return clips (frame, 13, 3) one after another: the pelvis in place, a held pose, a blend."""
    out = [parts[0]]
    for part in parts[1:]:
        last, first = out[-1][-1], part[0]
        shift = np.append((last[7:9].mean(0) - first[7:9].mean(0))[:2], 0.0)
        moved = part + shift
        held_frames = int(rng.integers(*pause_frames)) + 1
        held = last + np.cumsum(rng.normal(0.0, 0.001, (held_frames, 1, 3)), axis=0)
        phase = np.arange(1, BLEND_FRAMES) / BLEND_FRAMES
        weight = (0.5 - 0.5 * np.cos(np.pi * phase))[:, None, None]
        out += [held, (1.0 - weight) * held[-1] + weight * moved[0], moved]
    return np.concatenate(out)


def training_sequences(clips: Sequence[Clip], *, seed: int = 5) -> list[Clip]:
    """Return `clips` with the repetitions of a person joined, and people who only stand."""
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str, int, bool], list[Clip]] = {}
    sequences = []
    for clip in clips:
        if clip.origin == "uiprmd":
            groups.setdefault((clip.kind, clip.person, clip.good), []).append(clip)
        else:
            sequences.append(clip)
    for group in groups.values():
        ordered = sorted(group, key=lambda clip: clip.episode)
        sequences.append(replace(ordered[0], xyz=joined([clip.xyz for clip in ordered], rng)))
    for clip in clips:
        if clip.episode == 1 and clip.good and clip.kind in _STANDING_STARTS:
            swayed = _standing(clip.xyz[0], rng)
            sequences.append(replace(clip, xyz=swayed, label="stand", kind="stand"))
    return sequences


def _standing(pose: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return a person (frame, 13, 3) who stands in `pose` and sways by a few centimetres."""
    frames = int(STANDING_S * RATE_HZ)
    t = np.arange(frames) / RATE_HZ
    out = np.repeat(pose[None], frames, axis=0)
    for joint in range(out.shape[1]):
        for _ in range(2):
            phase = 2.0 * np.pi * rng.uniform(0.1, 0.6) * t[:, None] + rng.uniform(0.0, 6.0, 3)
            out[:, joint] += np.sin(phase) * rng.normal(0.0, 0.008, 3)
    sway = np.stack(
        [
            np.sin(2.0 * np.pi * rng.uniform(0.1, 0.4) * t + rng.uniform(0.0, 6.0))
            * rng.uniform(0.01, 0.03)
            for _ in range(2)
        ],
        axis=-1,
    )
    # A pendulum about the ankles: the head goes furthest.
    out[..., :2] += sway[:, None] * np.clip(out[..., 2:] - 0.1, 0.0, None)
    return out
