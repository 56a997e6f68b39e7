"""Robust Levenberg-Marquardt over cameras, lenses and board poses, boards eliminated (Schur).

Minimises  sum rho(|observed - projected|²)  +  sigma² (K9 - m)' P (K9 - m)  per camera, where
P is the information of a weak prior on the lens and sigma the pixel noise. Triggs et al. 2000,
"Bundle Adjustment - A Modern Synthesis", sections 4 and 6. Cost per iteration is linear in the
number of corners; only the system of the cameras is dense.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate import elimination, kernels
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.views import BoardViews
from mocap.core.kernels.descent import Damping, Stop, descend
from mocap.core.lens import RATIONAL
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray, IntArray, check_shapes

FIRST_DAMPING = 1e-4
# Rounds of board fits that may rescue a step before it is refused (the inner iterations of
# Agarwal et al., Ceres).
INNER_ITERATIONS = 3


@dataclass(frozen=True, eq=False)
class RigState:
    """All unknowns of a calibration.

    Attributes:
        lens: (camera, 13) K13 of each camera, see `core.lens`.
        camera_from_world: (camera, 4, 4).
        world_from_board: (frame, 4, 4).
    """

    lens: FloatArray
    camera_from_world: FloatArray
    world_from_board: FloatArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self, lens="camera 13", camera_from_world="camera 4 4", world_from_board="frame 4 4"
        )

    @property
    def parameters(self) -> int:
        """Unknowns of a camera: six of the pose, nine or (one being rational) twelve of a lens."""
        return 6 + lens_parameters(self.lens)


def lens_parameters(lens: FloatArray) -> int:
    """Return how many numbers of the lenses (camera, 13) are unknowns: nine, twelve if rational."""
    return 12 if (lens[:, 12] == RATIONAL).any() else 9


@dataclass(frozen=True, eq=False)
class LensPrior:
    """Gaussian knowledge about each lens: mean (camera, n), information (camera, n, n) in 1/unit².

    `n` is `lens_parameters`: nine or twelve.

    `sigma_px` is the pixel noise that makes the two terms of the cost comparable.
    """

    mean: FloatArray
    information: FloatArray
    sigma_px: float

    def cost(self, lens: FloatArray) -> float:
        """Return the prior's share of the cost in px²."""
        off = lens[:, : self.mean.shape[1]] - self.mean
        return float(self.sigma_px**2 * np.einsum("ci,cij,cj->", off, self.information, off))


@dataclass(frozen=True)
class Loss:
    """A robust loss: kind is lens.L2, CAUCHY or TUKEY; scale in pixels."""

    kind: int
    scale_px: float


@dataclass(frozen=True, eq=False)
class Adjustment:
    """Where an adjustment ended: state, cost in px², iterations, and whether it converged."""

    state: RigState
    cost: float
    iterations: int
    converged: bool


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """Linearised problem at one state; see `kernels.linearise` for the shapes."""

    camera_hessian: FloatArray
    camera_gradient: FloatArray
    cross: FloatArray
    board_hessian: FloatArray
    board_gradient: FloatArray
    cost: float


def linearise(
    views: BoardViews, state: RigState, loss: Loss, prior: LensPrior | None
) -> NormalEquations:
    """Return the normal equations of all parameters at `state`."""
    cameras, frames = len(state.lens), len(state.world_from_board)
    parameters = state.parameters
    camera_hessian = np.zeros((cameras, parameters, parameters))
    camera_gradient = np.zeros((cameras, parameters))
    cross = np.zeros((views.view_count, parameters, 6))
    board_hessian = np.zeros((frames, 6, 6))
    board_gradient = np.zeros((frames, 6))
    cost = kernels.linearise(
        views.arrays, state.lens, state.camera_from_world, state.world_from_board,
        loss.kind, loss.scale_px**2,
        camera_hessian, camera_gradient, cross, board_hessian, board_gradient,
    )  # fmt: skip
    if prior is not None:
        information = prior.sigma_px**2 * prior.information
        camera_hessian[:, 6:, 6:] += information
        camera_gradient[:, 6:] += np.einsum(
            "cij,cj->ci", information, prior.mean - state.lens[:, : parameters - 6]
        )
        cost += prior.cost(state.lens)
    return NormalEquations(
        camera_hessian, camera_gradient, cross, board_hessian, board_gradient, cost
    )


