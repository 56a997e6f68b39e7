"""A binary FBX file as a tree whose properties keep their bytes, to be written again with more.

Every record begins with the position of its end; what is put in moves all that follows, so those
positions are computed anew. Nothing else of a record changes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.export.fbx.records import property_values

_MAGIC = b"Kaydara FBX Binary  \x00"
_HEAD_BYTES = 27
_FOOTER_BYTES = 16  # an id that belongs to the creation time
_END_BYTES = 4 + 120 + 16  # version, zeros, the closing magic
_WIDE_FROM = 7500
_OLDEST, _NEWEST = 7000, 7999


@dataclass(eq=False)
class RawRecord:
    """One record: name, bytes of its properties, children; `nested` when it ends with an empty one.

    Attributes:
        name: as in the file.
        count: number of properties.
        data: their bytes.
        children: records inside.
        nested: whether a list of children is written, which may be empty.
    """

    name: str
    count: int
    data: bytes
    children: list[RawRecord] = field(default_factory=list)
    nested: bool = False

    def all(self, name: str) -> Iterator[RawRecord]:
        """Give the children of a name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> RawRecord | None:
        """Return the first child of a name."""
        return next(self.all(name), None)

    @property
    def values(self) -> list[Any]:
        """The properties, decoded."""
        return list(property_values(self.data, self.count))

    def properties(self) -> dict[str, list[Any]]:
        """Return the values of the property block by name."""
        out = {}
        for block in self.all("Properties70"):
            for entry in block.all("P"):
                values = entry.values
                out[values[0]] = values[4:]
        return out


@dataclass(eq=False)
class RawFile:
    """A whole file.

    Attributes:
        head: bytes before the first record.
        version: 7100 to 7700.
        root: holds the records of the top level.
        footer_id: 16 bytes that belong to the creation time.
        end: what follows the padding at the end.
    """

    head: bytes
    version: int
    root: RawRecord
    footer_id: bytes
    end: bytes


def read_raw(path: Path) -> RawFile:
    """Return the tree of a binary FBX file of version 7.

    Raises:
        InputError: it is none, is of another version, or is damaged.
    """
    with reading(path, "an FBX file"):
        data = path.read_bytes()
    if len(data) < _HEAD_BYTES:
        raise InputError(f"{path} is no FBX file: it has {len(data)} bytes.")
    if not data.startswith(_MAGIC):
        ascii_file = b"FBXHeaderExtension" in data[:2000]
        kind = "an ASCII FBX file" if ascii_file else "no FBX file"
        raise InputError(f"{path} is {kind}. Export the character as binary FBX 7.x or as GLB.")
    version = struct.unpack_from("<I", data, 23)[0]
    if not _OLDEST <= version <= _NEWEST:
        raise InputError(
            f"{path} is FBX {version / 1000:.1f}; 7.1 to 7.7 can be read. Export it again as "
            "binary FBX 7.4 (2014) or later."
        )
    root = RawRecord("", 0, b"", nested=True)
    with reading(path, "a binary FBX 7 file"):
        root.children, at = _siblings(data, _HEAD_BYTES, _layout(version))
    footer = data[at : at + _FOOTER_BYTES]
    return RawFile(data[:_HEAD_BYTES], version, root, footer, data[-_END_BYTES:])


def raw_bytes(file: RawFile) -> bytes:
    """Return a file as it is written."""
    out = io.BytesIO()
    out.write(file.head)
    layout = _layout(file.version)
    for record in file.root.children:
        _write(out, record, layout)
    out.write(bytes(struct.calcsize(layout)))
    out.write(file.footer_id + bytes(4))
    out.write(bytes(-out.tell() % 16 or 16))
    out.write(file.end)
    return out.getvalue()


def _layout(version: int) -> str:
    return "<QQQB" if version >= _WIDE_FROM else "<IIIB"


def _siblings(data: bytes, at: int, layout: str) -> tuple[list[RawRecord], int]:
    """Return the records from a position up to the empty one, and where that ends."""
    out: list[RawRecord] = []
    size = struct.calcsize(layout)
    while True:
        end, count, length, letters = struct.unpack_from(layout, data, at)
        if end == 0:
            return out, at + size
        start = at + size + letters
        if end <= at:
            raise ValueError(f"a record at byte {at} ends before it begins")
        if not start + length <= end <= len(data):
            raise ValueError(f"a record at byte {at} ends outside the file")
        name = data[at + size : start].decode("utf-8", "surrogateescape")
        record = RawRecord(name, count, data[start : start + length])
        if start + length < end:
            record.children, _ = _siblings(data, start + length, layout)
            record.nested = True
        out.append(record)
        at = end


def _write(out: io.BytesIO, record: RawRecord, layout: str) -> None:
    start = out.tell()
    size = struct.calcsize(layout)
    name = record.name.encode("utf-8", "surrogateescape")
    out.write(bytes(size) + name + record.data)
    for child in record.children:
        _write(out, child, layout)
    if record.nested or record.children:
        out.write(bytes(size))
    end = out.tell()
    out.seek(start)
    out.write(struct.pack(layout, end, record.count, len(record.data), len(name)))
    out.seek(end)


def record_of(name: str, *properties: Any, children: list[RawRecord] | None = None) -> RawRecord:
    """Return a new record; properties as `fbx_binary.Property`."""
    from mocap.export.fbx.binary import encode

    data = b"".join(encode(value) for value in properties)
    return RawRecord(name, len(properties), data, children or [], nested=children is not None)
