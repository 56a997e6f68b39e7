"""What to write, from what was said: a program's settings, and options that go before them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from mocap.core.errors import ExportError, InputError
from mocap.workflow.choices import FORMATS, ExportChoice

# Options of the command line by field, where the name does not follow from it.
_OPTIONS = {"start_s": "--start", "end_s": "--end"}


def export_choice(to: str | None = None, target: str | None = None, **given: Any) -> ExportChoice:
    """Return what to write.

    Args:
        to: formats, separated by commas; the program's, or BVH, TRC and CSV when left out.
        target: a program of `mocap.export.targets`.
        given: fields of `ExportChoice`; None for what was not said.

    Raises:
        InputError: no format was named.
        ExportError: an unknown program, or a field that does not exist.
    """
    from mocap.export.targets import target as settings_of

    name, settings = (None, {}) if target is None else settings_of(target)
    said = {key: value for key, value in given.items() if value is not None}
    unknown = set(said) - {each.name for each in fields(ExportChoice)}
    if unknown:
        raise ExportError(f"there is no export option '{min(unknown)}'.")
    formats = settings.get("formats", FORMATS)
    if to is not None:
        words = [each.strip().lower() for each in to.split(",") if each.strip()]
        if not words:
            raise InputError("--to names no format. Name one or more, as in bvh,trc.")
        formats = tuple(dict.fromkeys(words))
    asked = tuple(
        sorted(
            _OPTIONS.get(key, "--" + key.replace("_", "-"))
            for key, value in said.items()
            if value is not False
        )
    )
    chosen = {**settings, **said, "formats": formats}
    if "names" in chosen:
        chosen["names"] = chosen["names"].lower()
    if "order" in chosen:
        chosen["order"] = chosen["order"].upper()
    return ExportChoice(**chosen, target=name, asked=asked)
