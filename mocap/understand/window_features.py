"""What recognition sees of a window of motion: a person's pose in their own frame and size.

Where somebody stands, which way they look and how tall they are do not change what they do; how
fast the pelvis travels and how high it is do.
"""

from __future__ import annotations

import numpy as np

from mocap.core.body.pose_frame import across_line, turn_onto_x
from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.understand.joints import (
    ANKLES,
    JOINT_NAMES,
    LEFT_HIP,
    LEFT_SHOULDER,
    RATE_HZ,
    RIGHT_HIP,
    RIGHT_SHOULDER,
)

JOINTS = len(JOINT_NAMES)
POSE = slice(0, 3 * JOINTS)
VELOCITY = slice(3 * JOINTS, 3 * JOINTS + 3)
HEIGHT = 3 * JOINTS + 3
LOWEST_ANKLE = 3 * JOINTS + 4
SEEN = slice(3 * JOINTS + 5, 4 * JOINTS + 5)
FEATURES = 4 * JOINTS + 5

_FLOOR_PERCENTILE = 5.0
"""Of the ankles' heights over a window: the floor under a person who stands now and then."""


def window_features(xyz: FloatArray, size_m: FloatArray, seen: BoolArray | None = None) -> Array:
    """Return features (window, frame, 57) float32 of joints (window, frame, 13, 3), metres, Z up.

    Per frame: the joints relative to the middle of the hips, turned about the vertical by the
    window's mean line through hips and shoulders and divided by the size of the body; the velocity
    of the pelvis in that frame per second; its height and that of the lower ankle over the floor;
    1 for each joint that was seen. Joints that were not seen are zero.

    Args:
        xyz: (window, frame, 13, 3).
        size_m: (window,) sizes of the bodies, see `joints.body_size_m`.
        seen: (window, frame, 13); None: all.
    """
    scaled = xyz / np.asarray(size_m, np.float64)[:, None, None, None]
    pelvis = 0.5 * (scaled[:, :, LEFT_HIP] + scaled[:, :, RIGHT_HIP])
    turn = _heading_rotations(scaled)
    mask = np.ones(scaled.shape[:3]) if seen is None else seen.astype(np.float64)
    pose = np.einsum("wij,wfkj->wfki", turn, scaled - pelvis[:, :, None]) * mask[..., None]
    velocity = np.einsum("wij,wfj->wfi", turn, np.gradient(pelvis, axis=1) * RATE_HZ)
    ankles = scaled[:, :, ANKLES, 2]
    floor = np.percentile(ankles.reshape(len(scaled), -1), _FLOOR_PERCENTILE, axis=1)[:, None]
    height = (pelvis[:, :, 2] - floor)[..., None]
    lowest = (ankles.min(axis=2) - floor)[..., None]
    flat = pose.reshape(*pose.shape[:2], -1)
    return np.concatenate([flat, velocity, height, lowest, mask], axis=-1).astype(np.float32)


def _heading_rotations(scaled: FloatArray) -> FloatArray:
    """Return rotations (window, 3, 3) about Z that bring the mean left-right line onto X."""
    hips = (scaled[:, :, LEFT_HIP] - scaled[:, :, RIGHT_HIP])[..., :2].mean(axis=1)
    shoulders = (scaled[:, :, LEFT_SHOULDER] - scaled[:, :, RIGHT_SHOULDER])[..., :2].mean(axis=1)
    return turn_onto_x(across_line(hips, shoulders))


_ANGLES = (
    (1, 3, 5),
    (2, 4, 6),
    (7, 9, 11),
    (8, 10, 12),
    (1, 7, 9),
    (2, 8, 10),
    (7, 1, 3),
    (8, 2, 4),
)
"""Elbows, knees, hips and shoulders: the middle joint bends between the two others."""

_SPECTRUM_FRAMES = 90
_SPECTRUM_LINES = 9


def joint_angles_rad(features: Array) -> FloatArray:
    """Return the angles (window, frame, 8) at elbows, knees, hips and shoulders."""
    pose = features[..., POSE].reshape(*features.shape[:2], JOINTS, 3).astype(np.float64)
    angles = []
    for near, middle, far in _ANGLES:
        a, b = pose[:, :, near] - pose[:, :, middle], pose[:, :, far] - pose[:, :, middle]
        norm = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
        angles.append(np.arccos(np.clip((a * b).sum(-1) / np.maximum(norm, 1e-6), -1.0, 1.0)))
    return np.stack(angles, axis=-1)


def statistics(features: Array) -> FloatArray:
    """Return what a window looks like as a whole (window, 321): the input of linear models.

    Mean, spread, least and largest of angles, pose, velocity and heights, the same of how fast they
    change, and the spectrum of the angles.
    """
    values = np.concatenate(
        [joint_angles_rad(features), features[..., : LOWEST_ANKLE + 1]], axis=-1
    )
    change = np.diff(values, axis=1) * RATE_HZ
    # Angles and the head: what swings in every exercise.
    swinging = values[:, :_SPECTRUM_FRAMES, :13]
    swinging = swinging - swinging.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(swinging, n=_SPECTRUM_FRAMES, axis=1))
    lines = spectrum[:, 1 : 1 + _SPECTRUM_LINES].mean(axis=2) / values.shape[1]
    parts = [values.mean(1), values.std(1), values.min(1), values.max(1), np.abs(change).mean(1)]
    return np.concatenate([*parts, change.std(1), lines], axis=-1)
