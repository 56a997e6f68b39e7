"""Read BVH files of any channel order, scale and skeleton."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import read_text, reading
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import quaternion_wxyz_from_matrix
from mocap.core.shapes import FloatArray
from mocap.core.store import HIGHEST_FPS
from mocap.export.axes import UNITS_PER_METRE, FileAxes, axes_of
from mocap.export.euler import matrix_from_angles

_POSITIONS = {"xposition": 0, "yposition": 1, "zposition": 2}
# Share by which a frame time may miss a whole number of frames per second and still mean it.
_ROUNDED = 4e-4

_LARGEST_NUMBER = 1e9
"""Units or degrees; no motion comes near, and products of such numbers stay finite."""

_ROTATIONS = {"xrotation": "X", "yrotation": "Y", "zrotation": "Z"}


@dataclass(frozen=True)
class _Joint:
    name: str
    parent: int
    offset: tuple[float, ...]
    channels: tuple[str, ...]


def read(path: Path | str, *, unit: str = "cm", up: str = "y") -> SkeletonMotion:
    """Return the motion of a BVH file in metres, Z up.

    The rest pose is the file's zero pose. Position channels of joints other than the root are
    read where they repeat the joint's offset and refused where they move the joint.

    Args:
        path: file to read.
        unit: length unit of the file, which BVH does not say: `cm`, `m`, `mm`, or a number of
            units per metre.
        up: upward axis of the file, `y` or `z`.

    Raises:
        InputError: the file is no BVH file, is damaged, or stretches its bones.

    >>> from mocap.export import bvh
    >>> from mocap.synthetic.example import walker
    >>> truth = walker().skeleton
    >>> bvh.write(truth, "walk.bvh")
    ()
    >>> again = read("walk.bvh")
    >>> off_m = again.root_positions - truth.root_positions
    >>> bool(np.abs(np.ptp(off_m, axis=0)).max() < 1e-6)  # apart from where the floor is
    True
    """
    path = Path(path)
    words = iter(read_text(path, "a BVH file").split())
    with reading(path, "a complete BVH file"):
        joints = _hierarchy(words)
        frames, fps = _motion_head(words)
        values = np.array([float(word) for word in words]).reshape(frames, -1)
        if values.shape[1] != sum(len(joint.channels) for joint in joints):
            raise InputError(f"{path} has {values.shape[1]} values a frame, not one per channel.")
        numbers = [*values.ravel(), *(each for joint in joints for each in joint.offset)]
        if not np.all(np.abs(numbers) < _LARGEST_NUMBER):
            raise InputError(f"{path} holds values that are no lengths and angles (NaN, or 1e9).")
        return _motion(path, joints, values, fps, _axes(unit, up))


def _axes(unit: str, up: str) -> FileAxes:
    """Return unit and axes; a number is units per metre."""
    if unit in UNITS_PER_METRE:
        return axes_of("bvh", unit, up)
    return FileAxes("", float(unit), axes_of("bvh", None, up).file_from_world)


def _hierarchy(words: Iterator[str]) -> list[_Joint]:
    """Return the joints, parents first, up to the word MOTION."""
    joints: list[_Joint] = []
    open_blocks: list[int] = []
    name, offset, channels = "", (0.0, 0.0, 0.0), ()
    for word in words:
        if word == "MOTION":
            return joints
        if word in ("ROOT", "JOINT"):
            name = next(words)
            parent = open_blocks[-1] if open_blocks else -1
            joints.append(_Joint(name, parent, offset, channels))
        elif word == "End":
            next(words)
            name = ""
        elif word == "{":
            open_blocks.append(len(joints) - 1 if name else -1)
        elif word == "}":
            open_blocks.pop()
        elif word == "OFFSET":
            values = (float(next(words)), float(next(words)), float(next(words)))
            if name:
                joints[-1] = _Joint(joints[-1].name, joints[-1].parent, values, ())
        elif word == "CHANNELS":
            count = int(next(words))
            listed = tuple(islice(words, count))
            if len(listed) < count or not {*map(str.lower, listed)} <= {*_POSITIONS, *_ROTATIONS}:
                raise ValueError(f"channels {' '.join(listed)[:60]}")
            listed = tuple(map(str.lower, listed))
            last = joints[-1]
            joints[-1] = _Joint(last.name, last.parent, last.offset, listed)
    raise StopIteration


def _motion_head(words: Iterator[str]) -> tuple[int, float]:
    """Return number of frames and frames per second."""
    if next(words) != "Frames:":
        raise ValueError
    frames = int(next(words))
    if (next(words), next(words)) != ("Frame", "Time:"):
        raise ValueError
    return frames, _rate(float(next(words)))


def _rate(frame_time: float) -> float:
    """Return the rate that a frame time means: many files round 1/30 to 0.0333333."""
    exact = 1.0 / frame_time
    if not 0.0 < exact <= HIGHEST_FPS:
        raise ValueError(f"{exact:g} frames per second")
    # Files round 1/30 to .03333 (1e-4 off); 60 / 1.001 is 1e-3 from 60 and means itself.
    nearest = round(exact)
    return float(nearest) if abs(exact - nearest) < _ROUNDED * exact else exact


def _motion(
    path: Path, joints: list[_Joint], values: FloatArray, fps: float, axes: FileAxes
) -> SkeletonMotion:
    """Return the motion of parsed joints and channel values."""
    offsets = np.array([joint.offset for joint in joints])
    rotations = np.zeros((len(values), len(joints), 3, 3))
    root = np.tile(offsets[0], (len(values), 1))
    column = 0
    for index, joint in enumerate(joints):
        mine = dict(
            zip(joint.channels, values[:, column : column + len(joint.channels)].T, strict=True)
        )
        column += len(joint.channels)
        order = "".join(_ROTATIONS[each] for each in joint.channels if each in _ROTATIONS)
        rotations[:, index] = _turns(order, mine)
        moves = {axis: mine[channel] for channel, axis in _POSITIONS.items() if channel in mine}
        if index == 0:
            for axis, moved in moves.items():
                root[:, axis] = moved
        elif any(np.ptp(moved) > 1e-3 for moved in moves.values()):
            raise InputError(f"{path}: joint '{joint.name}' changes its distance to its parent.")
        else:
            for axis, moved in moves.items():
                offsets[index, axis] = moved[0]
    offsets[0] = 0.0
    return SkeletonMotion(
        joint_names=tuple(joint.name for joint in joints),
        parents=tuple(joint.parent for joint in joints),
        rest_offsets=axes.world_points(offsets),
        local_rotations_wxyz=quaternion_wxyz_from_matrix(axes.world_rotations(rotations)),
        root_positions=axes.world_points(root),
        fps=fps,
    )


def _turns(order: str, channels: dict[str, FloatArray]) -> FloatArray:
    """Return rotations (frame, 3, 3) of some rotation channels, none, one or three of them."""
    frames = len(next(iter(channels.values()))) if channels else 1
    missing = "".join(axis for axis in "XYZ" if axis not in order)
    by_axis = {_ROTATIONS[each]: values for each, values in channels.items() if each in _ROTATIONS}
    angles = [by_axis.get(axis, np.zeros(frames)) for axis in order + missing]
    turns = matrix_from_angles(np.deg2rad(np.stack(angles, axis=-1)), order + missing)
    return np.asarray(turns, dtype=np.float64)
