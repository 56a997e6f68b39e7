"""Give the rig a floor: origin, Z up and metres from the board lying still on the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.board import Board
from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import FloatArray, IntArray
from mocap.core.transform import apply, invert, rigid

# A board on the floor does not move; its estimated pose wanders by the noise of few corners seen
# from far. A hand-held board moves more than this within the shortest window.
STILL_MM = 10.0
STILL_DEG = 1.0
MIN_STILL_FRAMES = 5
# A hand holds a board still for a second; one that lies does so for longer.
MIN_STILL_S = 1.5
# Cameras are tilted down by less than this, and most hang upright: where the board lies on the
# floor, up of more than half of the cameras is nearer to up of the board than this. A board on a
# wall or in a hand is 70 to 110 deg off.
MAX_UP_DEG = 55.0
# Frames around a given instant that are averaged, while the board is still.
MAX_WINDOW_FRAMES = 120
# Cameras of a usable rig stand above the floor by more than this.
MIN_CAMERA_HEIGHT_M = 0.02


@dataclass(frozen=True, eq=False)
class FloorWorld:
    """A rig with a floor.

    Attributes:
        calibration: the cameras in the new world.
        new_from_old: (4, 4) from the world of the calibration given.
        frames: frame numbers in which the board lay still.
        notes: what was chosen, in words.
        tilt_deg: median angle between up of the cameras and up of the floor.
    """

    calibration: Calibration
    new_from_old: FloatArray
    frames: IntArray
    notes: tuple[str, ...]
    tilt_deg: float


def world_from_board_on_floor(
    calibration: Calibration,
    world_from_board: FloatArray,
    frames: IntArray,
    board: Board,
    *,
    at_frame: int | None = None,
    fps: float = float("nan"),
) -> FloorWorld:
    """Put the floor under the board where it lies still.

    The new world has its origin on the floor below the outer corner of the board's first square, X
    along the columns of the board, Z up.

    Args:
        calibration: the rig.
        world_from_board: (frame, 4, 4) board poses in the world of the calibration.
        frames: (frame,) their frame numbers, ascending.
        board: the board; its thickness lies between the print and the floor.
        at_frame: a frame in which the board lay on the floor; without it, the longest still window
            of 1.5 s or more with all cameras above the board and most of them upright.
        fps: frames per second of the frame numbers; NaN for photos, of which five will do.

    Raises:
        CalibrationError: the board never lay still, was not seen at `at_frame`, or a camera would
            be under the floor.
    """
    windows = _still_windows(world_from_board, frames)
    if at_frame is not None:
        window = _window_at(windows, world_from_board, frames, at_frame)
    else:
        window = _longest_plausible(windows, calibration, world_from_board, frames, fps)
    pose = _mean_pose(world_from_board[window])
    new_from_old = _floor_from_world(pose, board.thickness_m, calibration)
    moved = calibration.transformed(new_from_old)
    check_cameras_above_floor(moved)
    first, last = int(frames[window.start]), int(frames[window.stop - 1])
    tilt_deg = float(np.median(camera_tilts_deg(moved)))
    note = (
        f"floor from the board in frames {first} to {last} "
        f"({window.stop - window.start} frames, board still; cameras tilted by "
        f"{tilt_deg:.0f} deg in the middle)."
    )
    doubt = _doubt(moved)
    notes = (note,) if not doubt else (note, f"{doubt} It was taken because you named the instant.")
    return FloorWorld(moved, new_from_old, frames[window], notes, tilt_deg)


def camera_tilts_deg(calibration: Calibration) -> FloatArray:
    """Return the angle (camera,) between up in each image and up of the world, in degrees."""
    up = np.array([-camera.camera_from_world[1, 2] for camera in calibration.cameras])
    return np.asarray(np.rad2deg(np.arccos(np.clip(up, -1.0, 1.0))))


def _doubt(calibration: Calibration) -> str:
    """Return why a world is not upright; empty when most cameras are upright in it."""
    tilts = camera_tilts_deg(calibration)
    if np.mean(tilts < MAX_UP_DEG) > 0.5:
        return ""
    return (
        f"the cameras would be tilted by {np.median(tilts):.0f} deg in the middle (at most "
        f"{MAX_UP_DEG:.0f}): the board hung on a wall or was held."
    )


def check_cameras_above_floor(calibration: Calibration) -> None:
    """Refuse a world in which a camera stands in or under the floor.

    Raises:
        CalibrationError: names the cameras and their heights.
    """
    buried = [c for c in calibration.cameras if c.center[2] < MIN_CAMERA_HEIGHT_M]
    if buried:
        heights = ", ".join(f"'{c.name}' at {c.center[2]:+.2f} m" for c in buried)
        raise CalibrationError(
            f"this world has cameras under the floor: {heights}. The board did not lie on the "
            "floor at that moment, or it lay face down: choose another instant."
        )


def _still_windows(world_from_board: FloatArray, frames: IntArray) -> list[slice]:
    """Return the windows in which the board stays where it was when they began, longest first."""
    windows = []
    start = 0
    for index in range(1, len(frames) + 1):
        if index < len(frames) and _same_place(world_from_board[start], world_from_board[index]):
            continue
        windows.append(slice(start, index))
        start = index
    windows.sort(key=lambda window: window.start - window.stop)
    return [window for window in windows if window.stop - window.start >= MIN_STILL_FRAMES]


def _same_place(first: FloatArray, second: FloatArray) -> bool:
    """Return whether two board poses differ by less than a still board's noise."""
    apart_mm = 1000.0 * float(np.linalg.norm(first[:3, 3] - second[:3, 3]))
    turned = float(angle_between_deg(first[:3, :3], second[:3, :3]))
    return apart_mm < STILL_MM and turned < STILL_DEG


