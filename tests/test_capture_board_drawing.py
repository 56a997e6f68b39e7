from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mocap.capture.board_drawing import PNG_DPI, draw_board
from mocap.capture.board_page import RULER_MM, BoardPage, layout, qr_text, serial
from mocap.capture.board_tiles import tiled
from mocap.capture.boards import BoardDefinition, list_boards, load_definition
from mocap.core.board import Board
from mocap.core.errors import InputError

SMALL = Board("small", 4, 5, 0.030, 0.0225, "DICT_4X4_250")


def gray(path: Path) -> np.ndarray:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    return np.asarray(image)


def charuco(board: Board) -> cv2.aruco.CharucoBoard:
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    sizes = (board.columns, board.rows), board.square_length_m, board.marker_length_m
    made = cv2.aruco.CharucoBoard(*sizes, dictionary)
    made.setLegacyPattern(board.legacy_pattern)
    return made


@pytest.mark.parametrize("name", ["a4_5x7", "a3_7x10"])
def test_every_corner_of_a_drawn_board_is_where_it_should_be(tmp_path: Path, name: str) -> None:
    definition = load_definition(name)
    page = layout(definition)[0]
    (path, *_) = draw_board(definition, tmp_path / "board.png")
    image = gray(path)
    # Half the resolution is plenty and keeps the largest page quick.
    image = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    corners, ids, _, _ = cv2.aruco.CharucoDetector(charuco(definition.board)).detectBoard(image)
    board = definition.board
    assert sorted(ids.ravel().tolist()) == list(range(board.corner_count))
    top_left = (min(r.x for r in page.dark[:1]), min(r.y for r in page.dark[:1]))
    expected_mm = board.corner_points()[ids.ravel(), :2] * 1000 + top_left
    found_mm = (corners.reshape(-1, 2) + 0.5) / (PNG_DPI / 25.4 / 2)
    # Squares end on whole pixels of 0.085 mm; the detector adds a fraction of one.
    assert np.abs(found_mm - expected_mm).max() < 0.12


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("rows", [5, 6])
def test_the_pattern_is_opencvs_pattern(tmp_path: Path, legacy: bool, rows: int) -> None:
    board = replace(SMALL, rows=rows, legacy_pattern=legacy)
    (path,) = draw_board(BoardDefinition(board, "", "A4"), tmp_path / "board.png")
    drawn = gray(path)
    (page,) = layout(BoardDefinition(board, "", "A4"))
    left = round((210 - 4 * 30) / 2 * PNG_DPI / 25.4)
    side = round(30 * PNG_DPI / 25.4)
    top = round(min(r.y for r in page.dark) * PNG_DPI / 25.4)
    cut = drawn[top : top + rows * side, left : left + 4 * side]
    truth = charuco(board).generateImage((4 * side, rows * side), marginSize=0, borderBits=1)
    # Edges may differ by one pixel (of 354 across a square): compare where the truth is flat.
    flat = cv2.erode(truth, np.ones((5, 5))) == cv2.dilate(truth, np.ones((5, 5)))
    assert flat.mean() > 0.8
    assert np.abs(cut.astype(int) - truth)[flat].max() == 0


def test_an_inverted_board_is_the_negative(tmp_path: Path) -> None:
    plain = BoardDefinition(SMALL, "", "A4")
    inverted = BoardDefinition(replace(SMALL, inverted=True), "", "A4")
    for each, suffix in ((plain, "a"), (inverted, "b")):
        draw_board(each, tmp_path / f"{suffix}.png")
    a, b = (gray(tmp_path / f"{s}.png") for s in "ab")
    rows = slice(int(0.2 * len(a)), int(0.5 * len(a)))
    columns = slice(int(0.3 * a.shape[1]), int(0.6 * a.shape[1]))
    assert np.array_equal(a[rows, columns], 255 - b[rows, columns])


def test_the_back_of_a_two_sided_board_is_its_mirror_image(tmp_path: Path) -> None:
    front, back = draw_board(load_definition("two_sided"), tmp_path / "board.png")
    a, b = (gray(path) for path in (front, back))
    rows = slice(0, int(0.9 * len(a)))
    assert np.mean(a[rows] != b[rows, ::-1]) < 0.01
    # Five columns of squares are symmetric: only the markers differ, about a tenth of the area.
    assert np.mean(a[rows] != b[rows]) > 0.03


def test_the_pdf_has_true_scale(tmp_path: Path) -> None:
    (path,) = draw_board(load_definition("a3_7x10"), tmp_path / "board.pdf")
    data = path.read_bytes()
    box = [float(value) for value in re.search(rb"/MediaBox \[([^]]*)\]", data)[1].split()]  # type: ignore[index]
    # A3 in points of 1/72 inch.
    assert box == pytest.approx([0, 0, 297 / 25.4 * 72, 420 / 25.4 * 72], abs=0.01)
    assert b"/PrintScaling /None" in data
    assert data == draw_board(load_definition("a3_7x10"), tmp_path / "again.pdf")[0].read_bytes()


