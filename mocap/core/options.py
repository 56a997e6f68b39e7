"""What a person may say, once: a field of a choice with its default, its words and its help.

A choice is a frozen dataclass; Python gives its fields, and the command line makes its options of
the same fields (`mocap.cli.options.options_of`).
"""

from __future__ import annotations

from dataclasses import MISSING, field
from typing import Any


def option(
    default: Any,
    about: str,
    *,
    name: str = "",
    key: str = "",
    words: tuple[str, ...] = (),
    metavar: str | None = None,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> Any:
    """Return a field that is an option of the command line.

    Args:
        default: what holds when nothing is said; `dataclasses.MISSING`: it must be said.
        about: the help of the command line.
        name: of the option; else that of the field with `--` and dashes.
        key: what the option is called in Python; else the field's name.
        words: what may be said, where only some words may.
        metavar: what stands for the value in the help.
        least, above, most: limits of a number; `above` itself is outside.
    """
    known = {"about": about, "name": name, "key": key, "words": words, "metavar": metavar}
    metadata = {**known, "least": least, "above": above, "most": most}
    if default is MISSING:
        return field(metadata=metadata)
    return field(default=default, metadata=metadata)


def option_name(each: Any) -> str:
    """Return how the command line calls a field of a choice."""
    return str(each.metadata.get("name") or "--" + each.name.replace("_", "-"))
