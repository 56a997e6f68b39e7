"""FBX binary 7.4: skeleton, skin with bind pose and one take, with no other program's help.

Centimetres, Y up, the body faces +Z in the rest pose, which the bind pose says; with the bone axis
`none` and with `pre_rotation`, zero rotations are the T-pose too. Several characters may share a
file; each then has a namespace (`Ann:Hips`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.store import atomic_write
from mocap.export.axes import FileAxes, axes_of
from mocap.export.character.character import (
    Character,
    FileSkeleton,
    SkeletonStyle,
    file_skeleton,
    skin_notes,
)
from mocap.export.character.influences import strongest
from mocap.export.fbx.animation import key_ticks, write_curves, write_take
from mocap.export.fbx.binary import CREATION_TIME, FILE_ID, VERSION, FbxStream
from mocap.export.fbx.scene import FbxScene, write_bones, write_group, write_skin

CREATOR = "mocap-studio"

# FbxTime::EMode; every other rate is "custom" with its number beside it.
TIME_MODES = {
    120.0: 1,
    100.0: 2,
    60.0: 3,
    50.0: 4,
    48.0: 5,
    30.0: 6,
    30.0 / 1.001: 9,
    25.0: 10,
    24.0: 11,
    24.0 / 1.001: 13,
    60.0 / 1.001: 17,
}
"""Numbers of the frame rates that have one."""

_CUSTOM_RATE = 14
# Rates this close are one: 1e-9 of a second in 100 000 frames.
_SAME_RATE = 1e-9

# (axis, sign) of up, front and right: Y up as in Maya, Z up as in 3ds Max.
_AXIS_SYSTEMS = {"y": ((1, 1), (2, 1), (0, 1)), "z": ((2, 1), (1, -1), (0, 1))}


def write(
    characters: Character | Sequence[Character],
    path: Path | str,
    *,
    style: SkeletonStyle | None = None,
    take_name: str = "Take 001",
    unit: str | None = None,
    up: str | None = None,
) -> tuple[str, ...]:
    """Write characters with their motion; return what the format cannot say.

    Args:
        characters: one, or several with the same frame rate.
        path: file to write; replaced as a whole or not at all.
        style: joint names, bone axis, root bone, with or without skin.
        take_name: name of the animation.
        unit, up: other than centimetres and `y`; the file says which.

    Raises:
        ExportError: nothing to write, gaps, unknown options, or frame rates that differ.
    """
    style = style or SkeletonStyle()
    cast = [characters] if isinstance(characters, Character) else list(characters)
    axes = axes_of("fbx", unit, up)
    skeletons = [file_skeleton(character, axes, style) for character in cast]
    names = _checked_cast(cast, skeletons)
    stop = max(int(key_ticks(each.frame_count, each.fps)[-1]) for each in skeletons)
    with atomic_write(Path(path)) as temporary, temporary.open("wb") as file:
        stream = FbxStream(file)
        scene = FbxScene(stream)
        _write_information(scene, skin_notes(cast, style))
        _write_head(scene, axes, skeletons[0].fps, stop, take_name)
        _write_definitions(stream, _object_counts(cast, skeletons, style))
        with stream.record("Objects"):
            bones = []
            for character, skeleton, name in zip(cast, skeletons, names, strict=True):
                namespace = f"{name}:" if len(cast) > 1 else ""
                group = write_group(scene, name) if namespace else 0
                bones.append(
                    write_bones(scene, skeleton, namespace, group, pre_rotation=style.pre_rotation)
                )
                if style.with_mesh and character.mesh is not None:
                    mesh = strongest(character.mesh, style.max_influences)
                    write_skin(scene, skeleton, mesh, bones[-1], f"{namespace}Body")
            layer = write_take(scene, take_name, stop)
            for skeleton, numbers in zip(skeletons, bones, strict=True):
                write_curves(scene, skeleton, numbers, layer, pre_rotation=style.pre_rotation)
        scene.write_connections()
        _write_takes(stream, take_name, stop)
        stream.finish()
    return ()


def _checked_cast(cast: list[Character], skeletons: list[FileSkeleton]) -> list[str]:
    """Return the characters' names; they share one clock and differ in name."""
    if not cast:
        raise ExportError("there is no character, so there is nothing to write as FBX.")
    rates = sorted({each.fps for each in skeletons})
    if len(rates) > 1:
        raise ExportError(
            f"characters in one file need one frame rate; these have {rates}. Resample them first."
        )
    names = [character.name for character in cast]
    if len(set(names)) != len(names):
        raise ExportError(f"characters in one file need different names; got {names}.")
    return names


