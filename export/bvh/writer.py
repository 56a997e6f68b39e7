"""BVH: a T-pose at zero rotations, centimetres, Y up, floor at 0, the exact frame rate.

Angles come straight from rotation matrices and are unrolled in time. The root's position channels
hold the pelvis joint in the world and its OFFSET is zero, so that readers which add the offset
and readers which do not agree.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.core.store import atomic_write
from mocap.export.axes import FileAxes, axes_of
from mocap.export.character.names import renamed
from mocap.export.euler import ORDERS, euler_angles, middle_angles

# Tips of the body beyond the last joint, metres, in the rest pose; they only give a viewer
# something to draw. Other leaves get a tenth of a metre along their own bone.
_TIPS = {
    "head": (0.0, 0.0, 0.18),
    "left_wrist": (0.17, 0.0, 0.0),
    "right_wrist": (-0.17, 0.0, 0.0),
    "left_foot": (0.0, -0.05, 0.0),
    "right_foot": (0.0, -0.05, 0.0),
    "left_ankle": (0.0, -0.15, -0.07),
    "right_ankle": (0.0, -0.15, -0.07),
}
_TIP_M = 0.1

# Within 5 degrees of gimbal lock two of the three angles spin against each other: right in every
# frame, but no curve an animator can edit.
_GIMBAL_MARGIN_DEG = 5.0

# 1e-5 degrees over 2 m of limbs is 0.0004 mm.
_ANGLE_FORMAT = "%.6f"
_LENGTH_FORMAT = "%.6f"


def write(
    motion: SkeletonMotion,
    path: Path | str,
    *,
    order: str = "ZXY",
    names: str = "smplx",
    name_prefix: str = "",
    unit: str | None = None,
    up: str | None = None,
) -> tuple[str, ...]:
    """Write a skeleton motion as BVH and return warnings about angles near gimbal lock.

    Args:
        motion: the motion; its rest pose becomes the file's zero pose.
        path: file to write; replaced as a whole or not at all.
        order: order of the three rotation channels.
        names: preset of joint names, see `mocap.export.character.names`.
        name_prefix: put before every joint name.
        unit, up: other than centimetres and `y`; the file itself cannot say which.

    Raises:
        ExportError: unknown order or names, no frames, or values that are not finite.

    >>> from mocap.synthetic.example import walker
    >>> write(walker().skeleton, "walk.bvh", names="mixamo")
    ()
    >>> Path("walk.bvh").read_text().split()[:3]
    ['HIERARCHY', 'ROOT', 'Hips']
    """
    axes = axes_of("bvh", unit, up)
    _check(motion)
    joint_names = renamed(motion.joint_names, names, name_prefix)
    angles_deg, near_lock = _angles(motion, axes, order)
    sequence = _depth_first(motion.parents)
    lines = ["HIERARCHY", *_hierarchy(motion, joint_names, order, axes)]
    frames = len(motion.root_positions)
    lines += ["MOTION", f"Frames: {frames}", f"Frame Time: {1.0 / motion.fps:.10f}", ""]
    roots = axes.points(motion.root_positions)
    with (
        atomic_write(Path(path)) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write("\n".join(lines))
        for root, angles in zip(roots, angles_deg, strict=True):
            turns = _numbers(angles[sequence].ravel(), _ANGLE_FORMAT)
            file.write(f"{_numbers(root, _LENGTH_FORMAT)} {turns}\n")
    return _gimbal_warnings(near_lock, joint_names, order)


def _angles(
    motion: SkeletonMotion, axes: FileAxes, order: str
) -> tuple[FloatArray, dict[str, IntArray]]:
    """Return angles (frame, joint, 3) in degrees and, by order, frames (joint,) near gimbal lock.

    One joint at a time, so that a long take needs little more memory than its angles.
    """
    frames, joints = motion.local_rotations_wxyz.shape[:2]
    limit = np.deg2rad(90.0 - _GIMBAL_MARGIN_DEG)
    angles = np.zeros((frames, joints, 3))
    near = {each: np.zeros(joints, dtype=np.int64) for each in ORDERS}
    for joint in range(joints):
        turns = matrix_from_quaternion_wxyz(motion.local_rotations_wxyz[:, joint])
        turns = axes.rotations(turns)[:, None]
        angles[:, joint] = np.rad2deg(euler_angles(turns, order))[:, 0]
        for each in ORDERS:
            near[each][joint] = np.sum(np.abs(middle_angles(turns, each)) > limit)
    return angles, near


def _check(motion: SkeletonMotion) -> None:
    """Raise ExportError for what BVH cannot hold."""
    if not len(motion.root_positions):
        raise ExportError("the motion has no frames, so there is nothing to write as BVH.")
    spaced = [name for name in motion.joint_names if not name or len(name.split()) != 1]
    if spaced:
        raise ExportError(f"BVH joint names cannot hold blanks: {', '.join(map(repr, spaced))}.")
    values = np.concatenate(
        [
            motion.root_positions,
            motion.local_rotations_wxyz.reshape(len(motion.root_positions), -1),
        ],
        axis=1,
    )
    broken = np.asarray(~np.isfinite(values).all(axis=1))
    if broken.any():
        raise ExportError(
            f"{int(broken.sum())} of {len(broken)} frames hold values that are not numbers (first: "
            f"frame {int(np.argmax(broken))}). BVH cannot hold gaps: fill them before exporting."
        )


def _depth_first(parents: tuple[int, ...]) -> list[int]:
    """Return joints in the order of the HIERARCHY, which is the order of the channels."""

    def below(joint: int) -> list[int]:
        children = [child for child, parent in enumerate(parents) if parent == joint]
        return [joint, *(each for child in children for each in below(child))]

    return below(0)


def _hierarchy(
    motion: SkeletonMotion, names: tuple[str, ...], order: str, axes: FileAxes
) -> list[str]:
    """Return the lines of the joint tree."""
    channels = " ".join(f"{letter}rotation" for letter in order)

    def block(joint: int, depth: int) -> list[str]:
        tab = "\t" * depth
        root = motion.parents[joint] < 0
        offset = np.zeros(3) if root else axes.points(motion.rest_offsets[joint])
        count = "6 Xposition Yposition Zposition" if root else "3"
        lines = [
            f"{tab}{'ROOT' if root else 'JOINT'} {names[joint]}",
            f"{tab}{{",
            f"{tab}\tOFFSET {_numbers(offset, _LENGTH_FORMAT)}",
            f"{tab}\tCHANNELS {count} {channels}",
        ]
        children = [child for child, parent in enumerate(motion.parents) if parent == joint]
        for child in children:
            lines += block(child, depth + 1)
        if not children:
            tip = _numbers(axes.points(_tip(motion, joint)), _LENGTH_FORMAT)
            lines += [f"{tab}\tEnd Site", f"{tab}\t{{", f"{tab}\t\tOFFSET {tip}", f"{tab}\t}}"]
        return [*lines, f"{tab}}}"]

    return block(0, 0)


def _tip(motion: SkeletonMotion, joint: int) -> FloatArray:
    """Return the offset (3,) in metres of the end site of a leaf joint."""
    name = motion.joint_names[joint]
    if name in _TIPS:
        return np.array(_TIPS[name])
    offset = motion.rest_offsets[joint]
    length = float(np.linalg.norm(offset))
    return np.asarray(offset / length * _TIP_M) if length > 0 else np.array([0.0, 0.0, _TIP_M])


def _numbers(values: Array, number_format: str) -> str:
    """Return numbers separated by blanks, without negative zeros: equal motions, equal bytes."""
    text = " ".join([number_format] * len(values)) % tuple(values.tolist())
    zero = number_format % 0.0
    if f"-{zero}" not in text:
        return text
    return " ".join(zero if word == f"-{zero}" else word for word in text.split(" "))


def _gimbal_warnings(
    near: dict[str, IntArray], names: tuple[str, ...], order: str
) -> tuple[str, ...]:
    """Return one sentence when joints come near gimbal lock, naming a better order if there is."""
    frames = near[order]
    if not frames.any():
        return ()
    worst = [f"{names[j]} ({frames[j]} frames)" for j in np.argsort(-frames, kind="stable")[:3]]
    worst = worst[: int((frames > 0).sum())]
    best = min(ORDERS, key=lambda each: int(near[each].sum()))
    advice = (
        f" The order {best} has {int(near[best].sum())} such frames instead of {frames.sum()}."
        if near[best].sum() < frames.sum()
        else ""
    )
    return (
        f"with the rotation order {order}, {int((frames > 0).sum())} joints come within "
        f"{_GIMBAL_MARGIN_DEG:g} degrees of gimbal lock: {', '.join(worst)}. The pose is right, "
        f"but their angle curves turn fast there.{advice}",
    )
