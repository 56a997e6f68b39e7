"""The least-squares problem of a whole take: poses of all frames and one shape.

    minimise  sum of s² log(1 + e²/s²)   e: distance to a keypoint in its standard deviations,
                                         in space and, with views, in every image
            + anatomy + smoothness       see fit_prior_kernels
            + ridge * prior of the betas   see shape_prior

Frames are coupled only to the two before and after them: the normal matrix of the poses is
banded and its Cholesky factor costs time linear in the frames. The shape is eliminated by its
Schur complement. Robust losses are handled by reweighting (Triggs et al. 2000, "Bundle
adjustment - a modern synthesis", section 4.3).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpbtrf
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from mocap.body.fit.kernels import data_normals, keypoints_of, point_terms
from mocap.body.fit.layout import Layout
from mocap.body.fit.observed import held
from mocap.body.fit.observed.held import FRAMES_AT_ONCE, Room, empty_packed, packed, unpacked
from mocap.body.fit.observed.seen import FramesSeen
from mocap.body.fit.prior_kernels import (
    Anatomy,
    anatomy_cost,
    anatomy_normals,
    moved,
    smoothness_cost,
    smoothness_normals,
)
from mocap.body.fit.view_kernels import VIEW_SCALE, view_terms
from mocap.body.shape_prior import ShapePrior, prior_terms
from mocap.core.files.replay import Remember, anew
from mocap.core.kernels.band import solve_backward, solve_forward
from mocap.core.shapes import Array, FloatArray, in_parts

# Loss scale in standard deviations of a keypoint: errors of four count half, wrong
# keypoints next to nothing.
CAUCHY_SCALE = 4.0

# Points in space and the views they were made from tell the same twice. Weights that add up to one
# never count it twice, whatever the two have in common (covariance intersection, Julier & Uhlmann
# 1997). Views know which of them is wrong, smoothed points that places change smoothly and not
# only joint angles. On other renders and random motions 0.2 to 0.35 are equally good.
POINTS_SHARE = 0.3

# Keeps the matrix positive definite where nothing at all is known, in 1/rad² and 1/m².
_LEAST_INFORMATION = 1e-6


@dataclass(frozen=True, eq=False)
class Problem:
    """What is to be explained, and what is known before.

    Attributes:
        layout: unknowns and keypoints.
        anatomy: prior of the joints.
        targets: (frame, keypoint, 3) metres; NaN for not seen.
        information: (frame, keypoint, 6) inverse covariance in 1/m², see `held.packed`; zero for
            not seen.
        turn_weight: (frame, group, 3) of angular accelerations per frame², 1/rad².
        root_weight: (frame,) of the root's accelerations per frame², 1/m².
        ridge: weight of the shape's prior; None where the shape is known, see `shape_is_known`.
        views: what the cameras saw; then the targets count by `POINTS_SHARE`, and this by the rest.
        shape_prior: what is known of the betas; None: |betas|² is the cost.
    """

    layout: Layout
    anatomy: Anatomy
    targets: FloatArray
    information: Array
    turn_weight: FloatArray
    root_weight: FloatArray
    ridge: float | None
    views: FramesSeen | None = None
    shape_prior: ShapePrior | None = None

    @property
    def shape_is_known(self) -> bool:
        """Whether the betas stay as they are."""
        return self.ridge is None


@dataclass(frozen=True, eq=False)
class State:
    """An estimate.

    Attributes:
        turns: (frame, group, 3, 3) local rotations.
        root: (frame, 3) metres.
        betas: (shape,).
        constants: (constant,) radians, see `Anatomy.constant`.
    """

    turns: FloatArray
    root: FloatArray
    betas: FloatArray
    constants: FloatArray

    def part(self, frames: slice) -> State:
        """Return the same for some frames."""
        return replace(self, turns=self.turns[frames], root=self.root[frames])


@dataclass(frozen=True, eq=False)
class Step:
    """A change of the estimate.

    Attributes:
        poses: (unknown,).
        person: (person,) betas, where they are unknown, then the constants.
        lower: (distance, unknown) Cholesky factor of the poses' damped matrix; None when it was
            never whole.
        variances: (frame, unknown) of accelerations, where the matrix was never whole and they
            were asked for.
    """

    poses: FloatArray
    person: FloatArray
    lower: FloatArray | None
    variances: FloatArray | None = None


class Terms(NamedTuple):
    """What the keypoints say at a state; it holds for every smoothness and prior.

    Attributes:
        cost: of all keypoints.
        curvature: (frame, keypoint, 6) Gauss-Newton matrix, 1/m², see `held.packed`; 0: not seen.
        weighted: (frame, keypoint, 3) half gradient, 1/m.
    """

    cost: float
    curvature: Array
    weighted: FloatArray

    def part(self, frames: slice) -> Terms:
        """Return the same for some frames; the cost stays that of all."""
        return Terms(self.cost, self.curvature[frames], self.weighted[frames])


@dataclass(frozen=True, eq=False)
class Normals:
    """Normal equations at a state.

    Attributes:
        band: (unknown, distance) lower band of the poses' matrix, see `data_normals`.
        gradient: (unknown,) half gradient.
        coupling: (unknown, person): betas, where they are unknown, then the constants.
        person_hessian, person_gradient: (person, person), (person,).
        cost: at the state.
    """

    band: FloatArray
    gradient: FloatArray
    coupling: FloatArray
    person_hessian: FloatArray
    person_gradient: FloatArray
    cost: float

    def step(self, damping: float) -> Step | None:
        """Return the step to the minimum; None if the matrix is not positive definite.

        The band becomes the factor: there is only one step from it.
        """
        reduced = poses_eliminated(self, damping)
        if reduced is None:
            return None
        if self.coupling.shape[1] == 0:
            return Step(-reduced.solved[:, 0], np.zeros(0), reduced.lower)
        person = -np.asarray(np.linalg.solve(reduced.matrix, reduced.gradient))
        poses = -reduced.solved[:, 0] - reduced.solved[:, 1:] @ person
        return Step(poses, person, reduced.lower)


@dataclass(frozen=True, eq=False)
class Reduced:
    """Normal equations of the person once every pose follows.

    Attributes:
        matrix, gradient: (person, person), (person,).
        solved: (unknown, 1 + person) inverse of the poses' matrix times gradient and coupling.
        lower: (distance, unknown) its Cholesky factor.
    """

    matrix: FloatArray
    gradient: FloatArray
    solved: FloatArray
    lower: FloatArray


def cost_of(problem: Problem, state: State, terms: Terms | None = None) -> float:
    """Return the cost of a state; `terms` are those of `data_terms`, when they are known."""
    data = (terms or data_terms(problem, state)).cost
    smooth = smoothness_cost(state.turns, state.root, problem.turn_weight, problem.root_weight)
    ridge = problem.ridge or 0.0
    return float(
        data
        + anatomy_cost(problem.anatomy, state.turns, state.constants)
        + smooth
        + ridge * prior_terms(problem.shape_prior, state.betas)[0]
    )


def data_terms(problem: Problem, state: State, remember: Remember = anew) -> Terms:
    """Return what every keypoint says at a state, see the kernels.

    Some frames at a time: what only the kernels want need not be there for all of a long take, and
    of one `remember` keeps what was found.
    """
    shape = problem.layout.shape(state.betas, fixed=True)
    frames, keypoints = problem.information.shape[:2]
    curvature = empty_packed(frames, keypoints)
    weighted = np.zeros((frames, keypoints, 3))
    kept = remember if frames > held.KEPT_FRAMES else anew

    def found(part: slice) -> tuple[float, Array, FloatArray]:
        points = keypoints_of(problem.layout.tree, shape, state.turns[part], state.root[part])
        whole, slope = np.zeros((*points.shape, 3)), np.zeros(points.shape)
        cost = points_terms(problem, points, part, whole, slope)
        return cost, packed(whole).astype(curvature.dtype, copy=False), slope

    cost = 0.0
    for part in in_parts(frames, FRAMES_AT_ONCE):
        more, curvature[part], weighted[part] = kept(partial(found, part))
        cost += more
    return Terms(cost, curvature, weighted)


def points_terms(
    problem: Problem, points: FloatArray, part: slice, curvature: FloatArray, weighted: FloatArray
) -> float:
    """Write what the keypoints (frame, keypoint, 3) of some frames say; return their cost.

    `curvature` is (frame, keypoint, 3, 3).
    """
    targets, information = np.nan_to_num(problem.targets[part]), unpacked(problem.information[part])
    cost = point_terms(points, targets, information, CAUCHY_SCALE**2, curvature, weighted)
    if problem.views is None:
        return float(cost)
    seen_curvature, seen_weighted = np.zeros_like(curvature), np.zeros_like(weighted)
    views = problem.views.part(part)
    seen = view_terms(views, points, VIEW_SCALE**2, seen_curvature, seen_weighted)
    rest = 1.0 - POINTS_SHARE
    for whole, of_views in ((curvature, seen_curvature), (weighted, seen_weighted)):
        whole *= POINTS_SHARE
        of_views *= rest
        whole += of_views
    return float(POINTS_SHARE * cost + rest * seen)


def normals_of(
    problem: Problem,
    state: State,
    terms: Terms | None = None,
    *,
    smoothness: bool = True,
    room: Room | None = None,
) -> Normals:
    """Return the normal equations at a state; without `smoothness` frames are independent.

    `terms` are those of `data_terms`, when they are known; `room` is where the band is made.
    """
    tree = problem.layout.tree
    frames, known = len(state.root), problem.shape_is_known
    size = frames * tree.unknowns
    betas = 0 if known else len(state.betas)
    person = betas + len(state.constants)
    band = (room or Room()).zeros(size, 2 * tree.unknowns + 3)
    gradient, coupling = np.zeros(size), np.zeros((size, person))
    person_hessian, person_gradient = np.zeros((person, person)), np.zeros(person)
    shape = problem.layout.shape(state.betas, fixed=known)
    data = terms or data_terms(problem, state)
    data_normals(
        tree,
        shape,
        state.turns,
        state.root,
        unpacked(data.curvature),
        data.weighted,
        band,
        gradient,
        coupling,
        person_hessian,
        person_gradient,
    )
    cost = data.cost + anatomy_normals(
        tree,
        problem.anatomy,
        state.turns,
        state.constants,
        band,
        gradient,
        coupling,
        person_hessian,
        person_gradient,
    )
    if smoothness:
        cost += smoothness_normals(
            tree,
            state.turns,
            state.root,
            problem.turn_weight,
            problem.root_weight,
            band,
            gradient,
        )
    if problem.ridge is not None:
        off, pull, precision = prior_terms(problem.shape_prior, state.betas)
        person_hessian[:betas, :betas] += problem.ridge * precision
        person_gradient[:betas] += problem.ridge * pull
        cost += problem.ridge * off
    return Normals(band, gradient, coupling, person_hessian, person_gradient, cost)


def factor(band: FloatArray, damping: float) -> FloatArray | None:
    """Return the Cholesky factor (distance, unknown) of a damped band; None if not definite."""
    return cholesky(damped(band.copy(), damping))


def damped(band: FloatArray, damping: float) -> FloatArray:
    """Damp a band in its place, and return it."""
    band[:, 0] = band[:, 0] * (1.0 + damping) + _LEAST_INFORMATION
    return band


def cholesky(band: FloatArray) -> FloatArray | None:
    """Factor a band in its place: (distance, unknown); None if it is not definite."""
    lower, info = dpbtrf(band.T, lower=1, overwrite_ab=1)
    return lower if info == 0 else None


def poses_eliminated(normals: Normals, damping: float) -> Reduced | None:
    """Return the equations of the person alone; None if the poses' matrix is not definite.

    The band becomes its factor.
    """
    lower = cholesky(damped(normals.band, damping))
    if lower is None:
        return None
    solved = np.column_stack([normals.gradient, normals.coupling])
    solve_forward(lower.T, solved)
    solve_backward(lower.T, solved)
    return Reduced(
        normals.person_hessian - normals.coupling.T @ solved[:, 1:],
        normals.person_gradient - normals.coupling.T @ solved[:, 0],
        solved,
        lower,
    )


def applied(problem: Problem, state: State, step: Step) -> State:
    """Return the state after a step."""
    tree = problem.layout.tree
    by_frame = step.poses.reshape(len(state.root), tree.unknowns)
    root = state.root
    if tree.root_column >= 0:
        root = root + by_frame[:, tree.root_column : tree.root_column + 3]
    betas = len(step.person) - len(state.constants)
    return State(
        turns=moved(tree, state.turns, by_frame),
        root=root,
        betas=state.betas + step.person[:betas] if betas else state.betas,
        constants=state.constants + step.person[betas:],
    )


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep linear algebra on one thread: small blocks get slower with several, not faster."""
    with threadpool_limits(limits=1, user_api="blas"):
        yield
