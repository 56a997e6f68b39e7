"""Lay a board out on a page, in millimetres: squares, markers, a ruler, a serial and a QR code.

The layout knows no file format; `board_drawing` turns it into PDF, SVG or PNG.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from mocap.capture.boards import PAGES_MM, BoardDefinition
from mocap.core.board import Board
from mocap.core.errors import InputError
from mocap.core.runs import runs
from mocap.core.shapes import BoolArray

# Most printers leave about 4 mm of the paper's edge white; the top margin stays above that.
TOP_MARGIN_MM = 5.0
GAP_MM = 2.0
RULER_MM = 100
RULER_LINE_MM = 0.25
# A QR code of 29 modules in 9 mm has modules of 0.3 mm: four dots of a 300 dpi printer.
QR_MM = 9.0
TEXT_MM = 2.4
# An inverted board needs a dark rim, or its outer squares run out into the white paper.
INVERTED_RIM_MM = 3.0


@dataclass(frozen=True)
class Rectangle:
    """An axis-aligned rectangle: left, top, width and height in millimetres, y downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Text:
    """A line of text: left end of its baseline and its height in millimetres."""

    x: float
    y: float
    height: float
    content: str


@dataclass(frozen=True)
class BoardPage:
    """One printable page; `light` is painted over `dark`, both over white paper."""

    width_mm: float
    height_mm: float
    dark: tuple[Rectangle, ...]
    light: tuple[Rectangle, ...]
    texts: tuple[Text, ...]


def serial(board: Board) -> str:
    """Return eight hexadecimal digits that change whenever the printed pattern changes."""
    return hashlib.sha256(_specification(board).encode()).hexdigest()[:8]


def qr_text(board: Board) -> str:
    """Return what the QR code says: everything needed to write the board's TOML again."""
    return f"mocap-board {board.name} {_specification(board)} #{serial(board)}"


def _specification(board: Board) -> str:
    flags = [
        word
        for word, is_set in (
            ("legacy", board.legacy_pattern),
            ("inverted", board.inverted),
            ("two-sided", board.two_sided),
        )
        if is_set
    ]
    sizes = f"{board.square_length_m * 1000:g}/{board.marker_length_m * 1000:g}mm"
    return " ".join([f"{board.columns}x{board.rows}", sizes, board.dictionary, *flags])


def layout(definition: BoardDefinition) -> tuple[BoardPage, ...]:
    """Return the page of a board; a two-sided board has a second, mirrored one for its back, and
    several boards on one body have a page each.

    Raises:
        InputError: the board does not fit its page, or OpenCV does not know its dictionary.
    """
    board = definition.board
    page_width, page_height = PAGES_MM[definition.page]
    width = board.columns * board.square_length_m * 1000.0
    height = board.rows * board.square_length_m * 1000.0
    if width > page_width or TOP_MARGIN_MM + height + GAP_MM + QR_MM > page_height:
        raise InputError(
            f"board '{board.name}' is {width:g} x {height:g} mm and needs "
            f"{TOP_MARGIN_MM + GAP_MM + QR_MM:g} mm for margin and ruler; page {definition.page} "
            f"has {page_width:g} x {page_height:g} mm. Choose a larger page or smaller squares."
        )
    left = (page_width - width) / 2
    top = max(TOP_MARGIN_MM, min(left, (page_height - height - GAP_MM - QR_MM) / 2))
    rim = INVERTED_RIM_MM if board.inverted else 0.0
    outer = Rectangle(left - rim, top - rim, width + 2 * rim, height + 2 * rim)
    pages = []
    sides = [("front", which) for which in range(board.count)]
    if board.two_sided:
        sides.append(("back", 0))
    for side, which in sides:
        pattern = _pattern(board, left, top, which)
        squares = pattern if side == "front" else _mirrored(pattern, page_width)
        margin_top = top + height + rim + GAP_MM
        margin, texts = _margin(board, side, margin_top, min(left, 10.0), page_width)
        dark = (outer, *margin) if board.inverted else (*squares, *margin)
        light = squares if board.inverted else ()
        pages.append(BoardPage(page_width, page_height, dark, light, texts))
    return tuple(pages)


