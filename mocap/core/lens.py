"""Cameras with OpenCV's three lens models, as numba kernels.

A camera is 19 numbers: rotation vector (3), translation (3), then the lens `K13` = fx, fy, cx, cy,
eight coefficients and the code of its model:

- STANDARD: k1 k2 p1 p2 k3 (Brown 1966, radial and tangential), the rest zero;
- RATIONAL: k1 k2 p1 p2 k3 k4 k5 k6, the radial factor divided by 1 + k4 r² + k5 r⁴ + k6 r⁶;
- FISHEYE: k1 k2 k3 k4 of the angle from straight ahead (Kannala & Brandt 2006), the rest zero.

Formulas: OpenCV documentation of `calib3d` and `fisheye`. Rays are x/z, y/z, so a fisheye lens is
known up to FISHEYE_REACH from straight ahead; what lies farther out has no pixel and no ray.
"""

from __future__ import annotations

import math

import numpy as np

from mocap.core.kernels.compiled import inlined, kernel, part
from mocap.core.shapes import FloatArray

L2, CAUCHY, TUKEY = 0, 1, 2

STANDARD, RATIONAL, FISHEYE = 0.0, 1.0, 2.0

# 86 degrees: x/z is 14 there, and a pixel spans a large part of it.
FISHEYE_REACH = 1.5
FISHEYE_REACH_TAN = math.tan(FISHEYE_REACH)
# A rational lens with a smaller denominator is next to its pole.
LEAST_DENOMINATOR = 1e-3

# Points nearer than this to the camera plane are treated as not visible.
MIN_DEPTH_M = 0.05


@inlined
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


@inlined
def radial_factor(lens: FloatArray, r2: float) -> tuple[float, float]:
    """Return by how much a lens stretches a ray at squared radius r2, and its slope by r2.

    A ray (a, b, 1) with a² + b² = r2 is seen at (a, b) times the factor, before p1 and p2.
    """
    if lens[12] == STANDARD:
        radial = 1.0 + r2 * (lens[4] + r2 * (lens[5] + r2 * lens[8]))
        return radial, lens[4] + r2 * (2.0 * lens[5] + 3.0 * lens[8] * r2)
    if lens[12] == RATIONAL:
        above = 1.0 + r2 * (lens[4] + r2 * (lens[5] + r2 * lens[8]))
        below = 1.0 + r2 * (lens[9] + r2 * (lens[10] + r2 * lens[11]))
        if below < LEAST_DENOMINATOR:
            return -1.0, -1.0  # beyond the pole: no pixel belongs to this ray
        slope = lens[4] + r2 * (2.0 * lens[5] + 3.0 * lens[8] * r2)
        slope_below = lens[9] + r2 * (2.0 * lens[10] + 3.0 * lens[11] * r2)
        radial = above / below
        return radial, (slope - radial * slope_below) / below
    if r2 < 1e-8:  # theta = r - r³/3 ...
        return 1.0 + r2 * (lens[4] - 1.0 / 3.0), lens[4] - 1.0 / 3.0
    r = math.sqrt(r2)
    theta = math.atan(r)
    t2 = theta * theta
    bent = theta * (1.0 + t2 * (lens[4] + t2 * (lens[5] + t2 * (lens[6] + t2 * lens[7]))))
    by_theta = 1.0 + t2 * (
        3.0 * lens[4] + t2 * (5.0 * lens[5] + t2 * (7.0 * lens[6] + t2 * 9.0 * lens[7]))
    )
    radial = bent / r
    return radial, (by_theta / (1.0 + r2) - radial) / (2.0 * r2)


@inlined
def project_point(lens: FloatArray, x: float, y: float, z: float) -> tuple[float, float]:
    """Return the pixel of a point in camera coordinates; `lens` is K13, z must be positive."""
    a = x / z
    b = y / z
    r2 = a * a + b * b
    radial, _ = radial_factor(lens, r2)
    u, v = a * radial, b * radial
    if lens[12] != FISHEYE:
        u += 2.0 * lens[6] * a * b + lens[7] * (r2 + 2.0 * a * a)
        v += lens[6] * (r2 + 2.0 * b * b) + 2.0 * lens[7] * a * b
    return lens[0] * u + lens[2], lens[1] * v + lens[3]


