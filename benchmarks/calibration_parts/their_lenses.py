"""A set calibrated with another tool's lenses, and where that tool has the cameras.

In one of caliscope's sets a webcam delivers every image a whole frame late, with the time of the
image that it should have been. Caliscope paired images by these times, so its pose of that camera
explains a board that was elsewhere; a rig that is right cannot agree with it. So it is compared
twice: with the images paired as caliscope paired them, where the same poses must come out, and as
the board says they belong together. Which of the two is right is told by corners alone: with all
cameras held, boards are placed anew in every frame, and the late camera's corners are asked how far
they lie from those that the others have told.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from figures import Figure

from mocap.calibrate.adjust import Loss, RigState, adjust, residuals
from mocap.calibrate.initial import choose_boards
from mocap.calibrate.interchange.formats import read_caliscope
from mocap.calibrate.lag import shift_frames
from mocap.calibrate.planar import homographies, planar_poses
from mocap.calibrate.solve import calibrate
from mocap.calibrate.still import merge_still
from mocap.calibrate.views import pack_views
from mocap.capture.session import Session
from mocap.core.board import Board
from mocap.core.calibration_file import load_calibration
from mocap.core.camera import Calibration
from mocap.core.detections import Corners
from mocap.core.lens import CAUCHY
from mocap.core.rotation import angle_between_deg
from mocap.core.store import load_artifact
from mocap.core.transform import similarity


def their_lenses(root: Path, array: Path, late: Sequence[str]) -> list[Figure]:
    """Calibrate a session with the lenses of `array` and compare with the poses there.

    Args:
        root: of a session that was calibrated without them.
        array: caliscope's `camera_array.toml`.
        late: cameras that run a whole frame late, of which caliscope did not know.
    """
    session, theirs = Session.open(root), read_caliscope(array)
    ours = _calibrated(session, array)
    turned = turns_deg(ours, theirs)
    punctual = [deg for pair, deg in turned.items() if not set(pair) & set(late)]
    figures = [
        Figure("caliscope's lenses: relative rotations to it, worst", max(punctual), "deg", 1.0),
        Figure("  positions to it, worst", max(apart_mm(ours, theirs)), "mm", 25.0),
    ]
    for name in late:
        paired = _calibrated(session, array, "--late", f"{name}=0")
        figures += [
            Figure("  paired as it paired them, all cameras: rotations, worst",
                   max(turns_deg(paired, theirs).values()), "deg", 1.0),
            Figure("    positions, worst", max(apart_mm(paired, theirs)), "mm", 25.0),
            Figure("  paired as the board says, with the late camera", max(turned.values()), "deg"),
            *_who_is_right(session, ours, theirs, name),
        ]  # fmt: skip
    return figures


def _calibrated(session: Session, array: Path, *options: str) -> Calibration:
    """Calibrate by the command line; what fails its verdict is read where it was put."""
    failed = session.root / "calibration_failed.toml"
    failed.unlink(missing_ok=True)
    line = [sys.executable, "-m", "mocap", "calibrate", str(session.root), "--intrinsics",
            str(array), *options]  # fmt: skip
    run = subprocess.run(line, capture_output=True, text=True, check=False)
    if run.returncode and not failed.is_file():
        raise SystemExit(f"{' '.join(line[2:])} failed:\n{run.stdout}{run.stderr}")
    return load_calibration(failed if run.returncode else session.calibration_path)


def turns_deg(ours: Calibration, theirs: Calibration) -> dict[tuple[str, str], float]:
    """Return by how much the relative rotation of each pair of cameras differs."""
    theirs = theirs.subset(ours.names)
    a, b = ([c.camera_from_world[:3, :3] for c in rig.cameras] for rig in (ours, theirs))
    return {
        (ours.names[i], ours.names[j]): float(angle_between_deg(a[i] @ a[j].T, b[i] @ b[j].T))
        for i in range(len(a))
        for j in range(i)
    }


def apart_mm(ours: Calibration, theirs: Calibration) -> list[float]:
    """Return by how much the position of each camera differs, after the best rigid motion."""
    theirs = theirs.subset(ours.names)
    a, b = (np.stack([camera.center for camera in rig.cameras]) for rig in (ours, theirs))
    _, rotation, shift = similarity(a, b, with_scale=False)
    return list(1000.0 * np.linalg.norm(a @ rotation.T + shift - b, axis=1))


def _who_is_right(
    session: Session, ours: Calibration, theirs: Calibration, late: str
) -> list[Figure]:
    """Return how well either pose of the late camera explains its corners, in frames unseen."""
    board = session.board()
    found = [load_artifact(session.calibration_corners_path(n), Corners) for n in ours.names]
    shifted = [shift_frames(each, each.camera == late) for each in found]
    halves = [_frames_of(shifted, parity) for parity in (0, 1)]
    solved = [calibrate(half, board, lenses=ours.cameras).calibration for half in halves]
    unseen = [
        corner_px(half, rig, board, late)
        for half, rig in zip(halves, reversed(solved), strict=True)
    ]
    # Theirs is asked with both pairings, and the kinder one counts.
    told = min(corner_px(each, theirs, board, late) for each in (found, shifted))
    both = turns_deg(solved[0], solved[1])
    mine = max(deg for pair, deg in both.items() if late in pair)
    return [
        Figure(f"    '{late}' by our poses, frames not solved from, median", max(unseen), "px",
               0.5 * told),
        Figure("      by caliscope's poses, all frames", told, "px"),
        Figure("    its rotations from either half of the frames", mine, "deg", 1.0),
    ]  # fmt: skip


def _frames_of(corners: Sequence[Corners], parity: int) -> list[Corners]:
    """Return the corners of every other run of four frames."""
    out = []
    for each in corners:
        mine = each.frame // 4 % 2 == parity
        out.append(
            replace(each, frame=each.frame[mine], corner_id=each.corner_id[mine],
                    pixels=each.pixels[mine])
        )  # fmt: skip
    return out


def corner_px(corners: Sequence[Corners], rig: Calibration, board: Board, name: str) -> float:
    """Return the median distance of a camera's corners, px, where others saw the board too.

    All cameras are held; the board is placed anew in every frame.
    """
    rig = rig.subset([each.camera for each in corners])
    views = pack_views(merge_still(corners)[0], board)
    lens = np.stack([camera.lens for camera in rig.cameras])
    poses = np.stack([camera.camera_from_world for camera in rig.cameras])
    state = RigState(lens, poses, np.tile(np.eye(4), (views.frame_count, 1, 1)))
    single = planar_poses(views, lens, homographies(views))
    state, _ = choose_boards(views, state, single, Loss(CAUCHY, 20.0))
    held = np.zeros((state.parameters * len(lens), 0))
    for scale_px in (20.0, 2.0):
        loss = Loss(CAUCHY, scale_px)
        state = adjust(views, state, loss, prior=None, free=held, max_iterations=30).state
    shared = np.diff(views.arrays.frame_start)[views.view_frame] > 1
    mine = shared & (views.arrays.view_camera == list(rig.names).index(name))
    of_view = np.repeat(mine, np.diff(views.arrays.view_start))
    return float(np.nanmedian(np.linalg.norm(residuals(views, state), axis=1)[of_view]))
