"""Named arrays with a header, as one run of bytes that a browser reads without copying.

    "MOCAPAK1" | header length, 4 bytes little endian | header, JSON | arrays, each at 8 bytes

The header is {"meta": …, "arrays": {name: {"type": "i2", "shape": […], "at": offset}}}; offsets
count from the end of the header, which is filled up with spaces to a multiple of 8.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from mocap.core.plain import plain
from mocap.core.shapes import Array

MAGIC = b"MOCAPAK1"
TYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "f4")


def packed(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """Return meta data and arrays as bytes.

    Raises:
        ValueError: an array of a type that browsers have no array for.
    """
    described, parts, at = {}, [], 0
    for name, array in arrays.items():
        values = np.ascontiguousarray(array)
        kind = f"{values.dtype.kind}{values.dtype.itemsize}"
        if kind not in TYPES:
            raise ValueError(f"array '{name}' is of type {values.dtype}; pack {', '.join(TYPES)}")
        data = values.astype(values.dtype.newbyteorder("<")).tobytes()
        described[name] = {"type": kind, "shape": list(values.shape), "at": at}
        fill = -len(data) % 8
        parts += [data, bytes(fill)]
        at += len(data) + fill
    header = json.dumps({"meta": plain(dict(meta), None), "arrays": described}).encode()
    before = len(MAGIC) + 4
    header += b" " * (-(before + len(header)) % 8)
    return MAGIC + struct.pack("<I", len(header)) + header + b"".join(parts)
