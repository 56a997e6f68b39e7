"""Numba kernels of the board adjustment: residuals, costs, normal equations.

Poses are 4x4 matrices and are updated from the left, T <- Exp(xi) T with xi = (omega, tau), for
cameras (camera_from_world) and from the right for boards, T <- T Exp(eta) (world_from_board).
A point x in camera coordinates then moves by omega x x + tau, and a board update moves it exactly
like the camera update Ad(camera_from_board) eta (Sola et al. 2018, "A micro Lie theory", sec. IV).
So one camera block per view gives the board's blocks by 6x6 products.

The derivation is in docs/maths/calibration.md.

Camera parameters: omega (3), tau (3), then as many numbers of the lens as the arrays have room for:
nine (fx fy cx cy k1 k2 p1 p2 k3, or k1 to k4 of a fisheye) or twelve (with k4 k5 k6 of a rational
lens). `lens` itself is K13 (`core.lens`).
"""

from __future__ import annotations

import numpy as np

from mocap.calibrate.views import ViewArrays
from mocap.core.kernels.compiled import inlined, kernel, part
from mocap.core.lens import (
    MIN_DEPTH_M,
    project_point,
    project_point_jacobian,
    robust_weight,
)
from mocap.core.shapes import FloatArray, IntArray

LENS_SLOPES = 12
STANDARD_PARAMETERS = 15
# Error given to a corner behind the camera: far above any real one, so that a step which puts a
# board behind a camera is refused.
BEHIND_PX2 = 1e6
# Observations with less robust weight than this cannot change the solution.
NEGLIGIBLE_WEIGHT = 1e-6


@inlined
def compose(a: FloatArray, b: FloatArray, out: FloatArray) -> None:
    """Write the rigid transform a @ b into the first three rows of `out`."""
    for i in range(3):
        for j in range(4):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]
        out[i, 3] += a[i, 3]


@kernel
def residuals(
    views: ViewArrays,
    lens: FloatArray,
    camera_from_world: FloatArray,
    world_from_board: FloatArray,
    out: FloatArray,
) -> None:
    """Write observed minus projected pixels (n, 2); NaN behind the camera."""
    pose = np.zeros((3, 4))
    for frame in range(len(views.frame_start) - 1):
        for view in range(views.frame_start[frame], views.frame_start[frame + 1]):
            camera = views.view_camera[view]
            compose(camera_from_world[camera], world_from_board[frame], pose)
            h = views.view_offset_m[view]
            for n in range(views.view_start[view], views.view_start[view + 1]):
                p = views.body_xyz[views.corner[n]]
                w = p[2] + h
                x = pose[0, 0] * p[0] + pose[0, 1] * p[1] + pose[0, 2] * w + pose[0, 3]
                y = pose[1, 0] * p[0] + pose[1, 1] * p[1] + pose[1, 2] * w + pose[1, 3]
                z = pose[2, 0] * p[0] + pose[2, 1] * p[1] + pose[2, 2] * w + pose[2, 3]
                if z < MIN_DEPTH_M:
                    out[n, 0] = np.nan
                    out[n, 1] = np.nan
                    continue
                u, v = project_point(lens[camera], x, y, z)
                out[n, 0] = views.pixels[n, 0] - u
                out[n, 1] = views.pixels[n, 1] - v


@part
def frame_cost(
    views: ViewArrays,
    frame: int,
    lens: FloatArray,
    camera_from_world: FloatArray,
    board: FloatArray,
    kind: int,
    scale2: float,
) -> float:
    """Return the robust cost (px²) of one frame with its board at `board` (4, 4)."""
    pose = np.zeros((3, 4))
    total = 0.0
    for view in range(views.frame_start[frame], views.frame_start[frame + 1]):
        camera = views.view_camera[view]
        compose(camera_from_world[camera], board, pose)
        h = views.view_offset_m[view]
        for n in range(views.view_start[view], views.view_start[view + 1]):
            p = views.body_xyz[views.corner[n]]
            w = p[2] + h
            x = pose[0, 0] * p[0] + pose[0, 1] * p[1] + pose[0, 2] * w + pose[0, 3]
            y = pose[1, 0] * p[0] + pose[1, 1] * p[1] + pose[1, 2] * w + pose[1, 3]
            z = pose[2, 0] * p[0] + pose[2, 1] * p[1] + pose[2, 2] * w + pose[2, 3]
            e2 = BEHIND_PX2
            if z >= MIN_DEPTH_M:
                u, v = project_point(lens[camera], x, y, z)
                du = views.pixels[n, 0] - u
                dv = views.pixels[n, 1] - v
                e2 = du * du + dv * dv
            rho, _ = robust_weight(e2, kind, scale2)
            total += rho
    return total


