"""Rigs of cameras with known truth."""

from __future__ import annotations

import numpy as np

from mocap.core.camera import Calibration, Camera
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.core.transform import look_at, rigid

# A mild barrel lens of a good machine-vision objective: k1 k2 p1 p2 k3.
MILD_LENS = (-0.08, 0.02, 0.0, 0.0, 0.0)


def ring(
    count: int = 4,
    *,
    radius_m: float = 4.0,
    heights_m: tuple[float, ...] = (1.3, 2.2),
    focal_px: float = 960.0,
    image_size: tuple[int, int] = (960, 720),
    arc_deg: float = 360.0,
    distortion: tuple[float, ...] = MILD_LENS,
    target_m: tuple[float, float, float] = (0.0, 0.0, 1.0),
    jitter: float = 0.0,
    seed: int = 0,
) -> Calibration:
    """Return cameras named cam1, cam2, … on an arc around the origin, looking at `target_m`.

    Args:
        count: number of cameras.
        radius_m: distance of the cameras from the vertical axis.
        heights_m: heights taken in turn.
        focal_px: focal length.
        image_size: (width, height).
        arc_deg: angle covered by the cameras; 360 spreads them evenly round the circle.
        distortion: k1 k2 p1 p2 k3.
        target_m: point in the middle of every image.
        jitter: 0 for a perfect ring; 1 for the scatter of a rig set up by hand (positions about
            0.2 m, focal lengths 5 %, principal point 12 px, lens coefficients, roll 2 deg).
        seed: of the jitter.
    """
    random = np.random.default_rng(seed)
    full = abs(arc_deg) >= 360.0
    angles = np.deg2rad(np.linspace(0.0, arc_deg, count, endpoint=not full))
    cameras = []
    for index, angle in enumerate(angles):
        angle += jitter * random.normal(0.0, 0.08)
        radius = radius_m + jitter * random.uniform(-0.3, 0.5)
        height = heights_m[index % len(heights_m)] + jitter * random.uniform(-0.15, 0.15)
        position = np.array([radius * np.cos(angle), radius * np.sin(angle), height])
        aim = np.array(target_m) + jitter * random.normal(0.0, 0.1, 3)
        roll = matrix_from_rotvec(np.array([0.0, 0.0, jitter * random.normal(0.0, 0.03)]))
        pose = rigid(roll, np.zeros(3)) @ look_at(position, aim)
        matrix, lens = _lens(focal_px, image_size, distortion, jitter, random)
        cameras.append(Camera(f"cam{index + 1}", image_size, matrix, lens, pose))
    return Calibration(tuple(cameras), metadata={"source": "synthetic ring"})


def _lens(
    focal_px: float,
    image_size: tuple[int, int],
    distortion: tuple[float, ...],
    jitter: float,
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Return a camera matrix and distortion scattered as lenses of one batch are."""
    focal = focal_px * (1.0 + jitter * random.uniform(-0.08, 0.08))
    aspect = 1.0 + jitter * random.normal(0.0, 0.0015)
    center = (np.array(image_size) - 1.0) / 2.0 + jitter * random.normal(0.0, 12.0, 2)
    spread = np.array([0.03, 0.02, 7e-4, 7e-4, 0.004])
    lens = np.array(distortion, dtype=np.float64) + jitter * random.normal(0.0, 1.0, 5) * spread
    matrix = np.array([[focal, 0.0, center[0]], [0.0, focal * aspect, center[1]], [0.0, 0.0, 1.0]])
    return matrix, lens


def laboratory(seed: int = 1, count: int = 8) -> Calibration:
    """Return the rig of the geometry benchmark: full HD cameras set up by hand round a room."""
    return ring(
        count,
        radius_m=4.3,
        heights_m=(1.2, 2.6),
        focal_px=1250.0,
        image_size=(1920, 1080),
        distortion=(-0.12, 0.06, 0.0, 0.0, -0.012),
        target_m=(0.0, 0.0, 1.05),
        jitter=1.0,
        seed=seed,
    )
