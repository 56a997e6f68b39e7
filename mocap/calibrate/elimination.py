"""Numba kernels that eliminate the boards from the normal equations: the Schur complement."""

from __future__ import annotations

import math

import numpy as np

from mocap.calibrate.kernels import STANDARD_PARAMETERS
from mocap.calibrate.views import ViewArrays
from mocap.core.kernels.compiled import inlined, kernel
from mocap.core.shapes import FloatArray


@kernel
def invert_blocks(hessian: FloatArray, damping: FloatArray, out: FloatArray) -> None:
    """Write the inverse of each damped 6x6 block (frame, 6, 6), by Cholesky factors.

    The diagonal is multiplied by 1 + damping (frame,) and raised by 1e-9: frames whose corners all
    have lost their robust weight get a finite inverse and, with a zero gradient, no step.
    """
    low = np.zeros((6, 6))
    inverse = np.zeros((6, 6))
    for frame in range(len(hessian)):
        for i in range(6):
            for k in range(i + 1):
                s = hessian[frame, i, k]
                if i == k:
                    s = s * (1.0 + damping[frame]) + 1e-9
                for m in range(k):
                    s -= low[i, m] * low[k, m]
                if i == k:
                    low[i, i] = math.sqrt(max(s, 1e-12))
                else:
                    low[i, k] = s / low[k, k]
        for i in range(6):  # inverse of the lower factor
            inverse[i, i] = 1.0 / low[i, i]
            for k in range(i):
                s = 0.0
                for m in range(k, i):
                    s -= low[i, m] * inverse[m, k]
                inverse[i, k] = s / low[i, i]
        for i in range(6):
            for k in range(6):
                s = 0.0
                for m in range(max(i, k), 6):
                    s += inverse[m, i] * inverse[m, k]
                out[frame, i, k] = s


@inlined
def _subtract_product(
    parameters: int, t: FloatArray, cross: FloatArray, reduced: FloatArray, row: int, column: int
) -> None:
    """Subtract t @ cross' from a block of the camera system."""
    for a in range(parameters):
        for b in range(parameters):
            s = 0.0
            for k in range(6):
                s += t[a, k] * cross[b, k]
            reduced[row + a, column + b] -= s


@kernel
def reduce_boards(
    views: ViewArrays,
    cross: FloatArray,
    board_inverse: FloatArray,
    board_gradient: FloatArray,
    reduced: FloatArray,
    right: FloatArray,
) -> None:
    """Subtract the boards from the camera system: the Schur complement.

    `reduced` (p camera, p camera) and `right` (p camera) hold the camera blocks on entry.
    """
    parameters = cross.shape[1]
    t = np.zeros((parameters, 6))
    for frame in range(len(views.frame_start) - 1):
        first, last = views.frame_start[frame], views.frame_start[frame + 1]
        for view in range(first, last):
            row = parameters * views.view_camera[view]
            for a in range(parameters):
                change = 0.0
                for b in range(6):
                    s = 0.0
                    for k in range(6):
                        s += cross[view, a, k] * board_inverse[frame, k, b]
                    t[a, b] = s
                    change += s * board_gradient[frame, b]
                right[row + a] -= change
            for other in range(first, last):
                column = parameters * views.view_camera[other]
                if parameters == STANDARD_PARAMETERS:
                    _subtract_product(STANDARD_PARAMETERS, t, cross[other], reduced, row, column)
                else:
                    _subtract_product(parameters, t, cross[other], reduced, row, column)


@kernel
def board_steps(
    views: ViewArrays,
    cross: FloatArray,
    board_inverse: FloatArray,
    board_gradient: FloatArray,
    camera_step: FloatArray,
    out: FloatArray,
) -> None:
    """Write the board steps (frame, 6) that go with the camera step (camera, p)."""
    parameters = cross.shape[1]
    right = np.zeros(6)
    for frame in range(len(views.frame_start) - 1):
        for b in range(6):
            right[b] = board_gradient[frame, b]
        for view in range(views.frame_start[frame], views.frame_start[frame + 1]):
            camera = views.view_camera[view]
            for a in range(parameters):
                for b in range(6):
                    right[b] -= cross[view, a, b] * camera_step[camera, a]
        for a in range(6):
            s = 0.0
            for b in range(6):
                s += board_inverse[frame, a, b] * right[b]
            out[frame, a] = s
