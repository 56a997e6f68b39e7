"""What finding the corners of a board costs beside OpenCV's own detector on every whole frame.

Both look at the same decoded frames on one thread, and both are told the print: OpenCV gets the
whole dictionary that the board's definition names, as its documentation shows it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
from figures import Figure

from mocap.calibrate.board.charuco import dictionary_id
from mocap.calibrate.board.corners import detect_corners
from mocap.capture.video import read_frames
from mocap.core.board import Board
from mocap.core.shapes import Array

LEAST_TIMES, LEAST_PERCENT = 3.0, 99.0


def corner_figures(board: Board, videos: Sequence[Path]) -> list[Figure]:
    """Return how many times less CPU ours takes, and how many of OpenCV's corners it finds."""
    ours_s, theirs_s, ours, theirs = 0.0, 0.0, 0, 0
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        for video in videos:
            frames = [(index, image.copy()) for index, image in read_frames(video, gray=True)]
            height, width = frames[0][1].shape
            seconds, found = _timed(
                lambda: detect_corners(iter(frames), board, video.stem, (width, height))  # noqa: B023
            )
            ours_s += seconds
            by_frame = Counter(found.frame.tolist())
            seconds, counts = _timed(lambda: _by_opencv(board, [image for _, image in frames]))  # noqa: B023
            theirs_s, theirs = theirs_s + seconds, theirs + sum(counts)
            # More in one frame are no excuse for fewer in another.
            ours += sum(min(by_frame[k], count) for k, count in enumerate(counts))
    finally:
        cv2.setNumThreads(threads)
    return [
        Figure("corners: CPU less than OpenCV's detector", theirs_s / ours_s, "times",
               LEAST_TIMES, ">="),
        Figure("corners: share of those it finds", 100.0 * ours / theirs, "%",
               LEAST_PERCENT, ">="),
    ]  # fmt: skip


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    before = time.process_time()
    result = call()
    return time.process_time() - before, result


def _by_opencv(board: Board, images: Sequence[Array]) -> list[int]:
    """Return how many corners OpenCV's detector finds in each image."""
    pattern = cv2.aruco.CharucoBoard(
        (board.columns, board.rows),
        board.square_length_m,
        board.marker_length_m,
        cv2.aruco.getPredefinedDictionary(dictionary_id(board.dictionary)),
    )
    pattern.setLegacyPattern(board.legacy_pattern)
    detector = cv2.aruco.CharucoDetector(pattern)
    counts = []
    for image in images:
        ids = detector.detectBoard(cv2.bitwise_not(image) if board.inverted else image)[1]
        counts.append(0 if ids is None else len(ids))
    return counts