def _write_information(scene: FbxScene, note: str) -> None:
    """Write who made the file and what must be said about it."""
    stream = scene.stream
    with stream.record("FBXHeaderExtension"):
        stream.leaf("FBXHeaderVersion", 1003)
        stream.leaf("FBXVersion", VERSION)
        stream.leaf("EncryptionType", 0)
        stream.leaf("Creator", CREATOR)
        with stream.record("SceneInfo", "GlobalInfo\x00\x01SceneInfo", "UserData"):
            stream.leaf("Type", "UserData")
            stream.leaf("Version", 100)
            if note:
                _write_note(stream, note)
            with scene.properties():
                scene.property("Original", "Compound", "", "")
                vendor = "Original|ApplicationName"
                scene.property(vendor, "KString", "", "", CREATOR)


def _write_note(stream: FbxStream, note: str) -> None:
    """Write a sentence where programs show it as the comment of the scene."""
    with stream.record("MetaData"):
        stream.leaf("Version", 100)
        for name in ("Title", "Subject", "Author", "Keywords", "Revision"):
            stream.leaf(name, "")
        stream.leaf("Comment", note)


def _write_head(scene: FbxScene, axes: FileAxes, fps: float, stop: int, take_name: str) -> None:
    """Write everything between the file information and the definitions."""
    stream = scene.stream
    stream.leaf("FileId", FILE_ID)
    stream.leaf("CreationTime", CREATION_TIME)
    stream.leaf("Creator", CREATOR)
    with stream.record("GlobalSettings"):
        stream.leaf("Version", 1000)
        with scene.properties():
            _write_settings(scene, axes, fps, stop)
    with stream.record("Documents"):
        stream.leaf("Count", 1)
        with stream.record("Document", np.int64(999_999), "Scene", "Scene"):
            with scene.properties():
                scene.property("SourceObject", "object", "", "")
                scene.property("ActiveAnimStackName", "KString", "", "", take_name)
            stream.leaf("RootNode", np.int64(0))
    with stream.record("References"):
        pass


def _write_settings(scene: FbxScene, axes: FileAxes, fps: float, stop: int) -> None:
    """Write axes, unit and frame rate."""
    system = zip(("Up", "Front", "Coord"), _AXIS_SYSTEMS[axes.up], strict=True)
    for name, (axis, sign) in system:
        scene.property(f"{name}Axis", "int", "Integer", "", axis)
        scene.property(f"{name}AxisSign", "int", "Integer", "", sign)
    scene.property("OriginalUpAxis", "int", "Integer", "", -1)
    scene.property("OriginalUpAxisSign", "int", "Integer", "", 1)
    centimetres = 100.0 / axes.units_per_metre
    scene.property("UnitScaleFactor", "double", "Number", "", centimetres)
    scene.property("OriginalUnitScaleFactor", "double", "Number", "", centimetres)
    mode = time_mode(fps)
    scene.property("TimeMode", "enum", "", "", mode)
    scene.property("TimeSpanStart", "KTime", "Time", "", np.int64(0))
    scene.property("TimeSpanStop", "KTime", "Time", "", np.int64(stop))
    custom = fps if mode == _CUSTOM_RATE else -1.0
    scene.property("CustomFrameRate", "double", "Number", "", float(custom))


def time_mode(fps: float) -> int:
    """Return FBX's number of a frame rate; 14 means "custom"."""
    for rate, mode in TIME_MODES.items():
        if abs(fps - rate) <= _SAME_RATE * rate:
            return mode
    return _CUSTOM_RATE


def _object_counts(
    cast: list[Character], skeletons: list[FileSkeleton], style: SkeletonStyle
) -> dict[str, int]:
    """Return how many objects of each kind the file will hold: readers want it first."""
    skins = [
        len(skeleton.joint_names)
        for character, skeleton in zip(cast, skeletons, strict=True)
        if style.with_mesh and character.mesh is not None
    ]
    joints = sum(len(each.joint_names) for each in skeletons)
    groups = len(cast) if len(cast) > 1 else 0
    channels = joints + sum(len(each.translations) for each in skeletons)
    counts = {
        "GlobalSettings": 1,
        "NodeAttribute": joints + groups,
        "Model": joints + groups + len(skins),
        "Geometry": len(skins),
        "Material": len(skins),
        "Deformer": len(skins) + sum(skins),
        "Pose": len(skins),
        "AnimationStack": 1,
        "AnimationLayer": 1,
        "AnimationCurveNode": channels,
        "AnimationCurve": 3 * channels,
    }
    return {kind: count for kind, count in counts.items() if count}


def _write_definitions(stream: FbxStream, counts: dict[str, int]) -> None:
    with stream.record("Definitions"):
        stream.leaf("Version", 100)
        stream.leaf("Count", sum(counts.values()))
        for kind, count in counts.items():
            with stream.record("ObjectType", kind):
                stream.leaf("Count", count)


def _write_takes(stream: FbxStream, take_name: str, stop: int) -> None:
    with stream.record("Takes"):
        stream.leaf("Current", take_name)
        with stream.record("Take", take_name):
            stream.leaf("FileName", take_name.replace(" ", "_") + ".tak")
            stream.leaf("LocalTime", np.int64(0), np.int64(stop))
            stream.leaf("ReferenceTime", np.int64(0), np.int64(stop))
