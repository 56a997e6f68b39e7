"""Keypoints of several views become points in space, each with its covariance."""

from __future__ import annotations

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import MIN_CONFIDENCE, Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.kernels.linear import invert_symmetric, unpack_symmetric
from mocap.core.kernels.triangulation import (
    agreeing_views,
    triangulate_kernel,
    undistort_views,
)
from mocap.core.points import Points3D, Source
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.reconstruct.exact_time import at_frame_times, has_lateness
from mocap.reconstruct.noise import GATE_SIGMAS, estimate_noise_px

# Rays nearly parallel fix a direction, not a place: such a point is no measurement.
MAX_SIGMA_M = 0.5

POINTS_AT_ONCE = 200_000
"""Whatever a point needs only while it is triangulated is there for so many of them."""


def triangulate(
    tracks: Tracks2D,
    calibration: Calibration,
    *,
    max_error_px: float | None = None,
    sigma_px: float | None = None,
    min_confidence: float = MIN_CONFIDENCE,
) -> Points3D:
    """Triangulate every keypoint of every frame from the views that agree on it.

    Args:
        tracks: keypoints in pixels of the calibration; images taken between two frames count at
            their own time.
        calibration: holds at least the cameras of the tracks.
        max_error_px: views farther from the point than this are outliers; 7 sigma by default.
        sigma_px: detector noise per axis; estimated from the agreement of the views by default.
        min_confidence: keypoints below it are ignored.

    Returns:
        Points with covariance sigma² (J'J)⁻¹ of the agreeing views, their number and their median
        reprojection error. MISSING where fewer than two views agree, or where their rays are so
        parallel that the standard deviation exceeds 0.5 m.

    Raises:
        ReconstructionError: when there is one camera only or no keypoint has two agreeing views.

    >>> from mocap.synthetic.example import walker
    >>> seen = walker()
    >>> points = triangulate(seen.tracks, seen.calibration)
    >>> points.xyz.shape  # frame, person, keypoint, 3
    (60, 1, 21, 3)
    >>> error_m = np.linalg.norm(points.xyz[:, 0] - seen.xyz, axis=-1)
    >>> bool(np.nanmedian(error_m) < 0.004)  # 1 px is about 3 mm in this room
    True
    """
    solved = _triangulated(tracks, calibration, max_error_px, sigma_px, min_confidence)
    if not has_lateness(tracks):
        return solved
    exact = at_frame_times(tracks, solved, calibration, raw=True)
    return _triangulated(exact, calibration, max_error_px, sigma_px, min_confidence)


def _triangulated(
    tracks: Tracks2D,
    calibration: Calibration,
    max_error_px: float | None,
    sigma_px: float | None,
    min_confidence: float,
) -> Points3D:
    """Triangulate as if every image had been taken at its frame's instant."""
    vectors, pixels = observed_pixels(tracks, calibration, min_confidence)
    axes = (tracks.pixels.shape[1], len(tracks.person_ids), len(tracks.keypoint_names))
    sigma = estimate_noise_px(vectors, pixels, axes) if sigma_px is None else sigma_px
    gate_px = GATE_SIGMAS * sigma if max_error_px is None else max_error_px
    count = len(pixels)
    points, information = np.full((count, 3), np.nan), np.zeros((count, 6))
    error, views = np.full(count, np.nan), np.zeros(count, dtype=np.int64)
    for first in range(0, count, POINTS_AT_ONCE):
        part = slice(first, first + POINTS_AT_ONCE)
        error[part], views[part] = _solved(
            vectors, pixels[part], gate_px, sigma, points[part], information[part]
        )
    return _points_3d(tracks, points, information, error, views)


def _solved(
    vectors: FloatArray,
    pixels: FloatArray,
    gate_px: float,
    sigma_px: float,
    points: FloatArray,
    information: FloatArray,
) -> tuple[FloatArray, IntArray]:
    """Write some points and their information; return their errors and how many views agree."""
    squared_errors = np.full(pixels.shape[:2], np.nan)
    rays = rays_of(vectors, pixels)
    triangulate_kernel(vectors, pixels, rays, gate_px, points, information, squared_errors)
    information /= sigma_px**2
    known = ~np.isnan(points[:, 0])
    packed = invert_symmetric(information)
    known &= packed[:, 0] + packed[:, 3] + packed[:, 5] < 3.0 * MAX_SIGMA_M**2
    points[~known] = np.nan
    agreeing = agreeing_views(squared_errors, gate_px) & known[:, None]
    return median_error_px(squared_errors, agreeing), np.count_nonzero(agreeing, axis=1)


def observed_pixels(
    tracks: Tracks2D, calibration: Calibration, min_confidence: float = MIN_CONFIDENCE
) -> tuple[FloatArray, FloatArray]:
    """Return the camera vectors (camera, 15) and the confident pixels (point, camera, 2).

    The point axis runs over frame, person, keypoint; NaN is not seen or not confident.

    Raises:
        ReconstructionError: when the tracks have fewer than two cameras.
    """
    if len(tracks.camera_names) < 2:
        raise ReconstructionError(
            f"triangulation needs two cameras, but there is only '{tracks.camera_names[0]}'. "
            "Add the video of a second calibrated camera to the take."
        )
    vectors = calibration.subset(tracks.camera_names).vectors()
    cameras = len(vectors)
    by_point = np.moveaxis(np.asarray(tracks.pixels).reshape(cameras, -1, 2), 0, 1)
    pixels = np.array(by_point, dtype=np.float64, order="C")
    doubtful = np.asarray(tracks.confidence).reshape(cameras, -1) < min_confidence
    pixels[doubtful.T] = np.nan
    return vectors, pixels


def rays_of(vectors: FloatArray, pixels: FloatArray) -> FloatArray:
    """Return undistorted x/z, y/z (point, camera, 2) of pixels (point, camera, 2)."""
    rays = np.full_like(pixels, np.nan)
    undistort_views(vectors, pixels, rays)
    return rays


def median_error_px(squared_errors: FloatArray, agreeing: BoolArray) -> FloatArray:
    """Return the median error (point,) over agreeing views (point, camera); NaN where none."""
    errors = np.sort(np.where(agreeing, squared_errors, np.inf), axis=1)
    count = np.count_nonzero(agreeing, axis=1)
    row = np.arange(len(errors))
    low, high = np.maximum(count - 1, 0) // 2, np.maximum(count, 1) // 2
    middle = 0.5 * (np.sqrt(errors[row, low]) + np.sqrt(errors[row, high]))
    return np.where(count > 0, middle, np.nan)


def _points_3d(
    tracks: Tracks2D,
    points: FloatArray,
    information: FloatArray,
    error: FloatArray,
    views: IntArray,
) -> Points3D:
    """Assemble the result; points too uncertain to be measurements are NaN and become MISSING."""
    solved = ~np.isnan(points[:, 0])
    covariance = unpack_symmetric(invert_symmetric(information))
    covariance[~solved] = np.nan
    axes = (tracks.pixels.shape[1], len(tracks.person_ids), len(tracks.keypoint_names))
    return Points3D(
        keypoint_names=tracks.keypoint_names,
        person_ids=tracks.person_ids,
        fps=tracks.fps,
        xyz=points.reshape(*axes, 3),
        covariance=covariance.reshape(*axes, 3, 3),
        reprojection_error_px=error.reshape(axes),
        view_count=views.reshape(axes),
        source=np.where(solved, Source.MEASURED, Source.MISSING).astype(np.uint8).reshape(axes),
    )
