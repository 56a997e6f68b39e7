"""Footage of a ChArUco board that is waved through a rig and then laid on the floor."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mocap.core.board import Board
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, FloatArray
from mocap.core.transform import rigid
from mocap.synthetic.footage.render import STUDIO_LIGHT, Panel, Renderer
from mocap.synthetic.scene import Room, SensorNoise, room_image

# Circling the middle of the volume once gave no frame that two cameras could both read. Close-ups
# of each camera fix its lens, views that face two neighbours fix where they stand.
CLOSE_UP_SHARE = 0.4
# Neighbours farther apart than this cannot both read a flat board: 50 degrees of slant each.
WIDEST_PAIR_DEG = 100.0
CLOSE_UP_DISTANCE_M = (1.2, 2.2)
CHEST_HEIGHT_M = 1.1
# Every turn tilts the board at a pace and from a phase of its own. A board that moves alike before
# every pair of cameras cannot tell them when it was before which: each lag of a turn fits.
TURN_PACES, TURN_PHASE_RAD = (0.88, 1.0, 1.12), 2.4
# Paper and ink as a camera sees them: neither is pure.
INK_LEVEL, PAPER_LEVEL = 20, 239
# Sides that halve four times without a remainder: mipmaps of other sizes shift the print.
PIXELS_PER_SQUARE = 128
MARGIN_PIXELS = 24


def board_panel(board: Board) -> Panel:
    """Return the front of a printed board, in OpenCV's board frame, with a white margin."""
    import cv2

    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    charuco = cv2.aruco.CharucoBoard(
        (board.columns, board.rows), board.square_length_m, board.marker_length_m, dictionary
    )
    charuco.setLegacyPattern(board.legacy_pattern)
    columns, rows = board.columns * PIXELS_PER_SQUARE, board.rows * PIXELS_PER_SQUARE
    size = (columns + 2 * MARGIN_PIXELS, rows + 2 * MARGIN_PIXELS)
    grey = np.asarray(charuco.generateImage(size, marginSize=MARGIN_PIXELS, borderBits=1))
    if board.inverted:
        grey = 255 - grey
    levels = INK_LEVEL + grey / 255.0 * (PAPER_LEVEL - INK_LEVEL)
    metres = board.square_length_m / PIXELS_PER_SQUARE
    return Panel(
        print_image=np.repeat(np.rint(levels).astype(np.uint8)[..., None], 3, axis=2),
        left_m=-MARGIN_PIXELS * metres,
        top_m=-MARGIN_PIXELS * metres,
        width_m=size[0] * metres,
        height_m=size[1] * metres,
    )


def waved_board(calibration: Calibration, board: Board, frame_count: int) -> FloatArray:
    """Return world_from_board (frame, 4, 4): close-ups per camera, then each neighbouring pair.

    Every camera and every pair gets one turn; the path jumps between them, as footage does from
    which the walking was cut. Distances and slants keep the print legible, which exact corners
    (`boards.wave_board`) do not need.

    Raises:
        InputError: when no two cameras are near enough for one board to face both.
    """
    close_up_frames = round(CLOSE_UP_SHARE * frame_count)
    center = np.mean([camera.center for camera in calibration.cameras], axis=0)
    bisectors = _pair_azimuths(calibration, center)
    if not bisectors:
        raise InputError(
            "no two cameras of this rig stand within "
            f"{WIDEST_PAIR_DEG:.0f} degrees of each other, seen from their middle: they never read "
            "a board at the same time. Move them closer together."
        )
    poses = []
    for turn, phase in _turns(len(calibration.cameras), close_up_frames):
        poses.append(_close_up(calibration.cameras[turn], phase, _own(turn, phase), board))
    for turn, phase in _turns(len(bisectors), frame_count - close_up_frames):
        own = _own(turn + len(calibration.cameras), phase)
        poses.append(_facing_pair(center, bisectors[turn], phase, own, board))
    return np.stack(poses)


def board_on_floor(board_center_xy_m: tuple[float, float], board: Board) -> FloatArray:
    """Return world_from_board (4, 4) of a board lying face up on the floor, x along world x."""
    width, height = board.columns * board.square_length_m, board.rows * board.square_length_m
    x, y = board_center_xy_m
    return rigid(np.diag([1.0, -1.0, -1.0]), np.array([x - width / 2, y + height / 2, 0.0]))


