"""Read the rig of a binary FBX file, with pivots, pre- and post-rotations and rotation orders."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.shapes import Array, FloatArray
from mocap.core.transform import apply, rigid
from mocap.export.axes import FileAxes
from mocap.export.euler import matrix_from_angles
from mocap.export.fbx.writer import TIME_MODES
from mocap.export.onto.fbx_raw import RawFile, RawRecord, read_raw
from mocap.export.onto.glb_rig import bind_turns
from mocap.export.onto.rig import CharacterRig

# FBX names an order by what turns first; ours writes the factors from the left.
ORDERS = ("ZYX", "YZX", "XZY", "ZXY", "YXZ", "XYZ")
"""Our order of factors by FBX's number of a rotation order (0 is XYZ)."""


@dataclass(eq=False)
class FbxCharacter:
    """A file, its rig, and what is needed to write an animation for it.

    Attributes:
        file: all records.
        rig: nodes; their numbers are object numbers.
        orders: rotation order of every node, see `ORDERS`.
        fps: frames per second of its time line, 0 where it does not say.
    """

    file: RawFile
    rig: CharacterRig
    orders: tuple[str, ...]
    fps: float = 0.0


@dataclass(eq=False)
class _Scene:
    objects: dict[int, RawRecord]
    children: dict[int, list[int]] = field(default_factory=dict)

    def below(self, number: int, kind: str) -> list[int]:
        """Return children of an object that are of a kind."""
        found = self.children.get(number, [])
        return [each for each in found if each in self.objects and self.objects[each].name == kind]


def read_character(path: Path) -> FbxCharacter:
    """Return the nodes of an FBX file.

    Raises:
        InputError: it is no binary FBX 7 file, is damaged, or has no skeleton.
    """
    with reading(path, "a binary FBX 7 file", "Export the character again."):
        return _character(read_raw(path), path)


def _character(file: RawFile, path: Path) -> FbxCharacter:
    scene = _scene(file.root)
    order = _nodes(scene)
    limbs = [number for number, _ in order if scene.objects[number].values[2] == "LimbNode"]
    bound, clusters = _binds(scene)
    if not limbs and not bound:
        raise InputError(
            f"{path} has no skeleton: {len(order)} nodes, no bones and no skin. Export the "
            "character with its armature."
        )
    place = {number: index for index, (number, _) in enumerate(order)}
    parts = [_parts(scene.objects[number]) for number, _ in order]
    rig = CharacterRig(
        names=tuple(_name(scene.objects[number]) for number, _ in order),
        numbers=tuple(number for number, _ in order),
        parents=tuple(parent for _, parent in order),
        move=np.stack([each.move for each in parts]),
        before=np.stack([each.before for each in parts]),
        after=np.stack([each.after for each in parts]),
        turn=np.stack([each.turn for each in parts]),
        bind_turn=np.stack([each.turn for each in parts]),
        is_joint=np.array([number in bound or number in limbs for number, _ in order]),
        floor=None,
        axes=_axes(file.root),
    )
    by_node = {place[number]: matrix for number, matrix in bound.items() if number in place}
    rig = replace(rig, bind_turn=bind_turns(rig, by_node))
    return FbxCharacter(
        file,
        replace(rig, floor=_lowest(scene, rig, place, clusters)),
        tuple(each.order for each in parts),
        _frame_rate(file.root),
    )


def _scene(root: RawRecord) -> _Scene:
    scene = _Scene(
        {record.values[0]: record for block in root.all("Objects") for record in block.children}
    )
    for block in root.all("Connections"):
        for connection in block.children:
            kind, child, parent = connection.values[:3]
            if kind == "OO":
                scene.children.setdefault(parent, []).append(child)
    return scene


def _nodes(scene: _Scene) -> list[tuple[int, int]]:
    """Return (number, index of the parent), parents first."""
    out: list[tuple[int, int]] = []
    waiting = [(number, -1) for number in reversed(scene.below(0, "Model"))]
    while waiting:
        number, parent = waiting.pop()
        out.append((number, parent))
        here = len(out) - 1
        waiting += [(child, here) for child in reversed(scene.below(number, "Model"))]
    return out


def _name(record: RawRecord) -> str:
    return str(record.values[1]).split("\x00")[0].removeprefix("Model::")


@dataclass(eq=False)
class _Parts:
    move: FloatArray
    before: FloatArray
    turn: FloatArray
    after: FloatArray
    order: str


