"""A plain checkerboard tells a lens, and nothing else."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mocap.calibrate.board.checkerboard import detect_checkerboard
from mocap.calibrate.board.corners import detect_corners
from mocap.calibrate.lenses.alone import lens_alone
from mocap.capture.board_drawing import draw_board
from mocap.capture.boards import load_board, load_definition
from mocap.cli.main import main
from mocap.core.board import Board
from mocap.core.camera import Camera
from mocap.core.errors import InputError
from mocap.core.shapes import Array, FloatArray
from mocap.core.transform import look_at

CHECKER = 'columns = 8\nrows = 5\nsquare_mm = 60.0\ndictionary = "none"\n'
SIZE = (800, 600)


@pytest.fixture
def board(tmp_path: Path) -> Board:
    path = tmp_path / "checker.toml"
    path.write_text(CHECKER)
    return load_board(str(path))


@pytest.fixture(scope="module")
def camera() -> Camera:
    matrix = np.array([[700.0, 0.0, 405.0], [0.0, 701.0, 295.0], [0.0, 0.0, 1.0]])
    lens = np.array([-0.12, 0.05, 0.0005, -0.0004, 0.0])
    return Camera("cam", SIZE, matrix, lens, np.eye(4))


def picture(board: Board, camera: Camera, pose: FloatArray) -> Array:
    """Return a picture of a board at camera_from_board: every pixel sampled three by three."""
    width, height = SIZE
    steps = (np.arange(3) + 0.5) / 3.0 - 0.5
    grey = np.zeros((height, width))
    x, y = np.meshgrid(np.arange(0.0, width), np.arange(0.0, height))
    # One undistorted ray a pixel, and its change over the pixel: a lens is straight that far.
    rays = camera.undistort(np.stack([x, y], axis=-1))
    right, down = np.gradient(rays, axis=1), np.gradient(rays, axis=0)
    board_from_camera = np.linalg.inv(pose)
    square = board.square_length_m
    for dy in steps:
        for dx in steps:
            ray = rays + dx * right + dy * down
            direction = ray @ board_from_camera[:3, :2].T + board_from_camera[:3, 2]
            depth = -board_from_camera[2, 3] / direction[..., 2]
            u, v = (depth * direction[..., k] + board_from_camera[k, 3] for k in (0, 1))
            column, row = np.floor(u / square), np.floor(v / square)
            inside = (column >= 0) & (column < board.columns) & (row >= 0) & (row < board.rows)
            dark = inside & ((column + row) % 2 == 0)
            grey += np.where(dark, 40.0, 210.0)
    return np.asarray(np.clip(grey / 9.0, 0, 255), dtype=np.uint8)


def poses(board: Board, count: int) -> list[FloatArray]:
    """Return camera_from_board of boards tilted every way, at several places."""
    random, middle = np.random.default_rng(3), board.corner_points().mean(axis=0)
    out = []
    for k in range(count):
        angle = 2.0 * np.pi * k / count
        away = np.array([0.45 * np.cos(angle), 0.35 * np.sin(angle), -random.uniform(0.6, 0.9)])
        pose = look_at(away, np.zeros(3), np.array([0.0, -1.0, 0.02]))
        shift = np.array([0.12 * np.cos(3 * angle), 0.1 * np.sin(2 * angle), 0.0])
        pose[:3, 3] += shift - pose[:3, :3] @ middle
        out.append(pose)
    return out


def test_corners_lie_where_they_are_and_tell_the_lens(board: Board, camera: Camera) -> None:
    placed = poses(board, 7)
    frames = [(k, picture(board, camera, pose)) for k, pose in enumerate(placed)]
    found = detect_corners(iter(frames), board, "cam", SIZE)
    assert found.frame_count == 7 and set(found.frame) == set(range(7))
    for k, pose in enumerate(placed):
        true = camera.project(board.corner_points() @ pose[:3, :3].T + pose[:3, 3])
        mine = found.pixels[found.frame == k]
        # Numbered from either end.
        off = min(np.linalg.norm(mine - each, axis=1).max() for each in (true, true[::-1]))
        # Sampled three by three, an edge is quantised to a third of a pixel, either way.
        assert off < 0.5
    lens = lens_alone(found, board)
    assert lens.reasons == ()
    assert any("7 pictures of the board only" in each for each in lens.warnings)
    away = abs(float(lens.camera.lens[:2].mean()) - 700.5)
    assert away < max(3.0 * lens.focal_sd_px, 1.0) < 20.0


def test_a_picture_that_shows_it_badly_is_searched_thoroughly_a_few_times_only(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def sectors(gray: Array, inner: tuple[int, int], flags: int) -> None:
        asked.append(flags)

    monkeypatch.setattr("mocap.calibrate.board.checkerboard._by_sectors", sectors)
    monkeypatch.setattr("mocap.calibrate.board.checkerboard.THOROUGH_SEARCHES", 2)
    empty = np.full((90, 120), 128, dtype=np.uint8)
    found = detect_checkerboard(((k, empty) for k in range(5)), board, "cam", (120, 90))
    assert len(found.frame) == 0 and found.frame_count == 5
    assert sum(bool(flags & cv2.CALIB_CB_EXHAUSTIVE) for flags in asked) == 2


def test_it_is_drawn_and_read_strictly_and_no_rig_is_calibrated_from_it(
    board: Board, tmp_path: Path
) -> None:
    assert board.plain and board.markers_of_one == 0 and board.corner_count == 28
    (tmp_path / "checker.toml").write_text(f'page = "A1"\n{CHECKER}')
    (path,) = draw_board(load_definition(str(tmp_path / "checker.toml")), tmp_path / "board.png")
    image = cv2.resize(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), None, fx=0.15, fy=0.15)
    assert cv2.findChessboardCornersSB(image, (7, 4))[0]
    (tmp_path / "odd.toml").write_text(CHECKER + "marker_mm = 40.0\n")
    with pytest.raises(InputError, match="drop marker_mm"):
        load_board(str(tmp_path / "odd.toml"))
    (tmp_path / "two.toml").write_text(CHECKER + "two_sided = true\n")
    with pytest.raises(InputError, match="has no markers"):
        load_board(str(tmp_path / "two.toml"))
    session = tmp_path / "session"
    made = ["new", str(session), "--rig", "four_corner", "--board", str(tmp_path / "checker.toml")]
    assert CliRunner().invoke(main, made).exit_code == 0
    folder = session / "calibration"
    for grey, name in ((90, "left"), (150, "right")):
        (folder / name).mkdir(parents=True)
        cv2.imwrite(str(folder / name / "0.png"), np.full((90, 120), grey, dtype=np.uint8))
    run = CliRunner().invoke(main, ["calibrate", str(session)])
    assert run.exit_code == 1 and "is a plain checkerboard" in run.output
