"""Where the hinge of a limb points: the part of a limb's rotation that joint positions hide.

Two bones give two directions; the rotation about the upper bone (twist) shows only in the plane
in which the limb bends. A straight limb does not show it at all. The twist is therefore carried:
transported along the bone's own path without added turning, pulled to the bending plane by how
well that is seen, and very weakly to the anatomical neutral.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solveh_banded

from mocap.core.rotation import rotation_between
from mocap.core.shapes import BoolArray, FloatArray

# Below 20 degrees of bend, 15 mm of noise on a 0.25 m forearm tilts the bending plane by more
# than 10 degrees: the twist is then no longer called observed. The plane's pull fades out over a
# wider range: even a weak pull, averaged over time, beats a guess (walking, squatting, dancing,
# throwing and raising arms with known rotations: 4 to 6 degrees rms at 6 mm of noise).
OBSERVED_BEND_DEG = 20.0
_FADE_DEG = (8.0, 20.0)

# Penalty on the change of twist per frame, relative to a right-angled bend (weight 1). 0.2 lets a
# well bent limb follow its plane within half a frame, so that a throwing arm is not slowed down
# (0.1 degree rms at 60 fps), and averages about three frames at 15 degrees of bend.
_CARRY = 0.2

# A straight limb drifts back to neutral within about this time.
_NEUTRAL_TIME_S = 1.0


def bend_sine(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """Return the sine (frame,) of the angle between two unit directions (frame, 3)."""
    return np.asarray(np.linalg.norm(np.cross(upper, lower), axis=-1))


def plane_weight(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """Return how well the bending plane is seen (frame,): 0 for straight, 1 at a right angle.

    The information in the plane's normal grows with the squared sine of the bend.
    """
    sine = bend_sine(upper, lower)
    low, high = np.sin(np.deg2rad(_FADE_DEG))
    fade = np.clip((sine - low) / (high - low), 0.0, 1.0)
    return np.asarray(fade * sine**2)


def hinge_axes(
    upper: FloatArray,
    lower: FloatArray,
    seen: BoolArray,
    rest_bone: FloatArray,
    rest_hinge: FloatArray,
    twist_range_deg: float,
    fps: float,
    hint: FloatArray | None = None,
    hint_weight: FloatArray | None = None,
) -> FloatArray:
    """Return the hinge axis (frame, 3), perpendicular to the upper bone, continuous in time.

    All vectors are unit vectors in the axes of the limb's parent, without NaN.

    Args:
        upper: (frame, 3) direction of the upper bone.
        lower: (frame, 3) direction of the lower bone.
        seen: (frame,) whether both directions were measured in this frame.
        rest_bone: (3,) direction of the straight limb in the rest pose.
        rest_hinge: (3,) hinge axis in the rest pose.
        twist_range_deg: a bending plane further than this from neutral is taken for noise.
        fps: frames per second.
        hint: (frame, 3) another estimate of the hinge axis, e.g. from the foot's heading.
        hint_weight: (frame,) weight of `hint`; 1 is a right-angled bend.
    """
    first, second = _transported_axes(upper)
    neutral = rotation_between(rest_bone, upper) @ rest_hinge
    # The shortest turn from rest is ill defined near the opposite direction: fade it out there.
    neutral_weight = (_CARRY / max(fps * _NEUTRAL_TIME_S, 1.0) ** 2) * (
        0.5 + 0.5 * upper @ rest_bone + 1e-3
    )
    normal = np.cross(upper, lower)
    possible = np.sum(normal * neutral, axis=-1) >= np.cos(np.deg2rad(twist_range_deg)) * (
        np.linalg.norm(normal, axis=-1)
    )
    observations = [
        (normal, np.where(seen & possible, plane_weight(upper, lower), 0.0)),
        (neutral, neutral_weight),
    ]
    if hint is not None and hint_weight is not None:
        observations.append((hint, hint_weight))
    weight = np.zeros(len(upper))
    pull = np.zeros((len(upper), 2))
    for axis, axis_weight in observations:
        flat = np.stack([np.sum(axis * first, axis=-1), np.sum(axis * second, axis=-1)], axis=-1)
        length = np.linalg.norm(flat, axis=-1, keepdims=True)
        usable = np.where(length[:, 0] > 0, axis_weight, 0.0)
        weight += usable
        pull += usable[:, None] * flat / np.where(length > 0, length, 1.0)
    angle = _smooth_directions(weight, pull)
    return np.cos(angle)[:, None] * first + np.sin(angle)[:, None] * second


def _transported_axes(bone: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return two axes (frame, 3) perpendicular to `bone` that follow it without twisting.

    Each step applies the shortest rotation a -> b to v, which for v perpendicular to a is
    v - (v.b) / (1 + a.b) (a + b).
    """
    first = np.zeros_like(bone)
    start = np.cross(bone[0], np.eye(3)[np.argmin(np.abs(bone[0]))])
    first[0] = start / np.linalg.norm(start)
    for frame in range(1, len(bone)):
        a, b, v = bone[frame - 1], bone[frame], first[frame - 1]
        # A bone that turns round within one frame has no shortest way: keep v, which is
        # perpendicular to both directions.
        denominator = 1.0 + a @ b
        moved = v - (v @ b) / denominator * (a + b) if denominator > 1e-9 else v
        moved = moved - (moved @ b) * b
        first[frame] = moved / np.linalg.norm(moved)
    return first, np.cross(bone, first)


def _smooth_directions(weight: FloatArray, pull: FloatArray) -> FloatArray:
    """Return angles (frame,) that minimise sum w |z - z_obs|² + carry * sum |z[t+1] - z[t]|².

    z are points in the plane and only their angle is used: no unwrapping is needed, so that an
    angle can never gain a spurious full turn.
    """
    frames = len(weight)
    if frames == 1:
        return np.asarray(np.arctan2(pull[:, 1], pull[:, 0]))
    banded = np.zeros((2, frames))
    banded[1] = weight
    banded[1, :-1] += _CARRY
    banded[1, 1:] += _CARRY
    banded[0, 1:] = -_CARRY
    z = solveh_banded(banded, pull)
    return np.asarray(np.arctan2(z[:, 1], z[:, 0]))
