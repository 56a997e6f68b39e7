"""How far measured points will be off because of the calibration, all over the volume.

Cameras that are a little wrong put a point a little beside itself. To first order a point moves by
dX = (sum Jx' Jx)^-1 sum Jx' Jc dc, the sum running over the cameras that see it, with Jx and Jc the
derivatives of its pixel by the point and by the parameters c of the camera; with the covariance
of all cameras that gives the covariance of the point. What a detector adds is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate.adjust import RigState
from mocap.core.kernels.compiled import kernel
from mocap.core.lens import MIN_DEPTH_M, project_point_jacobian
from mocap.core.shapes import FloatArray, IntArray, check_shapes
from mocap.core.transform import apply

# Points along each side of the box that holds the places where the board was.
POINTS_A_SIDE = 6


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """Predicted error of points.

    Attributes:
        points: (point, 3) m, in the world of the calibration.
        sd_mm: (point,) standard deviation, root of the trace; NaN where fewer than two cameras see.
        views: (point,) cameras that see it.
    """

    points: FloatArray
    sd_mm: FloatArray
    views: IntArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, points="point 3", sd_mm="point", views="point")

    @property
    def median_mm(self) -> float:
        """The median over the points that two cameras see; NaN without any."""
        return float(np.nanmedian(self.sd_mm)) if np.isfinite(self.sd_mm).any() else float("nan")

    @property
    def worst_mm(self) -> float:
        """The error that 95 % of the points stay below."""
        known = self.sd_mm[np.isfinite(self.sd_mm)]
        return float(np.percentile(known, 95)) if len(known) else float("nan")


def volume_grid(places: FloatArray) -> FloatArray:
    """Return a grid of points (n, 3) in the box of places (m, 3) where the board was."""
    low, high = np.percentile(places, [5.0, 95.0], axis=0)
    axes = [np.linspace(a, b, POINTS_A_SIDE) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


def predicted_errors(
    state: RigState,
    image_sizes: tuple[tuple[int, int], ...],
    covariance: FloatArray,
    points: FloatArray,
) -> ErrorMap:
    """Return the error of points (n, 3) that a covariance (p camera, p camera) predicts."""
    moved, views = _moved(state, image_sizes, points)
    variance = np.einsum("nij,nij->n", moved @ covariance, moved)
    return ErrorMap(points, 1000.0 * np.sqrt(np.maximum(variance, 0.0)), views)


def predicted_lengths_mm(
    state: RigState,
    image_sizes: tuple[tuple[int, int], ...],
    covariance: FloatArray,
    ends: FloatArray,
) -> FloatArray:
    """Return the standard deviation (n,) in mm of the lengths between ends (n, 2, 3).

    Both ends move with the same cameras, so most of it cancels; NaN where one of them is not seen
    by two cameras.
    """
    moved, _ = _moved(state, image_sizes, ends.reshape(-1, 3))
    moved = moved.reshape(len(ends), 2, 3, -1)
    along = ends[:, 1] - ends[:, 0]
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    by_camera = np.einsum("ni,nip->np", along, moved[:, 1] - moved[:, 0])
    variance = np.einsum("np,pq,nq->n", by_camera, covariance, by_camera)
    return np.asarray(1000.0 * np.sqrt(np.maximum(variance, 0.0)))


def _moved(
    state: RigState, image_sizes: tuple[tuple[int, int], ...], points: FloatArray
) -> tuple[FloatArray, IntArray]:
    """Return how points (n, 3) move (n, 3, p camera) with all cameras, and who sees them (n,).

    NaN where fewer than two cameras do.
    """
    cameras, per_camera = len(state.lens), state.parameters
    normal = np.zeros((len(points), 3, 3))
    pull = np.zeros((len(points), 3, cameras * per_camera))
    views = np.zeros(len(points), dtype=np.int64)
    for camera, pose in enumerate(state.camera_from_world):
        inside = apply(pose, points)
        pixels = np.full((len(points), 2), np.nan)
        d_lens, d_point = np.zeros((len(points), 2, 12)), np.zeros((len(points), 2, 3))
        _jacobians(state.lens[camera], inside, pixels, d_lens, d_point)
        with np.errstate(invalid="ignore"):
            inside_image = (pixels >= 0) & (pixels < np.array(image_sizes[camera]))
        seen = np.asarray(inside_image.all(axis=1))
        views += seen
        by_point = np.where(seen[:, None, None], d_point @ pose[:3, :3], 0.0)
        # A small turn omega of the camera moves the point by omega x X.
        turn = np.cross(inside[:, None, :], d_point)
        by_camera = np.concatenate([turn, d_point, d_lens[:, :, : per_camera - 6]], axis=2)
        across = np.swapaxes(by_point, 1, 2)
        normal += across @ by_point
        pull[:, :, camera * per_camera : (camera + 1) * per_camera] = across @ by_camera
    moved = np.full_like(pull, np.nan)
    known = views >= 2
    moved[known] = np.linalg.solve(normal[known], pull[known])
    return moved, views


@kernel
def _jacobians(
    lens: FloatArray,
    inside: FloatArray,
    pixels: FloatArray,
    d_lens: FloatArray,
    d_point: FloatArray,
) -> None:
    """Write pixels (n, 2) and derivatives of points (n, 3) in front of a camera."""
    for n in range(len(inside)):
        x, y, z = inside[n, 0], inside[n, 1], inside[n, 2]
        if z > MIN_DEPTH_M:
            u, v = project_point_jacobian(lens, x, y, z, d_lens[n], d_point[n])
            pixels[n, 0] = u
            pixels[n, 1] = v
