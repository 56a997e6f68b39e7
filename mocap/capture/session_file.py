"""`session.toml`: what a person writes down about a session, read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.image_map import ImageMap
from mocap.capture.toml_tables import check_keys, load_toml, number, numbers, tables, text
from mocap.core.errors import InputError

SESSION_KEYS = ("rig", "board", "square_mm", "notes", "cameras", "subjects", "image_map")
SUBJECT_KEYS = ("name", "height_m", "mass_kg", "sex", "hand")
# Nobody is smaller, taller, lighter or heavier; centimetres and pounds mostly are.
HEIGHTS_M = (0.5, 2.5)
MASSES_KG = (5.0, 400.0)
IMAGE_MAP_KEYS = ("scale", "offset_px", "matrix")
HANDS = ("left", "right")
SEXES = ("female", "male")


@dataclass(frozen=True)
class Subject:
    """A person who was recorded.

    Attributes:
        name: for people.
        height_m: standing height, or None.
        mass_kg: body mass, or None.
        sex: "female" or "male", or None: whose mean shape the body starts from.
        hand: "left" or "right", or None.
    """

    name: str
    height_m: float | None = None
    mass_kg: float | None = None
    sex: str | None = None
    hand: str | None = None


@dataclass(frozen=True, eq=False)
class SessionConfig:
    """What `session.toml` says.

    Attributes:
        rig: name of a rig, or path of a rig file relative to the session; None where the
            calibration came from elsewhere.
        board: name of a board, or path of a board file relative to the session; None likewise.
        square_mm: side of a square as measured on the print; None: the nominal side.
        notes: for people.
        cameras: cameras to use; None: every camera that has a video.
        subjects: people recorded.
        image_maps: per camera name, how video pixels relate to calibration pixels.
    """

    rig: str | None = None
    board: str | None = None
    square_mm: float | None = None
    notes: str = ""
    cameras: tuple[str, ...] | None = None
    subjects: tuple[Subject, ...] = ()
    image_maps: Mapping[str, ImageMap] = field(default_factory=dict)


def load_config(path: Path) -> SessionConfig:
    """Read `session.toml`.

    Raises:
        InputError: an unknown key, a missing key or a wrong value; the message names it.
    """
    table = load_toml(path)
    check_keys(table, SESSION_KEYS, path)
    # A calibration from elsewhere needs neither; one of them alone is half a session.
    needed = {"rig", "board", "square_mm"}
    maps = table.get("image_map", {})
    if not isinstance(maps, dict):
        raise InputError(f"{path}: 'image_map' must hold a table per camera: [image_map.CAMERA].")
    return SessionConfig(
        rig=text(table, "rig", path) if needed & set(table) else None,
        board=text(table, "board", path) if needed & set(table) else None,
        square_mm=number(table, "square_mm", path) if "square_mm" in table else None,
        notes=text(table, "notes", path, ""),
        cameras=_cameras(table, path),
        subjects=_subjects(table, path),
        image_maps={camera: _image_map(camera, each, path) for camera, each in maps.items()},
    )


def _cameras(table: Mapping[str, Any], path: Path) -> tuple[str, ...] | None:
    names = table.get("cameras")
    if names is None:
        return None
    fits = isinstance(names, list) and all(isinstance(name, str) for name in names)
    if not fits or len(set(names)) != len(names) or len(names) < 2:
        raise InputError(
            f"{path}: 'cameras' is {names!r}; it must list at least two different camera names."
        )
    return tuple(names)


def _subject(table: Mapping[str, Any], path: Path) -> Subject:
    check_keys(table, SUBJECT_KEYS, path, "[subjects]")
    for key, known in (("hand", HANDS), ("sex", SEXES)):
        if table.get(key, known[0]) not in known:
            raise InputError(
                f"{path}: '{key}' is {table[key]!r}; it must be one of {', '.join(known)}."
            )
    name = text(table, "name", path)
    if not name.strip():
        raise InputError(f"{path}: a subject's 'name' is empty. Write who it is.")
    return Subject(
        name=name,
        height_m=_within(table, "height_m", HEIGHTS_M, path),
        mass_kg=_within(table, "mass_kg", MASSES_KG, path),
        sex=table.get("sex"),
        hand=table.get("hand"),
    )


def _subjects(table: Mapping[str, Any], path: Path) -> tuple[Subject, ...]:
    found = tuple(_subject(each, path) for each in tables(table, "subjects", path))
    names = [each.name for each in found]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: two subjects are called '{twice[0]}'. Rename one.")
    return found


def _within(
    table: Mapping[str, Any], key: str, limits: tuple[float, float], path: Path
) -> float | None:
    if key not in table:
        return None
    value, (low, high) = number(table, key, path), limits
    if not low <= value <= high:
        raise InputError(
            f"{path}: '{key}' is {value:g}; it must be {low:g} to {high:g}. Check the unit."
        )
    return value


def _image_map(camera: str, table: Any, path: Path) -> ImageMap:
    where = f"image_map.{camera}"
    if not isinstance(table, dict):
        raise InputError(f"{path}: '{where}' must be a table with 'scale' and 'offset_px'.")
    check_keys(table, IMAGE_MAP_KEYS, path, where)
    if ("matrix" in table) == ("scale" in table):
        raise InputError(
            f"{path}: [{where}] needs either 'scale' with 'offset_px', or 'matrix' with two rows "
            "of three numbers (calibration = matrix * video)."
        )
    if "matrix" in table:
        rows = table["matrix"]
        if not isinstance(rows, list) or len(rows) != 2:
            raise InputError(f"{path}: 'matrix' in [{where}] must hold two rows of three numbers.")
        matrix = np.array([numbers(row, 3, "matrix", path) for row in rows])
    else:
        scale = number(table, "scale", path)
        x, y = numbers(table.get("offset_px", [0.0, 0.0]), 2, "offset_px", path)
        matrix = np.array([[scale, 0.0, x], [0.0, scale, y]])
    try:
        return ImageMap(matrix, "given in session.toml")
    except ValueError as error:
        raise InputError(f"{path}: [{where}]: {error}.") from error


def imported_config_text(source: str, notes: str) -> str:
    """Return the text of a `session.toml` whose calibration came from elsewhere."""
    whole = new_config_text("", "", None, 0.0, notes)
    about = f"# No rig and no board: calibrated with {json.dumps(source, ensure_ascii=False)}.\n"
    return about + whole[whole.index("notes = ") :]


def new_config_text(
    rig: str, board: str, square_mm: float | None, nominal_mm: float, notes: str
) -> str:
    """Return the text of a new `session.toml`, with the optional parts as comments."""

    def quoted(value: str) -> str:
        # TOML's basic strings escape as JSON's do.
        return json.dumps(value, ensure_ascii=False)

    square = f"# square_mm = {nominal_mm:g}" if square_mm is None else f"square_mm = {square_mm:g}"
    return f"""\
rig = {quoted(rig)}
board = {quoted(board)}
{square}   # side of one square measured on the print; it wins over the nominal {nominal_mm:g} mm
notes = {quoted(notes)}

# cameras = ["left", "right"]   # use only these; otherwise every camera that has a video

# [[subjects]]
# name = "A"
# height_m = 1.75
# mass_kg = 70.0
# sex = "female"                # or "male"
# hand = "right"

# How the pixels of a take relate to those of the calibration, where sizes differ and no rule fits:
# [image_map.left]
# scale = 1.0                   # calibration = scale * video + offset
# offset_px = [0.0, 0.0]
"""
