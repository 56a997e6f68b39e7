"""Refusals before any mathematics: what was recorded cannot calibrate this rig, and why."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.views import BoardViews, mirrored_share
from mocap.core.board import Board
from mocap.core.detections import Corners
from mocap.core.errors import CalibrationError

# A lens has nine unknowns and every view costs six more: below ten views the answer is chance.
MIN_FRAMES_PER_CAMERA = 10
# What is asked of the user; between the two numbers the calibration warns.
ADVISED_FRAMES_PER_CAMERA = 20
# Fewer shared frames than this cannot tie a camera to another.
MIN_SHARED_FRAMES = 3


def check_corners(corners: Sequence[Corners], board: Board) -> None:
    """Refuse corners of which a camera is missing or given twice.

    Raises:
        CalibrationError: no camera, a repeated name, no corner anywhere, a camera that never saw
            the board, or two cameras with the same video.
    """
    if not corners:
        raise CalibrationError(
            "there is no camera to calibrate. Put one video per camera into the folder "
            "`calibration`."
        )
    names = [c.camera for c in corners]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise CalibrationError(
            f"camera '{repeated[0]}' is given {names.count(repeated[0])} times. "
            "Give every camera a name of its own."
        )
    unseen = [c for c in corners if len(c.frame) == 0]
    if len(unseen) == len(corners):
        raise CalibrationError(_no_corner_at_all(corners, board))
    if unseen:
        raise CalibrationError(_never_sees_board(unseen, corners))
    _check_copies(corners)


def _no_corner_at_all(corners: Sequence[Corners], board: Board) -> str:
    """Return the message for a board that nobody found."""
    frames = max(c.frame_count for c in corners)
    notes = " ".join(sorted({note for c in corners for note in c.notes}))
    return (
        f"no camera found a corner of board '{board.name}' ({board.columns} x {board.rows} "
        f"squares, {board.dictionary}) in up to {frames} frames. "
        + (notes or "Check dictionary, columns and rows of the board, whether it is an inverted ")
        + ("" if notes else "print, and that its markers are at least 12 pixels wide in the image.")
    )


def _never_sees_board(unseen: Sequence[Corners], corners: Sequence[Corners]) -> str:
    """Return the message for cameras without a corner."""
    names = ", ".join(f"'{c.camera}'" for c in unseen)
    seen = max(len(np.unique(c.frame)) for c in corners)
    notes = " ".join(note for c in unseen for note in c.notes)
    return (
        f"camera {names} never saw the board ({unseen[0].frame_count} frames looked at; another "
        f"camera saw it in {seen}). Record the board in front of it, close enough that a marker is "
        "12 pixels wide or more, or leave this camera out of the rig." + (" " + notes) * bool(notes)
    )


def _check_copies(corners: Sequence[Corners]) -> None:
    """Refuse one video given as two cameras."""
    for index, first in enumerate(corners):
        for second in corners[index + 1 :]:
            same = np.array_equal(first.frame, second.frame) and np.array_equal(
                first.pixels, second.pixels
            )
            if same:
                raise CalibrationError(
                    f"cameras '{first.camera}' and '{second.camera}' show the same "
                    f"{len(first.frame)} corners at the same pixels: one video was copied under "
                    "two names. Replace one of the files."
                )


def check_not_all_mirrored(corners: Sequence[Corners], board: Board) -> None:
    """Refuse a recording in which every camera sees the board mirrored: so would its world be.

    Raises:
        CalibrationError: says that all videos, or the print, are mirrored.
    """
    share = mirrored_share(corners, board)
    if not board.two_sided and (share > 0.5).all():
        raise CalibrationError(
            "every camera sees the board mirrored: all videos are mirrored (selfie view), or the "
            "board was printed mirrored. Left and right of everything measured would be exchanged. "
            "Turn mirroring off in the cameras and record again, or print the board as it is."
        )


def check_connected(views: BoardViews) -> None:
    """Refuse views that no longer tie all cameras together.

    Raises:
        CalibrationError: names the cameras that lost their ties.
    """
    cameras = len(views.camera_names)
    seen = np.zeros((views.frame_count, cameras), dtype=np.int64)
    seen[views.view_frame, views.arrays.view_camera] = 1
    together = seen.T @ seen >= MIN_SHARED_FRAMES
    reached = np.zeros(cameras, dtype=bool)
    reached[0] = True
    for _ in range(cameras):
        reached = reached | together[reached].any(axis=0)
    if not reached.all():
        lost = ", ".join(
            f"'{n}'" for n, r in zip(views.camera_names, reached, strict=True) if not r
        )
        raise CalibrationError(
            f"camera {lost} disagrees with the others in nearly every frame they share: its "
            "video starts at another instant, or it was moved. Synchronise or trim the videos and "
            "fix the cameras, then record the board again."
        )


def check_view_counts(
    views: BoardViews, corners: Sequence[Corners], plan: LensPlan | None = None
) -> None:
    """Refuse cameras with too few usable views: fewer do where the plan knows or shares the lens.

    Raises:
        CalibrationError: names the camera, its frames and how many are needed.
    """
    alone = np.ones(len(corners), dtype=bool)
    if plan is not None:
        alone = ~plan.fixed & (np.bincount(plan.group, minlength=len(corners))[plan.group] < 2)
    for name, usable, seen, own in zip(
        views.camera_names, views.frames_per_camera(), corners, alone, strict=True
    ):
        if usable < (MIN_FRAMES_PER_CAMERA if own else MIN_SHARED_FRAMES):
            found = len(np.unique(seen.frame))
            partly = "" if found == usable else f" ({found} with at least one corner)"
            raise CalibrationError(
                f"camera '{name}' saw the board in {usable} usable frames{partly}; at least "
                f"{ADVISED_FRAMES_PER_CAMERA} are needed. Record the board again closer to "
                f"'{name}', filling a third of its image and tilted in all directions."
            )
