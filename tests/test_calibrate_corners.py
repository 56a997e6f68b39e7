"""The board is found as printed, inverted, mirrored and moving, and what was odd is said."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mocap.calibrate.board.charuco import Finder, appearances
from mocap.calibrate.board.corners import detect_corners
from mocap.core.board import Board
from mocap.core.errors import CalibrationError
from mocap.core.shapes import Array, FloatArray

BOARD = Board("test", 7, 5, 0.04, 0.03, "DICT_4X4_50")
SIZE = (1280, 720)


def printed(board: Board, square_px: int = 60) -> Array:
    """Return the board's print without margin, drawn by OpenCV."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    pattern = cv2.aruco.CharucoBoard(
        (board.columns, board.rows), board.square_length_m, board.marker_length_m, dictionary
    )
    pattern.setLegacyPattern(board.legacy_pattern)
    image = pattern.generateImage((board.columns * square_px, board.rows * square_px))
    return np.asarray(255 - image if board.inverted else image)


def frame_of(board: Board, matrix: FloatArray, seed: int = 0) -> Array:
    """Return a camera image: the print warped by a homography on a grey, noisy background."""
    random = np.random.default_rng(seed)
    print_image = printed(board)
    # One square of quiet zone round the print.
    margin = 60
    sheet = cv2.copyMakeBorder(
        print_image, margin, margin, margin, margin, cv2.BORDER_CONSTANT,
        value=0 if board.inverted else 255,
    )  # fmt: skip
    shift = np.array([[1.0, 0.0, -margin], [0.0, 1.0, -margin], [0.0, 0.0, 1.0]])
    # Oversampling by two keeps edges straight to a tenth of a pixel.
    double = np.diag([2.0, 2.0, 1.0])
    double[:2, 2] = 0.5
    warp = double @ matrix @ shift
    large = (2 * SIZE[0], 2 * SIZE[1])
    board_image = cv2.warpPerspective(sheet, warp, large, flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.full_like(sheet, 255), warp, large)
    image = np.where(mask > 127, board_image, 110).astype(np.float64)
    image = cv2.resize(image, SIZE, interpolation=cv2.INTER_AREA)
    noisy: Array = np.clip(image + random.normal(0, 2.0, image.shape), 0, 255)
    return noisy.astype(np.uint8)


def pose(x: float, y: float, scale: float, turn: float) -> FloatArray:
    """Return a homography: print pixels to image pixels, with some perspective."""
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[c, -s, x], [s, c, y], [1.5e-4, 1e-4, 1.0]])


POSES = [pose(300 + 30 * i, 160 + 12 * i, 1.2 - 0.05 * i, 0.04 * i) for i in range(8)]


def frames(board: Board) -> list[tuple[int, Array]]:
    """Return a short recording of the board moving."""
    return [(i, frame_of(board, matrix, seed=i)) for i, matrix in enumerate(POSES)]


def true_pixels(board: Board, matrix: FloatArray) -> FloatArray:
    """Return where the inner corners (n, 2) lie in the image."""
    # OpenCV's print puts the first pixel's centre at 0: edges lie half a pixel before.
    corners = board.corner_points()[:, :2] / board.square_length_m * 60 - 0.5
    mapped = np.column_stack([corners, np.ones(len(corners))]) @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def test_corners_of_a_moving_board_are_exact_and_complete() -> None:
    corners = detect_corners(frames(BOARD), BOARD, "left", SIZE)
    assert corners.camera == "left" and corners.frame_count == 8 and corners.notes == ()
    assert len(corners.frame) >= 0.99 * 8 * BOARD.corner_count
    truth = np.stack([true_pixels(BOARD, matrix) for matrix in POSES])
    error = corners.pixels - truth[corners.frame, corners.corner_id]
    # The saddle point of a sharp corner under noise of 2 grey levels: below a tenth of a pixel.
    assert np.abs(np.median(error, axis=0)).max() < 0.05
    assert np.percentile(np.linalg.norm(error, axis=1), 95) < 0.2


def test_following_finds_what_the_plain_detector_finds() -> None:
    recording = frames(BOARD)
    finder = Finder(BOARD, appearances(BOARD)[0])
    plain = sum(len(finder.find(image)) for _, image in recording)
    assert len(detect_corners(recording, BOARD, "left", SIZE).frame) >= 0.99 * plain


