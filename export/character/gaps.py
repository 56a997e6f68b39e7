"""What to do where nothing is known: animation files have no way to say so."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.runs import runs
from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.export.character.character import broken_frames
from mocap.export.quaternions import slerp

GAP_POLICIES = ("interpolate", "hold", "split")


@dataclass(frozen=True, eq=False)
class Piece:
    """A stretch of a take.

    Attributes:
        motion: the stretch; its frame 0 is frame `first_frame` of the take.
        first_frame: where it begins.
    """

    motion: SkeletonMotion
    first_frame: int


def with_missing(motion: SkeletonMotion, missing: BoolArray) -> SkeletonMotion:
    """Return a motion with NaN where a joint (frame, joint) was not seen.

    A missing first joint takes the position of the whole body with it.
    """
    rotations = np.where(missing[..., None], np.nan, motion.local_rotations_wxyz)
    positions = np.where(missing[:, :1], np.nan, motion.root_positions)
    return replace(motion, local_rotations_wxyz=rotations, root_positions=positions)


def without_gaps(motion: SkeletonMotion, policy: str) -> tuple[Piece, ...]:
    """Return a motion without NaN: one piece, or several where the take is split.

    Args:
        motion: NaN where a rotation or the root's position is unknown.
        policy: `interpolate` (shortest arc, straight line; held at the ends), `hold` (the last
            known value), or `split` (only stretches in which everything is known).

    Raises:
        ExportError: unknown policy, or a joint that is never known.
    """
    if policy not in GAP_POLICIES:
        raise ExportError(
            f"gap policy '{policy}' is unknown; choose one of {', '.join(GAP_POLICIES)}."
        )
    broken = np.asarray(broken_frames(motion), dtype=np.bool_)
    if not broken.any():
        return (Piece(motion, 0),)
    if policy == "split":
        return _split(motion, broken)
    rotations = motion.local_rotations_wxyz.copy()
    for joint, name in enumerate(motion.joint_names):
        rotations[:, joint] = _filled(rotations[:, joint], policy, name, turning=True)
    positions = _filled(motion.root_positions, policy, "position", turning=False)
    return (Piece(replace(motion, local_rotations_wxyz=rotations, root_positions=positions), 0),)


def _split(motion: SkeletonMotion, broken: BoolArray) -> tuple[Piece, ...]:
    """Return the stretches without broken frames."""
    if broken.all():
        raise ExportError("something is unknown in every frame: nothing is left after a split.")
    return tuple(
        Piece(
            replace(
                motion,
                root_positions=motion.root_positions[start:end],
                local_rotations_wxyz=motion.local_rotations_wxyz[start:end],
            ),
            int(start),
        )
        for start, end in runs(~broken)
    )


def _filled(values: Array, policy: str, name: str, *, turning: bool) -> FloatArray:
    """Return (frame, k) values without NaN."""
    known = np.asarray(np.isfinite(values).all(axis=1))
    if known.all():
        return np.asarray(values, dtype=np.float64)
    index = np.flatnonzero(known)
    if not len(index):
        raise ExportError(f"'{name}' is unknown in every frame: there is nothing to fill it from.")
    frames = np.arange(len(values))
    before = index[np.maximum(np.searchsorted(index, frames, side="right") - 1, 0)]
    if policy == "hold":
        return np.asarray(values[before], dtype=np.float64)
    after = index[np.minimum(np.searchsorted(index, frames), len(index) - 1)]
    after = np.maximum(before, after)
    share = np.clip((frames - before) / np.maximum(after - before, 1), 0.0, 1.0)
    if turning:
        mixed = slerp(values[before], values[after], share)
    else:
        mixed = (1.0 - share[:, None]) * values[before] + share[:, None] * values[after]
    return np.asarray(np.where(known[:, None], values, mixed), dtype=np.float64)
