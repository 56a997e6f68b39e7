from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.capture.boards import (
    list_boards,
    load_board,
    load_definition,
    planning_notes,
    reading_distance_m,
)
from mocap.capture.rigs import list_rigs, load_rig
from mocap.core.errors import InputError
from mocap.core.rig import RigCamera

BOARD = """\
columns = 4
rows = 5
square_mm = 54.0
marker_mm = 40.5
dictionary = "DICT_4X4_250"
"""
RIG = """\
fps = 60.0
sync = "genlock"
[[cameras]]
name = "left"
image_size = [1280, 720]
[[cameras]]
name = "right"
position_hint_m = [1.0, 2.0, 1.5]
"""


def test_shipped_rigs_and_boards_load() -> None:
    assert set(list_rigs()) == {"four_corner", "six_ring", "bullpen_eight"}
    assert set(list_boards()) == {"a4_5x7", "a3_7x10", "a1_5x7", "two_sided"}
    names = ("front_left", "front_right", "back_right", "back_left")
    assert load_rig("four_corner").camera_names == names
    assert len(load_rig("six_ring").cameras) == 6
    assert len(load_rig("bullpen_eight").cameras) == 8
    board = load_board("a1_5x7")
    assert (board.columns, board.rows, board.square_length_m) == (5, 7, 0.110)
    assert load_board("two_sided").two_sided and load_board("two_sided").thickness_m > 0


def test_the_measured_square_wins_and_takes_the_marker_along() -> None:
    board = load_board("a3_7x10", square_mm=39.6)
    assert board.square_length_m == pytest.approx(0.0396)
    # A print 1 % too small is 1 % too small everywhere.
    assert board.marker_length_m == pytest.approx(0.0297)


@pytest.mark.parametrize("square_mm", [0.0, -1.0, float("nan")])
def test_an_impossible_square_is_refused(square_mm: float) -> None:
    with pytest.raises(InputError, match="must be above zero"):
        load_board("a3_7x10", square_mm=square_mm)


def test_unknown_names_get_the_nearest_one() -> None:
    with pytest.raises(InputError, match=r"no board 'a3_7x1'\. Did you mean 'a3_7x10'"):
        load_board("a3_7x1")
    with pytest.raises(InputError, match=r"no rig 'four_corners'\. Did you mean 'four_corner'"):
        load_rig("four_corners")


def test_files_of_the_users_own(tmp_path: Path) -> None:
    board, rig = tmp_path / "wall.toml", tmp_path / "pair.toml"
    board.write_text(BOARD)
    rig.write_text(RIG)
    assert load_board(str(board)).name == "wall"
    loaded = load_rig(str(rig))
    assert loaded.cameras[0].image_size == (1280, 720)
    assert loaded.cameras[1].position_hint_m == (1.0, 2.0, 1.5)
    with pytest.raises(InputError, match=r"nowhere\.toml does not exist"):
        load_board(str(tmp_path / "nowhere.toml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("square_mm", "square_nm", "unknown key 'square_nm'. Did you mean 'square_mm'"),
        ("marker_mm = 40.5\n", "", "lacks 'marker_mm'"),
        ("rows = 5", "rows = 5.5", "'rows' is 5.5; it must be a whole number"),
        ("rows = 5", "rows = true", "'rows' is True"),
        ("rows = 5", "rows = 2", "at least 3 x 3"),
        ("square_mm = 54.0", "square_mm = -54.0", "'square_mm' is -54; it must be above zero"),
        ("marker_mm = 40.5", "marker_mm = 60.0", "must be smaller than the square"),
        ("rows = 5", "rows = 5\npage = 'A9'", "'page' is 'A9'; it must be one of A0"),
        ("rows = 5", "rows = ", r"wall\.toml is not valid TOML: .*line 2"),
    ],
)
def test_a_wrong_board_file_is_explained(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "wall.toml"
    path.write_text(BOARD.replace(old, new))
    with pytest.raises(InputError, match=message) as caught:
        load_board(str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("fps", "fbs", "unknown key 'fbs'. Did you mean 'fps'"),
        ("image_size", "imagesize", r"'imagesize' in \[\[cameras\]\]. Did you mean 'image_size'"),
        ("[1280, 720]", "[1280]", "must be a list of 2 numbers"),
        ('"right"', '"left"', "two cameras with different names"),
        ('"genlock"', '"wifi"', "'sync' is 'wifi'; it must be one of none, genlock"),
        ("[1280, 720]", "[1280, 720]\nreadout_ms = 160.0", "milliseconds from its first row"),
        ("[[cameras]]", "[cameras]", "TOML"),
    ],
)
def test_a_wrong_rig_file_is_explained(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "pair.toml"
    path.write_text(RIG.replace(old, new))
    with pytest.raises(InputError, match=message):
        load_rig(str(path))


def test_reading_distance_follows_the_two_pixel_rule() -> None:
    # 36 mm on 36 mm film: the focal length is as many pixels as the image is wide. A module of
    # 82.5 / 6 = 13.75 mm covers 2 px at 960 * 0.01375 / 2 = 6.6 m.
    camera = RigCamera("left", image_size=(960, 720), lens_mm=36.0)
    assert reading_distance_m(load_board("a1_5x7"), camera) == pytest.approx(6.6)
    assert reading_distance_m(load_board("a1_5x7"), RigCamera("left")) is None


def test_a_small_board_is_reported_with_one_that_fits() -> None:
    rig = load_rig("four_corner")
    (note,) = planning_notes(load_board("a4_5x7"), rig)
    assert "a4_5x7" in note and "4 of 4 cameras" in note and "Use a1_5x7 or two_sided" in note
    assert planning_notes(load_board("a1_5x7"), rig) == ()


def test_shipped_boards_have_even_margins_on_their_page() -> None:
    for name, definition in list_boards().items():
        board = load_definition(name).board
        assert board.marker_length_m / board.square_length_m == pytest.approx(0.75)
        assert definition.description and np.isfinite(board.corner_points()).all()
