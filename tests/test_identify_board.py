"""Which shipped board a video shows."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mocap.calibrate.board.charuco import charuco_pattern
from mocap.capture.boards import list_boards
from mocap.cli import main
from mocap.core.board import Board
from mocap.core.errors import InputError
from mocap.workflow.rig.identify_board import identify_board


def photos(folder: Path, board: Board, *, inverted: bool = False) -> Path:
    """A photo of a board lying on a grey table."""
    folder.mkdir()
    size = (40 * board.columns, 40 * board.rows)
    sheet = charuco_pattern(board, board.legacy_pattern).generateImage(size, marginSize=0)
    for number in range(1):
        image = np.full((size[1] + 200, size[0] + 200), 200, dtype=np.uint8)
        image[100 : 100 + size[1], 100 : 100 + size[0]] = sheet
        if inverted:
            image = 255 - image
        cv2.imwrite(str(folder / f"{number}.png"), cv2.GaussianBlur(image, (3, 3), 0))
    return folder


@pytest.mark.slow
def test_the_board_of_a_video_is_named(tmp_path: Path) -> None:
    name, definition = min(list_boards().items(), key=lambda each: each[1].board.corner_count)
    told = CliRunner().invoke(
        main, ["boards", "--identify", str(photos(tmp_path / "a", definition.board))]
    )
    corners = definition.board.corner_count
    assert told.exit_code == 0, told.output
    assert told.output.startswith(f"{name}, as defined: {corners} of {corners} corners at best")
    other = photos(tmp_path / "b", definition.board, inverted=True)
    assert identify_board(other).print_ == "inverted"


def test_a_board_nobody_ships_is_described_as_far_as_it_shows(tmp_path: Path) -> None:
    other = Board("other", 4, 3, 0.1, 0.07, "DICT_7X7_100")
    with pytest.raises(InputError, match="markers of DICT_7X7_1000, but no shipped board fits"):
        identify_board(photos(tmp_path / "a", other))
    (tmp_path / "b").mkdir()
    cv2.imwrite(str(tmp_path / "b" / "0.png"), np.full((200, 300), 128, dtype=np.uint8))
    with pytest.raises(InputError, match="shows no markers of any kind"):
        identify_board(tmp_path / "b")
