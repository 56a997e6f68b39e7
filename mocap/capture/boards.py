"""Calibration board definitions: list them, load them, and how far away they can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.definitions import find_definition, shipped_definitions
from mocap.capture.toml_tables import check_keys, flag, load_toml, number, text, whole_number
from mocap.core.board import NO_MARKERS, Board
from mocap.core.errors import InputError
from mocap.core.rig import Rig, RigCamera

BOARD_KEYS = (
    "description",
    "page",
    "columns",
    "rows",
    "square_mm",
    "marker_mm",
    "dictionary",
    "legacy_pattern",
    "inverted",
    "two_sided",
    "thickness_mm",
    "count",
    "marker_step",
)
PAGES_MM = {
    "A0": (841.0, 1189.0),
    "A1": (594.0, 841.0),
    "A2": (420.0, 594.0),
    "A3": (297.0, 420.0),
    "A4": (210.0, 297.0),
    "Letter": (215.9, 279.4),
    "Tabloid": (279.4, 431.8),
}

# Modules across a marker with its black border, by the start of the dictionary's name.
MARKER_MODULES = {"DICT_4X4": 6, "DICT_5X5": 7, "DICT_6X6": 8, "DICT_7X7": 9}
# Rendered footage: markers with modules of 2 px were detected in all views, of 1.5-2 px in 85 %,
# of 1.2-1.5 px in a third, smaller ones never.
READABLE_MODULE_PX = 2.0
# When the rig file names no image size: what phones and webcams record.
ASSUMED_IMAGE_WIDTH_PX = 1920
# Width of the film that a 35 mm equivalent focal length refers to.
FULL_FRAME_WIDTH_MM = 36.0
# A board is waved near the middle of the volume, at about the height of a chest.
VOLUME_CENTRE_M = (0.0, 0.0, 1.0)


@dataclass(frozen=True)
class BoardDefinition:
    """A board and the page it is printed on.

    Attributes:
        board: nominal sizes.
        description: one line for people.
        page: a key of `PAGES_MM`.
    """

    board: Board
    description: str
    page: str


def list_boards() -> dict[str, BoardDefinition]:
    """Return every shipped board by its name."""
    return {name: load_definition(name) for name in shipped_definitions("mocap.calibration_boards")}


def load_board(name: str, *, square_mm: float | None = None) -> Board:
    """Return a board by its shipped name or by the path of a `.toml` file.

    `square_mm` is the side of a square as measured on the print; it wins over the nominal side,
    and the marker grows or shrinks with it, since printers scale the whole page.

    Raises:
        InputError: no such board, an unknown key, or a wrong value; the message names it.
    """
    board = load_definition(name).board
    if square_mm is None:
        return board
    if not square_mm > 0:
        raise InputError(f"the measured square is {square_mm:g} mm; it must be above zero.")
    scale = square_mm / 1000.0 / board.square_length_m
    return replace(
        board,
        square_length_m=square_mm / 1000.0,
        marker_length_m=board.marker_length_m * scale,
    )


def load_definition(name: str) -> BoardDefinition:
    """Return a board with its page and description; see `load_board`."""
    path = find_definition("mocap.calibration_boards", name, "board", "mocap boards")
    table = load_toml(path)
    check_keys(table, BOARD_KEYS, path)
    page = text(table, "page", path, "A4")
    if page not in PAGES_MM:
        raise InputError(f"{path}: 'page' is '{page}'; it must be one of {', '.join(PAGES_MM)}.")
    plain = table.get("dictionary") == NO_MARKERS
    if plain and "marker_mm" in table:
        raise InputError(f"{path}: a board with dictionary 'none' has no markers: drop marker_mm.")
    try:
        board = Board(
            name=path.stem,
            columns=whole_number(table, "columns", path),
            rows=whole_number(table, "rows", path),
            square_length_m=number(table, "square_mm", path) / 1000.0,
            marker_length_m=0.0 if plain else number(table, "marker_mm", path) / 1000.0,
            dictionary=text(table, "dictionary", path),
            legacy_pattern=flag(table, "legacy_pattern", path, False),
            inverted=flag(table, "inverted", path, False),
            two_sided=flag(table, "two_sided", path, False),
            thickness_m=_thickness_m(table, path),
            count=whole_number(table, "count", path) if "count" in table else 1,
            marker_step=whole_number(table, "marker_step", path) if "marker_step" in table else 0,
        )
    except ValueError as error:
        raise InputError(f"{path}: {error}.") from error
    return BoardDefinition(board, text(table, "description", path, ""), page)


def _thickness_m(table: Mapping[str, Any], path: Path) -> float:
    return number(table, "thickness_mm", path) / 1000.0 if "thickness_mm" in table else 0.0


def reading_distance_m(board: Board, camera: RigCamera) -> float | None:
    """Return how far away `camera` can read the board's markers, or None without a focal length.

    The marker is taken face on; turned by 45 degrees it is read from 0.7 times as far.
    """
    modules = MARKER_MODULES.get(board.dictionary[:8])
    if camera.lens_mm is None or modules is None:
        return None
    width_px = camera.image_size[0] if camera.image_size else ASSUMED_IMAGE_WIDTH_PX
    focal_px = camera.lens_mm / FULL_FRAME_WIDTH_MM * width_px
    return focal_px * board.marker_length_m / modules / READABLE_MODULE_PX


def planning_notes(board: Board, rig: Rig) -> tuple[str, ...]:
    """Say for which cameras of the rig the board is too small to be read in the middle."""
    short = _shortfalls(board, rig)
    if not short:
        return ()
    name, reach, distance = max(short, key=lambda each: each[2] - each[1])
    fitting = [
        other
        for other, definition in list_boards().items()
        if other != board.name and not _shortfalls(definition.board, rig)
    ]
    advice = f"Use {' or '.join(fitting)}" if fitting else "Print one with larger squares"
    return (
        f"board '{board.name}' is small for rig '{rig.name}': '{name}' reads it to {reach:.1f} m "
        f"but stands {distance:.1f} m from the middle ({len(short)} of {len(rig.cameras)} cameras "
        f"fall short). {advice}, or hold the board nearer to the cameras.",
    )


def _shortfalls(board: Board, rig: Rig) -> list[tuple[str, float, float]]:
    """Return camera, reading distance and distance from the middle where the first is shorter."""
    short = []
    for camera in rig.cameras:
        reach = reading_distance_m(board, camera)
        if reach is None or camera.position_hint_m is None:
            continue
        distance = float(np.linalg.norm(np.subtract(camera.position_hint_m, VOLUME_CENTRE_M)))
        if reach < distance:
            short.append((camera.name, reach, distance))
    return short
