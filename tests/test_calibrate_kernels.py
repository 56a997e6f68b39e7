"""Derivatives and linear algebra of the board adjustment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.calibrate.adjust import (
    Loss,
    RigState,
    adjust,
    free_parameters,
    linearise,
    moved,
    reduced_system,
    residuals,
    solve_step,
    total_cost,
)
from mocap.calibrate.refine import lens_prior
from mocap.calibrate.views import BoardViews, pack_views
from mocap.core.board import Board
from mocap.core.lens import CAUCHY, L2, TUKEY
from mocap.core.transform import rigid
from mocap.synthetic.boards import observe_board, scatter_board
from mocap.synthetic.rigs import ring

BOARD = Board("test", 6, 5, 0.1, 0.075, "DICT_4X4_50", thickness_m=0.01)


@pytest.fixture(scope="module")
def problem() -> tuple[BoardViews, RigState]:
    """A small rig with a state off the optimum, so that every residual is some pixels."""
    rig = ring(3, jitter=1.0, seed=4, arc_deg=70.0)
    poses = scatter_board(rig, BOARD, 16, seed=2)
    views = pack_views(observe_board(rig, BOARD, poses, outliers=0.0, seed=3), BOARD)
    # A board offset of its own per view exercises the third board coordinate.
    arrays = views.arrays._replace(view_offset_m=np.linspace(0, 0.02, views.view_count))
    views = replace(views, arrays=arrays)
    vectors = rig.vectors()
    state = RigState(
        vectors[:, 6:],
        np.stack([camera.camera_from_world for camera in rig.cameras]),
        poses[views.frames],
    )
    return views, state


@pytest.mark.parametrize("parameter", range(15))
def test_camera_column_of_the_gradient_is_the_finite_difference(
    problem: tuple[BoardViews, RigState], parameter: int
) -> None:
    views, state = problem
    for camera in range(3):
        step = np.zeros((3, 15))
        # Lens coefficients act on r², r⁴, r⁶ < 1: 1e-6 moves pixels by about 1e-3 like the others.
        size = 1e-4 if 6 <= parameter < 10 else 1e-6
        step[camera, parameter] = size
        none = np.zeros((views.frame_count, 6))
        plus = residuals(views, moved(state, step, none))
        minus = residuals(views, moved(state, -step, none))
        # e = observed - projected, so the gradient J'e is minus half the derivative of e².
        numeric = -np.sum(plus**2 - minus**2) / (2 * size) / 2
        analytic = linearise(views, state, Loss(L2, 1.0), None).camera_gradient[camera, parameter]
        # Central differences of a smooth function in doubles: about 1e-6 relative.
        assert analytic == pytest.approx(numeric, rel=2e-5, abs=1e-3)


@pytest.mark.parametrize("parameter", range(6))
def test_board_column_of_the_gradient_is_the_finite_difference(
    problem: tuple[BoardViews, RigState], parameter: int
) -> None:
    views, state = problem
    gradient = linearise(views, state, Loss(L2, 1.0), None).board_gradient
    step = np.zeros((views.frame_count, 6))
    step[3, parameter] = 1e-6
    none = np.zeros((3, 15))
    plus = np.sum(residuals(views, moved(state, none, step)) ** 2)
    minus = np.sum(residuals(views, moved(state, none, -step)) ** 2)
    numeric = -(plus - minus) / 2e-6 / 2
    assert gradient[3, parameter] == pytest.approx(numeric, rel=2e-5, abs=1e-3)


@pytest.mark.parametrize("loss", [Loss(L2, 1.0), Loss(CAUCHY, 2.0), Loss(TUKEY, 8.0)])
def test_robust_gradient_is_half_the_derivative_of_the_robust_cost(
    problem: tuple[BoardViews, RigState], loss: Loss
) -> None:
    views, state = problem
    direction = np.random.default_rng(0).normal(size=(3, 15))
    direction *= np.array([1e-4] * 6 + [1e-2] * 4 + [1e-4] * 5)
    none = np.zeros((views.frame_count, 6))
    forward = total_cost(views, moved(state, 1e-2 * direction, none), loss, None)
    backward = total_cost(views, moved(state, -1e-2 * direction, none), loss, None)
    slope = np.sum(linearise(views, state, loss, None).camera_gradient * direction)
    assert slope == pytest.approx(-(forward - backward) / 2e-2 / 2, rel=1e-4)


def test_schur_step_equals_the_step_of_the_full_system(
    problem: tuple[BoardViews, RigState],
) -> None:
    views, state = problem
    prior = lens_prior(views, state.lens, 1.0)
    equations = linearise(views, state, Loss(CAUCHY, 2.0), prior)
    free = free_parameters(state)
    damping = 1e-3
    camera_step, board_step = solve_step(views, equations, damping, free)
    full = _full_hessian(views, equations)
    full += damping * np.diag(np.diag(full))
    gradient = np.concatenate([equations.camera_gradient.ravel(), equations.board_gradient.ravel()])
    moving = np.concatenate([free.any(axis=1), np.ones(6 * views.frame_count, dtype=bool)])
    expected = np.zeros(len(full))
    expected[moving] = np.linalg.solve(full[np.ix_(moving, moving)], gradient[moving])
    got = np.concatenate([camera_step.ravel(), board_step.ravel()])
    # The condition number is about 1e9; both solvers keep six digits of the step.
    assert np.allclose(got, expected, rtol=1e-5, atol=1e-9 * np.abs(expected).max())


def _full_hessian(views: BoardViews, equations) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Return the dense matrix of all cameras and boards."""
    frames = views.frame_count
    full = np.zeros((45 + 6 * frames, 45 + 6 * frames))
    for camera in range(3):
        part = slice(15 * camera, 15 * camera + 15)
        full[part, part] = equations.camera_hessian[camera]
    for frame in range(frames):
        part = slice(45 + 6 * frame, 51 + 6 * frame)
        full[part, part] = equations.board_hessian[frame]
    for view, (camera, frame) in enumerate(
        zip(views.arrays.view_camera, views.view_frame, strict=True)
    ):
        rows, columns = slice(15 * camera, 15 * camera + 15), slice(45 + 6 * frame, 51 + 6 * frame)
        full[rows, columns] = equations.cross[view]
        full[columns, rows] = equations.cross[view].T
    return full


