"""The normal equations of the smoother, as numba kernels: reprojection, acceleration, bones.

Arrays run over (keypoint, frame, ...), so that the banded matrix of one keypoint is contiguous.
The cost is minus twice the log posterior, up to a constant:

    sum_views rho(|pixel - projection|²) / sigma²                  Tukey's rho
  + sum_frames weight * |a[t] - memory * a[t-1]|²                  acceleration a, see below
  + sum_bones weight * (length - |x_b - x_a|)²                     soft bone lengths

With the second difference a[t] = x[t] - 2 x[t-1] + x[t-2] the innovation a[t] - memory * a[t-1]
has the coefficients 1, -(2 + memory), 1 + 2 memory, -memory on x[t] ... x[t-3]. The first second
difference, which has none before it, carries the stationary variance: its weight is
(1 - memory²) times that of an innovation. See docs/maths/smoothing.md.
"""

from __future__ import annotations

import math

import numpy as np

from mocap.core.kernels.compiled import kernel, part
from mocap.core.kernels.linear import add_normal_equations, camera_matrices, in_camera
from mocap.core.lens import MIN_DEPTH_M, TUKEY, project_point_derivative, robust_weight
from mocap.core.shapes import FloatArray, IntArray
from mocap.reconstruct.band_kernels import solve_bands

MAX_CONJUGATE_STEPS = 40
CONJUGATE_TOLERANCE = 1e-4


@kernel
def reprojection_terms(
    vectors: FloatArray,
    pixels: FloatArray,
    points: FloatArray,
    gate_px: float,
    sigma_px: float,
    information: FloatArray,
    gradient: FloatArray,
    squared_errors: FloatArray,
) -> float:
    """Return the reprojection cost of points (n, 3) seen at pixels (n, camera, 2).

    Writes the weighted J'J (n, 6) packed and J'e (n, 3), both over sigma², and the squared errors
    (n, camera) in px², infinite behind a camera and NaN where not seen.
    """
    poses = camera_matrices(vectors)
    d_camera = np.zeros((2, 3))
    gate_squared = gate_px * gate_px
    precision = 1.0 / (sigma_px * sigma_px)
    cost = 0.0
    for n in range(len(points)):
        information[n] = 0.0
        gradient[n] = 0.0
        for c in range(len(vectors)):
            squared_errors[n, c] = np.nan
            if np.isnan(pixels[n, c, 0]):
                continue
            x, y, z = in_camera(poses[c], points[n, 0], points[n, 1], points[n, 2])
            if z < MIN_DEPTH_M:
                # Behind the camera costs what Tukey's loss is worth beyond the gate: no jump there.
                squared_errors[n, c] = np.inf
                cost += precision * gate_squared / 3.0
                continue
            u, v = project_point_derivative(vectors[c, 6:], x, y, z, d_camera)
            e_u, e_v = pixels[n, c, 0] - u, pixels[n, c, 1] - v
            squared_errors[n, c] = e_u * e_u + e_v * e_v
            rho, weight = robust_weight(squared_errors[n, c], TUKEY, gate_squared)
            cost += precision * rho
            if weight > 0.0:
                add_normal_equations(
                    poses[c], d_camera, e_u, e_v, precision * weight, information[n], gradient[n]
                )
    return cost


@kernel
def motion_terms(
    points: FloatArray, weights: FloatArray, memory: float, gradient: FloatArray
) -> float:
    """Return the motion cost of points (keypoint, frame, 3) and subtract its gradient.

    weights (keypoint, frame) belong to the last frame of each innovation, in 1/m². The gradient
    is halved like J'e of the reprojection.
    """
    keypoints, frames, _ = points.shape
    c1, c2 = -(2.0 + memory), 1.0 + 2.0 * memory
    cost = 0.0
    for k in range(keypoints):
        if frames >= 3:
            w = weights[k, 2] * (1.0 - memory * memory)
            for i in range(3):
                second = points[k, 0, i] - 2.0 * points[k, 1, i] + points[k, 2, i]
                cost += w * second * second
                gradient[k, 0, i] -= w * second
                gradient[k, 1, i] += 2.0 * w * second
                gradient[k, 2, i] -= w * second
        for t in range(3, frames):
            for i in range(3):
                innovation = (
                    points[k, t, i]
                    + c1 * points[k, t - 1, i]
                    + c2 * points[k, t - 2, i]
                    - memory * points[k, t - 3, i]
                )
                pull = weights[k, t] * innovation
                cost += pull * innovation
                gradient[k, t, i] -= pull
                gradient[k, t - 1, i] -= c1 * pull
                gradient[k, t - 2, i] -= c2 * pull
                gradient[k, t - 3, i] += memory * pull
    return cost


