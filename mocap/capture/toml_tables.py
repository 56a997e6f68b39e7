"""TOML files read strictly: an unknown key, a missing key or a wrong type is an error."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from mocap.core.errors import InputError
from mocap.core.files.reading import read_toml


def load_toml(path: Path) -> Mapping[str, Any]:
    """Return the tables of the TOML file `path`.

    Raises:
        InputError: the file cannot be read or is not TOML; the message names file and line.
    """
    return read_toml(path)


def check_keys(table: Mapping[str, Any], known: Iterable[str], path: Path, where: str = "") -> None:
    """Check that `table` holds only `known` keys.

    A key that nobody reads is a setting the user believes in: refuse it.

    Raises:
        InputError: naming file, table, key and the nearest known key.
    """
    names = list(known)
    for key in table:
        if key not in names:
            place = f" in [{where}]" if where else ""
            raise InputError(f"{path} has an unknown key '{key}'{place}. {suggest(key, names)}")


def suggest(word: str, known: Iterable[str]) -> str:
    """Return "Did you mean 'x'?" for the nearest known word, else the list of known words."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {', '.join(names)}." if names else "Nothing is known there."


def text(table: Mapping[str, Any], key: str, path: Path, default: str | None = None) -> str:
    """Return the text `table[key]`."""
    return str(_value(table, key, path, str, "a text in quotes", default))


def number(table: Mapping[str, Any], key: str, path: Path, default: float | None = None) -> float:
    """Return the positive number `table[key]`.

    Raises:
        InputError: missing, not a number, or not above zero.
    """
    value = float(_value(table, key, path, (int, float), "a number", default))
    if not 0.0 < value < float("inf"):
        raise InputError(f"{path}: '{key}' is {value:g}; it must be above zero and finite.")
    return value


def whole_number(table: Mapping[str, Any], key: str, path: Path) -> int:
    """Return the whole number `table[key]`."""
    return int(_value(table, key, path, int, "a whole number", None))


def flag(table: Mapping[str, Any], key: str, path: Path, default: bool) -> bool:
    """Return the truth value `table[key]`."""
    return bool(_value(table, key, path, bool, "true or false", default))


def tables(table: Mapping[str, Any], key: str, path: Path) -> list[Mapping[str, Any]]:
    """Return the array of tables `[[key]]`; an absent one is empty."""
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise InputError(f"{path}: '{key}' must be tables written as [[{key}]].")
    return value


def numbers(value: Any, count: int, key: str, path: Path) -> tuple[float, ...]:
    """Return `value` as `count` finite numbers.

    Raises:
        InputError: not a list of that many finite numbers.
    """
    fits = isinstance(value, list) and len(value) == count and all(map(_is_number, value))
    if not fits:
        raise InputError(f"{path}: '{key}' is {value!r}; it must be a list of {count} numbers.")
    return tuple(float(item) for item in value)


def _value(
    table: Mapping[str, Any],
    key: str,
    path: Path,
    kind: type | tuple[type, ...],
    wanted: str,
    default: Any,
) -> Any:
    if key not in table:
        if default is None:
            raise InputError(f"{path} lacks '{key}'; give it {wanted}.")
        return default
    value = table[key]
    # TOML's true is a bool, which Python counts among the integers.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InputError(f"{path}: '{key}' is {value!r}; it must be {wanted}.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)
