"""What following has in mind, as text and back, to the last bit: to go on after a killed run."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from mocap.core.shapes import Array
from mocap.detect.following.track import Track
from mocap.detect.people import Detection

_CLASSES = {each.__name__: each for each in (Track, Detection)}
"""All that may be built from a file; nothing in it is ever run."""

_KINDS = "fiub"


def written(value: object) -> str:
    """Return tables, rows, numbers, arrays, tracks and detections as text.

    Raises:
        TypeError: there is something else.
    """
    return json.dumps(_plain(value), sort_keys=True)


def read(text: str) -> Any:
    """Return what was written; rows come back as tuples.

    Raises:
        TypeError, ValueError, KeyError: it is no such text.
    """
    return _rebuilt(json.loads(text))


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        if array.dtype.kind not in _KINDS:
            raise TypeError(f"an array of {array.dtype}")
        data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
        return {"array": data, "type": array.dtype.str, "shape": list(array.shape)}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {"table": {str(name): _plain(each) for name, each in value.items()}}
    if is_dataclass(value) and type(value).__name__ in _CLASSES:
        named = {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        return {"class": type(value).__name__, "fields": named}
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _rebuilt(plain: Any) -> Any:
    if isinstance(plain, list):
        return tuple(_rebuilt(each) for each in plain)
    if not isinstance(plain, dict):
        return plain
    if "array" in plain:
        return _array(plain)
    if "class" in plain:
        named = {name: _rebuilt(each) for name, each in plain["fields"].items()}
        return _CLASSES[plain["class"]](**named)
    return {name: _rebuilt(each) for name, each in plain["table"].items()}


def _array(plain: Mapping[str, Any]) -> Array:
    kind = np.dtype(plain["type"])
    if kind.kind not in _KINDS:
        raise ValueError(f"an array of {kind}")
    data = base64.b64decode(plain["array"], validate=True)
    return np.frombuffer(data, kind).reshape(plain["shape"]).copy()
