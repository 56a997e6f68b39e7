"""The thirteen points that recognition looks at, on an even clock.

Every detector, marker set and body gives them, whatever else it gives: recognition must not depend
on how a recording was made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.body.pose_frame import ARMS, TRUNK_AND_LEGS, size_m
from mocap.core.errors import InputError
from mocap.core.keypoints import mirrored_name
from mocap.core.shapes import Array, BoolArray, FloatArray

JOINT_NAMES = (
    "head",
    "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist",
    "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle",
)  # fmt: skip
"""The head is the middle between the ears."""

MIRRORED = tuple(JOINT_NAMES.index(mirrored_name(name)) for name in JOINT_NAMES)
"""For each joint the position of the same joint on the other side."""

HEAD, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 0, 1, 2, 7, 8
ANKLES = (11, 12)

RATE_HZ = 30.0
"""Rate of the clock of recognition: what consumer depth cameras and slow videos reach too."""

LONGEST_BRIDGE_S = 0.25
"""Joints unseen for longer are marked as not seen instead of being bridged."""


@dataclass(frozen=True, eq=False)
class JointClip:
    """The thirteen joints of one person on an even clock.

    Attributes:
        times_s: (frame,) seconds from the first frame of the take.
        xyz: (frame, joint, 3) metres, Z up; where not `seen`, bridged values.
        seen: (frame, joint) whether a joint was seen or only bridged for a moment.
        size_m: size of the body, see `body_size_m`.
    """

    times_s: FloatArray
    xyz: FloatArray
    seen: BoolArray
    size_m: float


def pick_joints(xyz: Array, keypoint_names: Sequence[str]) -> FloatArray:
    """Return the thirteen joints (frame, 13, 3) of keypoints (frame, keypoint, 3).

    Raises:
        InputError: a keypoint that is needed is not among them.
    """
    names = list(keypoint_names)
    missing = [name for name in JOINT_NAMES[1:] if name not in names]
    if missing:
        raise InputError(
            f"recognition needs {', '.join(missing)}, which these keypoints do not have. Use a "
            "detector with shoulders, elbows, wrists, hips, knees and ankles."
        )
    limbs = [np.asarray(xyz)[:, names.index(name)] for name in JOINT_NAMES[1:]]
    return np.stack([_head(np.asarray(xyz), names), *limbs], axis=1).astype(np.float64)


def _head(xyz: Array, names: list[str]) -> Array:
    for pair in (("left_ear", "right_ear"), ("left_eye", "right_eye")):
        if set(pair) <= set(names):
            return 0.5 * (xyz[:, names.index(pair[0])] + xyz[:, names.index(pair[1])])
    for single in ("head_top", "nose"):
        if single in names:
            return xyz[:, names.index(single)]
    return np.full((len(xyz), xyz.shape[-1]), np.nan)


def pick_image_joints(
    pixels: Array, confidence: Array, keypoint_names: Sequence[str], least_confidence: float
) -> tuple[FloatArray, BoolArray]:
    """Return the thirteen joints (frame, 13, 2) of an image and whether each was seen.

    Args:
        pixels: (frame, keypoint, 2).
        confidence: (frame, keypoint).
        keypoint_names: names of the keypoints.
        least_confidence: a keypoint below this was not seen.

    Raises:
        InputError: a keypoint that is needed is not among them.
    """
    trusted = (confidence >= least_confidence)[..., None]
    joints = pick_joints(np.where(trusted, pixels, np.nan), keypoint_names)
    return joints, np.asarray(np.isfinite(joints).all(axis=-1))


def body_size_m(xyz: FloatArray) -> float:
    """Return the size of a body from its joints (frame, 13, 3): trunk and legs + half the arms.

    The mean of left and right of trunk, thigh and shank, and of upper arm and forearm, each the
    median over the frames; about 1.78 m for an adult, measured without knowing the stature.

    Raises:
        InputError: some limb was never seen.
    """

    def path(name: str) -> Array:
        return xyz[:, JOINT_NAMES.index(name)]

    size = size_m(path, TRUNK_AND_LEGS) + size_m(path, ARMS)
    if not np.isfinite(size) or size <= 0.0:
        raise InputError(
            "the size of this body cannot be told: trunk, an arm and a leg must each be seen "
            "whole in some frame."
        )
    return size


def joint_clip(
    xyz: Array, keypoint_names: Sequence[str], times_s: FloatArray, rate_hz: float = RATE_HZ
) -> JointClip:
    """Return the joints of keypoints (frame, keypoint, 3) at times (frame,) on an even clock.

    Values between frames are linear; a joint unseen for more than `LONGEST_BRIDGE_S` is marked.

    Raises:
        InputError: a keypoint is missing, a limb was never seen, or there are fewer than 2 frames.
    """
    joints = pick_joints(xyz, keypoint_names)
    if len(joints) < 2:
        raise InputError("recognition needs at least two frames.")
    size = body_size_m(joints)
    clock = np.arange(times_s[0], times_s[-1] + 1e-9, 1.0 / rate_hz)
    out = np.zeros((len(clock), len(JOINT_NAMES), 3))
    seen = np.zeros(out.shape[:2], dtype=bool)
    for joint in range(len(JOINT_NAMES)):
        good = np.isfinite(joints[:, joint]).all(axis=-1)
        if good.any():
            out[:, joint], seen[:, joint] = _on_clock(joints[good, joint], times_s[good], clock)
    return JointClip(clock, out, seen, size)


def _on_clock(values: Array, times: FloatArray, clock: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return values (frame, 3) at `clock` and whether a measured frame is near on both sides."""
    at_clock = np.stack([np.interp(clock, times, values[:, axis]) for axis in range(3)], axis=-1)
    after = np.clip(np.searchsorted(times, clock), 0, len(times) - 1)
    before = np.maximum(np.searchsorted(times, clock, side="right") - 1, 0)
    inside = (clock >= times[0] - 1e-6) & (clock <= times[-1] + 1e-6)
    return at_clock, inside & (times[after] - times[before] <= LONGEST_BRIDGE_S + 1e-9)
