"""The pinhole camera with OpenCV's five-coefficient lens, as numba kernels.

A camera is 15 numbers: rotation vector (3), translation (3), then the lens `K9` = fx, fy, cx, cy,
k1, k2, p1, p2, k3. Formula: OpenCV documentation of `calib3d` (Brown 1966 radial and tangential).
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from mocap.core.shapes import FloatArray

# `fastmath=True` would let the compiler assume there is no NaN and break every np.isnan test
# ("not seen" is NaN everywhere); these flags keep NaN and infinity exact.
FASTMATH = {"contract", "arcp", "nsz", "reassoc", "afn"}

L2, CAUCHY, TUKEY = 0, 1, 2

# Points nearer than this to the camera plane are treated as not visible.
MIN_DEPTH_M = 0.05


@njit(inline="always", fastmath=FASTMATH, cache=True)
def rodrigues(rotvec: FloatArray, out: FloatArray) -> None:
    """Write the rotation matrix of a rotation vector (3) into `out` (3, 3)."""
    x, y, z = rotvec[0], rotvec[1], rotvec[2]
    squared = x * x + y * y + z * z
    if squared < 1e-16:
        a, b = 1.0, 0.5
    else:
        angle = math.sqrt(squared)
        a = math.sin(angle) / angle
        b = (1.0 - math.cos(angle)) / squared
    out[0, 0] = 1.0 - b * (y * y + z * z)
    out[0, 1] = b * x * y - a * z
    out[0, 2] = b * x * z + a * y
    out[1, 0] = b * x * y + a * z
    out[1, 1] = 1.0 - b * (x * x + z * z)
    out[1, 2] = b * y * z - a * x
    out[2, 0] = b * x * z - a * y
    out[2, 1] = b * y * z + a * x
    out[2, 2] = 1.0 - b * (x * x + y * y)


@njit(inline="always", fastmath=FASTMATH, cache=True)
def project_point(lens: FloatArray, x: float, y: float, z: float) -> tuple[float, float]:
    """Return the pixel of a point in camera coordinates; `lens` is K9, z must be positive."""
    a = x / z
    b = y / z
    r2 = a * a + b * b
    radial = 1.0 + r2 * (lens[4] + r2 * (lens[5] + r2 * lens[8]))
    u = a * radial + 2.0 * lens[6] * a * b + lens[7] * (r2 + 2.0 * a * a)
    v = b * radial + lens[6] * (r2 + 2.0 * b * b) + 2.0 * lens[7] * a * b
    return lens[0] * u + lens[2], lens[1] * v + lens[3]


@njit(inline="always", fastmath=FASTMATH, cache=True)
def project_point_derivative(
    lens: FloatArray,
    x: float,
    y: float,
    z: float,
    d_point: FloatArray,
) -> tuple[float, float]:
    """Return the pixel; write d pixel / d point in camera coordinates into (2, 3)."""
    fx, fy, k1, k2, p1, p2, k3 = lens[0], lens[1], lens[4], lens[5], lens[6], lens[7], lens[8]
    iz = 1.0 / z
    a = x * iz
    b = y * iz
    r2 = a * a + b * b
    r4 = r2 * r2
    r6 = r4 * r2
    radial = 1.0 + k1 * r2 + k2 * r4 + k3 * r6
    d_radial = k1 + 2.0 * k2 * r2 + 3.0 * k3 * r4  # d radial / d r2
    u = a * radial + 2.0 * p1 * a * b + p2 * (r2 + 2.0 * a * a)
    v = b * radial + p1 * (r2 + 2.0 * b * b) + 2.0 * p2 * a * b
    u_a = radial + 2.0 * a * a * d_radial + 2.0 * p1 * b + 6.0 * p2 * a
    u_b = 2.0 * a * b * d_radial + 2.0 * p1 * a + 2.0 * p2 * b  # equals d v / d a
    v_b = radial + 2.0 * b * b * d_radial + 6.0 * p1 * b + 2.0 * p2 * a
    d_point[0, 0] = fx * u_a * iz
    d_point[0, 1] = fx * u_b * iz
    d_point[0, 2] = -fx * (u_a * a + u_b * b) * iz
    d_point[1, 0] = fy * u_b * iz
    d_point[1, 1] = fy * v_b * iz
    d_point[1, 2] = -fy * (u_b * a + v_b * b) * iz
    return fx * u + lens[2], fy * v + lens[3]


@njit(inline="always", fastmath=FASTMATH, cache=True)
def project_point_jacobian(
    lens: FloatArray,
    x: float,
    y: float,
    z: float,
    d_lens: FloatArray,
    d_point: FloatArray,
) -> tuple[float, float]:
    """Return the pixel; write d pixel / d K9 into (2, 9) and d pixel / d point into (2, 3)."""
    u, v = project_point_derivative(lens, x, y, z, d_point)
    fx, fy = lens[0], lens[1]
    a = x / z
    b = y / z
    r2 = a * a + b * b
    r4 = r2 * r2
    r6 = r4 * r2
    d_lens[0, 0], d_lens[0, 1], d_lens[0, 2], d_lens[0, 3] = (u - lens[2]) / fx, 0.0, 1.0, 0.0
    d_lens[1, 0], d_lens[1, 1], d_lens[1, 2], d_lens[1, 3] = 0.0, (v - lens[3]) / fy, 0.0, 1.0
    d_lens[0, 4] = fx * a * r2
    d_lens[0, 5] = fx * a * r4
    d_lens[0, 6] = fx * 2.0 * a * b
    d_lens[0, 7] = fx * (r2 + 2.0 * a * a)
    d_lens[0, 8] = fx * a * r6
    d_lens[1, 4] = fy * b * r2
    d_lens[1, 5] = fy * b * r4
    d_lens[1, 6] = fy * (r2 + 2.0 * b * b)
    d_lens[1, 7] = fy * 2.0 * a * b
    d_lens[1, 8] = fy * b * r6
    return u, v


@njit(inline="always", fastmath=FASTMATH, cache=True)
def robust_weight(squared_error: float, kind: int, scale_squared: float) -> tuple[float, float]:
    """Return the robust cost and its weight for a squared error; kind is L2, CAUCHY or TUKEY."""
    if kind == L2:
        return squared_error, 1.0
    ratio = squared_error / scale_squared
    if kind == CAUCHY:
        return scale_squared * math.log(1.0 + ratio), 1.0 / (1.0 + ratio)
    if ratio >= 1.0:
        return scale_squared / 3.0, 0.0
    rest = 1.0 - ratio
    return scale_squared / 3.0 * (1.0 - rest * rest * rest), rest * rest


@njit(fastmath=FASTMATH, cache=True)
def undistort_point(lens: FloatArray, u: float, v: float) -> tuple[float, float]:
    """Return the undistorted normalised coordinates (x/z, y/z) of a pixel by Newton's method.

    NaN where Newton does not converge: such a pixel lies beyond the reach of the lens polynomial.
    """
    x0 = (u - lens[2]) / lens[0]
    y0 = (v - lens[3]) / lens[1]
    k1, k2, p1, p2, k3 = lens[4], lens[5], lens[6], lens[7], lens[8]
    x, y = x0, y0
    for _ in range(20):
        r2 = x * x + y * y
        radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
        d_radial = k1 + r2 * (2.0 * k2 + 3.0 * k3 * r2)
        fx = x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x) - x0
        fy = y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y - y0
        a = radial + 2.0 * x * x * d_radial + 2.0 * p1 * y + 6.0 * p2 * x
        b = 2.0 * x * y * d_radial + 2.0 * p1 * x + 2.0 * p2 * y
        d = radial + 2.0 * y * y * d_radial + 6.0 * p1 * y + 2.0 * p2 * x
        det = a * d - b * b
        if det <= 1e-9:
            return math.nan, math.nan
        dx = (d * fx - b * fy) / det
        dy = (a * fy - b * fx) / det
        x -= dx
        y -= dy
        # Newton squares the error in each step: after one of 1e-7 the next would be 1e-14.
        if dx * dx + dy * dy < 1e-14:
            return x, y
    return math.nan, math.nan


@njit(parallel=True, fastmath=FASTMATH, cache=True)
def undistort_points(vectors: FloatArray, pixels: FloatArray, out: FloatArray) -> None:
    """Write normalised coordinates of pixels (camera, n, 2) into `out`; NaN stays NaN."""
    cameras, count = pixels.shape[0], pixels.shape[1]
    for index in prange(cameras * count):
        camera = index // count
        point = index % count
        u = pixels[camera, point, 0]
        if np.isnan(u):
            out[camera, point, 0] = np.nan
            out[camera, point, 1] = np.nan
        else:
            x, y = undistort_point(vectors[camera, 6:], u, pixels[camera, point, 1])
            out[camera, point, 0] = x
            out[camera, point, 1] = y


@njit(fastmath=FASTMATH, cache=True)
def project_camera_points(
    lens: FloatArray, points: FloatArray, pixels: FloatArray, d_points: FloatArray
) -> None:
    """Project points (n, 3) in camera coordinates: pixels (n, 2), d pixel / d point (n, 2, 3).

    NaN for points behind the camera and beyond the radius where the lens polynomial turns back.
    """
    d_lens = np.zeros((2, 9))
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        valid = z > MIN_DEPTH_M
        if valid:
            r2 = (x * x + y * y) / (z * z)
            # d(r * radial)/dr: negative where a wider angle would land nearer to the centre.
            slope = 1.0 + r2 * (3.0 * lens[4] + r2 * (5.0 * lens[5] + r2 * 7.0 * lens[8]))
            valid = slope > 0.0
        if not valid:
            pixels[n] = np.nan
            d_points[n] = np.nan
            continue
        u, v = project_point_jacobian(lens, x, y, z, d_lens, d_points[n])
        pixels[n, 0] = u
        pixels[n, 1] = v