@kernel
def total_cost(
    views: ViewArrays,
    lens: FloatArray,
    camera_from_world: FloatArray,
    world_from_board: FloatArray,
    kind: int,
    scale2: float,
) -> float:
    """Return the robust cost (px²) of all frames."""
    total = 0.0
    for frame in range(len(views.frame_start) - 1):
        total += frame_cost(
            views, frame, lens, camera_from_world, world_from_board[frame], kind, scale2
        )
    return total


@kernel
def candidate_costs(
    views: ViewArrays,
    lens: FloatArray,
    camera_from_world: FloatArray,
    candidate_frame: IntArray,
    candidates: FloatArray,
    kind: int,
    scale2: float,
    out: FloatArray,
) -> None:
    """Write the robust cost (candidate,) of alternative board poses (candidate, 4, 4)."""
    for k in range(len(candidate_frame)):
        out[k] = frame_cost(
            views, candidate_frame[k], lens, camera_from_world, candidates[k], kind, scale2
        )


@inlined
def _add_squares(
    parameters: int,
    j: FloatArray,
    du: float,
    dv: float,
    weight: float,
    hessian: FloatArray,
    gradient: FloatArray,
) -> None:
    """Add J'wJ (upper) and J'we of one corner; a constant number of parameters is unrolled."""
    for a in range(parameters):
        ju = weight * j[0, a]
        jv = weight * j[1, a]
        gradient[a] += ju * du + jv * dv
        for b in range(a, parameters):
            hessian[a, b] += ju * j[0, b] + jv * j[1, b]


@inlined
def _view_block(
    views: ViewArrays,
    view: int,
    lens: FloatArray,
    pose: FloatArray,
    kind: int,
    scale2: float,
    hessian: FloatArray,
    gradient: FloatArray,
    d_lens: FloatArray,
    d_point: FloatArray,
    j: FloatArray,
) -> float:
    """Accumulate J'WJ (p, p, upper), J'We (p) of one view; return its robust cost."""
    parameters = len(gradient)
    hessian[:] = 0.0
    gradient[:] = 0.0
    d_lens[:] = 0.0  # another camera may have had another lens model
    total = 0.0
    h = views.view_offset_m[view]
    for n in range(views.view_start[view], views.view_start[view + 1]):
        p = views.body_xyz[views.corner[n]]
        w = p[2] + h
        x = pose[0, 0] * p[0] + pose[0, 1] * p[1] + pose[0, 2] * w + pose[0, 3]
        y = pose[1, 0] * p[0] + pose[1, 1] * p[1] + pose[1, 2] * w + pose[1, 3]
        z = pose[2, 0] * p[0] + pose[2, 1] * p[1] + pose[2, 2] * w + pose[2, 3]
        if z < MIN_DEPTH_M:
            rho, _ = robust_weight(BEHIND_PX2, kind, scale2)
            total += rho
            continue
        u, v = project_point_jacobian(lens, x, y, z, d_lens, d_point)
        du = views.pixels[n, 0] - u
        dv = views.pixels[n, 1] - v
        rho, weight = robust_weight(du * du + dv * dv, kind, scale2)
        total += rho
        if weight < NEGLIGIBLE_WEIGHT:
            continue
        # omega x x moves the pixel by D (omega x x) = (x x D) omega, tau by D tau.
        for r in range(2):
            a0, a1, a2 = d_point[r, 0], d_point[r, 1], d_point[r, 2]
            j[r, 0] = y * a2 - z * a1
            j[r, 1] = z * a0 - x * a2
            j[r, 2] = x * a1 - y * a0
            j[r, 3], j[r, 4], j[r, 5] = a0, a1, a2
            for k in range(9):
                j[r, 6 + k] = d_lens[r, k]
            for k in range(9, parameters - 6):
                j[r, 6 + k] = d_lens[r, k]
        if parameters == STANDARD_PARAMETERS:
            _add_squares(STANDARD_PARAMETERS, j, du, dv, weight, hessian, gradient)
        else:
            _add_squares(parameters, j, du, dv, weight, hessian, gradient)
    return total


