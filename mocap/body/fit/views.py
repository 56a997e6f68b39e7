"""Refine a fitted body on the keypoints in all images: bundle adjustment of a body.

Points in space were made without knowing of a body: a view that is wrong has drawn them away, and
where two views disagree nothing told which was right. Here every view stands for itself, and
bones, joints and motion decide. See `fit_view_kernels` for the cost. The points keep a share of
the weight, see `fit_solver.POINTS_SHARE`.

How precise the views are is estimated from the take itself: see `with_noise`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from mocap.body.fit.descent import Status
from mocap.body.fit.journal import Estimate
from mocap.body.fit.kernels import keypoints_of
from mocap.body.fit.layout import PRIOR_FPS
from mocap.body.fit.observed.held import FRAMES_AT_ONCE
from mocap.body.fit.observed.seen import (
    CONFIDENCE_STEPS,
    MIN_NOISE_PX,
    CameraTracks,
    NoiseFactors,
    SeenLandmarks,
    confidence_step,
    seen_landmarks,
)
from mocap.body.fit.smoothness import AccelerationScale
from mocap.body.fit.solver import Problem, State
from mocap.body.fit.view_kernels import VIEW_SCALE, free_errors, view_terms
from mocap.body.fit.windows import improve
from mocap.core.errors import BodyError
from mocap.core.shapes import FloatArray, in_parts

__all__ = ["CameraTracks", "SeenLandmarks", "refine_on_views", "seen_landmarks", "with_noise"]

# The noise of fewer views than this is not estimated for itself: a landmark's is then the common
# one, a confidence's that of the next better confidence.
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


def refine_on_views(
    estimate: Estimate,
    seen: SeenLandmarks,
    fps: float,
    told: Callable[[], None] | None = None,
    *,
    refinements: int = REFINEMENTS,
) -> Status:
    """Fit to what the cameras saw, where a fit to points in space has led; return how it went.

    Args:
        estimate: of the fit to points; becomes that of the views.
        seen: from `seen_landmarks`, frame by frame as the points.
        fps: frames per second.
        told: called before every step.
        refinements: each with the noise about the last one's body.

    Raises:
        BodyError: the frames are not those of the points; or as `improve`.
    """
    frames = len(estimate.state.root)
    if seen.frame_count != frames:
        raise BodyError(
            f"the tracks in the images have {seen.frame_count} frames, the points in space "
            f"{frames}: they belong to different runs. Run `mocap triangulate` and "
            "`mocap smooth` again."
        )
    statuses = []
    for _ in range(refinements):
        problem = estimate.problem
        points = points_of(problem, estimate.state)
        seen = with_noise(seen, points)
        ridge = None if problem.shape_is_known else _ridge(seen, points, fps)
        del points
        estimate.problem = replace(problem, views=seen, ridge=ridge)
        del problem
        scale = AccelerationScale(fps)
        statuses.append(improve(estimate, scale, rescalings=_RESCALINGS, told=told))
    return together(statuses)


def together(statuses: Sequence[Status]) -> Status:
    """Return how optimisations one after the other went."""
    return Status(
        statuses[-1].converged,
        sum(each.iterations for each in statuses),
        tuple(cost for each in statuses for cost in each.cost),
    )


def points_of(problem: Problem, state: State) -> FloatArray:
    """Return the landmarks (frame, landmark, 3) of a body, metres."""
    shape = problem.layout.shape(state.betas, fixed=True)
    return keypoints_of(problem.layout.tree, shape, state.turns, state.root)


def _ridge(seen: SeenLandmarks, points: FloatArray, fps: float) -> float:
    """Return the weight of the shape's prior, as for points in space (see `fit`).

    The information of the views about a landmark counts as a mean over its directions.
    """
    found = []
    for part in in_parts(len(points), FRAMES_AT_ONCE):
        here = np.ascontiguousarray(points[part])
        curvature, weighted = np.zeros((*here.shape, 3)), np.zeros_like(here)
        view_terms(seen.part(part), here, VIEW_SCALE**2, curvature, weighted)
        information = np.trace(curvature, axis1=-2, axis2=-1) / 3.0
        found.append(information[information > 0.0])
    told = np.concatenate(found)
    if not len(told):
        return 1.0
    scatter = float(np.median(1.0 / seen.scatter_precision))
    return 1.0 + len(points) * scatter * float(np.median(told)) * min(1.0, PRIOR_FPS / fps)


def with_noise(seen: SeenLandmarks, points: FloatArray) -> SeenLandmarks:
    """Return the views with the precision that the take itself tells.

    The noise (px per axis) of a view is a product: of the landmark, of the camera and of the
    detector's confidence, never less for less confidence. Each is a median over the views'
    squared errors, so that nearly half of the views may be wrong.

    Args:
        seen: the precision is where to start.
        points: (frame, landmark, 3) of the body.
    """
    some = slice(None, None, -(-len(points) // _NOISE_FRAMES))
    part, sure = seen.part(some), seen.confidence(some)
    here = np.ascontiguousarray(points[some])
    errors = np.zeros(sure.shape)
    for _ in range(_NOISE_ROUNDS):
        free_errors(part, here, VIEW_SCALE**2, errors)
        # An exact hit tells nothing of the scale; its logarithm is not finite.
        squared = np.maximum(errors, MIN_NOISE_PX**2 * 1e-4)
        factors = _noise_factors(np.log(squared), sure)
        part = part._replace(precision=factors.precision(sure))
    return seen.with_noise(factors)


def _noise_factors(logs: FloatArray, confidence: FloatArray) -> NoiseFactors:
    """Return what the logarithms of squared errors (frame, landmark, camera) are made of.

    NaN: not seen.
    """
    step = confidence_step(confidence)
    seen = np.isfinite(logs)
    landmark, camera = np.zeros((logs.shape[1], 1)), np.zeros(logs.shape[2])
    by_confidence = np.zeros(CONFIDENCE_STEPS)
    if not seen.any():
        return NoiseFactors(0.0, landmark, camera, by_confidence)
    middle = float(np.median(logs[seen]))
    for _ in range(_FACTOR_ROUNDS):
        rest = logs - middle - camera - by_confidence[step]
        landmark[:, 0] = [_median(rest[:, k]) for k in range(len(landmark))]
        rest = logs - middle - landmark - by_confidence[step]
        camera = np.array([_median(rest[:, :, c]) for c in range(len(camera))])
        camera = _CAMERA_SHARE * (camera - camera.mean())
        rest = (logs - middle - landmark - camera)[seen]
        worse = -np.inf
        for index in range(CONFIDENCE_STEPS - 1, -1, -1):
            worse = max(worse, _median(rest[step[seen] == index], worse))
            by_confidence[index] = worse if np.isfinite(worse) else 0.0
    return NoiseFactors(middle, landmark, camera, by_confidence)


def _median(values: FloatArray, otherwise: float = 0.0) -> float:
    """Return the median of what is finite, `otherwise` where that is too little."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) >= _LEAST_VIEWS else otherwise
