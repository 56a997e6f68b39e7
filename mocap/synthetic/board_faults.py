"""Board recordings with known truth and one known fault: what a technician gets wrong in practice.

Every function takes what the cameras of a sound rig see and returns what they would have seen with
that fault, so that a test can ask whether the calibration names it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.board import Board
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Corners
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import BoolArray, FloatArray
from mocap.core.transform import rigid
from mocap.synthetic.boards import observe_board, wave_board
from mocap.synthetic.rigs import ring

BOARD = Board("faults", 10, 7, 0.08, 0.06, "DICT_4X4_50")
LOOKS_PER_SECOND = 15.0
# The board is carried through the rig so many times: with one lap, pairs of cameras are seen once
# each, and nobody could tell which of two was moved between.
LAPS = 2
# A still board stays this long at each place.
STILL_S = 3.0


@dataclass(frozen=True, eq=False)
class BoardRecording:
    """A recording of a waved board.

    Attributes:
        rig: the truth.
        poses: world_from_board (frame, 4, 4).
        corners: what each camera saw.
    """

    rig: Calibration
    poses: FloatArray
    corners: tuple[Corners, ...]


def random_rig(seed: int, *, least: int = 3, most: int = 16) -> Calibration:
    """Return a rig set up by hand: `least` to `most` cameras on a ring or an arc, all different."""
    random = np.random.default_rng([seed, 17])
    count = int(random.integers(least, most + 1))
    full = count >= 5 and random.random() < 0.6
    size = [(1280, 720), (1920, 1080), (960, 720)][int(random.integers(3))]
    return ring(
        count,
        radius_m=float(random.uniform(2.6, 4.2)),
        heights_m=(float(random.uniform(1.2, 1.8)), float(random.uniform(2.0, 2.8))),
        focal_px=float(random.uniform(0.65, 0.95)) * size[0],
        image_size=size,
        arc_deg=360.0 if full else float(random.uniform(22.0, 38.0)) * (count - 1),
        jitter=1.0,
        seed=seed,
    )


def record(
    rig: Calibration,
    *,
    seed: int = 0,
    frames: int | None = None,
    places: Sequence[FloatArray] = (),
    bow_m: float = 0.0,
    noise_px: float = 0.3,
) -> BoardRecording:
    """Return a recording of a board waved through the rig, 15 frames a second.

    Args:
        rig: the true cameras.
        seed: of the waving and of the noise.
        frames: length of the waving; some seconds a camera when not given.
        places: world_from_board (4, 4) of places at which the board then lies still for 3 s each.
        bow_m, noise_px: see `observe_board`.
    """
    count = frames if frames is not None else max(240, 45 * len(rig.cameras))
    laps = [count // LAPS] * LAPS
    poses = [
        wave_board(rig, BOARD, lap, fps=LOOKS_PER_SECOND, seed=seed + 70 * number)
        for number, lap in enumerate(laps)
    ]
    poses += [np.tile(place, (round(STILL_S * LOOKS_PER_SECOND), 1, 1)) for place in places]
    joined = np.concatenate(poses)
    corners = observe_board(rig, BOARD, joined, seed=seed + 500, bow_m=bow_m, noise_px=noise_px)
    return BoardRecording(rig, joined, corners)


def lying(x_m: float, y_m: float, turn_deg: float = 0.0) -> FloatArray:
    """Return world_from_board (4, 4) of a board lying face up on the floor."""
    turn = matrix_from_rotvec(np.array([0.0, 0.0, np.deg2rad(turn_deg)]))
    return rigid(turn @ np.diag([1.0, -1.0, -1.0]), np.array([x_m, y_m, 0.0]))


def held_upright(x_m: float, y_m: float, towards_deg: float, height_m: float = 1.2) -> FloatArray:
    """Return world_from_board (4, 4) of a board held still or hung up, facing `towards_deg`."""
    angle = np.deg2rad(towards_deg)
    z = -np.array([np.cos(angle), np.sin(angle), 0.0])
    x = np.cross(np.array([0.0, 0.0, 1.0]), -z)
    return rigid(np.stack([x, np.cross(z, x), z], axis=1), np.array([x_m, y_m, height_m]))


def keep(corners: Corners, chosen: BoolArray) -> Corners:
    """Return some of the corners of a camera (n,)."""
    return replace(
        corners,
        frame=corners.frame[chosen],
        corner_id=corners.corner_id[chosen],
        pixels=corners.pixels[chosen],
    )


def with_camera(corners: Sequence[Corners], index: int, other: Corners) -> tuple[Corners, ...]:
    """Return the corners with those of one camera exchanged."""
    return tuple(other if i == index else each for i, each in enumerate(corners))


def moved_camera(camera: Camera, turn_deg: float, shift_mm: float, seed: int) -> Camera:
    """Return a camera turned by an angle about a random axis and shifted in a random direction."""
    random = np.random.default_rng([seed, 3])
    axis, direction = random.normal(size=3), random.normal(size=3)
    axis, direction = axis / np.linalg.norm(axis), direction / np.linalg.norm(direction)
    turn = matrix_from_rotvec(np.deg2rad(turn_deg) * axis)
    pose = rigid(turn, np.zeros(3)) @ camera.camera_from_world
    pose[:3, 3] += 0.001 * shift_mm * direction
    return replace(camera, camera_from_world=pose)


def moved_half_way(
    recording: BoardRecording, index: int, frame: int, turn_deg: float, shift_mm: float, seed: int
) -> tuple[Corners, ...]:
    """Return the corners with one camera moved at a frame."""
    cameras = list(recording.rig.cameras)
    cameras[index] = moved_camera(cameras[index], turn_deg, shift_mm, seed)
    after = observe_board(
        Calibration((cameras[index],)), BOARD, recording.poses, seed=seed + 900, noise_px=0.3
    )[0]
    before = keep(recording.corners[index], recording.corners[index].frame < frame)
    after = keep(after, after.frame >= frame)
    return with_camera(recording.corners, index, joined(before, after))


def joined(first: Corners, second: Corners) -> Corners:
    """Return the corners of both parts of one camera's recording."""
    return replace(
        first,
        frame=np.concatenate([first.frame, second.frame]),
        corner_id=np.concatenate([first.corner_id, second.corner_id]),
        pixels=np.concatenate([first.pixels, second.pixels]),
    )


