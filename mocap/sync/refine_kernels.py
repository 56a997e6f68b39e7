"""Normal equations of clocks and camera poses with every point eliminated, as a numba kernel."""

from __future__ import annotations

import numpy as np

from mocap.core.kernels.compiled import kernel
from mocap.core.kernels.linear import in_camera, invert_positive
from mocap.core.lens import (
    MIN_DEPTH_M,
    TUKEY,
    project_point_derivative,
    robust_weight,
)
from mocap.core.shapes import FloatArray, IntArray

# Unknowns of a camera that its own observations touch: offset, drift, turn (3), shift (3).
OWN = 8
# Keeps a point that only one direction fixes from dividing by zero, in px²/m².
REGULAR = 1e-9


@kernel
def accumulate(
    poses: FloatArray,
    vectors: FloatArray,
    pixels: FloatArray,
    points: FloatArray,
    velocity: FloatArray,
    since_middle: FloatArray,
    gate_px: float,
    block: IntArray,
    hessian: FloatArray,
    gradient: FloatArray,
    squared_errors: FloatArray,
) -> int:
    """Add every point's share; return how many observations carried weight.

    poses (camera, 3, 4), vectors (camera, 15), pixels (point, camera, 2), points and velocity
    (point, 3) in m and m/s, since_middle (point, camera) local time minus the camera's middle,
    block (point,) of the jackknife. hessian (block, unknown, unknown) and gradient
    (block, unknown): unknowns are offsets (camera), drifts (camera), then per camera its turn
    and shift in camera axes. An image taken `offset` later shows the point `velocity offset`
    farther: d pixel / d offset = J v.
    """
    cameras = len(vectors)
    unknowns = OWN * cameras
    used = 0
    a = np.zeros((cameras, 2, OWN))
    j_world = np.zeros((cameras, 2, 3))
    residual, weight = np.zeros((cameras, 2)), np.zeros(cameras)
    d_camera = np.zeros((2, 3))
    jj, jr, ja = np.zeros((3, 3)), np.zeros(3), np.zeros((3, unknowns))
    inverse, moved, solved = np.zeros((3, 3)), np.zeros(3), np.zeros((3, unknowns))
    index = np.zeros((cameras, OWN), np.int64)
    for c in range(cameras):
        index[c, 0], index[c, 1] = c, cameras + c
        for k in range(6):
            index[c, 2 + k] = 2 * cameras + 6 * c + k
    for n in range(len(points)):
        if np.isnan(points[n, 0]):
            continue
        views = 0
        for c in range(cameras):
            weight[c] = 0.0
            squared_errors[n, c] = np.nan
            if np.isnan(pixels[n, c, 0]):
                continue
            x, y, z = in_camera(poses[c], points[n, 0], points[n, 1], points[n, 2])
            if z < MIN_DEPTH_M:
                continue
            u, v = project_point_derivative(vectors[c, 6:], x, y, z, d_camera)
            residual[c, 0], residual[c, 1] = pixels[n, c, 0] - u, pixels[n, c, 1] - v
            squared_errors[n, c] = residual[c, 0] ** 2 + residual[c, 1] ** 2
            _, weight[c] = robust_weight(squared_errors[n, c], TUKEY, gate_px * gate_px)
            if weight[c] <= 0.0:
                continue
            views += 1
            for r in range(2):
                d0, d1, d2 = d_camera[r, 0], d_camera[r, 1], d_camera[r, 2]
                for k in range(3):
                    j_world[c, r, k] = (
                        d0 * poses[c, 0, k] + d1 * poses[c, 1, k] + d2 * poses[c, 2, k]
                    )
                speed = 0.0
                for k in range(3):
                    speed += j_world[c, r, k] * velocity[n, k]
                a[c, r, 0] = speed
                a[c, r, 1] = speed * since_middle[n, c]
                # d camera point / d turn = -[camera point]x, / d shift = 1.
                a[c, r, 2] = d2 * y - d1 * z
                a[c, r, 3] = d0 * z - d2 * x
                a[c, r, 4] = d1 * x - d0 * y
                a[c, r, 5], a[c, r, 6], a[c, r, 7] = d0, d1, d2
        if views < 2:
            continue
        used += views
        jj[:] = 0.0
        jr[:] = 0.0
        ja[:] = 0.0
        jj[0, 0] = jj[1, 1] = jj[2, 2] = REGULAR
        h, g = hessian[block[n]], gradient[block[n]]
        for c in range(cameras):
            if weight[c] <= 0.0:
                continue
            for r in range(2):
                for i in range(3):
                    wj = weight[c] * j_world[c, r, i]
                    jr[i] += wj * residual[c, r]
                    for k in range(3):
                        jj[i, k] += wj * j_world[c, r, k]
                    for k in range(OWN):
                        ja[i, index[c, k]] += wj * a[c, r, k]
                for i in range(OWN):
                    wa = weight[c] * a[c, r, i]
                    g[index[c, i]] += wa * residual[c, r]
                    for k in range(OWN):
                        h[index[c, i], index[c, k]] += wa * a[c, r, k]
        invert_positive(jj, inverse)
        for k in range(3):
            moved[k] = inverse[k, 0] * jr[0] + inverse[k, 1] * jr[1] + inverse[k, 2] * jr[2]
            for col in range(unknowns):
                solved[k, col] = (
                    inverse[k, 0] * ja[0, col]
                    + inverse[k, 1] * ja[1, col]
                    + inverse[k, 2] * ja[2, col]
                )
        for ci in range(cameras):
            if weight[ci] <= 0.0:
                continue
            for i in range(OWN):
                row = index[ci, i]
                p0, p1, p2 = ja[0, row], ja[1, row], ja[2, row]
                g[row] -= p0 * moved[0] + p1 * moved[1] + p2 * moved[2]
                for ck in range(cameras):
                    if weight[ck] <= 0.0:
                        continue
                    for k in range(OWN):
                        col = index[ck, k]
                        h[row, col] -= (
                            p0 * solved[0, col] + p1 * solved[1, col] + p2 * solved[2, col]
                        )
    return used
