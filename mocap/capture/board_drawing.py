"""Write a board as a true-scale PDF, SVG or PNG."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from mocap.capture.board_page import BoardPage, Rectangle, layout
from mocap.capture.board_tiles import tiled
from mocap.capture.boards import BoardDefinition
from mocap.core.errors import InputError
from mocap.core.shapes import Array
from mocap.core.store import atomic_write

POINTS_PER_MM = 72.0 / 25.4
PNG_DPI = 300


def draw_board(definition: BoardDefinition, path: Path, paper: str | None = None) -> list[Path]:
    """Write the board's page to `path`; the suffix decides: .pdf, .svg or .png.

    A PDF holds all pages. The other formats hold one page a file: the back of a two-sided board
    goes beside the front with `_back` in its name. With `paper`, a PDF's pages are cut into sheets
    of that size, to be glued together.

    Returns:
        the files written.

    Raises:
        InputError: an unknown suffix, or the board cannot be drawn (see `layout`).
    """
    writers: dict[str, Callable[[BoardPage, Path], None]] = {".svg": _write_svg, ".png": _write_png}
    suffix = path.suffix.lower()
    if suffix != ".pdf" and suffix not in writers:
        raise InputError(f"{path}: a board is written as .pdf, .svg or .png, not '{suffix}'.")
    pages = layout(definition)
    if paper is not None:
        if suffix != ".pdf":
            raise InputError(f"{path}: sheets to be glued together are written as .pdf.")
        pages = tuple(sheet for page in pages for sheet in tiled(page, paper))
    if suffix == ".pdf":
        with atomic_write(path) as temporary:
            _write_pdf(pages, definition.board.name, temporary)
        return [path]
    back = path.with_name(f"{path.stem}_back{path.suffix}")
    written = [path, back][: len(pages)]
    for page, page_path in zip(pages, written, strict=True):
        with atomic_write(page_path) as temporary:
            writers[suffix](page, temporary)
    return written


def _write_pdf(pages: Sequence[BoardPage], name: str, path: Path) -> None:
    from reportlab.pdfgen.canvas import Canvas

    scale = POINTS_PER_MM
    # invariant: the same board gives the same bytes, without the date.
    canvas = Canvas(str(path), pageCompression=1, invariant=1)
    canvas.setTitle(f"Calibration board {name}")
    # Viewers offer "fit to page" unless the file asks for its true size.
    canvas.setViewerPreference("PrintScaling", "None")
    for page in pages:
        canvas.setPageSize((page.width_mm * scale, page.height_mm * scale))
        for rectangles, grey in ((page.dark, 0.0), (page.light, 1.0)):
            canvas.setFillGray(grey)
            # One path for all: separate ones leave hairlines between neighbours on screen.
            outline = canvas.beginPath()
            for r in rectangles:
                bottom = page.height_mm - r.y - r.height
                outline.rect(r.x * scale, bottom * scale, r.width * scale, r.height * scale)
            canvas.drawPath(outline, stroke=0, fill=1)
        canvas.setFillGray(0.0)
        for text in page.texts:
            canvas.setFont("Helvetica", text.height * scale)
            canvas.drawString(text.x * scale, (page.height_mm - text.y) * scale, text.content)
        canvas.showPage()
    canvas.save()


def _write_svg(page: BoardPage, path: Path) -> None:
    def outline(rectangles: Sequence[Rectangle], colour: str) -> str:
        steps = "".join(
            f"M{r.x:.4f} {r.y:.4f}h{r.width:.4f}v{r.height:.4f}h{-r.width:.4f}z" for r in rectangles
        )
        return f'<path fill="{colour}" d="{steps}"/>' if steps else ""

    width, height = page.width_mm, page.height_mm
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        outline(page.dark, "#000"),
        outline(page.light, "#fff"),
        *(
            f'<text x="{text.x:.2f}" y="{text.y:.2f}" font-family="sans-serif" '
            f'font-size="{text.height:.2f}">{escape(text.content)}</text>'
            for text in page.texts
        ),
        "</svg>",
    ]
    path.write_text("\n".join(line for line in lines if line) + "\n", encoding="utf-8")


def _write_png(page: BoardPage, path: Path) -> None:
    import cv2

    per_mm = PNG_DPI / 25.4
    shape = (round(page.height_mm * per_mm), round(page.width_mm * per_mm))
    image = np.full(shape, 255, dtype=np.uint8)
    for rectangles, grey in ((page.dark, 0), (page.light, 255)):
        for r in rectangles:
            rows = slice(round(r.y * per_mm), round((r.y + r.height) * per_mm))
            columns = slice(round(r.x * per_mm), round((r.x + r.width) * per_mm))
            image[rows, columns] = grey
    font = cv2.FONT_HERSHEY_SIMPLEX
    for text in page.texts:
        scale = cv2.getFontScaleFromHeight(font, round(0.7 * text.height * per_mm), 2)
        at = (round(text.x * per_mm), round(text.y * per_mm))
        cv2.putText(image, text.content, at, font, scale, 0, 2, cv2.LINE_AA)
    path.write_bytes(_with_resolution(cv2.imencode(".png", image)[1], PNG_DPI))


def _with_resolution(png: Array, dpi: int) -> bytes:
    """Return the PNG with its resolution (pHYs chunk), so that programs print it at true scale."""
    data = png.tobytes()
    per_metre = round(dpi / 0.0254)
    body = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    # 8 bytes of signature and 25 of the header chunk come first (PNG specification, section 5).
    return data[:33] + chunk + data[33:]
