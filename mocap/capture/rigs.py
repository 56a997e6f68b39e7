"""Rig definitions: which cameras there are, how they are synchronised, roughly where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mocap.capture.definitions import find_definition, shipped_definitions
from mocap.capture.toml_tables import check_keys, load_toml, number, numbers, tables, text
from mocap.core.clocks import LONGEST_READOUT_S
from mocap.core.errors import InputError
from mocap.core.rig import Rig, RigCamera

RIG_KEYS = ("description", "fps", "sync", "target_deg", "cameras")
CAMERA_KEYS = ("name", "image_size", "serial", "lens_mm", "position_hint_m", "readout_ms")
SYNC_KINDS = ("none", "genlock")


def list_rigs() -> dict[str, str]:
    """Return the description of every shipped rig by its name."""
    shipped = shipped_definitions("mocap.rigs")
    return {name: text(load_toml(path), "description", path, "") for name, path in shipped.items()}


def load_rig(name: str) -> Rig:
    """Return a rig by its shipped name or by the path of a `.toml` file.

    Raises:
        InputError: no such rig, an unknown key, or a wrong value; the message names it.
    """
    path = find_definition("mocap.rigs", name, "rig", "mocap rigs")
    table = load_toml(path)
    check_keys(table, RIG_KEYS, path)
    sync = text(table, "sync", path, "none")
    if sync not in SYNC_KINDS:
        raise InputError(f"{path}: 'sync' is '{sync}'; it must be one of {', '.join(SYNC_KINDS)}.")
    fps = number(table, "fps", path) if "fps" in table else None
    cameras = tuple(_camera(each, path) for each in tables(table, "cameras", path))
    target_deg = None
    if "target_deg" in table:  # may be zero or negative
        (target_deg,) = numbers([table["target_deg"]], 1, "target_deg", path)
    try:
        return Rig(path.stem, fps, sync, cameras, target_deg)
    except ValueError as error:
        raise InputError(f"{path}: {error}.") from error


def _camera(table: Mapping[str, Any], path: Path) -> RigCamera:
    check_keys(table, CAMERA_KEYS, path, "[cameras]")
    name = text(table, "name", path)
    size = position = None
    if "image_size" in table:
        width, height = numbers(table["image_size"], 2, "image_size", path)
        size = (int(width), int(height))
    if "position_hint_m" in table:
        x, y, z = numbers(table["position_hint_m"], 3, "position_hint_m", path)
        position = (x, y, z)
    lens_mm = number(table, "lens_mm", path) if "lens_mm" in table else None
    serial = text(table, "serial", path, "")
    readout_s = readout_of(table["readout_ms"], name, path) if "readout_ms" in table else 0.0
    return RigCamera(name, size, serial, lens_mm, position, readout_s)


def readout_of(value: Any, camera: str, path: Path) -> float:
    """Return the seconds a rolling shutter takes for all its rows, written as milliseconds.

    Raises:
        InputError: no number, or longer than any sensor takes.
    """
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    if known and 0.0 <= value <= 1e3 * LONGEST_READOUT_S:
        return float(value) / 1e3
    raise InputError(
        f"{path}: 'readout_ms' of camera '{camera}' is {value!r}; give the milliseconds from its "
        f"first row to its last, 0 to {1e3 * LONGEST_READOUT_S:g}."
    )
