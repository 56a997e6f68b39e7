"""People on known paths: alone, crossing, embracing. The 17 COCO keypoints of each."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import convolve1d, uniform_filter1d

from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.chain import stick_person

# Two bodies pass each other at this distance of their middles at least: shoulder to shoulder.
BODY_DISTANCE_M = 0.38

SHORTEST_M, TALLEST_M = 1.55, 1.9


def walker(
    path_m: FloatArray, fps: float, *, height_m: float = 1.75, phase: float = 0.0
) -> FloatArray:
    """Return the keypoints (frame, 17, 3) of a person who walks a path and faces where it leads.

    Args:
        path_m: (frame, 2) on the floor.
        fps: frames per second.
        height_m: body height.
        phase: in [0, 1), of the step cycle.
    """
    body = stick_person(len(path_m), fps, height_m=height_m, phase=phase).xyz
    velocity = np.gradient(path_m, axis=0)
    heading = np.unwrap(np.arctan2(velocity[:, 1], velocity[:, 0]))
    # Nobody turns on the spot: half a second, at any frame rate.
    heading = uniform_filter1d(heading, max(1, round(0.5 * fps)), mode="nearest")
    turn = matrix_from_rotvec(heading[:, None] * np.array([0.0, 0.0, 1.0]))
    xyz = np.einsum("fij,fkj->fki", turn, body)
    xyz[..., :2] += path_m[:, None]
    return np.asarray(xyz)


def crossing(
    people: int = 3, seconds: float = 20.0, fps: float = 30.0, seed: int = 0
) -> FloatArray:
    """Return people (frame, person, 17, 3) who walk to and fro through the middle of the room.

    Each on a line of their own, timed to meet there every few seconds; bodies do not overlap.
    """
    random = np.random.default_rng(seed)
    time_s = np.arange(round(seconds * fps)) / fps
    paths = []
    for person in range(people):
        period_s = random.uniform(5.0, 7.0)
        angle = np.pi * person / people + random.normal(0.0, 0.1)
        phase = random.normal(0.0, 0.15)
        # From the fifth person on they come a little later: nobody meets eight people at once.
        reach, later = (2.0, 0.0) if person < 4 else (1.6, 1.0)
        along = reach * np.sin(2.0 * np.pi * time_s / period_s + phase + later)
        sway = 0.08 * np.sin(1.3 * time_s + person)
        direction = np.array([np.cos(angle), np.sin(angle)])
        side = np.array([-direction[1], direction[0]])
        paths.append(along[:, None] * direction + sway[:, None] * side)
    apart = _pushed_apart(np.stack(paths, axis=1), fps)
    heights = random.uniform(SHORTEST_M, TALLEST_M, people)
    phases = random.uniform(0.0, 1.0, people)
    return np.stack(
        [
            walker(apart[:, p], fps, height_m=float(heights[p]), phase=float(phases[p]))
            for p in range(people)
        ],
        axis=1,
    )


def embrace(fps: float = 30.0, *, pass_through: bool = False) -> FloatArray:
    """Return two people (frame, 2, 17, 3) who meet, hold each other for 4 s and part, in 12 s.

    `pass_through`: they change sides while holding each other, instead of stepping back.
    """
    time_s = np.arange(round(12.0 * fps)) / fps
    half = np.interp(time_s, [0, 3, 4, 8, 9, 12], [1.8, 0.3, 0.125, 0.125, 0.3, 1.8])
    half = uniform_filter1d(half, round(0.7 * fps), mode="nearest")
    turned = np.interp(time_s, [6.0, 8.0], [0.0, np.pi]) if pass_through else 0.0 * time_s
    path = half[:, None] * np.stack([np.cos(turned), np.sin(turned)], axis=1)
    return np.stack(
        [
            walker(path, fps, height_m=1.82, phase=0.1),
            walker(-path, fps, height_m=1.65, phase=0.6),
        ],
        axis=1,
    )


def standing(place_m: tuple[float, float], frames: int) -> FloatArray:
    """Return the path (frame, 2) of somebody who stands and sways by 2 cm."""
    frame = np.arange(frames)
    sway = 0.02 * np.stack([np.sin(frame / 9.0), np.cos(frame / 7.0)], axis=1)
    return np.array(place_m) + sway + 0.001 * frame[:, None] / 30.0


def _pushed_apart(paths: FloatArray, fps: float) -> FloatArray:
    """Return paths (frame, person, 2) on which bodies do not overlap."""
    window = np.hanning(2 * max(1, round(0.2 * fps)) + 1)
    window /= window.sum()
    own = np.eye(paths.shape[1], dtype=bool)
    for _ in range(12):
        between = paths[:, :, None] - paths[:, None]
        distance = np.linalg.norm(between, axis=-1)
        distance[:, own] = np.inf
        short = np.maximum(BODY_DISTANCE_M - distance, 0.0)
        direction = between / np.maximum(distance, 1e-3)[..., None]
        direction[:, own] = 0.0
        paths = paths + 0.55 * np.sum(short[..., None] * direction, axis=2)
        paths = np.asarray(convolve1d(paths, window, axis=0, mode="nearest"))
    return paths
