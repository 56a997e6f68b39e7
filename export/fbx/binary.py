"""Records of a binary FBX 7.4 file, written as they come.

A file is a tree of records: name, typed properties, child records. Each begins with the position
of its end, which is filled in when the record is closed; so a file of any length is written with
no more memory than its longest array. The layout is not published by Autodesk; it is described in
"FBX binary file format specification" (Blender developers, 2013).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.shapes import Array

VERSION = 7400
_MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"
_END_OF_CHILDREN = bytes(13)

# The footer that every writer copies; it belongs to the fixed creation time and file id, so that
# equal scenes give equal files.
CREATION_TIME = "1970-01-01 10:00:00:000"
FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
_FOOTER_ID = bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e")
_FOOTER_MAGIC = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")

# Shorter arrays do not gain from compression.
_COMPRESS_FROM_BYTES = 128
# Level 1 is five times faster than the default and 5 % larger on curves of angles.
_COMPRESSION_LEVEL = 1

_ARRAY_CODES = {"f4": b"f", "f8": b"d", "i4": b"i", "i8": b"l"}


@dataclass(frozen=True)
class EncodedArray:
    """An array property in its final bytes, for arrays that many records repeat."""

    data: bytes


Property = bool | int | float | str | bytes | np.int64 | Array | EncodedArray


def encode_array(values: Array) -> EncodedArray:
    """Return an array (int32, int64, float32 or float64) as a property."""
    code = _ARRAY_CODES[values.dtype.str[1:]]
    raw = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes()
    compressed = len(raw) > _COMPRESS_FROM_BYTES
    data = zlib.compress(raw, _COMPRESSION_LEVEL) if compressed else raw
    return EncodedArray(code + struct.pack("<III", values.size, int(compressed), len(data)) + data)


def encode(value: Property) -> bytes:
    """Return one property; `int` is 32 bits wide, `numpy.int64` 64, `float` double."""
    if isinstance(value, EncodedArray):
        return value.data
    if isinstance(value, np.ndarray):
        return encode_array(value).data
    if isinstance(value, str):
        text = value.encode("utf-8")
        return b"S" + struct.pack("<I", len(text)) + text
    if isinstance(value, bytes):
        return b"R" + struct.pack("<I", len(value)) + value
    return _encode_number(value)


def _encode_number(value: bool | int | float | np.int64) -> bytes:
    # bool is an int in Python, so it comes first.
    if isinstance(value, bool):
        return b"C" + struct.pack("<B", value)
    if isinstance(value, np.int64):
        return b"L" + struct.pack("<q", int(value))
    if isinstance(value, int):
        return b"I" + struct.pack("<i", value)
    return b"D" + struct.pack("<d", value)


class FbxStream:
    """Writes the records of one file to a seekable stream."""

    def __init__(self, stream: BinaryIO) -> None:
        """Write the file's head."""
        self._stream = stream
        stream.write(_MAGIC + struct.pack("<I", VERSION))

    @contextmanager
    def record(self, name: str, *properties: Property) -> Iterator[None]:
        """Write a record whose children are written inside the block."""
        start = self._open(name, properties)
        yield
        self._stream.write(_END_OF_CHILDREN)
        self._close(start)

    def leaf(self, name: str, *properties: Property) -> None:
        """Write a record without children."""
        self._close(self._open(name, properties))

    def finish(self) -> None:
        """Write the file's foot."""
        self._stream.write(_END_OF_CHILDREN + _FOOTER_ID + bytes(4))
        self._stream.write(bytes(-self._stream.tell() % 16 or 16))
        self._stream.write(struct.pack("<I", VERSION) + bytes(120) + _FOOTER_MAGIC)

    def _open(self, name: str, properties: tuple[Property, ...]) -> int:
        start = self._stream.tell()
        data = b"".join(encode(value) for value in properties)
        text = name.encode("ascii")
        self._stream.write(struct.pack("<IIIB", 0, len(properties), len(data), len(text)))
        self._stream.write(text + data)
        return start

    def _close(self, start: int) -> None:
        end = self._stream.tell()
        if end >= 2**32:
            raise ExportError("an FBX 7.4 file cannot be longer than 4 GiB: export a shorter part.")
        self._stream.seek(start)
        self._stream.write(struct.pack("<I", end))
        self._stream.seek(end)