def _pattern(board: Board, left: float, top: float, which: int) -> tuple[Rectangle, ...]:
    """Return the rectangles that are dark on an ordinary print: squares and marker modules.

    `which` of several boards on one body it is, from 0.
    """
    square = board.square_length_m * 1000.0
    rim = (board.square_length_m - board.marker_length_m) / 2 * 1000.0
    # OpenCV's layout begins with a dark square; the old one does so only for odd row counts.
    first_dark = 1 if board.legacy_pattern and board.rows % 2 == 0 else 0
    dark: list[Rectangle] = []
    markers = [] if board.plain else _markers(board, which * board.marker_step)
    marker = 0
    for row in range(board.rows):
        for column in range(board.columns):
            x, y = left + column * square, top + row * square
            if (row + column) % 2 == first_dark:
                dark.append(Rectangle(x, y, square, square))
                continue
            if board.plain:
                continue
            side = board.marker_length_m * 1000.0
            dark.extend(_runs(markers[marker], x + rim, y + rim, side))
            marker += 1
    return tuple(dark)


def _markers(board: Board, first: int) -> list[BoolArray]:
    """Return the markers of the board in order, from a number on: arrays, True where dark."""
    import cv2

    number = getattr(cv2.aruco, board.dictionary, None)
    if number is None or not board.dictionary.startswith("DICT_"):
        raise InputError(
            f"board '{board.name}': OpenCV has no marker dictionary '{board.dictionary}'. "
            "Name one like DICT_4X4_250."
        )
    dictionary = cv2.aruco.getPredefinedDictionary(number)
    count = (board.columns * board.rows + (1 if board.legacy_pattern else 0)) // 2
    if first + count > len(dictionary.bytesList):
        raise InputError(
            f"board '{board.name}' needs {first + count} markers; {board.dictionary} has "
            f"{len(dictionary.bytesList)}. Choose a larger dictionary."
        )
    modules = dictionary.markerSize + 2
    numbers = range(first, first + count)
    return [dictionary.generateImageMarker(each, modules) < 128 for each in numbers]


def _runs(dark: BoolArray, left: float, top: float, side: float) -> list[Rectangle]:
    """Return the dark cells of a square array as one rectangle per horizontal run."""
    cell = side / len(dark)
    found = []
    for row, cells in enumerate(dark):
        for start, end in runs(np.asarray(cells, dtype=np.bool_)):
            x, width = left + start * cell, (end - start) * cell
            found.append(Rectangle(x, top + row * cell, width, cell))
    return found


def _mirrored(rectangles: tuple[Rectangle, ...], page_width: float) -> tuple[Rectangle, ...]:
    return tuple(Rectangle(page_width - r.x - r.width, r.y, r.width, r.height) for r in rectangles)


def _margin(
    board: Board, side: str, top: float, left: float, page_width: float
) -> tuple[tuple[Rectangle, ...], tuple[Text, ...]]:
    """Return ruler, QR code and texts of the margin below the board."""
    rectangles = [Rectangle(left, top + 4.0, RULER_MM, RULER_LINE_MM)]
    for mm in range(0, RULER_MM + 1, 5):
        length = 3.0 if mm % 50 == 0 else 2.0 if mm % 10 == 0 else 1.2
        x = left + mm - RULER_LINE_MM / 2
        rectangles.append(Rectangle(x, top + 4.0 - length, RULER_LINE_MM, length))
    rectangles.extend(_runs(_qr_modules(qr_text(board)), page_width - left - QR_MM, top, QR_MM))
    sizes = f"square {board.square_length_m * 1000:g} mm, serial {serial(board)}"
    which = f", {side}" if board.two_sided else ""
    texts = [
        Text(left + RULER_MM + 2.0, top + 4.0, TEXT_MM, "100 mm"),
        Text(left, top + 8.0, TEXT_MM, f"{board.name}{which}: {sizes}"),
    ]
    if page_width - 2 * left > 250.0:
        advice = "Print at 100 %. Measure one square with a caliper and give it to mocap new."
        texts.append(Text(left + RULER_MM + 20.0, top + 4.0, TEXT_MM, advice))
    return tuple(rectangles), tuple(texts)


def _qr_modules(content: str) -> BoolArray:
    """Return the QR code of `content`, True where dark."""
    from reportlab.graphics.barcode.qr import QrCodeWidget

    widget = QrCodeWidget(content, barLevel="L")
    widget.qr.make()
    return np.array(widget.qr.modules, dtype=np.bool_)
