"""OpenCV's ChArUco detector for one appearance of a board: inverted, mirrored, legacy or not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from mocap.core.board import Board
from mocap.core.errors import CalibrationError
from mocap.core.shapes import Array, FloatArray, IntArray

# Dictionaries that contain the smaller ones of their family, for naming a wrong one.
FAMILIES = (
    "DICT_4X4_1000", "DICT_5X5_1000", "DICT_6X6_1000", "DICT_7X7_1000", "DICT_ARUCO_ORIGINAL",
    "DICT_APRILTAG_16h5", "DICT_APRILTAG_25h9", "DICT_APRILTAG_36h10", "DICT_APRILTAG_36h11",
)  # fmt: skip

# The middle one of OpenCV's three default windows (3, 13, 23) finds most markers.
QUICK_WINDOW_PX = 13


@dataclass(frozen=True)
class Appearance:
    """How a board shows in the images of one camera."""

    inverted: bool
    mirrored: bool
    legacy_pattern: bool


def appearances(board: Board) -> tuple[Appearance, ...]:
    """Return how the board may show, the one its definition promises first."""
    promised = Appearance(board.inverted, False, board.legacy_pattern)
    others = [replace(promised, mirrored=True)]
    others += [replace(a, inverted=not a.inverted) for a in (promised, *others)]
    if board.rows % 2 == 0:  # with an odd number of rows both layouts are the same
        others += [replace(a, legacy_pattern=not a.legacy_pattern) for a in (promised, *others)]
    return (promised, *others)


@dataclass(frozen=True, eq=False)
class Found:
    """Corners of one image: ids (n,), pixels (n, 2)."""

    ids: IntArray
    pixels: FloatArray

    def __len__(self) -> int:
        """Return the number of corners."""
        return len(self.ids)

    def shifted(self, offset: FloatArray) -> Found:
        """Return the same corners seen from another image origin."""
        return Found(self.ids, self.pixels + offset)


NOTHING = Found(np.zeros(0, dtype=np.int64), np.zeros((0, 2)))


def dictionary_id(name: str) -> int:
    """Return OpenCV's number of a marker dictionary.

    Raises:
        CalibrationError: no such dictionary.
    """
    number = getattr(cv2.aruco, name, None) if name.startswith("DICT_") else None
    if number is None:
        raise CalibrationError(
            f"there is no marker dictionary '{name}'. Use a name of OpenCV such as DICT_4X4_250 "
            "in the board definition."
        )
    return int(number)


def board_dictionary(board: Board) -> Any:
    """Return OpenCV's dictionary of the markers on a board, and no others.

    Comparing what might be a marker with all words of a dictionary is most of what finding corners
    costs: with 17 words instead of 250 markers are found in a fifth of the time. They are the same
    markers: what differs from a word by less than OpenCV corrects belongs to no other word.

    Raises:
        CalibrationError: unknown dictionary, or one with too few markers for the board.
    """
    whole = cv2.aruco.getPredefinedDictionary(dictionary_id(board.dictionary))
    needed = board.markers_of_one + (board.count - 1) * board.marker_step
    if len(whole.bytesList) < needed:
        raise CalibrationError(
            f"board '{board.name}' needs {needed} markers, {board.dictionary} has "
            f"{len(whole.bytesList)}. Choose a larger dictionary."
        )
    return cv2.aruco.Dictionary(
        whole.bytesList[:needed].copy(), whole.markerSize, whole.maxCorrectionBits
    )


def charuco_pattern(board: Board, legacy_pattern: bool, index: int = 0) -> Any:
    """Return OpenCV's board, of several on one body the one with this index.

    Raises:
        CalibrationError: unknown dictionary, or one with too few markers for the board.
    """
    dictionary = board_dictionary(board)
    pattern = cv2.aruco.CharucoBoard(
        (board.columns, board.rows),
        board.square_length_m,
        board.marker_length_m,
        dictionary,
        np.arange(board.markers_of_one, dtype=np.int32) + index * board.marker_step,
    )
    pattern.setLegacyPattern(legacy_pattern)
    return pattern


class Finder:
    """Finds one appearance of a board in grey images."""

    def __init__(self, board: Board, appearance: Appearance) -> None:
        """Prepare OpenCV's detectors.

        Raises:
            CalibrationError: unknown dictionary, or one with too few markers for the board.
        """
        self.appearance = appearance
        pattern = charuco_pattern(board, appearance.legacy_pattern)
        self._markers_on_board = board.markers_of_one
        self._board_detector: Any = cv2.aruco.CharucoDetector(pattern)
        self._marker_detector: Any = cv2.aruco.ArucoDetector(pattern.getDictionary())
        quick = cv2.aruco.DetectorParameters()
        quick.adaptiveThreshWinSizeMin = quick.adaptiveThreshWinSizeMax = QUICK_WINDOW_PX
        self._quick_detector: Any = cv2.aruco.CharucoDetector(
            pattern, cv2.aruco.CharucoParameters(), quick
        )
        self._quick_marker_detector: Any = cv2.aruco.ArucoDetector(pattern.getDictionary(), quick)

    def find(self, gray: Array, *, quick: bool = False) -> Found:
        """Return the corners in a grey image (height, width) uint8.

        `quick` thresholds the image once instead of three times: half the time, and fewer corners
        where the light is uneven.
        """
        detector = self._quick_detector if quick else self._board_detector
        corners, ids, _, _ = detector.detectBoard(self._as_printed(gray))
        if ids is None or len(ids) == 0:
            return NOTHING
        pixels = self._unflipped(corners.reshape(-1, 2).astype(np.float64), gray)
        return Found(ids.ravel().astype(np.int64), pixels)

    def find_markers(self, gray: Array, *, quick: bool = False) -> FloatArray:
        """Return the corners (n, 4, 2) of the board's markers in a grey image, unrefined.

        `quick` as in `find`.
        """
        detector = self._quick_marker_detector if quick else self._marker_detector
        corners, ids, _ = detector.detectMarkers(self._as_printed(gray))
        if ids is None or len(ids) == 0:
            return np.zeros((0, 4, 2))
        quads = np.stack([c.reshape(4, 2) for c in corners]).astype(np.float64)
        own = ids.ravel() < self._markers_on_board
        return self._unflipped(quads[own], gray)

    def _as_printed(self, gray: Array) -> Array:
        """Return the image as the detector expects the print: black on white, not mirrored."""
        if self.appearance.inverted:
            gray = cv2.bitwise_not(gray)
        return cv2.flip(gray, 1) if self.appearance.mirrored else np.ascontiguousarray(gray)

    def _unflipped(self, pixels: FloatArray, gray: Array) -> FloatArray:
        """Return pixels (..., 2) of the mirrored image in the image itself."""
        if self.appearance.mirrored:
            pixels = pixels.copy()
            pixels[..., 0] = gray.shape[1] - 1 - pixels[..., 0]
        return pixels


def most_likely_dictionary(images: list[Array]) -> tuple[str, int] | None:
    """Return the dictionary family of which the images show most markers, and how many in one.

    None when no image shows four different markers of any family.
    """
    best: tuple[str, int] | None = None
    for name in FAMILIES:
        dictionary = cv2.aruco.getPredefinedDictionary(dictionary_id(name))
        parameters = cv2.aruco.DetectorParameters()
        parameters.detectInvertedMarker = True
        detector = cv2.aruco.ArucoDetector(dictionary, parameters)
        for image in images:
            for view in (image, cv2.flip(image, 1)):
                ids = detector.detectMarkers(view)[1]
                count = 0 if ids is None else len(np.unique(ids))
                if count >= 4 and (best is None or count > best[1]):
                    best = (name, count)
    return best
