"""The animation part of an FBX file: one take, one curve per joint and axis, one key per frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.export.character.character import FileSkeleton
from mocap.export.fbx.binary import EncodedArray, encode_array
from mocap.export.fbx.scene import FbxScene, fbx_angles_deg

TICKS_PER_SECOND = 46_186_158_000
"""FBX time: divisible by every usual frame rate."""

_LINEAR = np.array([4], dtype=np.int32)
_NO_TANGENTS = np.zeros(4, dtype=np.float32)


def key_ticks(frame_count: int, fps: float) -> IntArray:
    """Return the time (frame,) of every key in ticks."""
    return np.round(np.arange(frame_count) * (TICKS_PER_SECOND / fps)).astype(np.int64)


def write_take(scene: FbxScene, name: str, stop: int) -> int:
    """Write an animation stack of `stop` ticks with one layer; return the layer's number."""
    with scene.object("AnimationStack", name, "AnimStack") as stack, scene.properties():
        # Readers take the length of the take from here: all four must be there.
        for key, value in (
            ("LocalStart", 0),
            ("LocalStop", stop),
            ("ReferenceStart", 0),
            ("ReferenceStop", stop),
        ):
            scene.property(key, "KTime", "Time", "", np.int64(value))
    with scene.object("AnimationLayer", "BaseLayer", "AnimLayer") as layer:
        pass
    scene.connect(layer, stack)
    return int(layer)


def write_curves(
    scene: FbxScene,
    skeleton: FileSkeleton,
    bones: Sequence[int],
    layer: int,
    *,
    pre_rotation: bool = False,
) -> None:
    """Write the motion of every joint; one joint's curves are in memory at a time."""
    frames = skeleton.frame_count
    keys = encode_array(key_ticks(frames, skeleton.fps))
    repeats = encode_array(np.array([frames], dtype=np.int32))
    for bone, kind, values in _channels(skeleton, bones, pre_rotation):
        with (
            scene.object("AnimationCurveNode", kind, "AnimCurveNode") as node,
            scene.properties(),
        ):
            for axis, first in zip("XYZ", values[0].tolist(), strict=True):
                scene.property(f"d|{axis}", "Number", "", "A", first)
        scene.connect(node, layer)
        scene.connect(node, bone, "Lcl Rotation" if kind == "R" else "Lcl Translation")
        for axis, curve in zip("XYZ", values.T, strict=True):
            scene.connect(_write_curve(scene, curve, keys, repeats), node, f"d|{axis}")


def _channels(
    skeleton: FileSkeleton, bones: Sequence[int], pre_rotation: bool
) -> Iterator[tuple[int, str, FloatArray]]:
    """Give (bone, T or R, values (frame, 3)) of everything that moves."""
    for joint, bone in enumerate(bones):
        if joint in skeleton.translations:
            yield bone, "T", skeleton.translations[joint]
        turns = matrix_from_quaternion_wxyz(skeleton.turns_wxyz(joint))
        if not pre_rotation:
            turns = skeleton.rest_rotation(joint) @ turns
        yield bone, "R", fbx_angles_deg(turns)


def _write_curve(scene: FbxScene, values: Array, keys: EncodedArray, repeats: EncodedArray) -> int:
    """Write one curve with linear keys."""
    with scene.object("AnimationCurve", "", "AnimCurve") as number:
        stream = scene.stream
        stream.leaf("Default", float(values[0]))
        stream.leaf("KeyVer", 4008)
        stream.leaf("KeyTime", keys)
        stream.leaf("KeyValueFloat", values.astype(np.float32))
        stream.leaf("KeyAttrFlags", _LINEAR)
        stream.leaf("KeyAttrDataFloat", _NO_TANGENTS)
        stream.leaf("KeyAttrRefCount", repeats)
    return int(number)
