"""Write a TensorFlow `GraphDef` message without TensorFlow and without protobuf.

OpenVINO reads frozen TensorFlow graphs; TensorFlow.js ships the same graph as JSON. Only the
protobuf wire format stands between the two, and of that only varints, 32-bit floats and
length-prefixed bytes are needed.

Field numbers: tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape}.proto.
Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mocap.core.errors import ModelError
from mocap.core.shapes import Array

DATA_TYPES = {"DT_FLOAT": 1, "DT_INT32": 3, "DT_STRING": 7, "DT_INT64": 9, "DT_BOOL": 10}
_TYPE_OF_ARRAY = {"float32": "DT_FLOAT", "int32": "DT_INT32", "bool": "DT_BOOL"}

_VARINT, _BYTES, _FIXED32 = 0, 2, 5


def graph(nodes: Iterable[bytes]) -> bytes:
    """Join encoded nodes into a serialised GraphDef."""
    return b"".join(_message(1, node) for node in nodes)


def node(name: str, op: str, inputs: Iterable[str], attributes: Mapping[str, bytes]) -> bytes:
    """Encode one NodeDef; `attributes` are encoded AttrValues."""
    parts = [_text(1, name), _text(2, op)]
    parts += [_text(3, each) for each in inputs]
    for key in sorted(attributes):
        parts.append(_message(5, _text(1, key) + _message(2, attributes[key])))
    return b"".join(parts)


def attribute(value: Mapping[str, Any]) -> bytes:
    """Encode one AttrValue given as protobuf JSON, for example `{"list": {"i": ["1", "2"]}}`.

    Raises:
        ModelError: a kind of attribute that inference graphs do not use (function, tensor,
            placeholder).
    """
    if len(value) != 1:
        raise ModelError(f"graph attribute {value!r} should have exactly one kind")
    (kind, content), *_ = value.items()
    if kind == "list":
        return _message(1, b"".join(_list_item(k, v) for k, vs in content.items() for v in vs))
    if kind == "shape":
        return _message(7, _shape(content))
    return _list_item(kind, content)


def type_attribute(array: Array) -> bytes:
    """Encode the element type of an array as an AttrValue."""
    return _uint(6, DATA_TYPES[_type_name(array)])


def tensor_attribute(array: Array) -> bytes:
    """Encode a constant as an AttrValue that holds a TensorProto."""
    shape = _shape({"dim": [{"size": size} for size in array.shape]})
    data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    return _message(
        8, _uint(1, DATA_TYPES[_type_name(array)]) + _message(2, shape) + _message(4, data)
    )


def _type_name(array: Array) -> str:
    try:
        return _TYPE_OF_ARRAY[array.dtype.name]
    except KeyError:
        raise ModelError(f"a weight of type {array.dtype} cannot be converted") from None


def _list_item(kind: str, content: Any) -> bytes:
    """Encode a scalar of an AttrValue or one element of its list: the same field numbers."""
    if kind == "s":
        return _message(2, base64.b64decode(content))
    if kind == "i":
        return _uint(3, int(content))
    if kind == "f":
        return _key(4, _FIXED32) + struct.pack("<f", float(content))
    if kind == "b":
        return _uint(5, int(bool(content)))
    if kind == "type" and content in DATA_TYPES:
        return _uint(6, DATA_TYPES[content])
    raise ModelError(f"graph attribute of kind {kind!r} = {content!r} cannot be converted")


def _shape(shape: Mapping[str, Any]) -> bytes:
    return b"".join(_message(2, _uint(1, int(dim["size"]))) for dim in shape.get("dim", ()))


def _key(field: int, wire_type: int) -> bytes:
    return _varint(field << 3 | wire_type)


def _uint(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _text(field: int, value: str) -> bytes:
    return _message(field, value.encode())


def _message(field: int, content: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative integers travel as 64-bit two's complement
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
