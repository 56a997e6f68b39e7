"""Add one animation to a GLB file; its binary part and everything else in it stay as they were."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.rotation import quaternion_wxyz_from_matrix
from mocap.core.shapes import Array
from mocap.core.store import atomic_write
from mocap.export.glb.objects import GltfObject
from mocap.export.glb.reader import load
from mocap.export.onto.rig import CharacterRig
from mocap.export.onto.solved import Solved
from mocap.export.quaternions import continuous

_FLOAT = 5126
_JSON, _BINARY = 0x4E4F534A, 0x004E4942


def write(source: Path, rig: CharacterRig, solved: Solved, path: Path, take_name: str) -> None:
    """Write a copy of `source` with one more animation.

    Args:
        source: the character's file.
        rig: its nodes; their numbers are those of the file.
        solved: rotations and moves of its nodes.
        path: file to write; replaced as a whole or not at all.
        take_name: name of the animation; a number is added when the file has one so named.

    Raises:
        InputError: the file keeps its data elsewhere.
    """
    glb = load(source)
    document: GltfObject = glb.document
    buffers = document.get("buffers", [])
    if not buffers or "uri" in buffers[0]:
        raise InputError(f"{source} keeps its data in other files. Export it as one GLB file.")
    extra = _Extra(document, bytearray(glb.data[: buffers[0]["byteLength"]]))
    animation: GltfObject = {
        "name": _free_name(document, take_name),
        "channels": [],
        "samplers": [],
    }
    times = (np.arange(solved.frame_count) / solved.fps).astype(np.float32)[:, None]
    clock = extra.accessor(times, "SCALAR", bounds=True)

    def channel(node: int, kind: str, values: Array, shape: str) -> None:
        sampler = {"input": clock, "output": extra.accessor(values, shape)}
        animation["samplers"].append({**sampler, "interpolation": "LINEAR"})
        target = {"node": rig.numbers[node], "path": kind}
        animation["channels"].append({"sampler": len(animation["samplers"]) - 1, "target": target})
        _without_matrix(document["nodes"][rig.numbers[node]], rig, node)

    for node, moves in solved.moves.items():
        channel(node, "translation", moves, "VEC3")
    for node, turns in solved.turns.items():
        wxyz = continuous(quaternion_wxyz_from_matrix(turns))
        channel(node, "rotation", wxyz[:, [1, 2, 3, 0]], "VEC4")
    document.setdefault("animations", []).append(animation)
    buffers[0]["byteLength"] = len(extra.data)
    _write(path, document, bytes(extra.data))


def _without_matrix(node: GltfObject, rig: CharacterRig, index: int) -> None:
    """Replace a matrix by its parts: an animated node must not have one."""
    if node.pop("matrix", None) is not None:
        turn = quaternion_wxyz_from_matrix(rig.turn[index])
        node["translation"] = rig.move[index].tolist()
        node["rotation"] = turn[[1, 2, 3, 0]].tolist()
        node["scale"] = np.diag(rig.after[index])[:3].tolist()


class _Extra:
    """Appends arrays to the binary part."""

    def __init__(self, document: GltfObject, data: bytearray) -> None:
        self._document, self.data = document, data

    def accessor(self, values: Array, shape: str, *, bounds: bool = False) -> int:
        """Add numbers (count, width) and return their accessor."""
        numbers = np.ascontiguousarray(values, dtype="<f4")
        self.data += bytes(-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": numbers.nbytes}
        self.data += numbers.tobytes()
        views = self._document.setdefault("bufferViews", [])
        views.append(view)
        accessor: GltfObject = {
            "bufferView": len(views) - 1,
            "componentType": _FLOAT,
            "count": len(numbers),
            "type": shape,
        }
        if bounds:
            accessor["min"] = numbers.min(axis=0).tolist()
            accessor["max"] = numbers.max(axis=0).tolist()
        accessors = self._document.setdefault("accessors", [])
        accessors.append(accessor)
        return len(accessors) - 1


def _free_name(document: GltfObject, wanted: str) -> str:
    """Return a name that no animation of the file has."""
    taken = {each.get("name") for each in document.get("animations", [])}
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _write(path: Path, document: GltfObject, data: bytes) -> None:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 4)
    data += bytes(-len(data) % 4)
    length = 12 + 8 + len(text) + 8 + len(data)
    with atomic_write(path) as temporary:
        temporary.write_bytes(
            struct.pack("<4sII", b"glTF", 2, length)
            + struct.pack("<II", len(text), _JSON)
            + text
            + struct.pack("<II", len(data), _BINARY)
            + data
        )