def test_reduced_system_leaves_the_motion_of_the_world_free(
    problem: tuple[BoardViews, RigState],
) -> None:
    from mocap.calibrate.covariance import _world_motions

    views, state = problem
    reduced, _, _ = reduced_system(views, linearise(views, state, Loss(L2, 1.0), None), 0.0)
    gauge, _ = _world_motions(state)
    # Relative to the stiffness of the parameters that move, six directions cost nothing.
    stiffness = np.sqrt(np.diag(gauge.T @ np.diag(np.diag(reduced)) @ gauge))
    assert np.abs((gauge / stiffness).T @ reduced @ (gauge / stiffness)).max() < 1e-6


def test_adjustment_never_raises_the_cost_and_reaches_the_noise(
    problem: tuple[BoardViews, RigState],
) -> None:
    views, state = problem
    # All boards in one plane again: what the corners were made from.
    flat = replace(views, arrays=views.arrays._replace(view_offset_m=np.zeros(views.view_count)))
    turned = rigid(np.eye(3), np.array([0.01, -0.02, 0.01])) @ state.world_from_board
    start = replace(state, world_from_board=turned)
    loss = Loss(CAUCHY, 2.0)
    fit = adjust(
        flat, start, loss, prior=None, free=free_parameters(start), max_iterations=30, min_gain=1e-6
    )
    assert fit.converged
    assert fit.cost < total_cost(flat, start, loss, None)
    error = residuals(flat, fit.state)
    # Corners were given 0.3 px of noise per axis; the fit takes up some of it.
    assert np.sqrt(np.mean(error**2)) < 0.32
