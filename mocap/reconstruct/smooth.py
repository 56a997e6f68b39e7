"""Triangulated keypoints become one smooth, gap-free motion with honest uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import MIN_CONFIDENCE, Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.files.replay import Remember, anew
from mocap.core.kernels.linear import unpack_symmetric
from mocap.core.kernels.triangulation import agreeing_views
from mocap.core.keypoints import keypoint_set_of
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray
from mocap.reconstruct.acceleration import initial_scales
from mocap.reconstruct.exact_time import at_frame_times, has_lateness
from mocap.reconstruct.noise import GATE_SIGMAS, noise_of_points_px
from mocap.reconstruct.spans import spans
from mocap.reconstruct.start import start_of_person
from mocap.reconstruct.trajectory import (
    MAX_SIGMA_M,
    Trajectories,
    TrajectoryProblem,
    estimate_trajectories,
)
from mocap.reconstruct.triangulate import median_error_px, observed_pixels

# Detected shoulders and hips are not rigid joints: on recordings hard bone lengths fit the images
# of held-out frames 0.2-0.7 px worse than soft ones of this standard deviation.
BONE_SIGMA_M = 0.015


@dataclass(frozen=True, eq=False)
class SmoothingReport:
    """How the estimate was reached, for people to read.

    Attributes:
        sigma_px: detector noise per axis the observations were weighted with.
        steps: Gauss-Newton steps by person.
        converged: by person, whether the last step moved what is known by next to nothing.
    """

    sigma_px: float
    steps: dict[int, int]
    converged: dict[int, bool]

    def warnings(self) -> tuple[str, ...]:
        """Return sentences about what deserves a look."""
        return tuple(
            f"the smoothing of person {person} had not settled after {self.steps[person]} steps: "
            "their positions may be less smooth and less certain than stated. Look at frames in "
            "which few cameras see them, and at cameras the report says have moved."
            for person, settled in self.converged.items()
            if not settled
        )


def smooth(
    points: Points3D,
    tracks: Tracks2D,
    calibration: Calibration,
    *,
    bones: Sequence[tuple[str, str]] | None = None,
    bone_sigma_m: float = BONE_SIGMA_M,
    sigma_px: float | None = None,
    min_confidence: float = MIN_CONFIDENCE,
) -> Points3D:
    """Estimate the most probable motion given all observations of the whole take.

    See `smooth_with_report`.

    >>> from mocap.reconstruct.triangulate import triangulate
    >>> from mocap.synthetic.example import walker
    >>> seen = walker()
    >>> raw = triangulate(seen.tracks, seen.calibration)
    >>> points = smooth(raw, seen.tracks, seen.calibration)
    >>> before, after = (np.median(abs(each.xyz[:, 0] - seen.xyz)) for each in (raw, points))
    >>> bool(after < 0.7 * before)  # motion tells what single frames cannot
    True
    """
    return smooth_with_report(
        points,
        tracks,
        calibration,
        bones=bones,
        bone_sigma_m=bone_sigma_m,
        sigma_px=sigma_px,
        min_confidence=min_confidence,
    )[0]


def smooth_with_report(
    points: Points3D,
    tracks: Tracks2D,
    calibration: Calibration,
    *,
    bones: Sequence[tuple[str, str]] | None = None,
    bone_sigma_m: float = BONE_SIGMA_M,
    sigma_px: float | None = None,
    min_confidence: float = MIN_CONFIDENCE,
    bridged: BoolArray | None = None,
    told: Told | None = None,
    remember: Remember = anew,
) -> tuple[Points3D, SmoothingReport]:
    """Estimate the most probable motion given all observations, and say how it went.

    Robust maximum a posteriori: Tukey's loss on the reprojection error of every confident
    observation (outliers need not be removed before, single views count too), accelerations of a
    scale estimated per keypoint and moment, bone lengths roughly constant. There is no lag.

    Args:
        points: the triangulated tracks, where the estimate starts.
        tracks: keypoints in pixels of the calibration; images taken between two frames count at
            their own time.
        calibration: holds at least the cameras of the tracks.
        bones: pairs of keypoint names at nearly constant distance; those of the known keypoint
            set by default, an empty sequence for none.
        bone_sigma_m: how much a bone's length varies over time.
        sigma_px: detector noise per axis; estimated from the agreement of the views by default.
        min_confidence: keypoints below it are ignored.
        bridged: (frame, person, keypoint) True where a person wants the value however little is
            known of it; its covariance says how little.
        told: hears what is counted, how many are done, and how many there are.
        remember: keeps the spans of a long take that were solved, see `Replay`.

    Returns:
        Points with posterior covariance. MEASURED where two or more views agree with the point,
        INTERPOLATED between such frames, EXTRAPOLATED outside them; MISSING where the standard
        deviation exceeds 0.1 m. And how the estimate was reached.

    Raises:
        ReconstructionError: when points and tracks do not belong together, or nothing was seen
            by two cameras.
        InputError: when the keypoint set is unknown and `bones` is not given.
    """
    _check_same_take(points, tracks)

    def solved(observed: Tracks2D) -> tuple[Points3D, SmoothingReport]:
        return _smoothed(
            points, observed, calibration, bones, bone_sigma_m, sigma_px, min_confidence, bridged,
            told, remember,
        )  # fmt: skip

    if not has_lateness(tracks):
        return solved(tracks)
    first, _ = solved(at_frame_times(tracks, points, calibration, raw=True))
    return solved(at_frame_times(tracks, first, calibration))


def _smoothed(
    points: Points3D,
    tracks: Tracks2D,
    calibration: Calibration,
    bones: Sequence[tuple[str, str]] | None,
    bone_sigma_m: float,
    sigma_px: float | None,
    min_confidence: float,
    bridged: BoolArray | None,
    told: Told | None,
    remember: Remember,
) -> tuple[Points3D, SmoothingReport]:
    """Smooth as if every image had been taken at its frame's instant."""
    bone_indices = _bone_indices(tracks.keypoint_names, bones)
    vectors, pixels = observed_pixels(tracks, calibration, min_confidence)
    axes = points.source.shape
    if sigma_px is None:
        sigma_px = noise_of_points_px(vectors, pixels, points.xyz.reshape(-1, 3), axes)
    pixels = pixels.reshape(*axes, -1, 2)
    asked = np.zeros(axes, dtype=bool) if bridged is None else bridged
    results = [
        _smooth_person(
            points,
            person,
            pixels[:, person],
            vectors,
            sigma_px,
            bone_indices,
            bone_sigma_m,
            asked[:, person],
            told,
            remember,
        )
        for person in range(axes[1])
    ]
    del pixels  # of a long take they are as large as all that is made
    xyz, covariance, error, views, source = (
        field[0][:, None] if len(field) == 1 else np.stack(field, axis=1)
        for field in zip(*(arrays for arrays, _ in results), strict=True)
    )
    solved = dict(zip(points.person_ids, (result for _, result in results), strict=True))
    report = SmoothingReport(
        sigma_px,
        {person: each.steps for person, each in solved.items()},
        {person: each.converged for person, each in solved.items()},
    )
    smoothed = Points3D(
        keypoint_names=points.keypoint_names,
        person_ids=points.person_ids,
        fps=points.fps,
        xyz=xyz,
        covariance=covariance,
        reprojection_error_px=error,
        view_count=views,
        source=source,
    )
    return smoothed, report


