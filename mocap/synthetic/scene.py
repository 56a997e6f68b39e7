"""A plain room with a light wall, seen by any camera, and the noise of its sensor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from mocap.core.camera import Camera
from mocap.core.shapes import Array, FloatArray

# Grey levels; typical of a phone video in a lit room at 720p.
SENSOR_NOISE_SIGMA = 1.5
# Ready-made noise images that are drawn from: fresh noise for every frame costs 15 ms more.
NOISE_IMAGES = 8
BACKGROUND_SUPERSAMPLING = 2
TEXTURE_CELLS = 256
SKIRTING_HEIGHT_M = 0.10
# Rays in blocks of this many rows: the whole supersampled image at once needs gigabytes.
ROWS_PER_BLOCK = 96


@dataclass(frozen=True)
class Room:
    """A closed square room on the floor z = 0.

    Attributes:
        center_m: x, y of its middle in the world.
        half_width_m: from the middle to each wall.
        height_m: of the ceiling.
        wall, floor, ceiling: display RGB, 0..1.
        seed: of the texture.
    """

    center_m: tuple[float, float] = (0.0, 0.0)
    half_width_m: float = 5.2
    height_m: float = 3.6
    wall: tuple[float, float, float] = (0.73, 0.72, 0.70)
    floor: tuple[float, float, float] = (0.56, 0.54, 0.52)
    ceiling: tuple[float, float, float] = (0.80, 0.80, 0.80)
    seed: int = 5


def room_image(room: Room, camera: Camera) -> Array:
    """Return what `camera` sees of the empty room, (h, w, 3) float32, 0..255."""
    width, height = camera.image_size
    n = BACKGROUND_SUPERSAMPLING
    textures = _textures(room.seed)
    image = np.zeros((height, width, 3), np.float32)
    columns = (np.arange(width * n) + 0.5) / n - 0.5
    for first in range(0, height, ROWS_PER_BLOCK):
        last = min(first + ROWS_PER_BLOCK, height)
        rows = (np.arange(first * n, last * n) + 0.5) / n - 0.5
        pixels = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
        rays = camera.undistort(pixels)
        directions = np.c_[rays, np.ones(len(rays))] @ camera.camera_from_world[:3, :3]
        colours = _room_colours(room, camera.center, directions, textures)
        blocks = colours.reshape(last - first, n, width, n, 3)
        image[first:last] = 255.0 * np.clip(blocks.mean(axis=(1, 3)), 0.0, 1.0)
    return image


class SensorNoise:
    """Grey noise that differs from frame to frame and is the same on every run."""

    def __init__(
        self, image_size: tuple[int, int], seed: int, sigma: float = SENSOR_NOISE_SIGMA
    ) -> None:
        """Draw the noise images for (width, height) with standard deviation `sigma`."""
        self._random = np.random.default_rng(seed)
        shape = (NOISE_IMAGES, image_size[1], image_size[0], 1)
        self._images = sigma * self._random.standard_normal(shape, dtype=np.float32)

    def expose(self, image: Array) -> Array:
        """Return the frame a sensor records of `image` (h, w, 3) float32, 0..255: uint8."""
        noisy = image + self._images[self._random.integers(NOISE_IMAGES)]
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _room_colours(
    room: Room, eye: FloatArray, directions: FloatArray, textures: FloatArray
) -> FloatArray:
    """Return display RGB (n, 3) of the first surface that each ray from `eye` (3,) meets."""
    low = np.array([room.center_m[0] - room.half_width_m, room.center_m[1] - room.half_width_m, 0])
    high = np.array([*(2 * np.array(room.center_m) - low[:2]), room.height_m])
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(directions > 0, high - eye, low - eye) / directions
    reach[directions == 0] = np.inf
    axis = np.argmin(reach, axis=1)
    points = eye + directions * np.take_along_axis(reach, axis[:, None], axis=1)
    colours = np.zeros_like(points)
    down, up = (axis == 2) & (directions[:, 2] < 0), (axis == 2) & (directions[:, 2] > 0)
    colours[down] = _floor_colours(room, points[down], textures[0])
    colours[up] = room.ceiling
    for wall_axis in (0, 1):
        hit = axis == wall_axis
        colours[hit] = _wall_colours(room, points[hit], 1 - wall_axis, textures[1])
    return colours


def _floor_colours(room: Room, points: FloatArray, texture: FloatArray) -> FloatArray:
    """Return a softly mottled floor with a fine grain."""
    coarse = _sample(texture, points[:, :2] * 12.0)
    fine = _sample(texture, points[:, :2] * 60.0 + 17.0)
    return np.asarray(room.floor) + (0.022 * coarse + 0.012 * fine)[:, None]


def _wall_colours(room: Room, points: FloatArray, along: int, texture: FloatArray) -> FloatArray:
    """Return a painted wall, a little lighter towards the ceiling, with a skirting board."""
    height = points[:, 2]
    mottled = 0.012 * _sample(texture, points[:, [along, 2]] * 6.0)
    colours = np.asarray(room.wall) * (0.92 + 0.05 * height)[:, None] + mottled[:, None]
    colours[height < SKIRTING_HEIGHT_M] *= 0.72
    return colours


def _textures(seed: int) -> FloatArray:
    """Return two smooth random fields (2, cell, cell) that tile, standard deviation 1."""
    random = np.random.default_rng(seed)
    fields = random.standard_normal((2, TEXTURE_CELLS, TEXTURE_CELLS))
    smooth = np.stack([gaussian_filter(field, 1.5, mode="wrap") for field in fields])
    return smooth / smooth.std(axis=(1, 2), keepdims=True)


def _sample(texture: FloatArray, cells: FloatArray) -> FloatArray:
    """Return the texture (n,) at positions (n, 2) in cells, repeating without end."""
    return np.asarray(map_coordinates(texture, cells.T, order=1, mode="grid-wrap"))