def late(corners: Corners, frames: int) -> Corners:
    """Return the corners of a camera that was started so many frames after the others."""
    moved = replace(corners, frame=corners.frame - frames)
    return keep(moved, (moved.frame >= 0) & (moved.frame < corners.frame_count))


def other_rate(corners: Corners, rate: float) -> Corners:
    """Return the corners of a camera that records `rate` times as fast as the others.

    Its frame k shows the instant k / rate; frames in between are taken from the nearest one.
    """
    source = np.unique(corners.frame)
    parts = []
    for k in range(round(corners.frame_count * rate)):
        near = round(k / rate)
        if near in source:
            part = keep(corners, corners.frame == near)
            parts.append(replace(part, frame=np.full(len(part.frame), k)))
    return replace(
        corners,
        frame=np.concatenate([part.frame for part in parts]),
        corner_id=np.concatenate([part.corner_id for part in parts]),
        pixels=np.concatenate([part.pixels for part in parts]),
    )


def mirrored(corners: Corners) -> Corners:
    """Return the corners found in a mirrored video: left and right exchanged."""
    pixels = corners.pixels.copy()
    pixels[:, 0] = corners.image_size[0] - 1 - pixels[:, 0]
    return replace(corners, pixels=pixels)


def copied(corners: Corners, name: str, *, noise_px: float = 0.05, seed: int = 0) -> Corners:
    """Return the corners of a video that was encoded again under another name."""
    noise = np.random.default_rng(seed).normal(0.0, noise_px, corners.pixels.shape)
    return replace(corners, camera=name, pixels=corners.pixels + noise)


def fisheye(recording: BoardRecording, index: int) -> tuple[Corners, ...]:
    """Return the corners with one camera looking through an equidistant fisheye lens."""
    camera = recording.rig.cameras[index]
    old = recording.corners[index]
    rays = camera.undistort(old.pixels)
    radius = np.linalg.norm(rays, axis=1, keepdims=True)
    bent = rays * np.arctan(radius) / np.maximum(radius, 1e-9)
    pixels = bent * camera.camera_matrix[[0, 1], [0, 1]] * 1.15 + camera.camera_matrix[:2, 2]
    return with_camera(recording.corners, index, replace(old, pixels=pixels))


def high_rig(count: int) -> Calibration:
    """Return cameras high up that look down on the floor: a lying board is seen by all."""
    return ring(count, radius_m=1.8, heights_m=(2.6, 3.0), focal_px=900.0, jitter=1.0, seed=count)


def observe(rig: Calibration, poses: FloatArray, *, stretch: float = 0.0) -> tuple[Corners, ...]:
    """Return what a rig sees of a board at poses, printed `1 + stretch` times too tall."""
    return observe_board(rig, BOARD, poses, noise_px=0.3, stretch=stretch, seed=7)


def turned(poses: FloatArray, rotvecs: FloatArray) -> FloatArray:
    """Return board poses (n, 4, 4) turned about their origin by rotation vectors (n, 3)."""
    turns = rigid(matrix_from_rotvec(rotvecs), np.zeros((len(rotvecs), 3)))
    return np.asarray(poses @ turns)
