"""Find a ChArUco board in the frames of one camera, quickly and in whatever way it shows.

The detector costs several times the decoding of a frame. So the board is followed: it is looked for
around where it was, at full resolution, and the area is enlarged until the whole board outline fits
into it; only where it is lost, a quick look at an image that is not large tells where to go on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import cv2
import numpy as np

from mocap.calibrate.board.charuco import (
    NOTHING,
    Appearance,
    Finder,
    Found,
    appearances,
    most_likely_dictionary,
)
from mocap.calibrate.board.checkerboard import detect_checkerboard
from mocap.calibrate.board.several import detect_body_corners
from mocap.core.board import Board
from mocap.core.detections import Corners
from mocap.core.shapes import Array, FloatArray

# Images with a longer side are reduced to this to find a lost board.
COARSE_SIDE_PX = 960
# Room around the board, as a share of its size, for its motion until the next frame.
ROOM = 0.35
# A crop is only worth while if it leaves out this share of the image.
LARGEST_CROP = 0.7
# Squares this large in the image are found as well as larger ones; boards that show larger are
# detected in a reduced copy, unless that saves little or loses corners against the last frames.
ENOUGH_SQUARE_PX = 44.0
LARGEST_REDUCTION = 0.8
KEPT_SHARE = 0.99
# What is usual is the most of the last frames, forgotten by this share a frame: a single poor frame
# does not make the next one's loss look like enough.
FORGETTING = 0.97
# Where looking quickly was in vain, it is not tried again for so many looks.
PATIENCE = 4
# Half window of the corner refinement as a share of the gap between a corner and the next marker:
# a window that touches a marker is pulled towards it (0.05 px of error become 0.25 px).
WINDOW_SHARE = 0.8
WINDOW_LIMITS_PX = (3.0, 12.0)
# While a quick search shows nothing, every so many frames are searched thoroughly.
FULL_SEARCH_EVERY = 6
# Another appearance than promised is believed after this many frames with so many corners.
BELIEVED_FRAMES, BELIEVED_CORNERS = 2, 6
# Other appearances are tried on the first frames without a board, then at times, then no more.
DENSE_PROBES, PROBE_EVERY, LAST_PROBE = 12, 5, 200
# Markers that must show in the reduced image before an appearance is tried at full resolution.
PROBE_MARKERS = 2
# Frames kept to name the dictionary when nothing is found.
MAX_SAMPLES = 4


def detect_corners(
    frames: Iterable[tuple[int, Array]],
    board: Board,
    camera: str,
    image_size: tuple[int, int],
    step: int = 1,
) -> Corners:
    """Find the board's corners in grey frames (height, width) uint8 of one camera.

    When the board does not show as its definition promises, its mirrored back, an inverted print
    and the legacy layout are tried; what was found is said in the notes of the result.

    Args:
        frames: (frame index, grey image), in order.
        board: the board.
        camera: name for the result.
        image_size: (width, height) in pixels.
        step: use every so many frames only.

    Raises:
        CalibrationError: a dictionary that does not exist, or a frame of another size.
    """
    looked_at = (item for item in frames if item[0] % step == 0)
    if board.plain:
        return detect_checkerboard(looked_at, board, camera, image_size)
    if board.count > 1:
        return detect_body_corners(looked_at, board, camera, image_size)
    search = _Search(board)
    found: list[tuple[int, Found]] = []
    frame_count = 0
    for index, gray in frames:
        frame_count = max(frame_count, index + 1)
        if index % step == 0:
            found += search.look(index, gray)
    found.sort(key=lambda item: item[0])
    none = np.zeros(0, dtype=np.int64)
    return Corners(
        camera=camera,
        image_size=image_size,
        frame_count=frame_count,
        frame=np.concatenate([none, *(np.full(len(f), i) for i, f in found)]),
        corner_id=np.concatenate([none, *(f.ids for _, f in found)]),
        pixels=np.concatenate([np.zeros((0, 2)), *(f.pixels for _, f in found)]),
        notes=search.notes(),
    )


class _Search:
    """Decides which appearance a camera sees and follows it."""

    def __init__(self, board: Board) -> None:
        self._board = board
        choices = appearances(board)
        self._promised = choices[0]
        self._trackers = [_Tracker(Finder(board, choices[0]), board)]
        if board.two_sided:
            self._trackers.append(_Tracker(Finder(board, choices[1]), board))
        used = {tracker.appearance for tracker in self._trackers}
        self._others = [Finder(board, choice) for choice in choices if choice not in used]
        self._evidence: dict[Appearance, list[tuple[int, Found]]] = {}
        self._decided = False
        self._frames_without = 0
        self._samples: list[Array] = []

    def look(self, index: int, gray: Array) -> list[tuple[int, Found]]:
        """Return the corners of a frame, with those of earlier frames when they get believed."""
        for tracker in self._trackers:
            found = tracker.find(gray)
            if len(found):
                self._decided = self._decided or len(found) >= BELIEVED_CORNERS
                # The side seen now is tried first in the next frame.
                self._trackers.sort(key=lambda other: other is not tracker)
                return [(index, found)]
        return [] if self._decided else self._probe(index, gray)

    def _probe(self, index: int, gray: Array) -> list[tuple[int, Found]]:
        """Try other appearances on a frame in which the promised one does not show."""
        self._frames_without += 1
        turn = self._frames_without - 1
        if turn > LAST_PROBE or (turn > DENSE_PROBES and turn % PROBE_EVERY):
            return []
        if len(self._samples) < MAX_SAMPLES and turn % (4 * PROBE_EVERY) == 0:
            self._samples.append(gray.copy())
        reduced, _ = _reduced(gray, least=2.0)
        markers: dict[Appearance, int] = {}
        for finder in self._others:
            print_only = replace(finder.appearance, legacy_pattern=False)
            if print_only not in markers:
                markers[print_only] = len(finder.find_markers(reduced, quick=True))
            if markers[print_only] < PROBE_MARKERS:
                continue
            found = finder.find(gray)
            if len(found) < BELIEVED_CORNERS:
                continue
            seen = self._evidence.setdefault(finder.appearance, [])
            seen.append((index, found))
            if len(seen) >= BELIEVED_FRAMES:
                self._trackers = [_Tracker(finder, self._board)]
                self._decided = True
                return seen
        return []

    def notes(self) -> tuple[str, ...]:
        """Return what a person should know about how the board showed."""
        if not self._decided:
            return self._nothing_note()
        notes = []
        appearance = self._trackers[0].appearance
        if appearance.mirrored and not self._board.two_sided:
            notes.append(
                "it sees the back of the board: all markers are mirrored, and its corners were "
                "found in the mirrored image. If the video itself is mirrored, switch that off and "
                "record again."
            )
        if appearance.inverted != self._promised.inverted:
            value = str(appearance.inverted).lower()
            notes.append(
                f"the board was found only as if its definition said inverted = {value}. "
                "Correct the definition of the board."
            )
        if appearance.legacy_pattern != self._promised.legacy_pattern:
            value = str(appearance.legacy_pattern).lower()
            notes.append(
                "the board was found only as if its definition said legacy_pattern = "
                f"{value}. Correct the definition of the board."
            )
        return tuple(notes)

    def _nothing_note(self) -> tuple[str, ...]:
        """Return the name of the dictionary that the images show instead, if any."""
        likely = most_likely_dictionary(self._samples)
        if likely is None:
            return ()
        name, count = likely
        if name.split("_")[1] == self._board.dictionary.split("_")[1]:
            return (
                f"{count} markers of {name} are visible, but they do not form board "
                f"'{self._board.name}' of {self._board.columns} x {self._board.rows} squares. "
                "Check columns, rows and whether they are swapped.",
            )
        return (
            f"{count} markers of {name} are visible, but board '{self._board.name}' says "
            f"{self._board.dictionary}. Correct its dictionary.",
        )


class _Tracker:
    """Follows one appearance of the board from frame to frame."""

    def __init__(self, finder: Finder, board: Board) -> None:
        self._finder = finder
        corners = board.corner_points()
        self._plane = corners[:, :2]
        width, height = board.columns * board.square_length_m, board.rows * board.square_length_m
        self._outline = np.array([[0.0, 0.0], [width, 0.0], [width, height], [0.0, height]])
        self._squares = max(board.columns, board.rows)
        self._columns = board.columns - 1
        self._gap_share = 0.5 * (1.0 - board.marker_length_m / board.square_length_m)
        self._box: FloatArray | None = None
        self._square_px = 0.1  # small: nothing known yet, so nothing is reduced
        self._usual_count = 0.0
        self._patience = 0
        self._empty_frames = 0

    @property
    def appearance(self) -> Appearance:
        """How the board shows to this tracker."""
        return self._finder.appearance

    def find(self, gray: Array) -> Found:
        """Return the board's corners, looking first where it was."""
        found = self._around(gray, self._box) if self._box is not None else NOTHING
        if len(found) == 0:
            found = self._search(gray)
        self._square_px = self._smallest_square(found)
        self._usual_count = max(float(len(found)), FORGETTING * self._usual_count)
        if len(found) == 0:
            self._box, self._usual_count = None, 0.0
            return found
        found = _refined(gray, found, WINDOW_SHARE * self._gap_share * self._square_px)
        self._box = self._board_box(found)
        return found

    def _smallest_square(self, found: Found) -> float:
        """Return the shortest side of a square in the image; nearly 0 if no two corners adjoin."""
        right = np.flatnonzero((np.diff(found.ids) == 1) & (found.ids[1:] % self._columns != 0))
        table = {int(i): p for i, p in zip(found.ids, found.pixels, strict=True)}
        sides = [np.linalg.norm(found.pixels[k + 1] - found.pixels[k]) for k in right]
        sides += [
            np.linalg.norm(table[i] - table[i - self._columns])
            for i in table
            if i - self._columns in table
        ]
        return max(float(min(sides)), 0.1) if sides else 0.1

    def _around(self, gray: Array, box: FloatArray) -> Found:
        """Look in a box (2, 2) of pixels, enlarged once if the board may reach out of it."""
        for _ in range(2):
            crop = _clipped(box, gray)
            if _area(crop) > LARGEST_CROP * gray.size:
                crop = np.array([[0, 0], [gray.shape[1], gray.shape[0]]])
            found = self._find_in(gray, crop)
            if len(found) == 0:
                return NOTHING
            reach = self._board_box(found, room=0.05)
            inside = _clipped(reach, gray)
            if (inside[0] >= crop[0]).all() and (inside[1] <= crop[1]).all():
                return found
            box = np.stack([np.minimum(reach[0], box[0]), np.maximum(reach[1], box[1])])
        return found

    def _find_in(self, gray: Array, crop: Array) -> Found:
        """Detect in a part of the image: quickly, and thoroughly if that loses corners.

        A board that shows large is detected in a reduced copy; its corners are then refined in the
        image itself.
        """
        (x0, y0), (x1, y1) = crop
        part = gray[y0:y1, x0:x1]
        enough = KEPT_SHARE * self._usual_count
        self._patience -= 1
        much = self._usual_count > 0.5 * len(self._plane)
        found = self._find_quickly(part) if much and self._patience <= 0 else NOTHING
        if len(found) == 0 or len(found) < enough:
            if len(found):
                self._patience = PATIENCE
            thorough = self._finder.find(part)
            found = thorough if len(thorough) >= len(found) else found
        return found.shifted(np.array([x0, y0], dtype=np.float64))

    def _find_quickly(self, part: Array) -> Found:
        """Detect with one threshold, in a reduced copy where the board shows large."""
        scale = ENOUGH_SQUARE_PX / self._square_px
        if scale > LARGEST_REDUCTION:
            return self._finder.find(part, quick=True)
        small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        ratio = np.array([part.shape[1] / small.shape[1], part.shape[0] / small.shape[0]])
        found = self._finder.find(small, quick=True)
        if len(found) == 0:
            return found
        return Found(found.ids, (found.pixels + 0.5) * ratio - 0.5)

    def _search(self, gray: Array) -> Found:
        """Look everywhere: quickly in an image that is not large, at times thoroughly in all."""
        reduced, factor = _reduced(gray)
        markers = self._finder.find_markers(reduced, quick=True)
        if len(markers):
            self._empty_frames = 0
            points = (markers.reshape(-1, 2) + 0.5) * factor - 0.5
            side = np.linalg.norm(np.diff(markers, axis=1), axis=-1).max() * factor
            # The board may reach from any marker by its whole length; squares exceed markers.
            reach = 1.5 * side * self._squares
            return self._around(gray, np.stack([points.min(0) - reach, points.max(0) + reach]))
        self._empty_frames += 1
        if self._empty_frames % FULL_SEARCH_EVERY != 1:
            return NOTHING
        return self._finder.find(gray)

    def _board_box(self, found: Found, room: float = ROOM) -> FloatArray:
        """Return the box (2, 2) of the whole board in the image, with room around it."""
        seen = np.stack([found.pixels.min(axis=0), found.pixels.max(axis=0)])
        outline = self._projected_outline(found)
        if outline is None:
            # Few corners tell no outline: the board may be anywhere within its own size.
            size = max(float((seen[1] - seen[0]).max()), 40.0) * self._squares
            return np.stack([seen[0] - size, seen[1] + size])
        box = np.stack([outline.min(axis=0), outline.max(axis=0)])
        margin = room * float((box[1] - box[0]).max())
        return np.stack([box[0] - margin, box[1] + margin])

    def _projected_outline(self, found: Found) -> FloatArray | None:
        """Return the board's four outer corners (4, 2) in the image; None if unknown."""
        if len(found) < BELIEVED_CORNERS:
            return None
        matrix, _ = cv2.findHomography(self._plane[found.ids], found.pixels)
        if matrix is None:
            return None
        outline = np.column_stack([self._outline, np.ones(4)]) @ matrix.T
        if (outline[:, 2] * outline[0, 2] <= 0).any():
            return None
        return np.asarray(outline[:, :2] / outline[:, 2:])


