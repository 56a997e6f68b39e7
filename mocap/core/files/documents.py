"""Typed documents in JSON: what they are, what made them, and their content."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from mocap.core.errors import InputError
from mocap.core.files.reading import read_json, reading
from mocap.core.files.typed_json import from_json
from mocap.core.plain import plain
from mocap.core.store import Provenance, provenance_from, write_text

T = TypeVar("T")

SCHEMA_VERSION = 1


def save_document(content: Any, path: Path, provenance: Provenance) -> None:
    """Write a dataclass of numbers, text and tuples as JSON, atomically."""
    assert is_dataclass(content) and not isinstance(content, type)
    document = {
        "kind": type(content).__name__,
        "schema_version": SCHEMA_VERSION,
        "provenance": asdict(provenance),
        "content": asdict(content),
    }
    write_text(path, json.dumps(plain(document), indent=1, ensure_ascii=False) + "\n")


def load_document(path: Path, cls: type[T]) -> tuple[T, Provenance]:
    """Return a document and what made it.

    Raises:
        InputError: the file is missing, damaged, of another kind, or from a newer version.
    """
    document = read_json(path, "a document of this tool")
    with reading(path, "a document of this tool", "Make it again."):
        kind, version = str(document["kind"]), int(document["schema_version"])
        record = provenance_from(document["provenance"])
        content = document["content"]
    if kind != cls.__name__:
        raise InputError(f"{path} holds {kind}, not {cls.__name__}. Give the right file.")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{path} has format {version}, written by a newer mocap-studio; this one knows up to "
            f"{SCHEMA_VERSION}. Update mocap-studio or make it again."
        )
    return from_json(cls, content, str(path)), record
