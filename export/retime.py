"""Other frame rates and shorter takes.

Rotations are interpolated on the shortest arc between quaternions, never between Euler angles:
two neighbouring frames may have far-apart angles for nearly equal poses.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import Array, FloatArray
from mocap.export.quaternions import slerp

# A last frame this share of a frame after the end still belongs to the take: rounding of times.
_ROUNDING_FRAMES = 1e-6

# Frames interpolated together: the memory stays the same for any length.
_FRAMES_AT_ONCE = 4096


def resampled(motion: SkeletonMotion, fps: float) -> SkeletonMotion:
    """Return the same motion at another frame rate, from its first frame to its last.

    Poses are taken at the new times as they are: fast motion seen at a low rate is not blurred.

    Raises:
        ExportError: the frame rate is not positive.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise ExportError(f"a frame rate of {fps} frames per second is impossible.")
    count = len(motion.root_positions)
    if fps == motion.fps or count < 2:
        return replace(motion, fps=fps)
    last = (count - 1) * fps / motion.fps
    frames = np.arange(int(last + _ROUNDING_FRAMES) + 1)
    at = np.minimum(frames * (motion.fps / fps), count - 1.0)
    return replace(
        motion,
        fps=float(fps),
        root_positions=_positions_at(motion.root_positions, at),
        local_rotations_wxyz=_rotations_at(motion.local_rotations_wxyz, at),
    )


def trimmed(
    motion: SkeletonMotion, start_s: float | None = None, end_s: float | None = None
) -> SkeletonMotion:
    """Return the frames from `start_s` to `end_s`, both included, in seconds of the take.

    Raises:
        ExportError: no frame lies between them.
    """
    count = len(motion.root_positions)
    times = np.arange(count) / motion.fps
    half = 0.5 / motion.fps
    chosen = np.ones(count, dtype=np.bool_)
    if start_s is not None:
        chosen &= times > start_s - half
    if end_s is not None:
        chosen &= times < end_s + half
    if not chosen.any():
        last_s = max(count - 1, 0) / motion.fps
        end = last_s if end_s is None else end_s
        raise ExportError(
            f"no frame lies between {start_s or 0.0:g} s and {end:g} s; the take lasts "
            f"{last_s:.3f} s. Correct start and end."
        )
    return replace(
        motion,
        root_positions=motion.root_positions[chosen],
        local_rotations_wxyz=motion.local_rotations_wxyz[chosen],
    )


def first_frame_from(motion: SkeletonMotion, start_s: float | None) -> int:
    """Return the first frame that `trimmed` keeps."""
    if start_s is None:
        return 0
    times = np.arange(len(motion.root_positions)) / motion.fps
    return int(np.argmax(times > start_s - 0.5 / motion.fps))


def values_during(
    values: Array, fps: float, first_frame: int, motion: SkeletonMotion
) -> FloatArray:
    """Return values (frame, n) of a take at the frames of a motion cut from it and resampled.

    Args:
        values: at `fps`, between whose frames they are interpolated linearly.
        fps: of the take.
        first_frame: frame of the take at which the motion begins.
        motion: the stretch.
    """
    frames = np.arange(len(motion.root_positions))
    return _positions_at(
        values, np.minimum(first_frame + frames * (fps / motion.fps), len(values) - 1.0)
    )


def _neighbours(at: FloatArray, count: int) -> tuple[Array, Array, FloatArray]:
    """Return the frames before and after fractional frames, and how far between."""
    before = np.minimum(at.astype(np.int64), max(count - 2, 0))
    return before, np.minimum(before + 1, count - 1), at - before


def _positions_at(values: Array, at: FloatArray) -> FloatArray:
    before, after, share = _neighbours(at, len(values))
    mixed = (1.0 - share[:, None]) * values[before] + share[:, None] * values[after]
    return np.asarray(mixed, dtype=np.float64)


def _rotations_at(values: Array, at: FloatArray) -> FloatArray:
    before, after, share = _neighbours(at, len(values))
    out = np.zeros((len(at), *values.shape[1:]))
    for first in range(0, len(at), _FRAMES_AT_ONCE):
        part = slice(first, first + _FRAMES_AT_ONCE)
        out[part] = slerp(values[before[part]], values[after[part]], share[part, None])
    return out