def _reduced(gray: Array, least: float = 1.0) -> tuple[Array, float]:
    """Return a smaller image to look for a lost board in, and by how much it is smaller."""
    factor = max(least, max(gray.shape) / COARSE_SIDE_PX)
    if factor == 1.0:
        return gray, factor
    small = cv2.resize(gray, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    return small, factor


def _clipped(box: FloatArray, gray: Array) -> Array:
    """Return whole pixel bounds ((x0, y0), (x1, y1)) of a box inside the image."""
    limit = np.array([gray.shape[1], gray.shape[0]])
    low = np.clip(np.floor(box[0]), 0, limit)
    high = np.clip(np.ceil(box[1]) + 1, 0, limit)
    return np.stack([low, np.maximum(high, low)]).astype(np.int64)


def _refined(gray: Array, found: Found, half_window_px: float) -> Found:
    """Return corners moved to the saddle points of the full image."""
    half = int(np.clip(half_window_px, *WINDOW_LIMITS_PX))
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 30, 0.01)
    start = found.pixels.astype(np.float32).reshape(-1, 1, 2)
    moved = cv2.cornerSubPix(np.ascontiguousarray(gray), start, (half, half), (-1, -1), stop)
    return Found(found.ids, moved.reshape(-1, 2).astype(np.float64))


def _area(bounds: Array) -> int:
    """Return the pixels within bounds."""
    return int(np.prod(bounds[1] - bounds[0]))