def board_frames(
    calibration: Calibration, board: Board, world_from_board: Array, room: Room, *, seed: int
) -> Iterator[tuple[int, str, Array]]:
    """Yield frame number, camera name and image (h, w, 3) uint8 RGB of a moving board.

    `world_from_board` is (frame, 4, 4). All cameras must have the same image size. Frame by
    frame, all cameras of a frame in rig order.
    """
    size = calibration.cameras[0].image_size
    panel = board_panel(board)
    rooms = {camera.name: room_image(room, camera) for camera in calibration.cameras}
    noise = SensorNoise(size, seed)
    with Renderer(size) as renderer:
        for frame, pose in enumerate(world_from_board):
            for camera in calibration.cameras:
                image = rooms[camera.name].copy()
                layer = renderer.draw_panel(camera, panel, pose, STUDIO_LIGHT)
                if layer is not None:
                    layer.over(image)
                yield frame, camera.name, noise.expose(image)


def _turns(count: int, frames: int) -> Iterator[tuple[int, float]]:
    """Yield for each frame whose turn it is and how far the turn has come, 0..2 pi."""
    for frame in range(frames):
        progress = frame / frames * count
        yield int(progress), 2.0 * np.pi * (progress % 1.0)


def _own(turn: int, phase: float) -> float:
    """Return the phase of a turn's tilting, unlike that of any other turn."""
    return TURN_PACES[turn % len(TURN_PACES)] * phase + TURN_PHASE_RAD * turn


def _pair_azimuths(calibration: Calibration, center: FloatArray) -> list[float]:
    """Return the azimuths half-way between neighbouring cameras, seen from the middle."""
    offsets = np.array([camera.center - center for camera in calibration.cameras])
    azimuths = np.sort(np.arctan2(offsets[:, 1], offsets[:, 0]))
    gaps = np.diff(azimuths, append=azimuths[0] + 2.0 * np.pi)
    near = gaps < np.deg2rad(WIDEST_PAIR_DEG)
    return [float(value) for value in (azimuths + gaps / 2.0)[near]]


def _close_up(camera: Camera, phase: float, own: float, board: Board) -> FloatArray:
    """Sweep over the image of one camera at reading distance, tilted up to 32 degrees."""
    near, far = CLOSE_UP_DISTANCE_M
    distance = (near + far) / 2.0 + (far - near) / 2.0 * np.sin(2.0 * phase)
    # The share of the distance that keeps the board's middle inside a 4:3 image of 50 degrees.
    offset = distance * np.array([0.28 * np.sin(phase), 0.17 * np.sin(3.0 * phase), 1.0])
    world_from_camera = np.linalg.inv(camera.camera_from_world)
    position = world_from_camera[:3, :3] @ offset + world_from_camera[:3, 3]
    facing = -camera.camera_from_world[2, :3]
    wobble_deg = (32.0 * np.sin(3.0 * own + 1.0), 32.0 * np.cos(2.0 * own))
    return _pose(position, facing, wobble_deg, 40.0 * np.sin(own + 0.5), board)


def _facing_pair(
    center: FloatArray, azimuth: float, phase: float, own: float, board: Board
) -> FloatArray:
    """Sweep near the middle of the volume, facing half-way between two cameras."""
    outward = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    sideways = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    position = center + (0.1 - 0.7 * np.sin(phase)) * outward
    position = position + 0.5 * np.sin(2.0 * phase) * sideways
    position[2] = CHEST_HEIGHT_M + 0.45 * np.sin(3.0 * phase)
    facing = outward + np.array([0.0, 0.0, 0.15])
    wobble_deg = (16.0 * np.sin(2.0 * own), 26.0 * np.sin(2.7 * own + 0.7))
    return _pose(position, facing, wobble_deg, 35.0 * np.sin(1.4 * own + 0.3), board)


def _pose(
    position: FloatArray,
    facing: FloatArray,
    wobble_deg: tuple[float, float],
    roll_deg: float,
    board: Board,
) -> FloatArray:
    """Return world_from_board with the board's middle at `position`, its print turned to `facing`.

    `wobble_deg` turns it sideways and upwards from there, `roll_deg` within its own plane.
    """
    azimuth = np.arctan2(facing[1], facing[0]) + np.deg2rad(wobble_deg[0])
    elevation = np.arcsin(facing[2] / np.linalg.norm(facing)) + np.deg2rad(wobble_deg[1])
    flat = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    into_print = -(np.cos(elevation) * flat + np.sin(elevation) * np.array([0.0, 0.0, 1.0]))
    right = np.cross(into_print, [0.0, 0.0, 1.0])
    right = right / np.linalg.norm(right)
    rotation = np.stack([right, np.cross(into_print, right), into_print], axis=1)
    rotation = rotation @ matrix_from_rotvec(np.array([0.0, 0.0, np.deg2rad(roll_deg)]))
    middle = board.square_length_m / 2.0 * np.array([board.columns, board.rows, 0.0])
    return rigid(rotation, position - rotation @ middle)
