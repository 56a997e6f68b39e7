"""Read the rig of a GLB file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.shapes import FloatArray
from mocap.core.transform import apply
from mocap.export.axes import AXES
from mocap.export.glb.objects import GltfObject
from mocap.export.glb.reader import Glb, load
from mocap.export.onto.rig import CharacterRig, pure_rotation


def read_rig(path: Path) -> CharacterRig:
    """Return the nodes of a GLB file.

    Raises:
        InputError: it is no GLB file, is damaged, or has no skeleton.
    """
    with reading(path, "a GLB file", "Export the character again."):
        return _rig(load(path), path)


def _rig(glb: Glb, path: Path) -> CharacterRig:
    nodes: list[GltfObject] = glb.document.get("nodes", [])
    skins = glb.document.get("skins", [])
    if not skins:
        raise InputError(
            f"{path} has no skeleton: {len(nodes)} nodes and no skin. Bind the character to bones "
            "in the program it comes from and export it with its skin."
        )
    order, parents = _parents_first(nodes)
    place = {number: index for index, number in enumerate(order)}
    ordered = [nodes[number] for number in order]
    parts = [_parts(node) for node in ordered]
    turn = np.stack([each[1] for each in parts])
    joints = {place[number] for skin in skins for number in skin["joints"]}
    rig = CharacterRig(
        names=tuple(node.get("name", f"node{number}") for number, node in enumerate(ordered)),
        numbers=tuple(order),
        parents=tuple(-1 if parents[number] < 0 else place[parents[number]] for number in order),
        move=np.stack([each[0] for each in parts]),
        before=np.tile(np.eye(4), (len(order), 1, 1)),
        after=np.stack([each[2] for each in parts]),
        turn=turn,
        bind_turn=turn,
        is_joint=np.array([index in joints for index in range(len(order))]),
        floor=None,
        axes=AXES["glb"],
    )
    bound: dict[int, FloatArray] = {
        place[number]: matrix
        for skin in skins
        for number, matrix in zip(skin["joints"], _binds(glb, skin), strict=True)
    }
    return _completed(rig, bound, _lowest(glb, rig, place))


def _completed(
    rig: CharacterRig, bound: dict[int, FloatArray], floor: float | None
) -> CharacterRig:
    from dataclasses import replace

    return replace(rig, bind_turn=bind_turns(rig, bound), floor=floor)


def bind_turns(rig: CharacterRig, bound: dict[int, FloatArray]) -> FloatArray:
    """Return the rotation (node, 3, 3) of every node in the pose its skin was bound in.

    Args:
        rig: nodes at rest.
        bound: world transform (4, 4) by node when the skin was bound; only relations between a
            node and its parent count, so that a turn of the whole skin does not matter.
    """
    out = rig.turn.copy()
    for node, matrix in bound.items():
        parent = rig.parents[node]
        if parent in bound:
            local = pure_rotation(bound[parent]).T @ pure_rotation(matrix)
            before, after = pure_rotation(rig.before[node]), pure_rotation(rig.after[node])
            out[node] = before.T @ local @ after.T
    return np.asarray(out)


def _parents_first(nodes: list[GltfObject]) -> tuple[list[int], list[int]]:
    """Return the numbers of the nodes, parents first, and the parent of each."""
    parents = [-1] * len(nodes)
    for number, node in enumerate(nodes):
        for child in node.get("children", []):
            parents[child] = number
    order: list[int] = []
    waiting = [number for number in range(len(nodes) - 1, -1, -1) if parents[number] < 0]
    while waiting:
        number = waiting.pop()
        order.append(number)
        waiting += reversed(nodes[number].get("children", []))
    return order, parents


def _parts(node: GltfObject) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return translation (3,), rotation (3, 3) and scale (4, 4) of a node."""
    if "matrix" in node:
        matrix = np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
        size = np.linalg.norm(matrix[:3, :3], axis=0)
        turn = pure_rotation(matrix[:3, :3] / size)
        return matrix[:3, 3], turn, np.diag([*size, 1.0])
    x, y, z, w = node.get("rotation", [0.0, 0.0, 0.0, 1.0])
    return (
        np.array(node.get("translation", [0.0, 0.0, 0.0]), dtype=np.float64),
        matrix_from_quaternion_wxyz(np.array([w, x, y, z], dtype=np.float64)),
        np.diag([*node.get("scale", [1.0, 1.0, 1.0]), 1.0]).astype(np.float64),
    )


def _inverse_binds(glb: Glb, skin: GltfObject) -> FloatArray:
    if "inverseBindMatrices" not in skin:
        return np.tile(np.eye(4), (len(skin["joints"]), 1, 1))
    matrices = glb.array(skin["inverseBindMatrices"]).astype(np.float64)
    return np.asarray(matrices.reshape(-1, 4, 4).transpose(0, 2, 1))


def _binds(glb: Glb, skin: GltfObject) -> FloatArray:
    """Return the transforms (joint, 4, 4) of a skin's joints when it was bound."""
    return np.asarray(np.linalg.inv(_inverse_binds(glb, skin)))


def _lowest(glb: Glb, rig: CharacterRig, place: dict[int, int]) -> float | None:
    """Return the height of the lowest skinned point at rest."""
    world = rig.world()
    heights = []
    for node in glb.document["nodes"]:
        if "skin" not in node or "mesh" not in node:
            continue
        skin = glb.document["skins"][node["skin"]]
        joints = [place[number] for number in skin["joints"]]
        moved = world[joints] @ _inverse_binds(glb, skin)
        for primitive in glb.document["meshes"][node["mesh"]]["primitives"]:
            attributes = primitive["attributes"]
            if "JOINTS_0" not in attributes:
                continue
            points = glb.array(attributes["POSITION"]).astype(np.float64)
            weights = glb.array(attributes["WEIGHTS_0"]).astype(np.float64)
            chosen = glb.array(attributes["JOINTS_0"])[np.arange(len(points)), weights.argmax(1)]
            # The strongest joint alone: soles follow one or two joints that stand alike.
            for joint in np.unique(chosen):
                heights.append(float(apply(moved[joint], points[chosen == joint])[:, 1].min()))
    return min(heights) if heights else None