@kernel
def bone_terms(
    points: FloatArray,
    bones: IntArray,
    lengths: FloatArray,
    weights: FloatArray,
    directions: FloatArray,
    gradient: FloatArray,
) -> float:
    """Return the bone cost; write sqrt(weight) * direction (bone, frame, 3); add its gradient.

    lengths (bone,) in metres, weights (bone, frame) in 1/m².
    """
    frames = points.shape[1]
    cost = 0.0
    for index in range(len(bones)):
        a, b = bones[index, 0], bones[index, 1]
        for t in range(frames):
            root = math.sqrt(weights[index, t])
            d0 = points[b, t, 0] - points[a, t, 0]
            d1 = points[b, t, 1] - points[a, t, 1]
            d2 = points[b, t, 2] - points[a, t, 2]
            length = math.sqrt(d0 * d0 + d1 * d1 + d2 * d2) + 1e-9
            residual = root * (lengths[index] - length)
            cost += residual * residual
            scale = root / length
            directions[index, t, 0] = scale * d0
            directions[index, t, 1] = scale * d1
            directions[index, t, 2] = scale * d2
            for i in range(3):
                pull = directions[index, t, i] * residual
                gradient[b, t, i] += pull
                gradient[a, t, i] -= pull
    return cost


@kernel
def hessian_product(
    information: FloatArray,
    weights: FloatArray,
    memory: float,
    directions: FloatArray,
    bones: IntArray,
    vector: FloatArray,
    out: FloatArray,
) -> None:
    """Write the Gauss-Newton Hessian times a vector (keypoint, frame, 3) into `out`."""
    keypoints, frames, _ = vector.shape
    out[:] = 0.0
    # The motion cost is quadratic: the gradient that is subtracted at a vector is -H vector.
    motion_terms(vector, weights, memory, out)
    for k in range(keypoints):
        for t in range(frames):
            d = information[k, t]
            x, y, z = vector[k, t, 0], vector[k, t, 1], vector[k, t, 2]
            out[k, t, 0] = -out[k, t, 0] + d[0] * x + d[1] * y + d[2] * z
            out[k, t, 1] = -out[k, t, 1] + d[1] * x + d[3] * y + d[4] * z
            out[k, t, 2] = -out[k, t, 2] + d[2] * x + d[4] * y + d[5] * z
    for index in range(len(bones)):
        a, b = bones[index, 0], bones[index, 1]
        for t in range(frames):
            stretch = 0.0
            for i in range(3):
                stretch += directions[index, t, i] * (vector[b, t, i] - vector[a, t, i])
            for i in range(3):
                out[b, t, i] += directions[index, t, i] * stretch
                out[a, t, i] -= directions[index, t, i] * stretch


@kernel
def conjugate_gradients(
    information: FloatArray,
    weights: FloatArray,
    memory: float,
    directions: FloatArray,
    bones: IntArray,
    factors: FloatArray,
    residual: FloatArray,
    step: FloatArray,
) -> None:
    """Write the Gauss-Newton step (keypoint, frame, 3); `residual` starts as the gradient.

    The banded factors of the keypoints precondition: without bones one iteration is exact.
    """
    product, direction = np.zeros(residual.shape), np.zeros(residual.shape)
    preconditioned = np.zeros(residual.shape)
    solve_bands(factors, residual, preconditioned)
    step[:] = 0.0
    if len(bones) == 0:
        _combine(step, 1.0, preconditioned, 1.0)
        return
    _combine(direction, 1.0, preconditioned, 1.0)
    energy = _inner(residual, preconditioned)
    target = CONJUGATE_TOLERANCE * energy
    for _ in range(MAX_CONJUGATE_STEPS):
        if energy <= target:
            return
        hessian_product(information, weights, memory, directions, bones, direction, product)
        length = energy / _inner(direction, product)
        _combine(step, 1.0, direction, length)
        _combine(residual, 1.0, product, -length)
        solve_bands(factors, residual, preconditioned)
        previous = energy
        energy = _inner(residual, preconditioned)
        _combine(direction, energy / previous, preconditioned, 1.0)


@part
def _inner(a: FloatArray, b: FloatArray) -> float:
    total = 0.0
    for k in range(a.shape[0]):
        for t in range(a.shape[1]):
            for i in range(3):
                total += a[k, t, i] * b[k, t, i]
    return total


@part
def _combine(a: FloatArray, p: float, b: FloatArray, q: float) -> None:
    """Write p a + q b into a."""
    for k in range(a.shape[0]):
        for t in range(a.shape[1]):
            for i in range(3):
                a[k, t, i] = p * a[k, t, i] + q * b[k, t, i]