@inlined
def has_pixel(lens: FloatArray, x: float, y: float, z: float) -> bool:
    """Tell whether a lens has a pixel for a point in camera coordinates.

    Not for points behind the camera and beyond the radius where the lens polynomial turns back.
    """
    if z <= MIN_DEPTH_M:
        return False
    r2 = (x * x + y * y) / (z * z)
    if lens[12] == FISHEYE and r2 >= FISHEYE_REACH_TAN**2:
        return False
    radial, d_radial = radial_factor(lens, r2)
    # d(r * radial)/dr: negative where a wider angle would land nearer to the centre.
    return radial + 2.0 * r2 * d_radial > 0.0


@inlined
def project_point_derivative(
    lens: FloatArray,
    x: float,
    y: float,
    z: float,
    d_point: FloatArray,
) -> tuple[float, float]:
    """Return the pixel; write d pixel / d point in camera coordinates into (2, 3)."""
    fx, fy, p1, p2 = lens[0], lens[1], lens[6], lens[7]
    if lens[12] == FISHEYE:
        p1, p2 = 0.0, 0.0
    iz = 1.0 / z
    a = x * iz
    b = y * iz
    r2 = a * a + b * b
    radial, d_radial = radial_factor(lens, r2)
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


@inlined
def project_point_jacobian(
    lens: FloatArray,
    x: float,
    y: float,
    z: float,
    d_lens: FloatArray,
    d_point: FloatArray,
) -> tuple[float, float]:
    """Return the pixel; write d pixel / d lens into (2, 12) and d pixel / d point into (2, 3).

    The model code, the last number of K13, is no variable. Slopes by what a model does not use are
    not written: `d_lens` comes with zeros there.
    """
    u, v = project_point_derivative(lens, x, y, z, d_point)
    fx, fy = lens[0], lens[1]
    a = x / z
    b = y / z
    r2 = a * a + b * b
    d_lens[0, 0], d_lens[0, 1], d_lens[0, 2], d_lens[0, 3] = (u - lens[2]) / fx, 0.0, 1.0, 0.0
    d_lens[1, 0], d_lens[1, 1], d_lens[1, 2], d_lens[1, 3] = 0.0, (v - lens[3]) / fy, 0.0, 1.0
    if lens[12] == FISHEYE:
        _fisheye_slopes(fx, fy, a, b, r2, d_lens)
        return u, v
    fa, fb = fx * a * r2, fy * b * r2
    d_lens[0, 4], d_lens[1, 4] = fa, fb
    d_lens[0, 5], d_lens[1, 5] = fa * r2, fb * r2
    d_lens[0, 6], d_lens[1, 6] = fx * 2.0 * a * b, fy * (r2 + 2.0 * b * b)
    d_lens[0, 7], d_lens[1, 7] = fx * (r2 + 2.0 * a * a), fy * 2.0 * a * b
    d_lens[0, 8], d_lens[1, 8] = fa * r2 * r2, fb * r2 * r2
    if lens[12] == RATIONAL:
        _rational_slopes(lens, r2, d_lens)
    return u, v


@part
def _rational_slopes(lens: FloatArray, r2: float, d_lens: FloatArray) -> None:
    """Divide the slopes of the radial polynomial by the denominator, and add those by k4 k5 k6."""
    below = 1.0 + r2 * (lens[9] + r2 * (lens[10] + r2 * lens[11]))
    radial, _ = radial_factor(lens, r2)
    for row in range(2):
        first = d_lens[row, 4] / below
        d_lens[row, 4], d_lens[row, 5] = first, first * r2
        d_lens[row, 8] = first * r2 * r2
        d_lens[row, 9], d_lens[row, 10] = -radial * first, -radial * first * r2
        d_lens[row, 11] = -radial * first * r2 * r2