def total_cost(views: BoardViews, state: RigState, loss: Loss, prior: LensPrior | None) -> float:
    """Return the robust cost in px² with the prior's share."""
    cost = kernels.total_cost(
        views.arrays, state.lens, state.camera_from_world, state.world_from_board,
        loss.kind, loss.scale_px**2,
    )  # fmt: skip
    return float(cost) + (0.0 if prior is None else prior.cost(state.lens))


def residuals(views: BoardViews, state: RigState) -> FloatArray:
    """Return observed minus projected pixels (n, 2) of all corners; NaN behind a camera."""
    out = np.zeros_like(views.arrays.pixels)
    kernels.residuals(
        views.arrays, state.lens, state.camera_from_world, state.world_from_board, out
    )
    return out


def exponential(xi: FloatArray) -> FloatArray:
    """Return transforms (n, 4, 4) of small motions (n, 6): first turn by omega, then move by tau.

    Not the screw motion of SE(3): rotation and translation are updated apart, which has the same
    derivative at zero and that is all the adjustment needs.
    """
    out = np.zeros((len(xi), 4, 4))
    out[:, :3, :3] = matrix_from_rotvec(xi[:, :3])
    out[:, :3, 3] = xi[:, 3:]
    out[:, 3, 3] = 1.0
    return out


def moved(state: RigState, camera_step: FloatArray, board_step: FloatArray) -> RigState:
    """Return the state after a step of cameras (camera, p) and boards (frame, 6)."""
    lens = state.lens.copy()
    lens[:, : camera_step.shape[1] - 6] += camera_step[:, 6:]
    return RigState(
        lens,
        exponential(camera_step[:, :6]) @ state.camera_from_world,
        state.world_from_board @ exponential(board_step),
    )


def free_parameters(
    state: RigState,
    plan: LensPlan | None = None,
    *,
    lens_group: IntArray | None = None,
    gauge_free: bool = False,
) -> FloatArray:
    """Return the directions (camera * p, free) in which the parameters of all cameras may move.

    The pose of the first camera is the gauge and stays, unless `gauge_free`. Lenses that the plan
    keeps do not move; cameras with the same number in `lens_group` (camera,), else in the plan's,
    have one lens and move it together.
    """
    if lens_group is None and plan is not None:
        lens_group = plan.group
    cameras, parameters = len(state.lens), state.parameters
    own = np.arange(cameras * parameters).reshape(cameras, parameters)
    if lens_group is not None:
        _, first = np.unique(lens_group, return_index=True)
        leader = {int(lens_group[i]): int(i) for i in first}
        for camera, group in enumerate(lens_group):
            own[camera, 6:] = own[leader[int(group)], 6:]
    free = np.ones((cameras, parameters), dtype=bool)
    free[0, :6] = gauge_free
    if plan is not None:
        free[plan.fixed, 6:] = False
    columns, place = np.unique(own[free], return_inverse=True)
    basis = np.zeros((cameras * parameters, len(columns)))
    basis[np.flatnonzero(free.ravel()), place] = 1.0
    return basis


