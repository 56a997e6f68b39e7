"""A board that is larger than the paper: pages that are cut and glued together, at true scale.

Every page repeats a strip of its neighbours. Pages are glued so that the strips cover each other;
hair crosses lie at the same place of the board on both. Squares that a seam crosses are as good as
the glueing: half a millimetre there is what a print on one sheet would never have, so the board is
glued on a flat plate, and a length over several pages is measured.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from mocap.capture.board_page import BoardPage, Rectangle, Text
from mocap.capture.boards import PAGES_MM
from mocap.core.errors import InputError

# Printers leave some millimetres of the edge white.
EDGE_MM = 8.0
OVERLAP_MM = 12.0
CROSS_MM, LINE_MM = 5.0, 0.2
TEXT_MM = 2.4


def tiled(page: BoardPage, paper: str) -> tuple[BoardPage, ...]:
    """Return the pages of a smaller paper that hold a page, row by row.

    Paper lies upright or on its side, whichever needs fewer. A page that fits is returned alone.

    Raises:
        InputError: no such paper.
    """
    if paper not in PAGES_MM:
        raise InputError(f"there is no paper '{paper}'; choose of {', '.join(PAGES_MM)}.")
    width, height = PAGES_MM[paper]
    if page.width_mm <= width and page.height_mm <= height:
        return (page,)
    ways = [(width, height), (height, width)]
    size = min(ways, key=lambda each: _count(page, each)[0] * _count(page, each)[1])
    columns, rows = _count(page, size)
    return tuple(
        _tile(page, size, column, row, columns, rows)
        for row in range(rows)
        for column in range(columns)
    )


def _count(page: BoardPage, size: tuple[float, float]) -> tuple[int, int]:
    """Return how many sheets of a size are needed across and down."""
    step = [each - 2.0 * EDGE_MM - OVERLAP_MM for each in size]
    across = ceil((page.width_mm - OVERLAP_MM) / step[0])
    return max(across, 1), max(ceil((page.height_mm - OVERLAP_MM) / step[1]), 1)


def _tile(
    page: BoardPage, size: tuple[float, float], column: int, row: int, columns: int, rows: int
) -> BoardPage:
    """Return one sheet: what lies in its window, crosses in the strips, and which one it is."""
    window = Rectangle(
        column * (size[0] - 2.0 * EDGE_MM - OVERLAP_MM),
        row * (size[1] - 2.0 * EDGE_MM - OVERLAP_MM),
        size[0] - 2.0 * EDGE_MM,
        size[1] - 2.0 * EDGE_MM,
    )
    crosses = _crosses(window, column, row, columns, rows)
    said = f"row {row + 1} of {rows}, column {column + 1} of {columns}: print at 100 %"
    label = Text(EDGE_MM, size[1] - 0.4 * EDGE_MM, TEXT_MM, said)
    return replace(
        page,
        width_mm=size[0],
        height_mm=size[1],
        dark=(*_inside(page.dark, window), *crosses),
        light=_inside(page.light, window),
        texts=(label, *_texts(page, window)),
    )


def _inside(rectangles: tuple[Rectangle, ...], window: Rectangle) -> tuple[Rectangle, ...]:
    """Return the parts of rectangles in a window, as they lie on its sheet."""
    out = []
    for each in rectangles:
        left, top = max(each.x, window.x), max(each.y, window.y)
        right = min(each.x + each.width, window.x + window.width)
        bottom = min(each.y + each.height, window.y + window.height)
        if right > left and bottom > top:
            x, y = left - window.x + EDGE_MM, top - window.y + EDGE_MM
            out.append(Rectangle(x, y, right - left, bottom - top))
    return tuple(out)


def _texts(page: BoardPage, window: Rectangle) -> tuple[Text, ...]:
    """Return the lines of text that begin in a window."""
    return tuple(
        replace(each, x=each.x - window.x + EDGE_MM, y=each.y - window.y + EDGE_MM)
        for each in page.texts
        if 0.0 <= each.x - window.x < window.width and 0.0 <= each.y - window.y < window.height
    )


def _crosses(
    window: Rectangle, column: int, row: int, columns: int, rows: int
) -> tuple[Rectangle, ...]:
    """Return hair crosses in the middle of every strip, outside of the printed window's corners."""
    middle = OVERLAP_MM / 2.0
    across = [middle] if column else []
    across += [window.width - middle] if column < columns - 1 else []
    down = [middle] if row else []
    down += [window.height - middle] if row < rows - 1 else []
    # A strip that runs down has a cross near each of its ends, one that runs across likewise.
    places = [(x, y) for x in across for y in (middle, window.height - middle)]
    places += [(x, y) for y in down for x in (middle, window.width - middle)]
    out = []
    for x, y in places:
        x, y = x + EDGE_MM, y + EDGE_MM
        out.append(Rectangle(x - CROSS_MM / 2, y - LINE_MM / 2, CROSS_MM, LINE_MM))
        out.append(Rectangle(x - LINE_MM / 2, y - CROSS_MM / 2, LINE_MM, CROSS_MM))
    return tuple(out)