@part
def _fisheye_slopes(
    fx: float, fy: float, a: float, b: float, r2: float, d_lens: FloatArray
) -> None:
    """Write the slopes by k1 to k4 of a fisheye lens into columns 4 to 7."""
    r = math.sqrt(r2)
    theta = math.atan(r)
    t2 = theta * theta
    power = theta * t2 / r if r > 1e-9 else 0.0
    for k in range(4, 8):
        d_lens[0, k], d_lens[1, k] = fx * a * power, fy * b * power
        power *= t2


@inlined
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


@part
def undistort_point(lens: FloatArray, u: float, v: float) -> tuple[float, float]:
    """Return the undistorted normalised coordinates (x/z, y/z) of a pixel by Newton's method.

    NaN where Newton does not converge: such a pixel lies beyond the reach of the lens polynomial,
    or, with a fisheye lens, too far from straight ahead for x/z.
    """
    x0 = (u - lens[2]) / lens[0]
    y0 = (v - lens[3]) / lens[1]
    if lens[12] == FISHEYE:
        return _undistort_fisheye(lens, x0, y0)
    p1, p2 = lens[6], lens[7]
    x, y = x0, y0
    for _ in range(20):
        r2 = x * x + y * y
        radial, d_radial = radial_factor(lens, r2)
        fx = x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x) - x0
        fy = y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y - y0
        a = radial + 2.0 * x * x * d_radial + 2.0 * p1 * y + 6.0 * p2 * x
        b = 2.0 * x * y * d_radial + 2.0 * p1 * x + 2.0 * p2 * y
        d = radial + 2.0 * y * y * d_radial + 6.0 * p1 * y + 2.0 * p2 * x
        det = a * d - b * b
        if det <= 1e-9 or radial <= 0.0:
            return math.nan, math.nan
        dx = (d * fx - b * fy) / det
        dy = (a * fy - b * fx) / det
        x -= dx
        y -= dy
        # Newton squares the error in each step: after one of 1e-7 the next would be 1e-14.
        if dx * dx + dy * dy < 1e-14:
            return x, y
    return math.nan, math.nan


@part
def _undistort_fisheye(lens: FloatArray, x: float, y: float) -> tuple[float, float]:
    """Return x/z, y/z of a bent ray: Newton's method for its angle from straight ahead."""
    bent = math.sqrt(x * x + y * y)
    if bent < 1e-9:
        return x, y
    theta = min(bent, FISHEYE_REACH)
    for _ in range(20):
        t2 = theta * theta
        value = theta * (1.0 + t2 * (lens[4] + t2 * (lens[5] + t2 * (lens[6] + t2 * lens[7]))))
        slope = 1.0 + t2 * (
            3.0 * lens[4] + t2 * (5.0 * lens[5] + t2 * (7.0 * lens[6] + t2 * 9.0 * lens[7]))
        )
        if slope <= 1e-6:
            return math.nan, math.nan
        step = (value - bent) / slope
        theta -= step
        if abs(step) < 1e-7:
            if not 0.0 < theta < FISHEYE_REACH:
                return math.nan, math.nan
            scale = math.tan(theta) / bent
            return x * scale, y * scale
    return math.nan, math.nan


@kernel
def undistort_points(vectors: FloatArray, pixels: FloatArray, out: FloatArray) -> None:
    """Write normalised coordinates of pixels (camera, n, 2) into `out`; NaN stays NaN."""
    cameras, count = pixels.shape[0], pixels.shape[1]
    for index in range(cameras * count):
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


@kernel
def project_camera_points(
    lens: FloatArray, points: FloatArray, pixels: FloatArray, d_points: FloatArray
) -> None:
    """Project points (n, 3) in camera coordinates: pixels (n, 2), d pixel / d point (n, 2, 3).

    NaN for points behind the camera and beyond the radius where the lens polynomial turns back.
    """
    for n in range(len(points)):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        if not has_pixel(lens, x, y, z):
            pixels[n] = np.nan
            d_points[n] = np.nan
            continue
        u, v = project_point_derivative(lens, x, y, z, d_points[n])
        pixels[n, 0] = u
        pixels[n, 1] = v
