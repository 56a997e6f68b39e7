"""Find several ChArUco boards on one body: markers once, then the corners of each board."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from mocap.calibrate.board.charuco import board_dictionary, charuco_pattern
from mocap.core.board import Board
from mocap.core.detections import Corners
from mocap.core.shapes import Array

# A board of which fewer corners show has no pose of its own.
MIN_CORNERS = 4


def detect_body_corners(
    frames: Iterable[tuple[int, Array]], board: Board, camera: str, image_size: tuple[int, int]
) -> Corners:
    """Find the corners of all boards in grey frames (height, width) uint8 of one camera.

    Every frame is searched as a whole at full resolution: a body shows two or three small boards.

    Raises:
        CalibrationError: a dictionary that does not exist or has too few markers.
    """
    markers = cv2.aruco.ArucoDetector(board_dictionary(board))
    parameters = cv2.aruco.CharucoParameters()
    parameters.minMarkers = 1  # boards of a body are small, and half of one often faces away
    boards = [
        cv2.aruco.CharucoDetector(charuco_pattern(board, board.legacy_pattern, index), parameters)
        for index in range(board.count)
    ]
    none = np.zeros(0, dtype=np.int64)
    frame, corner_id, pixels, count = [none], [none], [np.zeros((0, 2))], 0
    for index, gray in frames:
        count = max(count, index + 1)
        image = cv2.bitwise_not(gray) if board.inverted else np.ascontiguousarray(gray)
        quads, ids, _ = markers.detectMarkers(image)
        if ids is None:
            continue
        owner = ids.ravel() // max(board.marker_step, 1)
        for which in range(board.count):
            mine = np.flatnonzero(owner == which)
            if len(mine) == 0:
                continue
            found, names, _, _ = boards[which].detectBoard(
                image, None, None, [quads[int(k)] for k in mine], ids[mine]
            )
            if names is None or len(names) < MIN_CORNERS:
                continue
            frame.append(np.full(len(names), index))
            corner_id.append(names.ravel().astype(np.int64) + which * board.corners_of_one)
            pixels.append(found.reshape(-1, 2).astype(np.float64))
    return Corners(
        camera=camera,
        image_size=image_size,
        frame_count=count,
        frame=np.concatenate(frame),
        corner_id=np.concatenate(corner_id),
        pixels=np.concatenate(pixels),
    )
