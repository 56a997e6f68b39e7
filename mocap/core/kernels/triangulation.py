"""Robust triangulation of many points, as numba kernels.

MSAC (Torr & Zisserman 2000, "MLESAC") over pairs of views, followed by local optimisation
(Chum et al. 2003): Gauss-Newton on the true, distorted pixels with Tukey's weights. The matrix
J'J at the solution is the information of the observations about the point. See
docs/maths/triangulation.md.
"""

from __future__ import annotations

import numpy as np

from mocap.core.kernels.compiled import kernel, part
from mocap.core.kernels.linear import (
    add_normal_equations,
    add_ray_equations,
    camera_matrices,
    in_camera,
    solve_symmetric,
)
from mocap.core.lens import (
    MIN_DEPTH_M,
    TUKEY,
    project_point_derivative,
    robust_weight,
    undistort_point,
)
from mocap.core.shapes import BoolArray, FloatArray, IntArray

# Up to this many views every pair is tried (66 pairs); above, as many pairs are drawn at random:
# with 60 % of the views wrong a clean pair is still missed only once in 100 000 points.
MAX_VIEWS_ALL_PAIRS = 12
MAX_PAIRS = MAX_VIEWS_ALL_PAIRS * (MAX_VIEWS_ALL_PAIRS - 1) // 2

GAUSS_NEWTON_STEPS = 6
# Gauss-Newton gains about a digit a step: after one of 0.3 mm the next is far below any noise.
CONVERGED_STEP_M = 3e-4


@kernel
def undistort_views(vectors: FloatArray, pixels: FloatArray, rays: FloatArray) -> None:
    """Write x/z, y/z of pixels (point, camera, 2) into `rays`; NaN is not seen."""
    for n in range(len(pixels)):
        for c in range(len(vectors)):
            rays[n, c] = np.nan
            if not np.isnan(pixels[n, c, 0]):
                x, y = undistort_point(vectors[c, 6:], pixels[n, c, 0], pixels[n, c, 1])
                rays[n, c, 0] = x
                rays[n, c, 1] = y


@part
def _truncated_cost(
    poses: FloatArray,
    vectors: FloatArray,
    rays: FloatArray,
    views: IntArray,
    count: int,
    point: FloatArray,
    gate_squared: float,
    best: float,
    agrees: BoolArray,
) -> float:
    """Return the MSAC cost of a point over its views, stopping once it exceeds `best`.

    Writes which views are within the gate, as far as it came.
    """
    cost = 0.0
    for q in range(count):
        c = views[q]
        x, y, z = in_camera(poses[c], point[0], point[1], point[2])
        error = gate_squared
        if z > MIN_DEPTH_M:
            iz = 1.0 / z
            e_u = (x * iz - rays[c, 0]) * vectors[c, 6]
            e_v = (y * iz - rays[c, 1]) * vectors[c, 7]
            error = min(e_u * e_u + e_v * e_v, gate_squared)
        agrees[q] = error < gate_squared
        cost += error
        if cost >= best:
            return cost
    return cost


@part
def _best_pair(
    poses: FloatArray,
    vectors: FloatArray,
    rays: FloatArray,
    views: IntArray,
    count: int,
    gate_squared: float,
    seed: int,
    a: FloatArray,
    b: FloatArray,
    scratch: FloatArray,
    agrees: BoolArray,
    best_point: FloatArray,
) -> bool:
    """Write the pair solution with the least truncated cost; False when no pair has one.

    Two views that both agree with the best solution so far are not tried as a pair: a better one
    needs a view that the best one lacks, so another pair leads to it. `agrees` (2, camera) is
    scratch: row 0 for the pair at hand, row 1 for the best.
    """
    a_pair, b_pair, point = scratch[0, :6], scratch[0, 6:9], scratch[0, 9:]
    best = np.inf
    agrees[1, :count] = False
    pairs = count * (count - 1) // 2
    sampled = count > MAX_VIEWS_ALL_PAIRS
    state = seed % 2147483646 + 1
    i, j = 0, 0
    for _ in range(min(pairs, MAX_PAIRS)):
        if sampled:
            # Park & Miller's (1988) generator, seeded by the point: reproducible.
            state = state * 48271 % 2147483647
            i = state % count
            state = state * 48271 % 2147483647
            j = (i + 1 + state % (count - 1)) % count
        else:
            j += 1
            if j == count:
                i += 1
                j = i + 1
        if agrees[1, i] and agrees[1, j]:
            continue
        ci, cj = views[i], views[j]
        for k in range(6):
            a_pair[k] = a[ci, k] + a[cj, k]
        for k in range(3):
            b_pair[k] = b[ci, k] + b[cj, k]
        if not solve_symmetric(a_pair, b_pair, point):
            continue
        cost = _truncated_cost(
            poses, vectors, rays, views, count, point, gate_squared, best, agrees[0]
        )
        if cost < best:
            best = cost
            for k in range(3):
                best_point[k] = point[k]
            for q in range(count):
                agrees[1, q] = agrees[0, q]
            if best < gate_squared:
                break  # no view is truncated: all of them agree
    return best < np.inf


