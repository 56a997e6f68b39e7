"""What there is to choose from before recording: boards and rigs, for people and for machines."""

from __future__ import annotations

from mocap.capture.boards import list_boards
from mocap.capture.rigs import list_rigs, load_rig

Listing = tuple[list[str], dict[str, dict[str, object]]]
"""Lines for people, and everything by name."""


def boards() -> Listing:
    """Return the calibration boards."""
    lines: list[str] = []
    documents: dict[str, dict[str, object]] = {}
    for name, definition in list_boards().items():
        board, page = definition.board, definition.page
        squares, square_mm = f"{board.columns} x {board.rows}", board.square_length_m * 1000
        size, about = f"{square_mm:g} mm", definition.description
        lines.append(f"{name:12s} {squares:7s} squares of {size:7s} {page:3s} {about}")
        documents[name] = {
            "columns": board.columns,
            "rows": board.rows,
            "square_mm": round(square_mm, 6),
            "marker_mm": round(board.marker_length_m * 1000, 6),
            "dictionary": board.dictionary,
            "page": page,
            "description": about,
        }
    return lines, documents


def rigs() -> Listing:
    """Return the rigs."""
    lines: list[str] = []
    documents: dict[str, dict[str, object]] = {}
    for name, description in list_rigs().items():
        cameras = load_rig(name).camera_names
        lines.append(f"{name:14s} {description}: {', '.join(cameras)}")
        documents[name] = {"description": description, "cameras": cameras}
    return lines, documents
