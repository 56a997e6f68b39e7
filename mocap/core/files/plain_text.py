"""Tables, rows, numbers, arrays and named records as text and back, to the last bit."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from mocap.core.shapes import Array

_KINDS = "fiub"


def written(value: object, *classes: type) -> str:
    """Return a value as text; of records only those of `classes`.

    Raises:
        TypeError: there is something else in it.
    """
    return json.dumps(_plain(value, classes, _as_text), sort_keys=True)


def read(text: str, *classes: type) -> Any:
    """Return what was written; rows come back as tuples. Nothing in the text is ever run.

    Raises:
        TypeError, ValueError, KeyError: it is no such text.
    """
    known = {each.__name__: each for each in classes}
    return _rebuilt(json.loads(text), known, lambda data, _: base64.b64decode(data, validate=True))


def packed(value: object) -> tuple[str, Array]:
    """Return a value without records as text, and the bytes of its arrays, which may be large.

    Raises:
        TypeError: there is something else in it.
    """
    apart: list[bytes] = []
    at = 0

    def put(data: bytes) -> int:
        nonlocal at
        apart.append(data)
        at += len(data)
        return at - len(data)

    text = json.dumps(_plain(value, (), put), sort_keys=True)
    return text, np.frombuffer(b"".join(apart), np.uint8)


def unpacked(text: str, data: Array) -> Any:
    """Return what was packed; rows come back as tuples.

    Raises:
        TypeError, ValueError, KeyError: it is nothing packed.
    """
    return _rebuilt(json.loads(text), {}, lambda at, size: data[at : at + size].tobytes())


def _as_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _plain(value: object, classes: tuple[type, ...], put: Callable[[bytes], object]) -> object:
    if isinstance(value, np.ndarray | np.generic) and not isinstance(value, float):
        array = np.asarray(value)
        if array.dtype.kind not in _KINDS:
            raise TypeError(f"an array of {array.dtype}")
        data = put(np.ascontiguousarray(array).tobytes())
        return {"array": data, "type": array.dtype.str, "shape": list(array.shape)}
    if value is None or isinstance(value, bool | int | float | str):
        return float(value) if isinstance(value, np.floating) else value
    if isinstance(value, tuple | list):
        return [_plain(each, classes, put) for each in value]
    if isinstance(value, Mapping):
        return {"table": {str(name): _plain(each, classes, put) for name, each in value.items()}}
    if is_dataclass(value) and type(value) in classes:
        named = {
            each.name: _plain(getattr(value, each.name), classes, put) for each in fields(value)
        }
        return {"class": type(value).__name__, "fields": named}
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _rebuilt(plain: Any, classes: Mapping[str, type], get: Callable[[Any, int], bytes]) -> Any:
    if isinstance(plain, list):
        return tuple(_rebuilt(each, classes, get) for each in plain)
    if not isinstance(plain, dict):
        return plain
    if "array" in plain:
        return _array(plain, get)
    if "class" in plain:
        named = {name: _rebuilt(each, classes, get) for name, each in plain["fields"].items()}
        return classes[plain["class"]](**named)
    return {name: _rebuilt(each, classes, get) for name, each in plain["table"].items()}


def _array(plain: Mapping[str, Any], get: Callable[[Any, int], bytes]) -> Array:
    kind = np.dtype(plain["type"])
    if kind.kind not in _KINDS:
        raise ValueError(f"an array of {kind}")
    data = get(plain["array"], math.prod(plain["shape"]) * kind.itemsize)
    return np.frombuffer(data, kind).reshape(plain["shape"]).copy()
