"""Which shipped board does a video show? For prints whose name nobody remembers."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mocap.calibrate.board.charuco import Finder, appearances, most_likely_dictionary
from mocap.capture.boards import list_boards
from mocap.capture.lists import Listing
from mocap.capture.video import probe, read_frames
from mocap.core.board import Board
from mocap.core.errors import InputError
from mocap.core.shapes import Array

# Frames that are looked at, evenly spread.
LOOKS = 12
# A board fits when so large a share of its corners is found where it shows; half a board of a
# larger kind shows at most as much.
FITS = 0.6
# A smaller board of the same dictionary fits into a larger one: what finds most corners counts.
MIN_CORNERS = 6


@dataclass(frozen=True)
class BoardFound:
    """A shipped board as it shows.

    Attributes:
        name: of the board.
        print_: in words: inverted, mirrored, legacy layout, or "as defined".
        corners: the most corners found in one frame, and how many the board has.
        frames: in which it shows, of those looked at.
    """

    name: str
    print_: str
    corners: tuple[int, int]
    frames: tuple[int, int]


def identify_board(path: Path) -> BoardFound:
    """Return the shipped board that a video or a folder of photos shows.

    Raises:
        InputError: unreadable, or no shipped board shows; the message says which markers do.
    """
    info = probe(path)
    step = max(1, info.frame_count // LOOKS)
    images = [image for _, image in read_frames(path, gray=True, step=step)][:LOOKS]
    family = most_likely_dictionary(images)
    if family is None:
        raise InputError(
            f"{path} shows no markers of any kind. Film the board closer, in focus, in good light."
        )
    found = [board for board in _candidates(images, family[0]) if board.corners[0] >= MIN_CORNERS]
    fitting = [board for board in found if board.corners[0] >= FITS * board.corners[1]]
    if not fitting:
        raise InputError(
            f"{path} shows up to {family[1]} markers of {family[0]}, but no shipped board fits. "
            "Count its squares and describe it in a board file: columns, rows, square_mm, "
            f'marker_mm, dictionary = "{family[0]}".'
        )
    return max(fitting, key=lambda board: (board.corners[0], board.frames[0]))


def _candidates(images: list[Array], family: str) -> list[BoardFound]:
    """Return every shipped board of a family of dictionaries, as the print shows."""
    boards = {
        name: each.board
        for name, each in list_boards().items()
        if each.board.dictionary.rsplit("_", 1)[0] == family.rsplit("_", 1)[0]
    }
    if not boards:
        return []
    shown = _appearance(images, max(boards.values(), key=lambda board: board.corner_count))
    out = []
    for name, board in boards.items():
        for look in appearances(board):
            if (look.inverted, look.mirrored) != shown:
                continue
            finder = Finder(board, look)
            counts = np.array([len(finder.find(image)) for image in images])
            changed = [
                word
                for word, said in (
                    ("inverted", look.inverted != board.inverted),
                    ("mirrored", look.mirrored),
                    ("other layout", look.legacy_pattern != board.legacy_pattern),
                )
                if said
            ]
            out.append(
                BoardFound(
                    name,
                    " and ".join(changed) or "as defined",
                    (int(counts.max(initial=0)), board.corner_count),
                    (int((counts >= MIN_CORNERS).sum()), len(images)),
                )
            )
    return out


def _appearance(images: list[Array], board: Board) -> tuple[bool, bool]:
    """Return whether the print is inverted and mirrored: as most markers of a board are found."""
    counts: dict[tuple[bool, bool], int] = {}
    for look in appearances(board):
        key = (look.inverted, look.mirrored)
        if key not in counts:
            finder = Finder(board, look)
            counts[key] = max(len(finder.find_markers(image)) for image in images)
    return max(counts, key=lambda key: counts[key])


def identified(path: Path) -> Listing:
    """Return what to say of the board that a video shows.

    Raises:
        InputError: see `identify_board`.
    """
    found = identify_board(path)
    line = (
        f"{found.name}, {found.print_}: {found.corners[0]} of {found.corners[1]} corners at best, "
        f"in {found.frames[0]} of {found.frames[1]} frames looked at. Measure a square: mocap new "
        f"SESSION --board {found.name} --square-mm MM"
    )
    return [line], {found.name: asdict(found)}
