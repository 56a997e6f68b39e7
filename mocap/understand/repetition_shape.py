"""The shape of one repetition of an exercise: what recognition and comparison look at."""

from __future__ import annotations

import numpy as np

from mocap.core.errors import InputError
from mocap.core.shapes import Array, FloatArray
from mocap.understand.joints import LEFT_HIP, MIRRORED, RATE_HZ, RIGHT_HIP
from mocap.understand.window_features import statistics, window_features

PHASES = 64
"""Every repetition has this many moments, however long it takes."""

LEAST_FRAMES = 8


def busier_side(xyz: FloatArray) -> float:
    """Return how much more the right side moves than the left one (negative: the left one).

    Summed over the limbs: the standard deviation of a joint's place relative to the hips, metres.

    Args:
        xyz: (frame, 13, 3) metres.
    """
    hips = 0.5 * (xyz[:, LEFT_HIP : LEFT_HIP + 1] + xyz[:, RIGHT_HIP : RIGHT_HIP + 1])
    spread = (xyz - hips).std(axis=0).sum(axis=-1)
    return float(spread[2::2].sum() - spread[1::2].sum())


def mirrored(xyz: FloatArray) -> FloatArray:
    """Return the mirror image of a person (frame, 13, 3): left and right exchanged."""
    return xyz[:, MIRRORED] * np.array([-1.0, 1.0, 1.0])


def by_phase(values: Array, phases: int = PHASES) -> FloatArray:
    """Return values (frame, ...) at evenly spaced moments, linear in between."""
    at = np.linspace(0.0, len(values) - 1.0, phases)
    before = np.minimum(at.astype(int), len(values) - 2)
    share = (at - before).reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray((1.0 - share) * values[before] + share * values[before + 1], np.float64)


def repetition_statistics(xyz: FloatArray, size_m: float, *, flip: bool) -> FloatArray:
    """Return the statistics (feature,) of one repetition, and the logarithm of its length.

    Args:
        xyz: (frame, 13, 3) metres at 30 Hz, from the start pose through the turn and back.
        size_m: size of the body.
        flip: mirror it first, so that the working side of all people is the right one.

    Raises:
        InputError: it is shorter than 8 frames (0.27 s).
    """
    if len(xyz) < LEAST_FRAMES:
        raise InputError(
            f"a repetition of {len(xyz) / RATE_HZ:.2f} s is too short to compare; "
            f"{LEAST_FRAMES / RATE_HZ:.2f} s are needed."
        )
    motion = mirrored(xyz) if flip else xyz
    features = window_features(motion[None], np.array([size_m]))[0]
    shape = statistics(by_phase(features)[None])[0]
    return np.append(shape, np.log(len(xyz)))
