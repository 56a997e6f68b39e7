"""Find a plain checkerboard in the pictures of one camera: enough for its lens, not for a rig.

All inner corners or none: a checkerboard says nothing of which corner is which. Turned by half a
turn it may look alike, so corners are numbered from one end or the other as it comes; a lens does
not mind. Found in a reduced copy and placed in the picture itself (Duda & Frese 2018).
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from mocap.core.board import Board
from mocap.core.detections import Corners
from mocap.core.shapes import Array, FloatArray

# Pictures are searched at this size first, which takes a tenth of the time.
COARSE_SIDE_PX = 960
# Where that fails the whole picture is searched in every way, a second each; so many times at most:
# photos are few and each counts, a video has others.
THOROUGH_SEARCHES = 60
# Room around the corners that were found: two squares, the outer ones and their edges.
ROOM_SQUARES = 2.0
# Half window of the refinement, as a share of a square, and its limits.
WINDOW_SHARE, WINDOW_LIMITS_PX = 0.35, (3.0, 12.0)
QUICK = cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_ACCURACY
THOROUGH = QUICK | cv2.CALIB_CB_EXHAUSTIVE
CLASSIC = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK


def detect_checkerboard(
    frames: Iterable[tuple[int, Array]], board: Board, camera: str, image_size: tuple[int, int]
) -> Corners:
    """Find the corners of a checkerboard in grey frames (height, width) uint8 of one camera.

    Args:
        frames: (frame index, grey image), in order.
        board: without markers.
        camera: name for the result.
        image_size: (width, height) in pixels.
    """
    inner = (board.columns - 1, board.rows - 1)
    count = board.corners_of_one
    number, pixels, frame_count, thorough = [], [], 0, 0
    for index, gray in frames:
        frame_count = max(frame_count, index + 1)
        found = _found(gray, board)
        if found is None and thorough < THOROUGH_SEARCHES:
            thorough += 1
            rough = _by_sectors(gray, inner, THOROUGH)
            found = None if rough is None else _placed(gray, rough, board)
        if found is not None:
            number.append(index)
            pixels.append(found)
    return Corners(
        camera=camera,
        image_size=image_size,
        frame_count=frame_count,
        frame=np.repeat(np.array(number, dtype=np.int64), count),
        corner_id=np.tile(np.arange(count), len(number)),
        pixels=np.concatenate([np.zeros((0, 2)), *pixels]),
    )


def _found(gray: Array, board: Board) -> FloatArray | None:
    """Return the corners (n, 2) found by way of a reduced copy; None if it does not show."""
    inner = (board.columns - 1, board.rows - 1)
    factor = max(1.0, max(gray.shape) / COARSE_SIDE_PX)
    small = gray
    if factor > 1.0:
        size = (round(gray.shape[1] / factor), round(gray.shape[0] / factor))
        small = cv2.resize(gray, size, interpolation=cv2.INTER_AREA)
    coarse = _by_sectors(small, inner, QUICK)
    if coarse is None:
        good, corners = cv2.findChessboardCorners(small, inner, flags=CLASSIC)
        if not good:
            return None
        coarse = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
    scale = np.array([gray.shape[1] / small.shape[1], gray.shape[0] / small.shape[0]])
    rough = (coarse + 0.5) * scale - 0.5
    return _placed(gray, rough, board)


def _placed(gray: Array, rough: FloatArray, board: Board) -> FloatArray:
    """Return rough corners (n, 2) where they are in the picture itself.

    By two ways, the sector-based finder and saddle points: which is nearer depends on blur and on
    the light. A flat board tells: corners that are right lie on a projected grid.
    """
    inner = (board.columns - 1, board.rows - 1)
    grid = rough.reshape(inner[1], inner[0], 2)
    sides = [np.linalg.norm(np.diff(grid, axis=axis), axis=-1).ravel() for axis in (0, 1)]
    square_px, margin = (float(f(np.concatenate(sides))) for f in (np.min, np.max))
    half = round(float(np.clip(WINDOW_SHARE * square_px, *WINDOW_LIMITS_PX)))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_MAX_ITER, 40, 0.005)
    start = np.ascontiguousarray(rough, dtype=np.float32).reshape(-1, 1, 2)
    saddles = cv2.cornerSubPix(np.ascontiguousarray(gray), start, (half, half), (-1, -1), stop)
    ways = [np.asarray(saddles, dtype=np.float64).reshape(-1, 2)]
    limit = np.array(gray.shape[::-1])
    x0, y0 = np.clip(np.floor(rough.min(axis=0) - ROOM_SQUARES * margin), 0, limit - 1).astype(int)
    x1, y1 = np.clip(np.ceil(rough.max(axis=0) + ROOM_SQUARES * margin), 1, limit).astype(int)
    sectors = _by_sectors(gray[y0:y1, x0:x1], inner, QUICK)
    if sectors is not None:
        ways.append(sectors + np.array([x0, y0], dtype=np.float64))
    return min(ways, key=lambda corners: _off_grid_px(corners, board))


def _off_grid_px(corners: FloatArray, board: Board) -> float:
    """Return how far corners (n, 2) are from the projected grid of a board, rms."""
    flat = board.corner_points()[:, :2]
    matrix, _ = cv2.findHomography(flat, corners)
    if matrix is None:
        return float("inf")
    put = cv2.perspectiveTransform(flat[None], matrix)[0]
    return float(np.sqrt(np.mean(np.sum((put - corners) ** 2, axis=1))))


def _by_sectors(gray: Array, inner: tuple[int, int], flags: int) -> FloatArray | None:
    """Return the corners (n, 2) by OpenCV's sector-based finder; None if it does not show."""
    good, corners = cv2.findChessboardCornersSB(np.ascontiguousarray(gray), inner, flags=flags)
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2) if good else None