@inlined
def _adjoint(pose: FloatArray, out: FloatArray) -> None:
    """Write Ad of a rigid transform (3, 4) into `out` (6, 6), order (omega, tau)."""
    for i in range(3):
        for k in range(3):
            out[i, k] = pose[i, k]
            out[i, 3 + k] = 0.0
            out[3 + i, 3 + k] = pose[i, k]
    t0, t1, t2 = pose[0, 3], pose[1, 3], pose[2, 3]
    for k in range(3):
        out[3, k] = t1 * pose[2, k] - t2 * pose[1, k]
        out[4, k] = t2 * pose[0, k] - t0 * pose[2, k]
        out[5, k] = t0 * pose[1, k] - t1 * pose[0, k]


@kernel
def linearise(
    views: ViewArrays,
    lens: FloatArray,
    camera_from_world: FloatArray,
    world_from_board: FloatArray,
    kind: int,
    scale2: float,
    camera_hessian: FloatArray,
    camera_gradient: FloatArray,
    cross: FloatArray,
    board_hessian: FloatArray,
    board_gradient: FloatArray,
) -> float:
    """Write the normal equations of all parameters; return the robust cost (px²).

    camera_hessian (camera, p, p), camera_gradient (camera, p), cross (view, p, 6),
    board_hessian (frame, 6, 6), board_gradient (frame, 6). The gradient is J'We with e observed
    minus projected: the descent direction, so a step solves H step = gradient.
    """
    parameters = camera_gradient.shape[1]
    pose = np.zeros((3, 4))
    hessian = np.zeros((parameters, parameters))
    gradient = np.zeros(parameters)
    d_lens = np.zeros((2, LENS_SLOPES))
    d_point = np.zeros((2, 3))
    j = np.zeros((2, parameters))
    adjoint = np.zeros((6, 6))
    camera_hessian[:] = 0.0
    camera_gradient[:] = 0.0
    board_hessian[:] = 0.0
    board_gradient[:] = 0.0
    total = 0.0
    for frame in range(len(views.frame_start) - 1):
        for view in range(views.frame_start[frame], views.frame_start[frame + 1]):
            camera = views.view_camera[view]
            compose(camera_from_world[camera], world_from_board[frame], pose)
            total += _view_block(
                views, view, lens[camera], pose, kind, scale2,
                hessian, gradient, d_lens, d_point, j,
            )  # fmt: skip
            for a in range(parameters):
                for b in range(a):
                    hessian[a, b] = hessian[b, a]
            # A board's motion is a camera's, carried over by the adjoint: products of 6 x 6
            # matrices, whatever the number of corners.
            _adjoint(pose, adjoint)
            for a in range(parameters):
                camera_gradient[camera, a] += gradient[a]
                for b in range(parameters):
                    camera_hessian[camera, a, b] += hessian[a, b]
                for b in range(6):
                    s = 0.0
                    for k in range(6):
                        s += hessian[a, k] * adjoint[k, b]
                    cross[view, a, b] = s
            for a in range(6):
                s = 0.0
                for k in range(6):
                    s += adjoint[k, a] * gradient[k]
                board_gradient[frame, a] += s
                for b in range(6):
                    s = 0.0
                    for k in range(6):
                        s += adjoint[k, a] * cross[view, k, b]
                    board_hessian[frame, a, b] += s
    return total