def reduced_system(
    views: BoardViews, equations: NormalEquations, damping: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the camera system (p camera, p camera), its right side and the board inverses."""
    cameras, parameters = equations.camera_gradient.shape
    inverse = np.zeros_like(equations.board_hessian)
    elimination.invert_blocks(equations.board_hessian, np.full(len(inverse), damping), inverse)
    reduced = np.zeros((cameras * parameters, cameras * parameters))
    for index, block in enumerate(equations.camera_hessian):
        part = slice(index * parameters, (index + 1) * parameters)
        reduced[part, part] = block + np.diag(damping * np.diag(block))
    right = equations.camera_gradient.ravel().copy()
    elimination.reduce_boards(
        views.arrays, equations.cross, inverse, equations.board_gradient, reduced, right
    )
    return reduced, right, inverse


def solve_step(
    views: BoardViews, equations: NormalEquations, damping: float, free: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the damped Gauss-Newton step of cameras (camera, p) and boards (frame, 6).

    `free` (camera * p, free) as `free_parameters` returns it.
    """
    reduced, right, inverse = reduced_system(views, equations, damping)
    system, side = free.T @ reduced @ free, free.T @ right
    try:
        step = free @ np.linalg.solve(system, side)
    except np.linalg.LinAlgError:
        # A camera of which every corner has lost its weight says nothing: it stays where it is.
        step = free @ np.linalg.lstsq(system, side, rcond=1e-12)[0]
    camera_step = step.reshape(equations.camera_gradient.shape)
    board_step = np.zeros_like(equations.board_gradient)
    elimination.board_steps(
        views.arrays, equations.cross, inverse, equations.board_gradient, camera_step, board_step
    )
    return camera_step, board_step


def adjust(
    views: BoardViews,
    state: RigState,
    loss: Loss,
    *,
    prior: LensPrior | None,
    free: FloatArray,
    max_iterations: int,
    min_gain: float = 0.0,
    min_gain_share: float = 0.0,
) -> Adjustment:
    """Minimise the robust cost from `state`.

    Stops when a step lowers the cost by less than `min_gain` px² or `min_gain_share` of itself,
    or when no step lowers it; all count as converged. The cost never rises.
    """

    def attempt(
        state: RigState, equations: NormalEquations, damping: float
    ) -> tuple[RigState, float]:
        candidate = moved(state, *solve_step(views, equations, damping, free))
        cost = total_cost(views, candidate, loss, prior)
        if cost >= equations.cost:
            # Small tilted boards follow curved paths: let each find its place for these cameras.
            candidate, _ = fit_boards(views, candidate, loss, iterations=INNER_ITERATIONS)
            cost = total_cost(views, candidate, loss, prior)
        return candidate, cost

    found = descend(
        state,
        lambda at: linearise(views, at, loss, prior),
        attempt,
        Damping(FIRST_DAMPING, least=1e-12),
        Stop(max_iterations, min_gain, min_gain_share),
    )
    return Adjustment(orthonormal(found.state), found.cost, found.iterations, found.converged)


def orthonormal(state: RigState) -> RigState:
    """Return the state with rounding drift taken out of its rotations."""
    return replace(
        state,
        camera_from_world=_orthonormal(state.camera_from_world),
        world_from_board=_orthonormal(state.world_from_board),
    )


def _orthonormal(poses: FloatArray) -> FloatArray:
    """Return poses (n, 4, 4) with the nearest rotation (singular value decomposition)."""
    u, _, vt = np.linalg.svd(poses[:, :3, :3])
    out = poses.copy()
    out[:, :3, :3] = u @ vt
    return out


def fit_boards(
    views: BoardViews, state: RigState, loss: Loss, *, iterations: int = 12
) -> tuple[RigState, FloatArray]:
    """Fit every board pose by itself with the cameras held; return the state and costs (frame,).

    A damped Gauss-Newton of six unknowns per frame, all frames side by side.
    """
    frame = np.arange(views.frame_count, dtype=np.int64)
    boards = state.world_from_board
    damping = np.full(views.frame_count, FIRST_DAMPING)
    inverse = np.zeros((views.frame_count, 6, 6))
    costs = board_costs(views, state, frame, boards, loss)
    for _ in range(iterations):
        equations = linearise(views, replace(state, world_from_board=boards), loss, None)
        elimination.invert_blocks(equations.board_hessian, damping, inverse)
        step = np.einsum("fij,fj->fi", inverse, equations.board_gradient)
        trial = boards @ exponential(step)
        trial_costs = board_costs(views, state, frame, trial, loss)
        better = trial_costs < costs
        boards = np.where(better[:, None, None], trial, boards)
        damping = np.where(better, damping * 0.1, damping * 10.0)
        settled = ~better | (costs - trial_costs < 1e-9 * costs)
        costs = np.where(better, trial_costs, costs)
        if settled.all():
            break
    return orthonormal(replace(state, world_from_board=boards)), costs


def board_costs(
    views: BoardViews, state: RigState, frame: IntArray, boards: FloatArray, loss: Loss
) -> FloatArray:
    """Return the cost (candidate,) in px² of board poses (candidate, 4, 4) for frames."""
    out = np.zeros(len(frame))
    kernels.candidate_costs(
        views.arrays, state.lens, state.camera_from_world,
        frame, np.ascontiguousarray(boards),
        loss.kind, loss.scale_px**2, out,
    )  # fmt: skip
    return out