def _window_at(
    windows: list[slice], world_from_board: FloatArray, frames: IntArray, at_frame: int
) -> slice:
    """Return the still window around a frame, or that frame alone."""
    nearest = int(np.argmin(np.abs(frames - at_frame)))
    if abs(int(frames[nearest]) - at_frame) > MIN_STILL_FRAMES:
        raise CalibrationError(
            f"no board was seen near frame {at_frame}; the nearest is frame {frames[nearest]}. "
            "Choose an instant at which two cameras see the board on the floor."
        )
    for window in windows:
        if window.start <= nearest < window.stop:
            low = max(window.start, nearest - MAX_WINDOW_FRAMES // 2)
            return slice(low, min(window.stop, low + MAX_WINDOW_FRAMES))
    return slice(nearest, nearest + 1)


def _longest_plausible(
    windows: list[slice],
    calibration: Calibration,
    world_from_board: FloatArray,
    frames: IntArray,
    fps: float,
) -> slice:
    """Return the longest still window in which the board can have lain on the floor."""
    needed = max(MIN_STILL_S * fps, 1.0) if np.isfinite(fps) else 1.0
    long = [w for w in windows if frames[w.stop - 1] - frames[w.start] >= needed - 1.0]
    if not long:
        raise CalibrationError(
            f"the board never lay still for {MIN_STILL_S:.1f} s (moved by more than "
            f"{STILL_MM:.0f} mm or {STILL_DEG:.0f} degree). Lay it on the floor for some seconds "
            "in the calibration recording, or give the instant at which it lay there."
        )
    centers = np.stack([camera.center for camera in calibration.cameras])
    doubt = ""
    for window in long:
        pose = _mean_pose(world_from_board[window])
        height = apply(invert(pose), centers)[:, 2]
        if not ((height < -MIN_CAMERA_HEIGHT_M).all() or (height > MIN_CAMERA_HEIGHT_M).all()):
            continue
        moved = calibration.transformed(_floor_from_world(pose, 0.0, calibration))
        here = _doubt(moved)
        if not here:
            return window
        doubt = doubt or f"{here} (frames {frames[window.start]} to {frames[window.stop - 1]})"
    raise CalibrationError(
        "wherever the board was still, "
        + (doubt or "some camera is on its other side: it was held, not lying on the floor.")
        + " Lay it on the floor for some seconds, or give the instant at which it lay there."
    )


def _mean_pose(poses: FloatArray) -> FloatArray:
    """Return the mean of nearly equal poses (n, 4, 4): chordal mean rotation, median position."""
    u, _, vt = np.linalg.svd(poses[:, :3, :3].mean(axis=0))
    rotation = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return rigid(rotation, np.median(poses[:, :3, 3], axis=0))


def _floor_from_world(pose: FloatArray, thickness_m: float, calibration: Calibration) -> FloatArray:
    """Return new_from_old (4, 4) that puts a board pose on the floor, print towards the cameras."""
    centers = np.stack([camera.center for camera in calibration.cameras])
    # The board's z runs into the board: away from cameras that see its front.
    face_up = float(np.median(apply(invert(pose), centers)[:, 2])) < 0.0
    z = -pose[:3, 2] if face_up else pose[:3, 2]
    x = pose[:3, 0]
    rotation = np.stack([x, np.cross(z, x), z])
    # Face up the print lies on top of the board; face down (its back seen) it touches the floor.
    origin = pose[:3, 3] - z * (thickness_m if face_up else 0.0)
    return rigid(rotation, -rotation @ origin)
