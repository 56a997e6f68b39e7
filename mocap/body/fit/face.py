"""Jaw and expression: the face's landmarks in the frame of a head that the body's fit has found.

The rigid landmarks (bridge of the nose, corners of the eyes) take part in the body's fit and turn
the head; here all of them are explained by

    p = A(e) + R(jaw) B(e) + W joint(e)    see `fit_face_points`

with, per frame, a rotation vector of the jaw and the expression e, and for the person one
displacement of every landmark: no face is the model's face. What is constant in a take and looks
like an expression is taken for one: a person whose mouth is wider than the model's smiles a
little; subtract the values of a neutral moment to compare people.

Unknowns of a frame: jaw (3) in radians, then the expression. Robust Gauss-Newton with Cauchy's
loss; Gaussian priors; smoothness by second differences, whose scale is estimated from the take as
in `fit_smoothness`, for each unknown and moment: a blink is no drift.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg.lapack import dpbtrs
from scipy.ndimage import uniform_filter1d

from mocap.body.fit.descent import lowered
from mocap.body.fit.face_points import FacePoints, face_points
from mocap.body.fit.selected_inverse import SelectedInverse, invert_band
from mocap.body.fit.solver import CAUCHY_SCALE, factor, one_blas_thread
from mocap.body.fit.uncertainty import POSTURE_S
from mocap.body.landmarks import bind_landmarks, face_keypoints
from mocap.body.model import BodyModel
from mocap.core.errors import BodyError
from mocap.core.points import Points3D, Source
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import BoolArray, FloatArray, in_parts

# The jaw opens (x) by 0 to 30 degrees; it shifts sideways and hardly rolls. It hangs a little open.
_JAW_MEAN = np.deg2rad([3.0, 0.0, 0.0])
_JAW_SIGMA = np.deg2rad([12.0, 4.0, 3.0])
# Teeth stop the jaw there; the model's teeth may meet a little later or earlier.
_JAW_CLOSED, _STOP_SIGMA = np.deg2rad(-1.0), np.deg2rad(1.5)
# A whole action of the free body, a standard deviation of an SMPL-X file.
_EXPRESSION_SIGMA = 1.0

# How far a person's landmark lies from the model's, per axis; more for those that slide.
_PERSON_SIGMA_M = 0.003

# Where the estimate of the smoothness starts, and what it may not leave: per second², a blink
# closes an eye in 50 ms, a jaw that chatters opens by 5 degrees six times a second.
_FIRST_ACCELERATION = {"jaw": 50.0, "expression": 300.0}
_ACCELERATION_LIMITS = (0.3, 5000.0)
_RESCALINGS = 8
# A blink lasts 0.1 to 0.2 s. The typical acceleration of the take counts as this many frames.
_WINDOW_S, _TYPICAL_WEIGHT = 0.1, 2.0

_MAX_ITERATIONS = 25
_RELATIVE_CHANGE = 1e-4

# Frames whose Jacobians are held at once: 20 MB.
_FRAMES_AT_ONCE = 500


@dataclass(frozen=True, eq=False)
class FaceFit:
    """Jaw and expression of a take.

    Attributes:
        jaw: (frame, 3, 3) local rotation of the jaw joint.
        jaw_sigma_deg: (frame,) standard deviation about its worst axis.
        expression: (frame, expression) weights of the model's expressions.
        expression_sigma: (frame, expression) their standard deviations.
    """

    jaw: FloatArray
    jaw_sigma_deg: FloatArray
    expression: FloatArray
    expression_sigma: FloatArray


@dataclass(frozen=True, eq=False)
class FaceProblem:
    """What is to be explained, in the frame of the head.

    Attributes:
        points: the face.
        fps: frames per second.
        targets: (frame, landmark, 3) metres from the head joint.
        information: (frame, landmark, 3, 3) in 1/m²; zero for not seen.
        smoothness: (frame, unknown) weight of squared second differences about a frame; the first
            and the last have none.
        displacement: (landmark, 3) of the person's landmarks from the model's, metres.
    """

    points: FacePoints
    fps: float
    targets: FloatArray
    information: FloatArray
    smoothness: FloatArray
    displacement: FloatArray


def fit_face(
    model: BodyModel,
    points: Points3D,
    person: int,
    rotations: FloatArray,
    root: FloatArray,
    betas: FloatArray,
) -> FaceFit | None:
    """Return jaw and expression, or None when no landmark of a face was ever seen.

    Args:
        model: the body.
        points: keypoints in space.
        person: index of the person.
        rotations: (frame, joint, 3, 3) local rotations of the body.
        root: (frame, 3) position of the pelvis joint, metres.
        betas: shape.
    """
    landmarks = bind_landmarks(model, face_keypoints(points.keypoint_names))
    # Names that lie on the skull alone tell nothing of a face that moves.
    if not face_keypoints(landmarks.names, rigid=False):
        return None
    chosen = [points.keypoint_names.index(name) for name in landmarks.names]
    seen = _seen(points, person, chosen)
    if not seen.any():
        return None
    positions, turns = model.forward_kinematics(rotations, betas, root - model.joints(betas)[0])
    head = model.joint("head")
    where, turn = positions[:, head], turns[:, head]
    away = np.where(seen[..., None], points.xyz[:, person, chosen], 0.0) - where[:, None]
    covariance = np.where(seen[..., None, None], points.covariance[:, person, chosen], np.eye(3))
    information = np.linalg.inv(
        np.einsum("fba,fkbc,fcd->fkad", turn, covariance, turn)
        + landmarks.sigma_m[:, None, None] ** 2 * np.eye(3)
    )
    problem = FaceProblem(
        points=face_points(model, landmarks.names, betas),
        fps=points.fps,
        targets=np.einsum("fba,fkb->fka", turn, away),
        information=np.where(seen[..., None, None], information, 0.0),
        smoothness=_first_smoothness(len(where), len(model.expression_components), points.fps),
        displacement=np.zeros((len(chosen), 3)),
    )
    with one_blas_thread():
        return _fitted(problem, np.maximum(landmarks.sigma_m, _PERSON_SIGMA_M))


def _seen(points: Points3D, person: int, chosen: list[int]) -> BoolArray:
    """Return which landmarks were seen (frame, landmark)."""
    seen = points.source[:, person, chosen] != Source.MISSING
    seen &= np.isfinite(points.xyz[:, person, chosen]).all(axis=-1)
    seen &= np.isfinite(points.covariance[:, person, chosen]).all(axis=(-2, -1))
    return np.asarray(seen)


def _first_smoothness(frames: int, expressions: int, fps: float) -> FloatArray:
    """Return the weights (frame, unknown) to start from."""
    jaw, expression = _FIRST_ACCELERATION["jaw"], _FIRST_ACCELERATION["expression"]
    weight = (fps**2 / np.array([jaw] * 3 + [expression] * expressions)) ** 2
    return np.tile(weight, (frames, 1))


def _fitted(problem: FaceProblem, spread_m: FloatArray) -> FaceFit:
    """Solve, estimating smoothness and displacements (of `spread_m` per axis) on the way."""
    unknowns = 3 + problem.points.expressions
    values = np.tile(_prior(problem)[0], (len(problem.targets), 1))
    damping = 1e-6
    for iteration in range(_MAX_ITERATIONS):
        if 0 < iteration <= _RESCALINGS:
            problem = _rescaled(problem, values, spread_m)
        band, gradient = normal_equations(problem, values)
        before = cost(problem, values)
        if not np.isfinite(before):
            raise BodyError(
                "the face cannot be fitted: a keypoint or its covariance is not finite. "
                "Run `mocap triangulate` and `mocap smooth` again."
            )
        found = _better(problem, values, band, gradient, before, damping)
        if found is None:
            break
        values, after, damping = found
        if before - after < _RELATIVE_CHANGE * before and iteration >= _RESCALINGS:
            break
    inverse = _inverse(normal_equations(problem, values)[0], unknowns)
    sigma = np.sqrt(np.diagonal(inverse.blocks, axis1=1, axis2=2))
    worst = np.sqrt(np.linalg.eigvalsh(inverse.blocks[:, :3, :3])[:, -1])
    return FaceFit(
        jaw=matrix_from_rotvec(values[:, :3]),
        jaw_sigma_deg=np.rad2deg(worst),
        expression=values[:, 3:],
        expression_sigma=sigma[:, 3:],
    )


def _better(
    problem: FaceProblem,
    values: FloatArray,
    band: FloatArray,
    gradient: FloatArray,
    before: float,
    damping: float,
) -> tuple[FloatArray, float, float] | None:
    """Return better values, their cost and the next damping; None when there are none."""

    def attempt(damping: float) -> tuple[FloatArray, float] | None:
        lower = factor(band, damping)
        if lower is None:
            return None
        step, _ = dpbtrs(lower, gradient, lower=1)
        trial = values - step.reshape(values.shape)
        return trial, cost(problem, trial)

    return lowered(attempt, before, damping)


def _prior(problem: FaceProblem) -> tuple[FloatArray, FloatArray]:
    """Return means and weights (unknown,): a posture counts once, as in `fit_uncertainty`."""
    count = problem.points.expressions
    mean = np.concatenate([_JAW_MEAN, np.zeros(count)])
    sigma = np.concatenate([_JAW_SIGMA, np.full(count, _EXPRESSION_SIGMA)])
    return mean, 1.0 / (sigma**2 * POSTURE_S * problem.fps)


def _stop(values: FloatArray) -> FloatArray:
    """Return by how many standard deviations (frame,) the jaw is closed too far."""
    return np.asarray(np.maximum(_JAW_CLOSED - values[:, 0], 0.0) / _STOP_SIGMA)


def _residuals(problem: FaceProblem, values: FloatArray, frames: slice) -> FloatArray:
    predicted = problem.points.positions(values[frames]) + problem.displacement
    return np.asarray(predicted - problem.targets[frames])


def cost(problem: FaceProblem, values: FloatArray) -> float:
    """Return the cost of values (frame, unknown); the displacements' prior is left out."""
    total, limit = 0.0, CAUCHY_SCALE**2
    for frames in in_parts(len(values), _FRAMES_AT_ONCE):
        off = _residuals(problem, values, frames)
        square = _squares(problem.information[frames], off)
        total += float(limit * np.log1p(square / limit).sum())
    mean, weight = _prior(problem)
    total += float((weight * (values - mean) ** 2).sum() + (_stop(values) ** 2).sum())
    return total + float((problem.smoothness[1:-1] * np.diff(values, n=2, axis=0) ** 2).sum())