def test_the_svg_has_true_scale_and_the_ruler(tmp_path: Path) -> None:
    (path,) = draw_board(load_definition("a4_5x7"), tmp_path / "board.svg")
    text = path.read_text()
    assert 'width="210mm" height="297mm" viewBox="0 0 210 297"' in text
    assert f"h{RULER_MM:.4f}v" in text and ">100 mm<" in text
    assert serial(load_definition("a4_5x7").board) in text


def test_the_png_knows_its_resolution(tmp_path: Path) -> None:
    (path,) = draw_board(BoardDefinition(SMALL, "", "A4"), tmp_path / "board.png")
    data = path.read_bytes()
    at = data.index(b"pHYs")
    assert int.from_bytes(data[at + 4 : at + 8]) == round(PNG_DPI / 0.0254)
    assert int.from_bytes(data[at + 13 : at + 17]) == zlib.crc32(data[at : at + 13])


def test_the_qr_code_says_how_to_describe_the_board(tmp_path: Path) -> None:
    definition = load_definition("a4_5x7")
    (path,) = draw_board(definition, tmp_path / "board.png")
    image = gray(path)
    corner = cv2.resize(image[-340:, -340:], None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    content, _, _ = cv2.QRCodeDetector().detectAndDecode(corner)
    assert content == qr_text(definition.board)
    assert "5x7" in content and "38/28.5mm" in content and "DICT_4X4_250" in content


def test_the_serial_changes_with_the_pattern_only() -> None:
    assert serial(SMALL) == serial(replace(SMALL, name="other"))
    others = [
        replace(SMALL, rows=6),
        replace(SMALL, square_length_m=0.031),
        replace(SMALL, dictionary="DICT_5X5_100"),
        replace(SMALL, inverted=True),
    ]
    assert len({serial(each) for each in (SMALL, *others)}) == 5


def test_every_shipped_board_fits_its_page() -> None:
    for definition in list_boards().values():
        assert len(layout(definition)) == (2 if definition.board.two_sided else 1)


@pytest.mark.parametrize(
    ("board", "message"),
    [
        (replace(SMALL, columns=8), "is 240 x 150 mm.*page A4 has 210 x 297 mm"),
        (replace(SMALL, dictionary="DICT_9X9"), "no marker dictionary 'DICT_9X9'"),
        (
            replace(SMALL, columns=12, rows=14, square_length_m=0.015, marker_length_m=0.01,
                    dictionary="DICT_4X4_50"),
            "needs 84 markers; DICT_4X4_50 has 50",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(board: Board, message: str) -> None:
    with pytest.raises(InputError, match=message):
        layout(BoardDefinition(board, "", "A4"))


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.pdf, \.svg or \.png, not '\.jpg'"):
        draw_board(BoardDefinition(SMALL, "", "A4"), tmp_path / "board.jpg")


def test_sheets_glued_at_their_crosses_are_the_board() -> None:
    (page,) = layout(load_definition("a1_5x7"))
    sheets = tiled(page, "A4")
    # 594 x 841 mm by sheets that hold 269 x 182 mm beside what they share with neighbours, which
    # lie on their side: upright it would be 4 x 4.
    assert len(sheets) == 5 * 3
    assert {(sheet.width_mm, sheet.height_mm) for sheet in sheets} == {(297.0, 210.0)}
    per_mm = 2

    def drawn(each: BoardPage, left: float = 0.0, top: float = 0.0) -> np.ndarray:
        out = np.zeros((900 * per_mm, 700 * per_mm), dtype=bool)
        for r in each.dark:
            rows = slice(round((r.y + top) * per_mm), round((r.y + top + r.height) * per_mm))
            out[rows, round((r.x + left) * per_mm) : round((r.x + left + r.width) * per_mm)] = True
        return out

    whole, glued = drawn(page), np.zeros((900 * per_mm, 700 * per_mm), dtype=bool)
    for number, sheet in enumerate(sheets):
        row, column = divmod(number, 3)
        said = [text.content for text in sheet.texts]
        assert f"row {row + 1} of 5, column {column + 1} of 3: print at 100 %" in said
        # Edges of 8 mm, strips of 12 mm.
        glued |= drawn(sheet, column * 269.0 - 8.0, row * 182.0 - 8.0)
    # The crosses, hairs of .2 mm, vanish at half a millimetre a pixel; nothing else differs.
    assert (whole ^ glued).sum() < 0.001 * whole.sum()
    assert tiled(page, "A1") == (page,)
    with pytest.raises(InputError, match="no paper 'A9'"):
        tiled(page, "A9")
