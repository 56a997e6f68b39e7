"""Read files that others wrote: text, TOML, JSON, and whatever a parser of ours takes apart.

One place decides what a damaged or hostile file may cost (size, depth, length of numbers) and turns
everything that parsing can raise into one sentence. A parser runs inside `reading(path, what)`.
"""

from __future__ import annotations

import json
import math
import struct
import tokenize
import tomllib
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mocap.core.errors import InputError, MocapError
from mocap.core.files.outside import sentence

MAX_TEXT_BYTES = 64_000_000
"""No definition, calibration or report comes near; a larger file is of another kind."""

LARGEST_WHOLE_NUMBER = 2**63
"""Nanoseconds since 1970, the largest that is counted here, have 61 bits."""

DEEPEST = 64
"""Tables within tables; ours have five."""

PARSING = (
    ValueError,  # among them: no UTF-8, no TOML, no JSON, a number of 5,000 digits
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,  # of libraries
    EOFError,
    StopIteration,
    MemoryError,
    NotImplementedError,
    RecursionError,
    RuntimeError,
    SyntaxError,  # among them: no XML
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What taking apart a damaged file raises, in Python's readers and in numpy's."""


@contextmanager
def reading(path: Path, what: str, advice: str = "") -> Iterator[None]:
    """Turn what goes wrong in the block into an error that names the file.

    Args:
        path: the file that is read.
        what: what it should be, with its article: "a BVH file".
        advice: what to do; a whole sentence.

    Raises:
        InputError: the block raised anything that a missing, unreadable or damaged file causes.
    """
    try:
        yield
    except MocapError:
        raise
    except OSError as error:
        raise InputError(sentence(error, f"read {path}")) from error
    except PARSING as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        said = f"{path} is damaged or not {what} ({reason}). {advice}"
        raise InputError(said.rstrip()) from error


def read_text(path: Path, what: str = "a text file") -> str:
    """Return the text of a file, UTF-8 with or without a byte order mark.

    Raises:
        InputError: missing, unreadable, too large or no UTF-8.
    """
    with reading(path, what):
        if path.stat().st_size > MAX_TEXT_BYTES:
            raise InputError(
                f"{path} has {path.stat().st_size / 1e6:.0f} MB, too much for {what}; at most "
                f"{MAX_TEXT_BYTES / 1e6:.0f} are read."
            )
        return path.read_bytes().decode("utf-8-sig")


def read_toml(path: Path, what: str = "a TOML file") -> dict[str, Any]:
    """Return the tables of a TOML file; its whole numbers can be counted and its tables walked.

    Raises:
        InputError: the file cannot be read or is no TOML, or a number in it has no end.
    """
    text = read_text(path, what)
    with reading(path, "a TOML file"):
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise InputError(f"{path} is not valid TOML: {error}. Correct that line.") from error
        _check(document, path, "", 0)
        return document


def read_json(path: Path, what: str = "a JSON file") -> dict[str, Any]:
    """Return the object of a JSON file; its whole numbers can be counted.

    Raises:
        InputError: the file cannot be read, is no JSON or no object.
    """
    text = read_text(path, what)
    with reading(path, what):
        return parse_object(text, path)


def parse_object(text: str, path: Path) -> dict[str, Any]:
    """Return the JSON object in a text that `path` holds; call it inside `reading`.

    Raises:
        ValueError, RecursionError: it is none.
        InputError: a number in it has no end, or it is too deep.
    """
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("it is no object")
    _check(document, path, "", 0)
    return document


def finite(value: Any, what: str) -> float:
    """Return a number that was read; `what` says which in the error.

    Raises:
        ValueError: no number, or none that is finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{what} is {str(value)[:40]!r}, not a finite number")
    return float(value)


def _check(value: Any, path: Path, where: str, depth: int) -> None:
    if depth > DEEPEST:
        raise InputError(f"{path}: '{where[:60]}…' lies more than {DEEPEST} levels deep.")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check(item, path, f"{where}.{key}" if where else str(key), depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, path, where, depth + 1)
    elif isinstance(value, int) and abs(value) > LARGEST_WHOLE_NUMBER:
        raise InputError(f"{path}: '{where}' is a number of {len(str(abs(value)))} digits.")
