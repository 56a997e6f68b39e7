"""How precise a detector is, estimated from how well its views agree."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaincinv

from mocap.core.errors import ReconstructionError
from mocap.core.kernels.triangulation import agreeing_views, triangulate_kernel, undistort_views
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.reconstruct.smoothing_kernels import reprojection_terms

# Tukey's gate in standard deviations. Nearer gates lose accuracy (8 cameras, 2 px noise, 10 %
# outliers: 3 sigma costs 12 % over 6 to 8 sigma); wider ones admit outliers.
GATE_SIGMAS = 7.0

# Below this a noise-free synthetic scene would make the gate smaller than rounding.
MIN_NOISE_PX = 0.1

# The first gate: wide enough for any detector at work, as a share of the longest focal length
# (0.04 rad; a person 4 m away then covers 16 cm).
_FIRST_GATE_SHARE_OF_FOCAL = 0.04
# Some 10 degrees of freedom each: sigma to 1 %.
_SAMPLE_POINTS = 800
# The gate follows sigma until both stand still: a round more or less must not be seen in a result.
_STILL = 1e-3
_MAX_ROUNDS = 20

Axes = tuple[int, int, int]
"""How many frames, people and keypoints there are."""


def drawn(usable: BoolArray, count: int) -> IntArray:
    """Return the flat indices of at most `count` usable places (frame, person, keypoint), in order.

    Every place has a rank of its own, whatever else is usable, and the lowest ranks are taken. So
    an edit that takes points away or adds some exchanges only as many of those drawn as it touches,
    and what is estimated from them stays what it was. The ranks are a hash of the three numbers
    (the finalizer of SplitMix64; Steele et al. 2014, "Fast splittable pseudorandom number
    generators"): they have nothing to do with the order of frames or keypoints.
    """
    places = np.flatnonzero(usable)
    if len(places) <= count:
        return places
    frame, person, keypoint = np.unravel_index(places, usable.shape)
    rank = (frame.astype(np.uint64) << 32) + (person.astype(np.uint64) << 16)
    rank = (rank + keypoint.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    rank = (rank ^ (rank >> 30)) * np.uint64(0xBF58476D1CE4E5B9)
    rank = (rank ^ (rank >> 27)) * np.uint64(0x94D049BB133111EB)
    rank = rank ^ (rank >> 31)
    return np.sort(places[np.argpartition(rank, count - 1)[:count]])


def estimate_noise_px(vectors: FloatArray, pixels: FloatArray, axes: Axes | None = None) -> float:
    """Return the standard deviation per axis, in pixels, of observations (point, camera, 2).

    The point axis runs over `axes`: frame, person, keypoint; without, over frames.

    The sum of squared residuals of a point seen by m agreeing views is sigma² times a chi-square
    variable with 2 m - 3 degrees of freedom; sigma is such that the median over points fits, and
    the gate that decides which views agree follows sigma until both are stable. Constant errors
    of the rig count as noise here; `rig_check` tells them apart.

    Raises:
        ReconstructionError: when no point is seen by two agreeing views.
    """
    views = np.count_nonzero(~np.isnan(pixels[..., 0]), axis=1)
    sample = drawn((views >= 2).reshape(axes or (-1, 1, 1)), _SAMPLE_POINTS)
    if len(sample) == 0:
        raise ReconstructionError(
            "no keypoint was seen by two cameras in the same frame, so nothing can be "
            "triangulated. Check that the videos are synchronised and show the same person."
        )
    chosen = pixels[sample]
    rays = np.full_like(chosen, np.nan)
    undistort_views(vectors, chosen, rays)
    sigma = _FIRST_GATE_SHARE_OF_FOCAL * float(vectors[:, 6].max()) / GATE_SIGMAS
    for _ in range(_MAX_ROUNDS):
        previous = sigma
        sigma = max(MIN_NOISE_PX, _agreement_px(vectors, chosen, rays, GATE_SIGMAS * previous))
        if abs(sigma - previous) < _STILL * previous:
            break
    return sigma


def noise_of_points_px(
    vectors: FloatArray, pixels: FloatArray, points: FloatArray, axes: Axes | None = None
) -> float:
    """Return the noise (px per axis) of observations (point, camera, 2) of triangulated points.

    As `estimate_noise_px`, for points (point, 3) already triangulated; NaN = not triangulated.

    Raises:
        ReconstructionError: when no point was triangulated.
    """
    solved = ~np.isnan(points[:, 0])
    sample = drawn(solved.reshape(axes or (-1, 1, 1)), _SAMPLE_POINTS)
    if len(sample) == 0:
        raise ReconstructionError(
            "no keypoint was triangulated in any frame, so there is nothing to smooth. "
            "Check the calibration, the synchronisation and the detections of this take."
        )
    cameras = len(vectors)
    squared_errors = np.full((len(sample), cameras), np.nan)
    sigma = _FIRST_GATE_SHARE_OF_FOCAL * float(vectors[:, 6].max()) / GATE_SIGMAS
    reprojection_terms(
        vectors,
        pixels[sample],
        points[sample],
        1.0,
        1.0,
        np.zeros((len(sample), 6)),
        np.zeros((len(sample), 3)),
        squared_errors,
    )
    for _ in range(_MAX_ROUNDS):
        previous = sigma
        sigma = noise_from_residuals_px(squared_errors, GATE_SIGMAS * previous)
        if np.isnan(sigma) or sigma < MIN_NOISE_PX:
            return MIN_NOISE_PX
        if abs(sigma - previous) < _STILL * previous:
            break
    return sigma


def noise_from_residuals_px(squared_errors: FloatArray, gate_px: float) -> float:
    """Return the noise (px per axis) of squared errors (point, camera) of triangulated points.

    NaN where no point has two views within the gate.
    """
    agreeing = agreeing_views(squared_errors, gate_px)
    freedom = 2 * np.count_nonzero(agreeing, axis=1) - 3
    solved = freedom > 0
    if not solved.any():
        return float("nan")
    total = np.where(agreeing, squared_errors, 0.0).sum(axis=1)[solved]
    median_of_chi_square = 2.0 * gammaincinv(0.5 * freedom[solved], 0.5)
    return float(np.sqrt(np.median(total / median_of_chi_square)))


def _agreement_px(
    vectors: FloatArray, pixels: FloatArray, rays: FloatArray, gate_px: float
) -> float:
    """Triangulate with a gate and return the noise of the views that agree."""
    count, cameras = rays.shape[:2]
    points, information = np.full((count, 3), np.nan), np.zeros((count, 6))
    squared_errors = np.full((count, cameras), np.nan)
    triangulate_kernel(vectors, pixels, rays, gate_px, points, information, squared_errors)
    squared_errors[np.isnan(points[:, 0])] = np.nan
    sigma = noise_from_residuals_px(squared_errors, gate_px)
    if np.isnan(sigma):
        raise ReconstructionError(
            f"no two cameras agree on any keypoint within {gate_px:.0f} px, so nothing can be "
            "triangulated. Check that the calibration belongs to these videos and that the "
            "videos are synchronised."
        )
    return sigma
