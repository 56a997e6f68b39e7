"""Refine a fitted body on the keypoints in all images: bundle adjustment of a body.

Points in space were made without knowing of a body: a view that is wrong has drawn them away, and
where two views disagree nothing told which was right. Here every view stands for itself, and
bones, joints and motion decide. See `fit_view_kernels` for the cost. The points keep a share of
the weight, see `fit_solver.POINTS_SHARE`.

How precise the views are is estimated from the take itself: see `with_noise`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.body.fit.descent import Status
from mocap.body.fit.kernels import keypoints_of
from mocap.body.fit.layout import PRIOR_FPS
from mocap.body.fit.smoothness import AccelerationScale
from mocap.body.fit.solver import Problem, State
from mocap.body.fit.view_kernels import VIEW_SCALE, Views, free_errors, view_terms
from mocap.body.fit.windows import minimise
from mocap.body.landmarks import BoundLandmarks
from mocap.core.camera import Calibration
from mocap.core.detections import MIN_CONFIDENCE, Tracks2D
from mocap.core.errors import BodyError
from mocap.core.shapes import Array, FloatArray, IntArray

# A synthetic scene without noise would else weigh more than rounding allows.
MIN_NOISE_PX = 0.1

# Confidences are told apart by tenths. The noise of fewer views than this is not estimated for
# itself: a landmark's is then the common one, a confidence's that of the next better confidence.
_CONFIDENCE_STEP = 0.1
_LEAST_VIEWS = 20

# The point that fits all views is drawn most by those that are trusted most: an unlucky start
# makes one camera look exact. Half of what a camera seems to differ (in the logarithm) is
# believed. On renders believing all of it or nothing is no better.
_CAMERA_SHARE = 0.5

# Estimates of the noise, each with the weights of the last, and of its three factors.
_NOISE_ROUNDS = 4
# Frames of a take that tell its noise, drawn evenly: a median of so many is right to a percent.
_NOISE_FRAMES = 4000
_FACTOR_ROUNDS = 3

# Refinements, each with the noise about the last one's body, and how often the smoothness is
# estimated in each. A third one moves joints by less than 0.1 mm.
REFINEMENTS = 2
_RESCALINGS = 3

# The median of a squared error of two Gaussian coordinates, in their variance.
_MEDIAN_OF_SQUARES = 2.0 * np.log(2.0)


@dataclass(frozen=True, eq=False)
class CameraTracks:
    """Where the keypoints of a take were seen, and by which cameras.

    Attributes:
        tracks: pixels of the calibration.
        calibration: holds at least the cameras of the tracks.
    """

    tracks: Tracks2D
    calibration: Calibration


@dataclass(frozen=True, eq=False)
class SeenLandmarks:
    """Landmarks of one person in all images.

    Attributes:
        views: for the kernels.
        confidence: (frame, landmark, camera) in [0, 1].
    """

    views: Views
    confidence: FloatArray

    def with_noise_about(self, problem: Problem, state: State) -> Views:
        """Return the views as precise as they are about a body, see `with_noise`."""
        return with_noise(self.views, _points(problem, state), self.confidence)


def seen_landmarks(seen: CameraTracks, person_id: int, landmarks: BoundLandmarks) -> SeenLandmarks:
    """Return what the cameras saw of a person's landmarks, all equally precise for now.

    Raises:
        BodyError: the tracks do not hold the person or one of the landmarks.
    """
    tracks = seen.tracks
    unknown = [name for name in landmarks.names if name not in tracks.keypoint_names]
    if person_id not in tracks.person_ids or unknown:
        what = f"keypoint {unknown[0]}" if unknown else f"person {person_id}"
        raise BodyError(
            f"the tracks in the images do not have {what} of the points in space: they belong to "
            "different runs. Run `mocap triangulate` and `mocap smooth` again."
        )
    person = tracks.person_ids.index(person_id)
    chosen = [tracks.keypoint_names.index(name) for name in landmarks.names]
    confidence = _by_frame(tracks.confidence[:, :, person, chosen])
    pixels = _by_frame(tracks.pixels[:, :, person, chosen])
    pixels[confidence < MIN_CONFIDENCE] = np.nan
    cameras = seen.calibration.subset(tracks.camera_names).cameras
    poses = np.stack([camera.camera_from_world for camera in cameras])
    views = Views(
        rotation=np.ascontiguousarray(poses[:, :3, :3]),
        translation=np.ascontiguousarray(poses[:, :3, 3]),
        lens=np.stack([camera.lens for camera in cameras]),
        pixels=pixels,
        precision=np.ones(confidence.shape),
        scatter_precision=landmarks.sigma_m**-2,
    )
    return SeenLandmarks(views, confidence)


def _by_frame(values: Array) -> FloatArray:
    """Return (frame, landmark, camera, ...) of (camera, frame, landmark, ...)."""
    return np.array(np.moveaxis(values, 0, 2), dtype=np.float64, order="C")


def refine_on_views(
    problem: Problem,
    state: State,
    seen: SeenLandmarks,
    fps: float,
    told: Callable[[], None] | None = None,
    *,
    refinements: int = REFINEMENTS,
) -> tuple[State, Problem, Status]:
    """Fit to what the cameras saw, where a fit to points in space has led.

    Args:
        problem: of the fit to points.
        state: its solution, where to start.
        seen: from `seen_landmarks`, frame by frame as the points.
        fps: frames per second.
        told: called before every step.
        refinements: each with the noise about the last one's body.

    Returns:
        state, problem and status as `minimise`.

    Raises:
        BodyError: the frames are not those of the points; or as `minimise`.
    """
    if len(seen.confidence) != len(state.root):
        raise BodyError(
            f"the tracks in the images have {len(seen.confidence)} frames, the points in space "
            f"{len(state.root)}: they belong to different runs. Run `mocap triangulate` and "
            "`mocap smooth` again."
        )
    views = seen.views
    statuses = []
    for _ in range(refinements):
        points = _points(problem, state)
        views = with_noise(views, points, seen.confidence)
        ridge = None if problem.shape_is_known else _ridge(views, points, fps)
        state, problem, status = minimise(
            replace(problem, views=views, ridge=ridge),
            state,
            AccelerationScale(fps),
            rescalings=_RESCALINGS,
            told=told,
        )
        statuses.append(status)
    return state, problem, together(statuses)


def together(statuses: Sequence[Status]) -> Status:
    """Return how optimisations one after the other went."""
    return Status(
        statuses[-1].converged,
        sum(each.iterations for each in statuses),
        tuple(cost for each in statuses for cost in each.cost),
    )


def _points(problem: Problem, state: State) -> FloatArray:
    shape = problem.layout.shape(state.betas, fixed=True)
    return keypoints_of(problem.layout.tree, shape, state.turns, state.root)


def _ridge(views: Views, points: FloatArray, fps: float) -> float:
    """Return the weight of the shape's prior, as for points in space (see `fit`).

    The information of the views about a landmark counts as a mean over its directions.
    """
    curvature, weighted = np.zeros((*points.shape, 3)), np.zeros_like(points)
    view_terms(views, points, VIEW_SCALE**2, curvature, weighted)
    information = np.trace(curvature, axis1=-2, axis2=-1) / 3.0
    seen = information[information > 0.0]
    if not len(seen):
        return 1.0
    scatter = float(np.median(1.0 / views.scatter_precision))
    return 1.0 + len(points) * scatter * float(np.median(seen)) * min(1.0, PRIOR_FPS / fps)


def with_noise(views: Views, points: FloatArray, confidence: FloatArray) -> Views:
    """Return the views with the precision that the take itself tells.

    The noise (px per axis) of a view is a product: of the landmark, of the camera and of the
    detector's confidence, never less for less confidence. Each is a median over the views'
    squared errors, so that nearly half of the views may be wrong.

    Args:
        views: the precision is where to start.
        points: (frame, landmark, 3) of the body.
        confidence: (frame, landmark, camera).
    """
    some = slice(None, None, -(-len(points) // _NOISE_FRAMES))
    part, sure = views.part(some), confidence[some]
    here = np.ascontiguousarray(points[some])
    part = part._replace(
        pixels=np.ascontiguousarray(part.pixels), precision=np.ascontiguousarray(part.precision)
    )
    errors = np.zeros(sure.shape)
    for _ in range(_NOISE_ROUNDS):
        free_errors(part, here, VIEW_SCALE**2, errors)
        # An exact hit tells nothing of the scale; its logarithm is not finite.
        squared = np.maximum(errors, MIN_NOISE_PX**2 * 1e-4)
        factors = _noise_factors(np.log(squared), sure)
        part = part._replace(precision=factors.precision(sure))
    precision = np.zeros(confidence.shape)
    for first in range(0, len(points), _NOISE_FRAMES):
        frames = slice(first, first + _NOISE_FRAMES)
        precision[frames] = factors.precision(confidence[frames])
    return views._replace(precision=precision)


@dataclass(frozen=True, eq=False)
class _NoiseFactors:
    """The logarithm of the expected squared error of a view: a sum of four.

    Attributes:
        middle: of all views.
        landmark: (landmark, 1).
        camera: (camera,).
        by_confidence: (step,) of the detector's confidence.
    """

    middle: float
    landmark: FloatArray
    camera: FloatArray
    by_confidence: FloatArray

    def precision(self, confidence: FloatArray) -> FloatArray:
        """Return 1 / sigma² of views (frame, landmark, camera), 1/px²."""
        common = self.middle + self.landmark + self.camera + self.by_confidence[_step(confidence)]
        return 1.0 / np.maximum(np.exp(common) / _MEDIAN_OF_SQUARES, MIN_NOISE_PX**2)


def _step(confidence: FloatArray) -> IntArray:
    return np.minimum((confidence / _CONFIDENCE_STEP).astype(np.int64), _steps() - 1)


def _noise_factors(logs: FloatArray, confidence: FloatArray) -> _NoiseFactors:
    """Return what the logarithms of squared errors (frame, landmark, camera) are made of.

    NaN: not seen.
    """
    step = _step(confidence)
    seen = np.isfinite(logs)
    landmark, camera = np.zeros((logs.shape[1], 1)), np.zeros(logs.shape[2])
    by_confidence = np.zeros(_steps())
    if not seen.any():
        return _NoiseFactors(0.0, landmark, camera, by_confidence)
    middle = float(np.median(logs[seen]))
    for _ in range(_FACTOR_ROUNDS):
        rest = logs - middle - camera - by_confidence[step]
        landmark[:, 0] = [_median(rest[:, k]) for k in range(len(landmark))]
        rest = logs - middle - landmark - by_confidence[step]
        camera = np.array([_median(rest[:, :, c]) for c in range(len(camera))])
        camera = _CAMERA_SHARE * (camera - camera.mean())
        rest = (logs - middle - landmark - camera)[seen]
        worse = -np.inf
        for index in range(_steps() - 1, -1, -1):
            worse = max(worse, _median(rest[step[seen] == index], worse))
            by_confidence[index] = worse if np.isfinite(worse) else 0.0
    return _NoiseFactors(middle, landmark, camera, by_confidence)


def _steps() -> int:
    return round(1.0 / _CONFIDENCE_STEP)


def _median(values: FloatArray, otherwise: float = 0.0) -> float:
    """Return the median of what is finite, `otherwise` where that is too little."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) >= _LEAST_VIEWS else otherwise
