"""Files of OpenCV's FileStorage (YAML, XML, JSON), read without OpenCV.

OpenCV's own reader writes beyond its memory on damaged files. What is needed here is little: named
numbers, texts, lists of them, matrices, and tables of these.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import DEEPEST, read_text, reading
from mocap.core.shapes import FloatArray

MOST_BYTES = 1_000_000
"""Files of lenses have some thousand."""

Value = float | str | list[Any] | Mapping[str, Any] | FloatArray


def opencv_values(path: Path) -> Mapping[str, Any]:
    """Return the values of a file by name: numbers, texts, lists, matrices, tables of these.

    Raises:
        InputError: no such file, or none of these.
    """
    with reading(path, "a file of OpenCV (YAML, XML or JSON)"):
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is too large for a file of lenses; choose another.")
        if b"\0" in path.read_bytes():
            raise InputError(f"{path} is no text file; choose a lens file.")
        text = read_text(path).lstrip()
        if text.startswith("<"):
            found = _of_xml(text, path)
        elif text.startswith("{"):
            found = _matrices(json.loads(text))
        else:
            found = _of_yaml(text)
        if not isinstance(found, Mapping):
            raise ValueError("it holds no named values")
        return found


def _of_yaml(text: str) -> Value:
    import yaml

    # "%YAML:1.0" is OpenCV's spelling of a line that YAML writes otherwise.
    lines = [line for line in text.splitlines() if not line.startswith("%YAML")]
    try:
        root = yaml.compose("\n".join(lines), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
    return _of_node(root, set(), 0)


def _of_node(node: Any, seen: set[int], depth: int) -> Value:
    """Return the value of a YAML node; a node that is used twice would be used without end."""
    if id(node) in seen or depth > DEEPEST:
        raise ValueError("values that hold each other")
    seen.add(id(node))
    kind = type(node).__name__
    if kind == "ScalarNode":
        text = str(node.value)
        return text if node.style else _number(text)
    if kind == "SequenceNode":
        return [_of_node(each, seen, depth + 1) for each in node.value]
    if kind == "MappingNode":
        pairs = {str(key.value): _of_node(each, seen, depth + 1) for key, each in node.value}
        return _matrix(pairs)
    raise ValueError("it is empty")


def _of_xml(text: str, path: Path) -> Value:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path} defines XML entities, which no file of lenses needs.")
    return _of_element(ElementTree.fromstring(text), 0)


def _of_element(element: ElementTree.Element, depth: int) -> Value:
    children = list(element)
    if depth > DEEPEST:
        raise ValueError("values within values without end")
    if not children:
        words = (element.text or "").split()
        values = [each.strip('"') if each.startswith('"') else _number(each) for each in words]
        # A single word is a value, and within a matrix a list of one.
        return values[0] if len(values) == 1 and element.tag != "data" else values
    if all(child.tag == "_" for child in children):
        return [_of_element(child, depth + 1) for child in children]
    return _matrix({child.tag: _of_element(child, depth + 1) for child in children})


def _matrices(value: Any) -> Any:
    """Return a JSON value with its matrices."""
    if isinstance(value, dict):
        return _matrix({key: _matrices(each) for key, each in value.items()})
    if isinstance(value, list):
        return [_matrices(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _matrix(pairs: Mapping[str, Any]) -> Value:
    """Return what a table is: a matrix where it has rows, columns and numbers."""
    if not {"rows", "cols", "data"} <= pairs.keys():
        return pairs
    shape = (int(pairs["rows"]), int(pairs["cols"]))
    return np.array(pairs["data"], dtype=np.float64).reshape(shape)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