def _check_same_take(points: Points3D, tracks: Tracks2D) -> None:
    """Raise unless points (frame, person, keypoint) were made from these tracks."""
    expected = (tracks.pixels.shape[1], len(tracks.person_ids), len(tracks.keypoint_names))
    if points.source.shape != expected or points.keypoint_names != tracks.keypoint_names:
        raise ReconstructionError(
            f"the 3D points (frames, people, keypoints = {points.source.shape}) were not made from "
            f"these 2D tracks ({expected}). Triangulate the tracks again."
        )


def _bone_indices(
    keypoint_names: tuple[str, ...], bones: Sequence[tuple[str, str]] | None
) -> IntArray:
    """Return bones as index pairs (bone, 2)."""
    if bones is None:
        pairs = list(keypoint_set_of(keypoint_names).bone_indices())
    else:
        pairs = [(keypoint_names.index(a), keypoint_names.index(b)) for a, b in bones]
    return np.array(pairs, dtype=np.int64).reshape(-1, 2)


Told = Callable[[str, int, int], None]
PersonArrays = tuple[Array, Array, Array, Array, Array]
SpanArrays = tuple[FloatArray, FloatArray, FloatArray, IntArray, int, bool]
"""Points, packed covariance, error and agreeing views (keypoint, frame, ...) of a span; the steps
that led there, and whether it had settled."""


@dataclass(frozen=True)
class _Solved:
    """How often it was stepped to the estimate of a person, and whether it had settled."""

    steps: int = 0
    converged: bool = True


