"""Calibration boards moved through a rig, and what the cameras see of them."""

from __future__ import annotations

import numpy as np

from mocap.core.board import Board
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Corners
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.core.transform import apply, invert, rigid

# Beyond this angle to its normal a printed board is too foreshortened to be found.
MAX_VIEW_ANGLE_DEG = 62.0
# Corners nearer to the image border than this are lost by a corner refinement window.
BORDER_PX = 4.0
# Share of close-ups of one camera in a calibration recording; the rest faces two cameras at once.
CLOSE_UP_SHARE = 0.4
# Largest turn about each axis away from the cameras: much where one camera looks on, little where
# two cameras 90 degrees apart must both see the print.
CLOSE_UP_TILT_RAD, BETWEEN_TILT_RAD = 0.45, 0.18


def scatter_board(
    calibration: Calibration, board: Board, frames: int, *, seed: int = 0
) -> FloatArray:
    """Return world_from_board (frame, 4, 4): independent poses, each facing at least one camera.

    Half of the poses turn to one camera as an operator does; the others face anywhere, mostly
    level. Positions fill a cylinder of 60 % of the distance of the cameras, up to 2.3 m high.
    """
    random = np.random.default_rng(seed)
    centers = np.stack([camera.center for camera in calibration.cameras])
    reach = 0.43 * float(np.median(np.linalg.norm(centers[:, :2], axis=1)))
    corners = board.corner_points()
    middle = corners.mean(axis=0)
    poses: list[FloatArray] = []
    while len(poses) < frames:
        position = random.uniform([-reach, -reach, 0.25], [reach, reach, 2.3])
        facing = random.normal(size=3) * np.array([1.0, 1.0, 0.35])
        if random.random() < 0.5:
            toward = centers[random.integers(len(centers))] - position
            facing = toward / np.linalg.norm(toward) + random.normal(0.0, 0.3, 3)
        pose = _facing(position, facing, random.normal(0.0, 0.5), middle)
        placed, into = _placed(pose[None], corners), pose[None, :3, 2]
        if any(_visible(camera, placed, into).sum() > 10 for camera in calibration.cameras):
            poses.append(pose)
    return np.stack(poses)


def wave_board(
    calibration: Calibration, board: Board, frames: int, *, fps: float = 15.0, seed: int = 0
) -> FloatArray:
    """Return world_from_board (frame, 4, 4) of a board carried smoothly through the rig.

    First close-ups of each camera in turn (40 % of the time), then in front of every pair of
    neighbouring cameras, facing between them; tilting and turning all the time. `fps` scales the
    speed of the tilting, `seed` its phases.
    """
    phase = np.random.default_rng(seed).uniform(0.0, 2 * np.pi, 6)
    cameras = calibration.cameras
    close_ups = round(CLOSE_UP_SHARE * frames)
    pairs = [(i, i + 1) for i in range(len(cameras) - 1)] or [(0, 0)]
    if len(cameras) > 2:
        pairs.append((len(cameras) - 1, 0))
    middle = board.corner_points().mean(axis=0)
    size = float(np.linalg.norm(board.corner_points().max(axis=0)))
    poses = []
    for frame in range(frames):
        turn = 2 * np.pi * frame / fps / 4.0
        if frame < close_ups:
            step = frame / close_ups * len(cameras)
            camera = cameras[int(step)]
            position, facing = _close_up(camera, size, 2 * np.pi * (step % 1.0))
            sway = CLOSE_UP_TILT_RAD
        else:
            step = (frame - close_ups) / (frames - close_ups) * len(pairs)
            first, second = pairs[int(step)]
            ends = np.stack([cameras[first].center, cameras[second].center])
            position, facing = _between(ends, 2 * np.pi * (step % 1.0))
            sway = BETWEEN_TILT_RAD
        tilt = sway * np.sin(turn * np.array([1.3, 1.0, 0.7]) + phase[:3])
        turned = matrix_from_rotvec(tilt) @ (facing / np.linalg.norm(facing))
        poses.append(_facing(position, turned, 0.6 * np.sin(0.8 * turn + phase[3]), middle))
    return np.stack(poses)


def _close_up(camera: Camera, size: float, angle: float) -> tuple[FloatArray, FloatArray]:
    """Return position and facing of a board sweeping the image of one camera."""
    half = np.array(camera.image_size) / 2.0 / camera.camera_matrix[0, 0]
    # At this distance the board covers about half of the shorter image side.
    distance = size / half.min() * (0.9 + 0.25 * np.sin(2 * angle))
    x, y = 0.55 * half * distance * np.array([np.sin(angle), np.sin(3 * angle)])
    world_from_camera = invert(camera.camera_from_world)
    position = apply(world_from_camera, np.array([x, y, distance]))
    return position, camera.center - position


def _between(ends: FloatArray, angle: float) -> tuple[FloatArray, FloatArray]:
    """Return position and facing of a board held up to two cameras at once."""
    middle = ends.mean(axis=0) * np.array([1.0, 1.0, 0.0])
    outward = middle / max(float(np.linalg.norm(middle)), 1e-9)
    side = np.array([-outward[1], outward[0], 0.0])
    distance = 0.12 * float(np.linalg.norm(ends[:, :2], axis=1).mean()) * np.sin(angle)
    height = 1.1 + 0.4 * np.sin(3 * angle)
    position = distance * outward + 0.4 * np.sin(2 * angle) * side + np.array([0, 0, height])
    return position, ends.mean(axis=0) - position


