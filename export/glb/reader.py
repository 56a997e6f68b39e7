"""Read back what a glTF file says: enough to check a file, not a general importer."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import parse_object, reading
from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.shapes import Array, FloatArray
from mocap.export.axes import AXES
from mocap.export.glb.objects import GltfObject
from mocap.export.quaternions import slerp
from mocap.export.read_motion import ReadScene

_TYPES = {5120: "i1", 5121: "u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True, eq=False)
class Glb:
    """A glTF document and its binary part."""

    document: GltfObject
    data: bytes

    def array(self, accessor: int) -> Array:
        """Return the elements (count, width) of an accessor."""
        says = self.document["accessors"][accessor]
        view = self.document["bufferViews"][says["bufferView"]]
        kind = np.dtype(_TYPES[says["componentType"]])
        width = _WIDTHS[says["type"]]
        start = view.get("byteOffset", 0) + says.get("byteOffset", 0)
        stride = view.get("byteStride", width * kind.itemsize)
        if stride != width * kind.itemsize:
            rows = [
                np.frombuffer(self.data, kind, width, start + row * stride)
                for row in range(says["count"])
            ]
            return np.stack(rows)
        values = np.frombuffer(self.data, kind, says["count"] * width, start)
        return values.reshape(-1, width)


def read(
    path: Path | str, *, skin_frames: Sequence[int] = (), animation: str | None = None
) -> ReadScene:
    """Return the nodes of a GLB file at the times of its keys, in metres, Z up.

    Args:
        path: file to read.
        skin_frames: frames whose skin is computed.
        animation: name of the one to play; the first when left out.

    Raises:
        InputError: the file is no GLB file or has no (such) animation.
    """
    path = Path(path)
    # Damaged numbers overflow on the way; what comes of them is looked at in the end.
    with reading(path, "a GLB file with an animation"), np.errstate(all="ignore"):
        scene = _scene(load(path), path, skin_frames, animation)
        if not all(np.isfinite(each).all() for each in (scene.positions, *scene.vertices)):
            raise ValueError("places that are no finite numbers")
        return scene


def _scene(glb: Glb, path: Path, skin_frames: Sequence[int], animation: str | None) -> ReadScene:
    nodes = glb.document["nodes"]
    animations = glb.document.get("animations", [])
    if not animations:
        raise InputError(f"{path} has no animation.")
    named = [each for each in animations if animation in (None, each.get("name"))]
    if not named:
        raise InputError(f"{path} has no animation '{animation}'.")
    played = named[0]
    clocks = [glb.array(each["input"])[:, 0] for each in played["samplers"]]
    times = max(clocks, key=len).astype(np.float64)
    local = _local_transforms(glb, played, times)
    parents = np.full(len(nodes), -1)
    for index, node in enumerate(nodes):
        parents[node.get("children", [])] = index
    matrices = _world_transforms(local, parents)
    positions = AXES["glb"].world_points(matrices[:, :, :3, 3])
    skinned = [node for node in nodes if "skin" in node and "mesh" in node]
    weights = _morph_weights(glb, played, nodes.index(skinned[0])) if skinned else None
    vertices = tuple(
        AXES["glb"].world_points(
            _skin(glb, skinned[0], matrices[frame], None if weights is None else weights[frame])
        )
        for frame in (skin_frames if skinned else ())
    )
    return ReadScene(
        joint_names=tuple(node.get("name", "") for node in nodes),
        times_s=times,
        positions=positions,
        vertices=vertices,
    )


def load(path: Path) -> Glb:
    """Return document and binary part of a file.

    Raises:
        InputError: the file is no GLB file.
    """
    raw = path.read_bytes()
    if len(raw) < 20 or raw[:4] != b"glTF":
        raise InputError(f"{path} is no binary glTF file.")
    length = struct.unpack_from("<I", raw, 12)[0]
    with reading(path, "a binary glTF file"):
        return Glb(parse_object(raw[20 : 20 + length].decode(), path), raw[28 + length :])


def _local_transforms(glb: Glb, animation: GltfObject, times: FloatArray) -> FloatArray:
    """Return each node's transform (frame, node, 4, 4) in its parent."""
    nodes = glb.document["nodes"]
    out = np.tile(np.eye(4), (len(times), len(nodes), 1, 1))
    animated: dict[tuple[int, str], FloatArray] = {}
    for channel in animation["channels"]:
        if channel["target"]["path"] == "weights":
            continue
        sampler = animation["samplers"][channel["sampler"]]
        clock = glb.array(sampler["input"])[:, 0].astype(np.float64)
        values = glb.array(sampler["output"]).astype(np.float64)
        rotation = channel["target"]["path"] == "rotation"
        key = (channel["target"]["node"], channel["target"]["path"])
        animated[key] = _at(clock, values, times, rotation)
    for index, node in enumerate(nodes):
        xyzw = animated.get((index, "rotation"), np.array(node.get("rotation", [0, 0, 0, 1.0])))
        turn = matrix_from_quaternion_wxyz(xyzw[..., [3, 0, 1, 2]])
        size = animated.get((index, "scale"), np.array(node.get("scale", [1.0, 1.0, 1.0])))
        out[:, index, :3, :3] = turn * size[..., None, :]
        out[:, index, :3, 3] = animated.get(
            (index, "translation"), np.array(node.get("translation", [0.0, 0.0, 0.0]))
        )
        if "matrix" in node:
            out[:, index] = np.array(node["matrix"]).reshape(4, 4).T
    return out