def _smooth_person(
    points: Points3D,
    person: int,
    pixels: FloatArray,
    vectors: FloatArray,
    sigma_px: float,
    bones: IntArray,
    bone_sigma_m: float,
    asked: BoolArray,
    told: Told | None,
    remember: Remember,
) -> tuple[PersonArrays, _Solved]:
    """Return xyz, covariance, error, view count, source (frame, keypoint, ...) of one person."""
    seen_views = np.count_nonzero(~np.isnan(pixels[..., 0]), axis=-1)
    start, reliable = start_of_person(points, person, seen_views)
    active = np.flatnonzero(reliable.any(axis=0))
    frames, keypoints = reliable.shape
    xyz = np.full((frames, keypoints, 3), np.nan)
    covariance = np.full((frames, keypoints, 3, 3), np.nan)
    error = np.full((frames, keypoints), np.nan)
    views = np.zeros((frames, keypoints), dtype=np.int64)
    source = np.full((frames, keypoints), Source.MISSING, dtype=np.uint8)
    if len(active) == 0:
        return (xyz, covariance, error, views, source), _Solved()
    start = np.ascontiguousarray(start[:, active].swapaxes(0, 1))
    noise = np.trace(points.covariance[:, person, active], axis1=-2, axis2=-1).T / 3.0
    used = reliable[:, active].T
    scales = initial_scales(start, np.nan_to_num(noise), used, points.fps)
    xyz[:, active], covariance[:, active] = 0.0, 0.0

    def solved(part: slice) -> SpanArrays:
        problem = TrajectoryProblem(
            vectors=vectors,
            pixels=np.ascontiguousarray(pixels[part][:, active].swapaxes(0, 1)),
            fps=points.fps,
            sigma_px=sigma_px,
            gate_px=GATE_SIGMAS * sigma_px,
            bones=_among(bones, active),
            bone_sigma_m=bone_sigma_m,
        )
        result = estimate_trajectories(
            problem,
            np.ascontiguousarray(start[:, part]),
            np.ascontiguousarray(used[:, part]),
            np.ascontiguousarray(scales[:, part]),
        )
        agreement = _agreement(result, problem.gate_px)
        return result.points, result.covariance, *agreement, result.steps, result.converged

    steps, converged = 0, True
    for span in spans(frames):
        part, kept = span.solved, span.kept
        places, packed, errors_px, agreeing, taken, settled = remember(partial(solved, part))
        weights = span.weights(frames)
        xyz[part, active] += weights[:, None, None] * places.swapaxes(0, 1)
        covariance[part, active] += weights[:, None, None, None] * unpack_symmetric(
            packed
        ).swapaxes(0, 1)
        inner = slice(kept.start - part.start, kept.stop - part.start)
        error[kept, active], views[kept, active] = errors_px.T[inner], agreeing.T[inner]
        if told is not None:
            told(f"frames of person {points.person_ids[person]}", kept.stop, frames)
        steps, converged = max(steps, taken), converged and settled
    variance = np.trace(covariance, axis1=2, axis2=3)
    known = (variance < 3.0 * MAX_SIGMA_M**2) | (asked & np.isfinite(variance))
    source[:] = np.where(known, _labels(views >= 2), Source.MISSING)
    xyz[~known] = np.nan
    covariance[~known] = np.nan
    error, views = np.where(known, error, np.nan), np.where(known, views, 0)
    return (xyz, covariance, error, views, source), _Solved(steps, converged)


def _among(bones: IntArray, active: IntArray) -> IntArray:
    """Return the bones between active keypoints, as indices into `active`."""
    both = np.isin(bones, active).all(axis=1)
    return np.searchsorted(active, bones[both]).astype(np.int64).reshape(-1, 2)


def _agreement(result: Trajectories, gate_px: float) -> tuple[FloatArray, IntArray]:
    """Return the median error and the number of agreeing views, each (keypoint, frame)."""
    keypoints, frames, cameras = result.squared_errors.shape
    squared = result.squared_errors.reshape(-1, cameras)
    agreeing = agreeing_views(squared, gate_px)
    views = np.count_nonzero(agreeing, axis=1)
    error = median_error_px(squared, agreeing)
    return error.reshape(keypoints, frames), views.reshape(keypoints, frames)


def _labels(measured: BoolArray) -> IntArray:
    """Return the source (frame, keypoint): inside the measured frames or beyond them."""
    after_first = np.maximum.accumulate(measured, axis=0)
    before_last = np.maximum.accumulate(measured[::-1], axis=0)[::-1]
    inside = np.where(after_first & before_last, Source.INTERPOLATED, Source.EXTRAPOLATED)
    return np.where(measured, Source.MEASURED, inside)