def _facing(
    position: FloatArray, facing: FloatArray, roll_rad: float, middle: FloatArray
) -> FloatArray:
    """Return world_from_board (4, 4): the middle at `position`, the print turned to `facing`."""
    z = -facing / np.linalg.norm(facing)  # the board's z runs into the board
    x = np.cross(np.array([0.0, 0.0, 1.0]), -z)
    x = x / np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z], axis=1)
    rotation = rotation @ matrix_from_rotvec(np.array([0.0, 0.0, roll_rad]))
    return rigid(rotation, position - rotation @ middle)


def _visible(camera: Camera, corners: FloatArray, into: FloatArray) -> BoolArray:
    """Return which corners (frame, n) of the front of the board the camera sees.

    Args:
        camera: that looks.
        corners: (frame, n, 3) of the board, flat as it was meant.
        into: (frame, 3) direction into the board.
    """
    toward = camera.center - corners.mean(axis=1)
    cosine = -np.einsum("fi,fi->f", toward, into) / np.linalg.norm(toward, axis=1)
    pixels = camera.project(corners)
    limit = np.array(camera.image_size) - 1 - BORDER_PX
    with np.errstate(invalid="ignore"):
        inside = ((pixels > BORDER_PX) & (pixels < limit)).all(axis=2)
    return np.asarray(inside & (cosine >= np.cos(np.deg2rad(MAX_VIEW_ANGLE_DEG)))[:, None])


def observe_board(
    calibration: Calibration,
    board: Board,
    poses: FloatArray,
    *,
    noise_px: float = 0.3,
    outliers: float = 0.02,
    missing: float = 0.03,
    occluded: float = 0.12,
    bow_m: float = 0.0,
    stretch: float = 0.0,
    seed: int = 0,
) -> tuple[Corners, ...]:
    """Return the corners each camera finds on boards at `poses` (frame, 4, 4).

    Args:
        calibration: the true rig.
        board: the board.
        poses: world_from_board per frame.
        noise_px: standard deviation of each pixel coordinate.
        outliers: share of corners displaced by 3 to 40 px.
        missing: share of corners not found.
        occluded: share of views in which a strip of columns is hidden.
        bow_m: by how much the middle of the board stands out of its plane: the print of the real
            world, whose corners are wrong alike in every frame in which it lies still.
        stretch: by which share the print is longer along its rows than it should be.
        seed: of the noise.
    """
    random = np.random.default_rng(seed)
    column = np.arange(board.corner_count) % (board.columns - 1)
    points = board.corner_points()
    across = 2.0 * column / max(board.columns - 2, 1) - 1.0
    points[:, 2] -= bow_m * (1.0 - across**2)
    points[:, 1] *= 1.0 + stretch
    meant, printed = (_placed(poses, each) for each in (board.corner_points(), points))
    found = []
    for camera in calibration.cameras:
        frames, ids, pixels = [], [], []
        visible, exact = _visible(camera, meant, poses[:, :3, 2]), camera.project(printed)
        for frame in range(len(poses)):
            seen = visible[frame] & (random.random(len(column)) > missing)
            if random.random() < occluded:
                seen &= column >= random.integers(2, max(3, 2 * board.columns // 3))
            if seen.sum() < max(6, board.corner_count // 5):
                continue
            ids.append(np.flatnonzero(seen))
            frames.append(np.full(int(seen.sum()), frame))
            pixels.append(_disturbed(exact[frame, seen], noise_px, outliers, random))
        found.append(_corners(camera, len(poses), frames, ids, pixels))
    return tuple(found)


def _placed(poses: FloatArray, points: FloatArray) -> FloatArray:
    """Return points (n, 3) of the board in the world (frame, n, 3)."""
    return np.asarray(points @ np.swapaxes(poses[:, :3, :3], 1, 2) + poses[:, None, :3, 3])


def _disturbed(
    pixels: FloatArray, noise_px: float, outliers: float, random: np.random.Generator
) -> FloatArray:
    """Return pixels with Gaussian noise and a share of gross errors."""
    noisy = pixels + random.normal(0.0, noise_px, pixels.shape)
    wrong = random.random(len(pixels)) < outliers
    size = random.uniform(3.0, 40.0, len(pixels))
    angle = random.uniform(0.0, 2 * np.pi, len(pixels))
    noisy[wrong] += np.stack([size * np.cos(angle), size * np.sin(angle)], axis=1)[wrong]
    return noisy


def _corners(
    camera: Camera,
    frame_count: int,
    frames: list[IntArray],
    ids: list[IntArray],
    pixels: list[FloatArray],
) -> Corners:
    """Return the corners of one camera from lists by frame."""
    empty = np.zeros(0, dtype=np.int64)
    return Corners(
        camera=camera.name,
        image_size=camera.image_size,
        frame_count=frame_count,
        frame=np.concatenate([empty, *frames]),
        corner_id=np.concatenate([empty, *ids]),
        pixels=np.concatenate([np.zeros((0, 2)), *pixels]),
    )
