"""Add one animation to an FBX file; every record that was there keeps its bytes.

Only the counts in `Definitions` change, and the lists of objects, connections and takes get longer.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.store import atomic_write
from mocap.export.euler import euler_angles
from mocap.export.fbx.animation import key_ticks
from mocap.export.onto.fbx_raw import RawRecord, raw_bytes, record_of
from mocap.export.onto.fbx_rig import FbxCharacter
from mocap.export.onto.solved import Solved

_LINEAR = np.array([4], dtype=np.int32)
_NO_TANGENTS = np.zeros(4, dtype=np.float32)


def write(character: FbxCharacter, solved: Solved, path: Path, take_name: str) -> None:
    """Write the character's file with one more take.

    Args:
        character: the file that was read; its tree is changed.
        solved: rotations and moves of its nodes.
        path: file to write; replaced as a whole or not at all.
        take_name: name of the animation; a number is added when the file has one so named.
    """
    root = character.file.root
    objects, connections = next(root.all("Objects")), next(root.all("Connections"))
    added = _Added(objects, connections)
    name = _free_name(objects, take_name)
    ticks = key_ticks(solved.frame_count, solved.fps)
    stop = int(ticks[-1])
    layer = added.take(name, stop)
    for node, kind, values in _channels(character, solved):
        added.curves(character.rig.numbers[node], kind, values, ticks, layer)
    _count(root, added.counts)
    _list_take(root, name, stop)
    data = raw_bytes(character.file)
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)


def _channels(character: FbxCharacter, solved: Solved) -> Any:
    """Give (node, T or R, values (frame, 3)) of everything that moves."""
    for node, moves in solved.moves.items():
        yield node, "T", moves
    for node, turns in solved.turns.items():
        order = character.orders[node]
        angles = np.rad2deg(euler_angles(turns[:, None], order)[:, 0])
        # The factors are written in `order`; the channels are X, Y and Z.
        yield node, "R", angles[:, [order.index(letter) for letter in "XYZ"]]


class _Added:
    """Appends objects with numbers of their own, and their connections."""

    def __init__(self, objects: RawRecord, connections: RawRecord) -> None:
        self._objects, self._connections = objects, connections
        self._last = max(int(record.values[0]) for record in objects.children)
        self.counts: dict[str, int] = {}

    def _object(self, kind: str, name: str, class_name: str, children: list[RawRecord]) -> int:
        self._last += 1
        self.counts[kind] = self.counts.get(kind, 0) + 1
        title = f"{name}\x00\x01{class_name}"
        self._objects.children.append(
            record_of(kind, np.int64(self._last), title, "", children=children)
        )
        return self._last

    def _connect(self, child: int, parent: int, parent_property: str | None = None) -> None:
        pair = np.int64(child), np.int64(parent)
        values: tuple[Any, ...] = ("OO", *pair)
        if parent_property is not None:
            values = ("OP", *pair, parent_property)
        self._connections.children.append(record_of("C", *values))

    def take(self, name: str, stop: int) -> int:
        """Add a stack with one layer; return the layer."""
        times = (("LocalStart", 0), ("LocalStop", stop), ("ReferenceStart", 0))
        block = [
            record_of("P", key, "KTime", "Time", "", np.int64(value))
            for key, value in (*times, ("ReferenceStop", stop))
        ]
        properties = record_of("Properties70", children=block)
        stack = self._object("AnimationStack", name, "AnimStack", [properties])
        layer = self._object("AnimationLayer", name, "AnimLayer", [])
        self._connect(layer, stack)
        return layer

    def curves(self, node: int, kind: str, values: Any, ticks: Any, layer: int) -> None:
        """Add three curves of a node's translation (T) or rotation (R)."""
        first = [
            record_of("P", f"d|{axis}", "Number", "", "A", float(value))
            for axis, value in zip("XYZ", values[0], strict=True)
        ]
        block = record_of("Properties70", children=first)
        holder = self._object("AnimationCurveNode", kind, "AnimCurveNode", [block])
        self._connect(holder, layer)
        self._connect(holder, node, "Lcl Rotation" if kind == "R" else "Lcl Translation")
        for axis, curve in zip("XYZ", values.T, strict=True):
            number = self._object("AnimationCurve", "", "AnimCurve", _curve(curve, ticks))
            self._connect(number, holder, f"d|{axis}")


def _curve(values: Any, ticks: Any) -> list[RawRecord]:
    """Return the records of one curve with linear keys."""
    return [
        record_of("Default", float(values[0])),
        record_of("KeyVer", 4008),
        record_of("KeyTime", ticks),
        record_of("KeyValueFloat", values.astype(np.float32)),
        record_of("KeyAttrFlags", _LINEAR),
        record_of("KeyAttrDataFloat", _NO_TANGENTS),
        record_of("KeyAttrRefCount", np.array([len(ticks)], dtype=np.int32)),
    ]


def _free_name(objects: RawRecord, wanted: str) -> str:
    """Return a name that no take of the file has."""
    taken = {str(record.values[1]).split("\x00")[0] for record in objects.all("AnimationStack")}
    name, number = wanted, 1
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name


def _count(root: RawRecord, counts: dict[str, int]) -> None:
    """Raise the numbers of objects that readers allocate by."""
    definitions = next(root.all("Definitions"), None)
    if definitions is None:
        return
    kinds = {record.values[0]: record for record in definitions.all("ObjectType")}
    for kind, more in counts.items():
        if kind not in kinds:
            definitions.children.append(
                record_of("ObjectType", kind, children=[record_of("Count", more)])
            )
            continue
        _add(kinds[kind].children, more)
    _add(definitions.children, sum(counts.values()))


def _add(children: Sequence[RawRecord], more: int) -> None:
    """Raise the first `Count` among records."""
    for record in children:
        if record.name == "Count":
            fresh = record_of("Count", int(record.values[0]) + more)
            record.count, record.data = fresh.count, fresh.data
            return


def _list_take(root: RawRecord, name: str, stop: int) -> None:
    """Add the take to the list of takes."""
    takes = next(root.all("Takes"), None)
    if takes is None:
        takes = record_of("Takes", children=[record_of("Current", name)])
        root.children.append(takes)
    takes.nested = True
    span = np.int64(0), np.int64(stop)
    takes.children.append(
        record_of(
            "Take",
            name,
            children=[
                record_of("FileName", name.replace(" ", "_") + ".tak"),
                record_of("LocalTime", *span),
                record_of("ReferenceTime", *span),
            ],
        )
    )
