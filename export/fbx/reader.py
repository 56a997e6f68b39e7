"""Read back what an FBX file says: enough to check a file, not a general importer.

Local transforms are T * Rpre * R with rotation order XYZ, linear keys; pivots and other orders,
which this project does not write, are refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.shapes import FloatArray
from mocap.core.transform import apply
from mocap.export.axes import AXES, FileAxes, axes_of
from mocap.export.euler import matrix_from_angles
from mocap.export.fbx.animation import TICKS_PER_SECOND
from mocap.export.fbx.records import Record, read_records
from mocap.export.read_motion import ReadScene

_UNSUPPORTED = ("RotationOffset", "RotationPivot", "PostRotation", "ScalingPivot", "RotationOrder")
_NODE_KINDS = ("LimbNode", "Null", "Root", "Mesh")


@dataclass(frozen=True, eq=False)
class _Document:
    """Objects by number and who is connected to whom."""

    objects: dict[int, Record]
    children: dict[int, list[int]] = field(default_factory=dict)
    by_property: dict[tuple[int, str], int] = field(default_factory=dict)

    def of(self, number: int, kind: str) -> list[int]:
        """Return the children of an object that are of a kind."""
        found = self.children.get(number, [])
        return [each for each in found if each in self.objects and self.objects[each].name == kind]


def read(path: Path | str, *, skin_frames: Sequence[int] = ()) -> ReadScene:
    """Return the nodes of an FBX file at the times of its keys, in metres, Z up.

    Args:
        path: file to read.
        skin_frames: frames whose skin is computed.

    Raises:
        InputError: the file is no FBX file, has no animation, or uses pivots.
    """
    path = Path(path)
    with reading(path, "an FBX file with an animation"):
        return _scene(read_records(path), path, skin_frames)


def _scene(root: Record, path: Path, skin_frames: Sequence[int]) -> ReadScene:
    document = _document(root)
    curves = [each for each in document.objects.values() if each.name == "AnimationCurve"]
    if not curves:
        raise InputError(f"{path} has no animation.")
    ticks = max((curve.value("KeyTime") for curve in curves), key=len)
    nodes = _nodes(document)
    world = _world_transforms(document, nodes, ticks)
    axes = _axes(root)
    skins = [each for each, record in document.objects.items() if record.values[2:3] == ["Skin"]]
    vertices = tuple(
        axes.world_points(_skin(document, skins[0], nodes, world[frame]))
        for frame in (skin_frames if skins else ())
    )
    return ReadScene(
        joint_names=tuple(document.objects[node].values[1].split("\x00")[0] for node, _ in nodes),
        times_s=np.asarray(ticks / TICKS_PER_SECOND, dtype=np.float64),
        positions=axes.world_points(world[:, :, :3, 3]),
        vertices=vertices,
    )


def local_rotations(path: Path | str, number: int) -> FloatArray:
    """Return the rotations (key, 3, 3) of a node, by its number, in its parent's frame."""
    document = _document(read_records(Path(path)))
    curves = [each for each in document.objects.values() if each.name == "AnimationCurve"]
    ticks = max((curve.value("KeyTime") for curve in curves), key=len)
    before = document.objects[number].properties().get("PreRotation", [0.0, 0.0, 0.0])
    turn = np.deg2rad(_values(document, number, "Lcl Rotation", ticks))[:, ::-1]
    first = matrix_from_angles(np.deg2rad(before)[::-1], "ZYX")
    return np.asarray(first @ matrix_from_angles(turn, "ZYX"))


def _document(root: Record) -> _Document:
    objects = {
        record.values[0]: record for block in root.all("Objects") for record in block.children
    }
    document = _Document(objects)
    for block in root.all("Connections"):
        for connection in block.children:
            kind, child, parent = connection.values[:3]
            if kind == "OO":
                document.children.setdefault(parent, []).append(child)
            else:
                document.by_property[parent, connection.values[3]] = child
    return document


def _nodes(document: _Document) -> list[tuple[int, int]]:
    """Return (number, index of the parent) of all nodes, parents first."""
    out: list[tuple[int, int]] = []

    def visit(number: int, parent: int) -> None:
        for child in document.of(number, "Model"):
            if document.objects[child].values[2] in _NODE_KINDS:
                out.append((child, parent))
                visit(child, len(out) - 1)

    visit(0, -1)
    return out


def _world_transforms(
    document: _Document, nodes: list[tuple[int, int]], ticks: FloatArray
) -> FloatArray:
    """Return transforms (frame, node, 4, 4) in the file's world."""
    out = np.tile(np.eye(4), (len(ticks), len(nodes), 1, 1))
    for index, (node, parent) in enumerate(nodes):
        properties = document.objects[node].properties()
        unsupported = [name for name in _UNSUPPORTED if any(properties.get(name, []))]
        if unsupported:
            raise InputError(f"this reader does not know {', '.join(unsupported)}.")
        local = np.tile(np.eye(4), (len(ticks), 1, 1))
        before = np.deg2rad(properties.get("PreRotation", [0.0, 0.0, 0.0]))[::-1]
        turn = np.deg2rad(_values(document, node, "Lcl Rotation", ticks))[:, ::-1]
        local[:, :3, :3] = matrix_from_angles(before, "ZYX") @ matrix_from_angles(turn, "ZYX")
        local[:, :3, 3] = _values(document, node, "Lcl Translation", ticks)
        out[:, index] = local if parent < 0 else out[:, parent] @ local
    return out


def _values(document: _Document, node: int, name: str, ticks: FloatArray) -> FloatArray:
    """Return a property (frame, 3) at times: its curves or its constant value."""
    constant = document.objects[node].properties()[name]
    out = np.tile(np.asarray(constant, dtype=np.float64), (len(ticks), 1))
    curve_node = document.by_property.get((node, name))
    for column, axis in enumerate("XYZ"):
        curve = document.by_property.get((curve_node, f"d|{axis}")) if curve_node else None
        if curve is not None:
            record = document.objects[curve]
            keys = record.value("KeyTime").astype(np.float64)
            out[:, column] = np.interp(ticks, keys, record.value("KeyValueFloat"))
    return out


def _axes(root: Record) -> FileAxes:
    """Return unit and axes of a file."""
    settings = next(root.all("GlobalSettings")).properties()
    up = "xyz"[settings["UpAxis"][0]]
    axes = axes_of("fbx", up=up) if up != "y" else AXES["fbx"]
    return FileAxes("", 100.0 / settings["UnitScaleFactor"][0], axes.file_from_world)


def _skin(
    document: _Document, skin: int, nodes: list[tuple[int, int]], world: FloatArray
) -> FloatArray:
    """Return the skin (vertex, 3) of one frame, file units."""
    geometry = next(number for number, below in document.children.items() if skin in below)
    rest = document.objects[geometry].value("Vertices").reshape(-1, 3)
    index = {node: position for position, (node, _) in enumerate(nodes)}
    out = np.zeros_like(rest)
    for number in document.of(skin, "Deformer"):
        cluster = document.objects[number]
        bone = document.of(number, "Model")[0]
        vertices = cluster.value("Indexes")
        if vertices is None:
            continue
        bind = cluster.value("Transform").reshape(4, 4).T
        moved = apply(world[index[bone]] @ bind, rest[vertices])
        out[vertices] += cluster.value("Weights")[:, None] * moved
    return np.asarray(out, dtype=np.float64)