def _parts(record: RawRecord) -> _Parts:
    """Return a node's local transform as FBX composes it.

    T Roff Rp Rpre R Rpost^-1 Rp^-1 Soff Sp S Sp^-1 (Autodesk FBX SDK documentation, "Computing
    transformation matrices"). Pre- and post-rotation are always about X, then Y, then Z.
    """
    says = record.properties()

    def vector(name: str, default: float = 0.0) -> FloatArray:
        return np.array(says.get(name, [default] * 3)[:3], dtype=np.float64)

    def shift(values: Array) -> FloatArray:
        return rigid(np.eye(3), values)

    active = bool(says.get("RotationActive", [0])[0])
    order = ORDERS[int(says.get("RotationOrder", [0])[0]) if active else 0]
    pre = _turn(vector("PreRotation"), "ZYX") if active else np.eye(3)
    post = _turn(vector("PostRotation"), "ZYX") if active else np.eye(3)
    pivot, scale_pivot = vector("RotationPivot"), vector("ScalingPivot")
    before = shift(vector("RotationOffset") + pivot) @ rigid(pre, np.zeros(3))
    after = (
        rigid(post.T, np.zeros(3))
        @ shift(vector("ScalingOffset") + scale_pivot - pivot)
        @ np.diag([*vector("Lcl Scaling", 1.0), 1.0])
        @ shift(-scale_pivot)
    )
    return _Parts(
        move=vector("Lcl Translation"),
        before=np.asarray(before),
        turn=_turn(vector("Lcl Rotation"), order),
        after=np.asarray(after),
        order=order,
    )


def _turn(degrees: FloatArray, order: str) -> FloatArray:
    """Return the rotation of angles about X, Y, Z in degrees, applied in an order of factors."""
    chosen = np.deg2rad(degrees[["XYZ".index(letter) for letter in order]])
    return np.asarray(matrix_from_angles(chosen, order))


def _axes(root: RawRecord) -> FileAxes:
    """Return unit and axes; the settings name up, front and right with their signs."""
    settings = next(root.all("GlobalSettings")).properties()

    def axis(name: str, default: int) -> FloatArray:
        out = np.zeros(3)
        out[int(settings.get(f"{name}Axis", [default])[0])] = settings.get(f"{name}AxisSign", [1])[
            0
        ]
        return out

    # Ours: x to the character's left = right of the screen, -y to the front, z up.
    file_from_world = np.stack([axis("Coord", 0), -axis("Front", 2), axis("Up", 1)], axis=1)
    unit = float(settings.get("UnitScaleFactor", [1.0])[0])
    return FileAxes("", 100.0 / unit, file_from_world)


def _frame_rate(root: RawRecord) -> float:
    """Return the frame rate that the settings name, 0 where they do not."""
    settings = next(root.all("GlobalSettings")).properties()
    mode = int(settings.get("TimeMode", [0])[0])
    rates = {number: rate for rate, number in TIME_MODES.items()}
    return float(max(rates.get(mode, settings.get("CustomFrameRate", [0.0])[0]), 0.0))


def _binds(scene: _Scene) -> tuple[dict[int, FloatArray], list[tuple[int, int, RawRecord]]]:
    """Return bind transforms by bone, and (geometry, bone, cluster)."""
    bound: dict[int, FloatArray] = {}
    clusters = []
    for geometry, record in scene.objects.items():
        if record.name != "Geometry":
            continue
        for skin in scene.below(geometry, "Deformer"):
            for number in scene.below(skin, "Deformer"):
                cluster = scene.objects[number]
                bones = scene.below(number, "Model")
                link = cluster.first("TransformLink")
                if not bones or link is None:
                    continue
                bound[bones[0]] = np.asarray(link.values[0], np.float64).reshape(4, 4).T
                clusters.append((geometry, bones[0], cluster))
    return bound, clusters


def _lowest(
    scene: _Scene,
    rig: CharacterRig,
    place: dict[int, int],
    clusters: list[tuple[int, int, RawRecord]],
) -> float | None:
    """Return the height of the lowest skinned point at rest, by the strongest bone of each."""
    world = rig.world()
    best: dict[int, tuple[FloatArray, Any]] = {}
    up = rig.axes.file_from_world[:, 2]
    for geometry, bone, cluster in clusters:
        points = scene.objects[geometry].first("Vertices")
        says = {name: cluster.first(name) for name in ("Indexes", "Weights", "Transform")}
        if points is None or any(each is None for each in says.values()) or bone not in place:
            continue
        rest = np.asarray(points.values[0], np.float64).reshape(-1, 3)
        index, weight, bind = (np.asarray(each.values[0]) for each in says.values() if each)
        moved = apply(world[place[bone]] @ bind.reshape(4, 4).T, rest[index]) @ up
        strongest, height = best.setdefault(
            geometry, (np.zeros(len(rest)), np.full(len(rest), np.inf))
        )
        more = weight > strongest[index]
        strongest[index[more]], height[index[more]] = weight[more], moved[more]
    heights = [float(height.min()) for _, height in best.values()]
    known = [each for each in heights if np.isfinite(each)]
    return min(known) if known else None
