"""Dataclasses from JSON, checked: what a file says is what the type promises.

`mocap.core.plain.plain(asdict(value))` is the way there.
"""

from __future__ import annotations

import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

from mocap.core.errors import InputError

T = TypeVar("T")


def from_json(cls: type[T], document: object, where: str) -> T:
    """Return the dataclass that a JSON object tells; fields that are not there keep their default.

    Args:
        cls: dataclass of numbers, text, enums, tuples, mappings and such dataclasses.
        document: as `json.loads` gives it. null is NaN where a number is promised.
        where: file and place, for messages.

    Raises:
        InputError: a field is missing, unknown or of another type.
    """
    found = _value(cls, document, where)
    assert isinstance(found, cls)
    return found


def _value(kind: Any, value: Any, where: str) -> Any:
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and type(None) in inner:
            return None
        (only,) = [each for each in inner if each is not type(None)]
        return _value(only, value, where)
    if is_dataclass(kind):
        return _object(kind, value, where)
    if origin is tuple:
        return _tuple(inner, value, where)
    if origin is not None and issubclass(origin, Mapping):
        entries = _expect(dict, value, where)
        return {key: _value(inner[1], item, f"{where}.{key}") for key, item in entries.items()}
    if kind is float:
        return math.nan if value is None else float(_expect((int, float), value, where))
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(value)
        except ValueError as error:
            raise InputError(f"{where}: {error}.") from error
    return _expect(kind, value, where)


def _object(kind: Any, value: Any, where: str) -> Any:
    entries = _expect(dict, value, where)
    hints = typing.get_type_hints(kind)
    known = {each.name: each for each in fields(kind)}
    if unknown := sorted(set(entries) - set(known)):
        raise InputError(f"{where} has an unknown field '{unknown[0]}': a newer version wrote it.")
    values = {}
    for name, each in known.items():
        if name in entries:
            values[name] = _value(hints[name], entries[name], f"{where}.{name}")
        elif each.default is MISSING and each.default_factory is MISSING:
            raise InputError(f"{where} has no '{name}'.")
    return kind(**values)


def _tuple(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    items = _expect(list, value, where)
    kinds = (inner[0],) * len(items) if len(inner) == 2 and inner[1] is Ellipsis else inner
    if len(kinds) != len(items):
        raise InputError(f"{where} has {len(items)} entries; expected {len(kinds)}.")
    pairs = zip(kinds, items, strict=True)
    return tuple(_value(kind, item, f"{where}[{k}]") for k, (kind, item) in enumerate(pairs))


def _expect(kind: Any, value: Any, where: str) -> Any:
    # JSON knows no difference, but True is no number of frames.
    wrong_bool = isinstance(value, bool) and kind is not bool
    if wrong_bool or not isinstance(value, kind):
        raise InputError(f"{where} is {value!r:.40}, which is of another type than expected.")
    return value