def normal_equations(problem: FaceProblem, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the lower band (unknown, distance) and half the gradient (unknown,) of the cost."""
    frames, unknowns = values.shape
    blocks = np.zeros((frames, unknowns, unknowns))
    gradient = np.zeros_like(values)
    for chunk in in_parts(frames, _FRAMES_AT_ONCE):
        off = _residuals(problem, values, chunk)
        weighted = _reweighted(problem.information[chunk], off)
        jacobian = problem.points.jacobian(values[chunk])
        pulled = (weighted @ jacobian).reshape(len(off), -1, unknowns)
        rows = jacobian.reshape(pulled.shape)
        blocks[chunk] = np.swapaxes(rows, 1, 2) @ pulled
        gradient[chunk] = (off.reshape(len(off), 1, -1) @ pulled)[:, 0]
    mean, weight = _prior(problem)
    blocks[:, range(unknowns), range(unknowns)] += weight
    gradient += weight * (values - mean)
    stop = _stop(values)
    blocks[:, 0, 0] += np.where(stop > 0.0, 1.0 / _STOP_SIGMA**2, 0.0)
    gradient[:, 0] -= stop / _STOP_SIGMA
    gradient += _smoothness_gradient(values, problem.smoothness)
    return _band(blocks, problem.smoothness), gradient.ravel()


def _reweighted(information: FloatArray, off: FloatArray) -> FloatArray:
    """Return the information under Cauchy's loss at residuals (frame, landmark, 3)."""
    return information / (1.0 + _squares(information, off) / CAUCHY_SCALE**2)[..., None, None]


def _squares(information: FloatArray, off: FloatArray) -> FloatArray:
    """Return the squared distances (frame, landmark) in standard deviations."""
    return np.asarray(off[..., None, :] @ information @ off[..., None])[..., 0, 0]


def _smoothness_gradient(values: FloatArray, smoothness: FloatArray) -> FloatArray:
    """Return D' W D values (frame, unknown) for second differences D and their weights W."""
    out = np.zeros_like(values)
    second = smoothness[1:-1] * np.diff(values, n=2, axis=0)
    out[:-2] += second
    out[1:-1] -= 2.0 * second
    out[2:] += second
    return out


def _band(blocks: FloatArray, smoothness: FloatArray) -> FloatArray:
    """Return the lower band (unknown, distance) of frames' blocks and the smoothness."""
    frames, n = blocks.shape[:2]
    band = np.zeros((frames, n, 2 * n + 1))
    for distance in range(n):
        columns = np.arange(n - distance)
        band[:, columns, distance] = blocks[:, columns + distance, columns]
    weight = smoothness[1:-1]
    count = len(weight)
    for first, square in ((0, 1.0), (1, 4.0), (2, 1.0)):
        band[first : first + count, :, 0] += square * weight
    for first in (0, 1):
        band[first : first + count, :, n] -= 2.0 * weight
    band[:count, :, 2 * n] += weight
    return band.reshape(frames * n, 2 * n + 1)


def _inverse(band: FloatArray, unknowns: int) -> SelectedInverse:
    lower = factor(band, 0.0)
    if lower is None:
        raise BodyError(
            "the uncertainty of the face cannot be computed: its normal matrix is not positive "
            "definite. Check the covariances of the keypoints."
        )
    return invert_band(lower, unknowns)


def _next_smoothness(
    values: FloatArray, variance: FloatArray, last: FloatArray, fps: float
) -> FloatArray:
    """Return the next weights (frame, unknown) by MacKay's fixed point, see `fit_smoothness`.

    `variance` (frame - 2, unknown) is that of the second differences given the data.
    """
    energy = np.diff(values, n=2, axis=0) ** 2
    share = np.clip(1.0 - variance * last[1:-1], 1e-6, 1.0)
    typical = energy.sum(axis=0) / share.sum(axis=0)
    window = 2 * max(1, round(0.5 * _WINDOW_S * fps)) + 1
    around = window * uniform_filter1d(energy, window, axis=0, mode="nearest")
    count = window * uniform_filter1d(share, window, axis=0, mode="nearest")
    found = (around + _TYPICAL_WEIGHT * typical) / (count + _TYPICAL_WEIGHT)
    low, high = ((limit / fps**2) ** 2 for limit in _ACCELERATION_LIMITS)
    return np.asarray(1.0 / np.clip(np.pad(found, ((1, 1), (0, 0)), mode="edge"), low, high))


def _rescaled(problem: FaceProblem, values: FloatArray, spread_m: FloatArray) -> FaceProblem:
    """Return the problem with the smoothness and the displacements that these values suggest."""
    frames, unknowns = values.shape
    smoothness = problem.smoothness
    if frames >= 3:
        inverse = _inverse(normal_equations(problem, values)[0], unknowns)
        now = np.diagonal(inverse.blocks, axis1=1, axis2=2)
        variance = now[2:] + 4.0 * now[1:-1] + now[:-2] + 2.0 * inverse.two_later[:-2]
        variance -= 4.0 * (inverse.one_later[1:-1] + inverse.one_later[:-2])
        smoothness = _next_smoothness(values, variance, smoothness, problem.fps)
    pull = np.zeros_like(problem.displacement)
    total = np.eye(3) / spread_m[:, None, None] ** 2
    for chunk in in_parts(frames, _FRAMES_AT_ONCE):
        off = _residuals(problem, values, chunk)
        weighted = _reweighted(problem.information[chunk], off)
        total = total + weighted.sum(axis=0)
        pull += np.einsum("fkab,fkb->ka", weighted, problem.displacement - off)
    displacement = np.linalg.solve(total, pull[..., None])[..., 0]
    return replace(problem, smoothness=smoothness, displacement=np.asarray(displacement, float))
