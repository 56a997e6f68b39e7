"""Fit a body to keypoints in space: shape, pose of every frame, and how sure all of it is.

Shape from bone lengths; a closed-form first pose; then one robust least-squares problem over the
whole take (`fit_solver`), with anatomy and a smoothness that is estimated from the take; then, on
request, the same with what every camera saw (`fit_views`). Fingers, where hands were seen, come
last: chain by chain, and with views once more together with the body, since they tell how large a
hand is and how it is turned. Elsewhere they are relaxed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mocap.body.fit.constants import with_constants
from mocap.body.fit.descent import Status
from mocap.body.fit.face import fit_face
from mocap.body.fit.hands import (
    fit_fingers,
    relaxed_fingers,
    seen_fingers,
    with_fingers,
)
from mocap.body.fit.journal import Estimate, parts_of
from mocap.body.fit.kernels import keypoints_of
from mocap.body.fit.layout import PRIOR_FPS, Layout, groups
from mocap.body.fit.observed.held import FRAMES_AT_ONCE
from mocap.body.fit.observed.measured import MeasuredPoints, setting_of
from mocap.body.fit.shape import shape_from_bones
from mocap.body.fit.smoothness import AccelerationScale, first_guess
from mocap.body.fit.solver import Problem, State
from mocap.body.fit.start import start_state
from mocap.body.fit.uncertainty import frame_sigmas_deg
from mocap.body.fit.views import CameraTracks, refine_on_views, seen_landmarks, together
from mocap.body.fit.windows import improve
from mocap.body.landmarks import Offsets
from mocap.body.model import BodyModel
from mocap.body.shape_prior import BodyFacts, body_height, shape_prior
from mocap.core.body_motion import JOINT_COUNT, BodyMotion, split_rotations
from mocap.core.errors import BodyError
from mocap.core.points import Points3D
from mocap.core.shapes import BoolArray, FloatArray, in_parts

# A joint counts as observable when half of its frames are known better than this.
OBSERVABLE_DEG = 10.0

# Estimates of the smoothness: each brings a wrong one nearer by a factor of four or more (see
# `fit_smoothness`); the first guess is right to about a hundred.
RESCALINGS = 6

# Where nothing is said about a joint in the prior, it may be anywhere within about this.
_UNKNOWN_SIGMA_DEG = 30.0


@dataclass(frozen=True, eq=False)
class FitResult:
    """A fitted body and how the optimisation went.

    Attributes:
        motion: the body.
        status: of the optimisation of the body.
    """

    motion: BodyMotion
    status: Status


def fit(
    points: Points3D,
    model: BodyModel,
    *,
    person_id: int | None = None,
    facts: BodyFacts | None = None,
    offsets: Offsets | None = None,
    betas: FloatArray | None = None,
    constants: Mapping[str, float] | None = None,
    views: CameraTracks | None = None,
    told: Callable[[], None] | None = None,
) -> FitResult:
    """Fit a body to one person's keypoints.

    Args:
        points: keypoints with covariances; raw or smoothed. Names that are no landmark of the
            body are ignored.
        model: the body.
        person_id: whom; the only person by default.
        facts: height, mass and sex of the person when known: the shape agrees with the height
            within a centimetre and with the mass within some percent.
        offsets: where the detector puts its keypoints, from `offsets_of`; by default they are
            exactly the joints and landmarks of the body.
        betas: shape of the person when known from another take; it is kept.
        constants: angles that the person keeps, in radians by name, when known; see
            `fit_constants`.
        views: what the points were made from: the body is then refined on the images.
        told: called before every step of the optimisation: a long take takes minutes.

    Raises:
        InputError: the person is unknown.
        BodyError: hips or shoulders were never seen, the betas do not fit the model, it has no
            shape for the sex in the facts, or the views are of another take.

    >>> from mocap.body.model import load_free_body
    >>> from mocap.synthetic.example import walker
    >>> motion = fit(walker().points, load_free_body()).motion
    >>> motion.frame_count, motion.model_name
    (60, 'free_body_2')
    >>> bool(np.median(motion.fit_error_mm) < 3.0)  # no more than the points themselves are off
    True
    """
    person = points.person_index(person_id)
    solution = solve(
        points,
        model,
        person,
        facts=facts,
        offsets=offsets,
        betas=betas,
        constants=constants,
        views=views,
        told=told,
    )
    return fit_result(points, model, person, solution, offsets, views is not None, told)


@dataclass(frozen=True, eq=False)
class Solution:
    """A solved least-squares problem of the body; with views fingers are part of it.

    Attributes:
        layout: unknowns and keypoints.
        measured: what was seen of them.
        problem: with the final smoothness.
        state: the optimum.
        status: how the optimisation went.
    """

    layout: Layout
    measured: MeasuredPoints
    problem: Problem
    state: State
    status: Status


def fit_result(
    points: Points3D,
    model: BodyModel,
    person: int,
    solution: Solution,
    offsets: Offsets | None,
    with_views: bool,
    told: Callable[[], None] | None = None,
) -> FitResult:
    """Return the motion of a solved body, with its uncertainty, fingers and face."""
    layout, state = solution.layout, solution.state
    by_group = frame_sigmas_deg(solution.problem, state, parts_of(told, "sigmas"))
    sigma_deg, fitted = _sigmas(model, layout, by_group)
    rotations = layout.local_rotations(state.turns, model.joint_count)
    for joint, turn in relaxed_fingers(model).items():
        if not fitted[joint]:
            rotations[:, joint] = turn
    if not with_views:
        fingers = fit_fingers(model, points, person, rotations, state.root, state.betas, offsets)
        for joint, (turn, finger_sigma) in fingers.items():
            rotations[:, joint], sigma_deg[:, joint] = turn, finger_sigma
            fitted[joint] = True
    face = fit_face(model, points, person, rotations, state.root, state.betas)
    if face is not None:
        jaw = model.joint("jaw")
        rotations[:, jaw], sigma_deg[:, jaw] = face.jaw, face.jaw_sigma_deg
        fitted[jaw] = True
    motion = BodyMotion(
        person_id=points.person_ids[person],
        model_name=model.name,
        model_hash=model.content_hash,
        joint_names=model.joint_names,
        fps=points.fps,
        betas=state.betas,
        transl=state.root - model.joints(state.betas)[0],
        expression=np.zeros((len(state.root), 0)) if face is None else face.expression,
        flat_hand_mean=True,
        fit_error_mm=_fit_error_mm(layout, solution.measured, state),
        rotation_sigma_deg=sigma_deg,
        observable=fitted & (np.median(sigma_deg, axis=0) <= OBSERVABLE_DEG),
        **split_rotations(rotations),
    )
    return FitResult(motion, solution.status)


def solve(
    points: Points3D,
    model: BodyModel,
    person: int,
    *,
    facts: BodyFacts | None = None,
    offsets: Offsets | None = None,
    betas: FloatArray | None = None,
    constants: Mapping[str, float] | None = None,
    views: CameraTracks | None = None,
    told: Callable[[], None] | None = None,
) -> Solution:
    """Solve for shape and pose of the person with this index; arguments as for `fit`.

    Raises:
        BodyError: as `fit`.
    """
    known_shape = _checked_betas(model, betas)
    layout, measured = setting_of(points, model, person, offsets)
    landmarks, shape = layout.landmarks, known_shape
    if shape is None:
        shape = shape_from_bones(model, landmarks, measured.xyz, measured.variance, facts)
    estimate = _first_estimate(
        points, model, layout, measured, shape, facts=facts, constants=constants,
        shape_known=known_shape is not None,
    )  # fmt: skip
    scale = AccelerationScale(points.fps)
    status = improve(estimate, scale, rescalings=RESCALINGS, told=told)
    if views is not None:
        seen = seen_landmarks(views, points.person_ids[person], landmarks)
        status = refine_on_views(estimate, seen, points.fps, told)
    solution = Solution(layout, measured, estimate.problem, estimate.state, status)
    if views is None or not seen_fingers(points, person):
        return solution
    return _with_fingers(solution, points, model, person, offsets, constants, views, told)


def _first_estimate(
    points: Points3D,
    model: BodyModel,
    layout: Layout,
    measured: MeasuredPoints,
    shape: FloatArray,
    *,
    facts: BodyFacts | None,
    constants: Mapping[str, float] | None,
    shape_known: bool,
) -> Estimate:
    """Return the problem of a take and where to start."""
    start = start_state(layout, model, measured.xyz, shape)
    problem = _problem(layout, measured, start, points.fps, shape_known)
    problem = replace(problem, shape_prior=shape_prior(model, facts or BodyFacts(), shape))
    if constants is not None:
        anatomy, unknown = with_constants(layout, problem.anatomy, constants)
        problem, start = replace(problem, anatomy=anatomy), replace(start, constants=unknown)
    return Estimate(problem, start)


def _with_fingers(
    body: Solution,
    points: Points3D,
    model: BodyModel,
    person: int,
    offsets: Offsets | None,
    constants: Mapping[str, float] | None,
    views: CameraTracks,
    told: Callable[[], None] | None,
) -> Solution:
    """Return the solution of body and fingers together, from that of the body on the views."""
    layout, measured = setting_of(points, model, person, offsets, fingers=True)
    rotations = body.layout.local_rotations(body.state.turns, model.joint_count)
    root, betas = body.state.root, body.state.betas
    fingers = fit_fingers(model, points, person, rotations, root, betas, offsets)
    start = with_fingers(layout, rotations, fingers, body.state)
    problem = _problem(layout, measured, start, points.fps, body.problem.shape_is_known)
    problem = replace(problem, shape_prior=body.problem.shape_prior)
    if constants is not None:
        anatomy, _ = with_constants(layout, problem.anatomy, constants)
        problem = replace(problem, anatomy=anatomy)
    seen = seen_landmarks(views, points.person_ids[person], layout.landmarks)
    estimate = Estimate(problem, start)
    status = refine_on_views(estimate, seen, points.fps, told, refinements=1)
    both = together((body.status, status))
    return Solution(layout, measured, estimate.problem, estimate.state, both)


def height_by_bones(
    points: Points3D,
    model: BodyModel,
    *,
    person_id: int | None = None,
    offsets: Offsets | None = None,
) -> float:
    """Return the body height in metres that goes with the bones seen, right to some centimetres.

    A given height that differs by more is wrong, or the scale of the calibration is.

    Raises:
        InputError: the person is unknown.
    """
    person = points.person_index(person_id)
    layout, measured = setting_of(points, model, person, offsets)
    betas = shape_from_bones(model, layout.landmarks, measured.xyz, measured.variance)
    return body_height(model, betas)[0]


def _checked_betas(model: BodyModel, betas: FloatArray | None) -> FloatArray | None:
    """Return betas with zeros for those not given."""
    if betas is None:
        return None
    given = np.asarray(betas, dtype=np.float64).reshape(-1)
    if len(given) > model.shape_count:
        raise BodyError(
            f"{len(given)} betas were given, but body '{model.name}' has {model.shape_count}. "
            "Fit the shape anew or use the body they belong to."
        )
    return np.pad(given, (0, model.shape_count - len(given)))


def _problem(
    layout: Layout, measured: MeasuredPoints, start: State, fps: float, shape_known: bool
) -> Problem:
    turn_weight, root_weight = first_guess(start, fps)
    return Problem(
        layout=layout,
        anatomy=layout.anatomy(fps),
        targets=measured.xyz,
        information=measured.information,
        turn_weight=turn_weight,
        root_weight=root_weight,
        ridge=None if shape_known else _ridge(layout, measured, fps),
    )


def _ridge(layout: Layout, measured: MeasuredPoints, fps: float) -> float:
    """Return the weight of the shape's prior.

    A landmark's own scatter is the same in every frame. T frames with noise v and scatter s² tell
    1 / (s² + v / T) about a length, not T / (s² + v): the prior must count accordingly more.
    """
    frames = len(measured.xyz)
    scatter = layout.landmarks.sigma_m**2
    total = np.nanmedian(measured.variance + scatter) if measured.seen.any() else 1.0
    return 1.0 + frames * float(np.median(scatter)) / float(total) * min(1.0, PRIOR_FPS / fps)


def _sigmas(model: BodyModel, layout: Layout, by_group: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return standard deviations (frame, joint) in degrees and which joints were fitted.

    `by_group` are those of the groups that were (frame, group).
    """
    sigma = np.full((len(by_group), JOINT_COUNT), _UNKNOWN_SIGMA_DEG)
    for group in groups():
        worst = float(np.max(group.sigma_deg))
        for joint in group.joints:
            sigma[:, model.joint(joint)] = worst or _UNKNOWN_SIGMA_DEG
    fitted = np.zeros(JOINT_COUNT, dtype=bool)
    for index, joint in enumerate(layout.joints):
        group_index = layout.tree.joint_group[index]
        if group_index >= 0:
            sigma[:, joint] = by_group[:, group_index]
            fitted[joint] = True
    return sigma, fitted


def _fit_error_mm(layout: Layout, measured: MeasuredPoints, state: State) -> FloatArray:
    """Return the median distance (frame,) to the keypoints seen; NaN where none was."""
    shape = layout.shape(state.betas, fixed=True)
    error = np.full(len(state.root), np.nan)
    for part in in_parts(len(error), FRAMES_AT_ONCE):
        there = keypoints_of(layout.tree, shape, state.turns[part], state.root[part])
        distance = np.linalg.norm(there - measured.xyz[part], axis=-1)
        some = measured.seen[part].any(axis=1)
        found = np.full(len(distance), np.nan)
        found[some] = 1000.0 * np.nanmedian(distance[some], axis=1)
        error[part] = found
    return error