def test_a_board_that_jumps_is_found_again() -> None:
    jumping = [
        (0, frame_of(BOARD, pose(100, 60, 0.8, 0.0))),
        (1, frame_of(BOARD, pose(800, 420, 0.8, 0.3))),
        (2, np.full(SIZE[::-1], 110, dtype=np.uint8)),
        (3, frame_of(BOARD, pose(100, 420, 0.7, -0.2))),
    ]
    corners = detect_corners(jumping, BOARD, "left", SIZE)
    assert np.bincount(corners.frame, minlength=4).tolist() == [24, 24, 0, 24]


def test_step_skips_frames() -> None:
    corners = detect_corners(frames(BOARD), BOARD, "left", SIZE, step=3)
    assert np.unique(corners.frame).tolist() == [0, 3, 6]
    assert corners.frame_count == 8


def test_inverted_print_is_promised_or_said() -> None:
    inverted = replace(BOARD, inverted=True)
    recording = frames(inverted)
    promised = detect_corners(recording, inverted, "left", SIZE)
    surprise = detect_corners(recording, BOARD, "left", SIZE)
    assert promised.notes == ()
    assert len(surprise.notes) == 1 and "inverted = true" in surprise.notes[0]
    assert len(surprise.frame) == len(promised.frame) >= 0.95 * 8 * BOARD.corner_count


def test_back_of_the_board_is_found_and_said() -> None:
    mirrored = [(i, np.ascontiguousarray(image[:, ::-1])) for i, image in frames(BOARD)]
    corners = detect_corners(mirrored, BOARD, "left", SIZE)
    assert len(corners.frame) >= 0.95 * 8 * BOARD.corner_count
    assert len(corners.notes) == 1 and "back of the board" in corners.notes[0]
    truth = np.stack([true_pixels(BOARD, matrix) for matrix in POSES])
    truth[..., 0] = SIZE[0] - 1 - truth[..., 0]
    error = np.linalg.norm(corners.pixels - truth[corners.frame, corners.corner_id], axis=1)
    assert np.median(error) < 0.15


def test_a_two_sided_board_shows_both_sides_without_a_note() -> None:
    two_sided = replace(BOARD, two_sided=True)
    recording = frames(BOARD)
    turned = [
        (i, image if i < 4 else np.ascontiguousarray(image[:, ::-1])) for i, image in recording
    ]
    corners = detect_corners(turned, two_sided, "left", SIZE)
    assert corners.notes == ()
    assert (np.bincount(corners.frame, minlength=8) >= 20).all()


def test_legacy_layout_is_said() -> None:
    board = Board("even", 7, 6, 0.04, 0.03, "DICT_4X4_50")
    recording = frames(replace(board, legacy_pattern=True))
    corners = detect_corners(recording, board, "left", SIZE)
    assert len(corners.frame) >= 0.9 * 8 * board.corner_count
    assert any("legacy_pattern = true" in note for note in corners.notes)


def test_another_dictionary_is_named() -> None:
    other = replace(BOARD, dictionary="DICT_6X6_250")
    corners = detect_corners(frames(other)[:1], BOARD, "left", SIZE)
    assert len(corners.frame) == 0
    assert "DICT_6X6_1000" in corners.notes[0] and "DICT_4X4_50" in corners.notes[0]


def test_swapped_rows_and_columns_are_suspected() -> None:
    swapped = Board("swapped", 5, 7, 0.04, 0.03, "DICT_4X4_50")
    corners = detect_corners(frames(BOARD)[:1], swapped, "left", SIZE)
    # Small patches of the two layouts may agree by chance; a board is never found.
    assert len(corners.frame) < 0.2 * BOARD.corner_count
    if len(corners.frame) == 0:
        assert "swapped" in corners.notes[0]


def test_no_frames_and_no_board() -> None:
    nothing = detect_corners([], BOARD, "left", SIZE)
    assert len(nothing.frame) == 0 and nothing.pixels.shape == (0, 2) and nothing.frame_count == 0
    grey = [(i, np.full(SIZE[::-1], 128, dtype=np.uint8)) for i in range(3)]
    assert detect_corners(grey, BOARD, "left", SIZE).notes == ()


def test_impossible_dictionaries_are_refused() -> None:
    with pytest.raises(CalibrationError, match="no marker dictionary 'DICT_9X9'"):
        detect_corners([], replace(BOARD, dictionary="DICT_9X9"), "left", SIZE)
    large = Board("large", 20, 12, 0.04, 0.03, "DICT_4X4_50")
    with pytest.raises(CalibrationError, match="needs 120 markers, DICT_4X4_50 has 50"):
        detect_corners([], large, "left", SIZE)
