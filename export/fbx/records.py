"""Parse the records of a binary FBX file (7.0 to 7.7)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.errors import InputError

_HEAD = b"Kaydara FBX Binary  \x00"
_WIDE_FROM_VERSION = 7500
_SCALARS = {b"C": "<B", b"Y": "<h", b"I": "<i", b"L": "<q", b"F": "<f", b"D": "<d"}
_ARRAYS = {b"f": "<f4", b"d": "<f8", b"i": "<i4", b"l": "<i8", b"b": "u1", b"c": "u1"}


@dataclass(frozen=True, eq=False)
class Record:
    """One record of the tree: name, property values and children."""

    name: str
    values: list[Any]
    children: list[Record]

    def all(self, name: str) -> Iterator[Record]:
        """Give the children of a name."""
        return (child for child in self.children if child.name == name)

    def value(self, name: str, default: Any = None) -> Any:
        """Return the first property of the first child of a name."""
        return next((child.values[0] for child in self.all(name)), default)

    def properties(self) -> dict[str, list[Any]]:
        """Return the values of the property block by name."""
        return {
            entry.values[0]: entry.values[4:]
            for block in self.all("Properties70")
            for entry in block.all("P")
        }


def read_records(path: Path) -> Record:
    """Return the tree of a file.

    Raises:
        InputError: the file is no binary FBX file or is damaged.
    """
    data = path.read_bytes()
    if not data.startswith(_HEAD) or len(data) < 27:
        raise InputError(f"{path} is no binary FBX file.")
    version = struct.unpack_from("<I", data, 23)[0]
    head = "<QQQB" if version >= _WIDE_FROM_VERSION else "<IIIB"
    try:
        children, _ = _siblings(data, 27, head)
    except (struct.error, zlib.error, KeyError, ValueError) as problem:
        raise InputError(f"{path} is damaged: {problem}.") from problem
    return Record("", [version], children)


def _siblings(data: bytes, at: int, head: str) -> tuple[list[Record], int]:
    """Return the records from a position up to the empty one, and where that ends."""
    out: list[Record] = []
    size = struct.calcsize(head)
    while True:
        end, count, length, letters = struct.unpack_from(head, data, at)
        if end == 0:
            return out, at + size
        if not at < end <= len(data):
            raise ValueError(f"the record at byte {at} says that it ends at byte {end}")
        start = at + size + letters
        name = data[at + size : start].decode("ascii")
        values = _values(data, start, count)
        children: list[Record] = []
        if start + length < end:
            children, _ = _siblings(data, start + length, head)
        out.append(Record(name, values, children))
        at = end


def property_values(data: bytes, count: int) -> list[Any]:
    """Return the decoded properties of a record from their bytes.

    Raises:
        ValueError: they are damaged.
    """
    try:
        return _values(data, 0, count)
    except (struct.error, zlib.error, KeyError) as problem:
        raise ValueError(f"properties are damaged: {problem}") from problem


def _values(data: bytes, at: int, count: int) -> list[Any]:
    """Return the properties of a record."""
    out: list[Any] = []
    for _ in range(count):
        code = data[at : at + 1]
        at += 1
        if code in _SCALARS:
            out.append(struct.unpack_from(_SCALARS[code], data, at)[0])
            at += struct.calcsize(_SCALARS[code])
        elif code in (b"S", b"R"):
            length = struct.unpack_from("<I", data, at)[0]
            raw = data[at + 4 : at + 4 + length]
            out.append(raw.decode("utf-8", "surrogateescape") if code == b"S" else raw)
            at += 4 + length
        else:
            items, encoding, length = struct.unpack_from("<III", data, at)
            raw = data[at + 12 : at + 12 + length]
            if encoding:
                # No more than was declared: a small file must not unpack to gigabytes.
                most = max(1, items * np.dtype(_ARRAYS[code]).itemsize)
                raw = zlib.decompressobj().decompress(raw, most)
            out.append(np.frombuffer(raw, _ARRAYS[code]))
            at += 12 + length
    return out
