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
from mocap.core.shapes import Array, FloatArray
from mocap.core.store import write_text
from mocap.export.axes import AXES
from mocap.export.euler import ORDERS, euler_angles, middle_angles
from mocap.export.names import renamed

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
    motion: SkeletonMotion, path: Path | str, *, order: str = "ZXY", names: str = "smplx"
) -> tuple[str, ...]:
    """Write a skeleton motion as BVH and return warnings about angles near gimbal lock.

    Args:
        motion: the motion; its rest pose becomes the file's zero pose.
        path: file to write; replaced as a whole or not at all.
        order: order of the three rotation channels.
        names: preset of joint names, see `mocap.export.names`.

    Raises:
        ExportError: unknown order or names, no frames, or values that are not finite.
    """
    axes = AXES["bvh"]
    _check(motion)
    joint_names = renamed(motion.joint_names, names)
    rotations = axes.rotations(matrix_from_quaternion_wxyz(motion.local_rotations_wxyz))
    angles_deg = np.rad2deg(euler_angles(rotations, order))
    sequence = _depth_first(motion.parents)
    lines = ["HIERARCHY", *_hierarchy(motion, joint_names, order)]
    lines += ["MOTION", f"Frames: {len(rotations)}", f"Frame Time: {1.0 / motion.fps:.10f}"]
    roots = axes.points(motion.root_positions)
    lines += [
        f"{_numbers(root, _LENGTH_FORMAT)} {_numbers(angles, _ANGLE_FORMAT)}"
        for root, angles in zip(roots, angles_deg[:, sequence].reshape(len(roots), -1), strict=True)
    ]
    write_text(Path(path), "\n".join(lines) + "\n")
    return _gimbal_warnings(rotations, joint_names, order)


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


def _hierarchy(motion: SkeletonMotion, names: tuple[str, ...], order: str) -> list[str]:
    """Return the lines of the joint tree."""
    axes = AXES["bvh"]
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
    text = " ".join(number_format % value for value in values)
    zero = number_format % 0.0
    if f"-{zero}" not in text:
        return text
    return " ".join(zero if word == f"-{zero}" else word for word in text.split(" "))


def _gimbal_warnings(rotations: FloatArray, names: tuple[str, ...], order: str) -> tuple[str, ...]:
    """Return one sentence when joints come near gimbal lock, naming a better order if there is."""
    limit = np.deg2rad(90.0 - _GIMBAL_MARGIN_DEG)
    near = {each: np.abs(middle_angles(rotations, each)) > limit for each in ORDERS}
    frames = near[order].sum(axis=0)
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