def _at(clock: FloatArray, values: FloatArray, times: FloatArray, rotation: bool) -> FloatArray:
    """Return keyed values at times, held outside the keys."""
    if len(clock) == len(times) and np.array_equal(clock, times):
        return values
    after = np.clip(np.searchsorted(clock, times), 1, max(len(clock) - 1, 1))
    if len(clock) == 1:
        return np.asarray(np.repeat(values, len(times), axis=0))
    span = clock[after] - clock[after - 1]
    share = np.clip((times - clock[after - 1]) / span, 0.0, 1.0)
    if rotation:
        turned = slerp(values[after - 1][:, [3, 0, 1, 2]], values[after][:, [3, 0, 1, 2]], share)
        return np.asarray(turned[:, [1, 2, 3, 0]])
    return np.asarray((1.0 - share[:, None]) * values[after - 1] + share[:, None] * values[after])


def _world_transforms(local: FloatArray, parents: Array) -> FloatArray:
    """Return transforms (frame, node, 4, 4) in the world; nodes may come in any order."""
    out = local.copy()
    done: set[int] = set()

    def resolve(node: int) -> None:
        if node in done:
            return
        done.add(node)
        if parents[node] >= 0:
            resolve(int(parents[node]))
            out[:, node] = out[:, parents[node]] @ local[:, node]

    for node in range(local.shape[1]):
        resolve(node)
    return out


def _morph_weights(glb: Glb, animation: GltfObject, node: int) -> FloatArray | None:
    """Return the weights (frame, morph) of a node's mesh, None when they are not animated."""
    for channel in animation["channels"]:
        if channel["target"] == {"node": node, "path": "weights"}:
            sampler = animation["samplers"][channel["sampler"]]
            frames = len(glb.array(sampler["input"]))
            return glb.array(sampler["output"]).astype(np.float64).reshape(frames, -1)
    return None


def _skin(
    glb: Glb, node: GltfObject, matrices: FloatArray, expression: FloatArray | None
) -> FloatArray:
    """Return the skin (vertex, 3) of the first mesh in one frame, with all sets of weights."""
    primitive = glb.document["meshes"][node["mesh"]]["primitives"][0]
    attributes = primitive["attributes"]
    skin = glb.document["skins"][node["skin"]]
    binds = glb.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    rest = glb.array(attributes["POSITION"]).astype(np.float64)
    if expression is not None:
        for weight, target in zip(expression, primitive["targets"], strict=True):
            rest = rest + weight * glb.array(target["POSITION"])
    moved = matrices[skin["joints"]] @ binds
    out = np.zeros_like(rest)
    for each in range(sum(name.startswith("JOINTS_") for name in attributes)):
        joints = glb.array(attributes[f"JOINTS_{each}"])
        weights = glb.array(attributes[f"WEIGHTS_{each}"]).astype(np.float64)
        for joint, weight in zip(joints.T, weights.T, strict=True):
            transform = moved[joint]
            turned = np.einsum("vij,vj->vi", transform[:, :3, :3], rest) + transform[:, :3, 3]
            out += weight[:, None] * turned
    return out
