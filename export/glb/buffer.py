"""The binary part of a glTF file: arrays that are described first and produced when written.

Only one array is in memory at a time, so a file may hold any number of frames.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.shapes import Array
from mocap.core.store import atomic_write
from mocap.export.glb.objects import GltfObject

FLOAT = 5126
UNSIGNED_BYTE = 5121
UNSIGNED_SHORT = 5123
UNSIGNED_INT = 5125
VERTEX_TARGET = 34962
INDEX_TARGET = 34963

_TYPES: dict[int, np.dtype[Any]] = {
    FLOAT: np.dtype("<f4"),
    UNSIGNED_BYTE: np.dtype("u1"),
    UNSIGNED_SHORT: np.dtype("<u2"),
    UNSIGNED_INT: np.dtype("<u4"),
}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass
class GlbBuffer:
    """Accessors and buffer views of one file, and how to make their bytes."""

    accessors: list[GltfObject] = field(default_factory=list)
    views: list[GltfObject] = field(default_factory=list)
    _makers: list[Callable[[], Array]] = field(default_factory=list)
    _size: int = 0

    def add(
        self,
        make: Callable[[], Array],
        count: int,
        kind: str,
        component: int = FLOAT,
        *,
        target: int | None = None,
        bounds: tuple[list[float], list[float]] | None = None,
    ) -> int:
        """Plan an array of `count` elements; return the number of its accessor.

        `make` is called when the file is written and gives (count, ...) values; `bounds` are
        least and largest values where the format wants them.
        """
        length = count * _WIDTHS[kind] * _TYPES[component].itemsize
        view = {"buffer": 0, "byteOffset": self._size, "byteLength": length}
        if target is not None:
            view["target"] = target
        accessor: GltfObject = {
            "bufferView": len(self.views),
            "componentType": component,
            "count": count,
            "type": kind,
        }
        if bounds is not None:
            accessor["min"], accessor["max"] = bounds
        self.views.append(view)
        self.accessors.append(accessor)
        self._makers.append(make)
        self._size += length + -length % 4
        return len(self.accessors) - 1

    def add_array(self, values: Array, kind: str, component: int = FLOAT, **options: Any) -> int:
        """Plan an array that is already there."""
        return self.add(lambda: values, len(values), kind, component, **options)

    def write(self, document: GltfObject, path: Path) -> None:
        """Write a glTF document with this buffer as one binary file (glTF 2.0, section 4.4).

        Raises:
            ExportError: the file would be longer than its 32-bit length can say.
        """
        whole = {
            **document,
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": self._size}],
        }
        text = json.dumps(whole, separators=(",", ":")).encode("utf-8")
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + self._size
        if total >= 2**32:
            raise ExportError("a GLB file cannot be longer than 4 GiB: export a shorter part.")
        with atomic_write(path) as temporary, temporary.open("wb") as file:
            file.write(struct.pack("<4sII", b"glTF", 2, total))
            file.write(struct.pack("<I4s", len(text), b"JSON") + text)
            file.write(struct.pack("<I4s", self._size, b"BIN\x00"))
            for view, accessor, make in zip(self.views, self.accessors, self._makers, strict=True):
                data = np.ascontiguousarray(make(), dtype=_TYPES[accessor["componentType"]])
                raw = data.tobytes()
                if len(raw) != view["byteLength"]:
                    raise ValueError(f"an array of {len(raw)} bytes, {view['byteLength']} planned")
                file.write(raw + bytes(-len(raw) % 4))