@part
def _join_views(
    poses: FloatArray,
    views: IntArray,
    count: int,
    agrees: BoolArray,
    a: FloatArray,
    b: FloatArray,
    scratch: FloatArray,
    point: FloatArray,
) -> None:
    """Replace a pair's solution by the linear one of all views that agree with it.

    Each ray counts by its depth, so that its equations measure pixels: Gauss-Newton then starts
    a step nearer than from the pair alone.
    """
    a_sum, b_sum = scratch[0, :6], scratch[0, 6:9]
    scratch[0, :9] = 0.0
    for q in range(count):
        if agrees[q]:
            c = views[q]
            _, _, z = in_camera(poses[c], point[0], point[1], point[2])
            weight = 1.0 / (z * z)
            for k in range(6):
                a_sum[k] += weight * a[c, k]
            for k in range(3):
                b_sum[k] += weight * b[c, k]
    solve_symmetric(a_sum, b_sum, point)


@part
def _linearise(
    poses: FloatArray,
    vectors: FloatArray,
    pixels: FloatArray,
    views: IntArray,
    count: int,
    point: FloatArray,
    gate_squared: float,
    a: FloatArray,
    b: FloatArray,
    weighted: bool,
    squared_errors: FloatArray,
    d_camera: FloatArray,
) -> int:
    """Write the normal equations of the views within the gate; return how many they are."""
    for k in range(6):
        a[k] = 0.0
    for k in range(3):
        b[k] = 0.0
    inside = 0
    for q in range(count):
        c = views[q]
        squared_errors[c] = np.inf
        x, y, z = in_camera(poses[c], point[0], point[1], point[2])
        if z < MIN_DEPTH_M:
            continue
        u, v = project_point_derivative(vectors[c, 6:], x, y, z, d_camera)
        e_u, e_v = pixels[c, 0] - u, pixels[c, 1] - v
        squared_errors[c] = e_u * e_u + e_v * e_v
        _, weight = robust_weight(squared_errors[c], TUKEY, gate_squared)
        if weight <= 0.0:
            continue
        inside += 1
        if not weighted:
            weight = 1.0
        add_normal_equations(poses[c], d_camera, e_u, e_v, weight, a, b)
    return inside


@part
def _rays_seen(
    poses: FloatArray,
    vectors: FloatArray,
    rays: FloatArray,
    a: FloatArray,
    b: FloatArray,
    views: IntArray,
) -> int:
    """Write the equations of each ray and which views have one; return how many have."""
    count = 0
    for c in range(len(vectors)):
        if not np.isnan(rays[c, 0]):
            a[c] = 0.0
            b[c] = 0.0
            add_ray_equations(poses[c], rays[c, 0], rays[c, 1], vectors[c, 6], a[c], b[c])
            views[count] = c
            count += 1
    return count


@kernel
def triangulate_kernel(
    vectors: FloatArray,
    pixels: FloatArray,
    rays: FloatArray,
    gate_px: float,
    points: FloatArray,
    information: FloatArray,
    squared_errors: FloatArray,
) -> None:
    """Triangulate points from pixels and rays (point, camera, 2); NaN is not seen.

    Writes points (point, 3), NaN where fewer than two views agree; information (point, 6),
    packed J'J in px²/m² of the agreeing views; squared_errors (point, camera) in px², infinite
    behind a camera, NaN where not seen.
    """
    poses = camera_matrices(vectors)
    cameras = len(vectors)
    gate_squared = gate_px * gate_px
    a, b = np.zeros((cameras, 6)), np.zeros((cameras, 3))
    a_sum, b_sum, step = np.zeros(6), np.zeros(3), np.zeros(3)
    scratch, d_camera = np.zeros((2, 12)), np.zeros((2, 3))
    views = np.zeros(cameras, np.int64)
    agrees = np.zeros((2, cameras), np.bool_)
    point = np.zeros(3)
    for n in range(len(pixels)):
        points[n] = np.nan
        squared_errors[n] = np.nan
        count = _rays_seen(poses, vectors, rays[n], a, b, views)
        if count < 2 or not _best_pair(
            poses, vectors, rays[n], views, count, gate_squared, n, a, b, scratch, agrees, point
        ):
            continue
        _join_views(poses, views, count, agrees[1], a, b, scratch, point)
        steps = GAUSS_NEWTON_STEPS
        while True:
            # The last time without weights: the information of the views that agree.
            inside = _linearise(
                poses, vectors, pixels[n], views, count, point, gate_squared,
                a_sum, b_sum, steps > 0, squared_errors[n], d_camera,
            )  # fmt: skip
            if steps == 0 or inside < 2 or not solve_symmetric(a_sum, b_sum, step):
                break
            moved = 0.0
            for k in range(3):
                point[k] += step[k]
                moved += step[k] * step[k]
            steps = 0 if moved < CONVERGED_STEP_M**2 else steps - 1
        if steps > 0 or inside < 2:
            continue
        for k in range(6):
            information[n, k] = a_sum[k]
        for k in range(3):
            points[n, k] = point[k]


def agreeing_views(squared_errors: FloatArray, gate_px: float) -> BoolArray:
    """Return which squared errors (px²) are within the gate; NaN (not seen) is not."""
    return np.nan_to_num(squared_errors, nan=np.inf) < gate_px**2
