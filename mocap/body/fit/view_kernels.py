"""Keypoints in the images as a data term of the body fit (numba).

What a detector sees of a landmark x is a point y near it: y = x + d, where the scatter d of the
landmark is the same for all cameras. The term of a landmark in a frame is therefore

    f(x) = min over y of   sum over cameras of s² log(1 + |project(y) - pixel|² / (s sigma)²)
                         + |y - x|² / scatter² ,

a robust triangulation that knows where the body is. Half its gradient is (x - y) / scatter² at
the best y; with M the reweighted information of the views about y, the Gauss-Newton matrix is
(M⁻¹ + scatter² I)⁻¹: their covariance with that of the scatter added (both: the implicit function
theorem at the minimum over y; docs/maths/body.md). Views far from where the others and the body
put y count little.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mocap.core.kernels.compiled import kernel, part
from mocap.core.kernels.linear import invert_positive
from mocap.core.lens import MIN_DEPTH_M, project_point_derivative
from mocap.core.shapes import FloatArray

# Loss scale in standard deviations of a view: 95 % efficient where the noise is Gaussian (Holland &
# Welsch 1977), and detectors' noise is not: errors of several standard deviations are common.
VIEW_SCALE = 2.385

# The inner minimum: reweighting converges linearly, by a factor of two or more each time. What is
# left changes the cost by the square of it, and half the gradient by less than a thousandth.
_MAX_STEPS = 40
_SMALL_STEP_M = 1e-7


class Views(NamedTuple):
    """What all cameras saw of the landmarks.

    Attributes:
        rotation: (camera, 3, 3) camera from world.
        translation: (camera, 3) metres.
        lens: (camera, 13) K13, see `core.lens`.
        pixels: (frame, landmark, camera, 2); NaN where not seen.
        precision: (frame, landmark, camera) 1 / sigma² of the noise, 1/px².
        scatter_precision: (landmark,) 1 / scatter², 1/m².
    """

    rotation: FloatArray
    translation: FloatArray
    lens: FloatArray
    pixels: FloatArray
    precision: FloatArray
    scatter_precision: FloatArray

    def part(self, frames: slice) -> Views:
        """Return the same for some frames."""
        return self._replace(pixels=self.pixels[frames], precision=self.precision[frames])


class Room(NamedTuple):
    """Where what is known of one point is written: asking for memory takes as long as a view.

    Attributes:
        matrix, slope: (3, 3) and (3,) of its normal equations.
        residual: (2,) of a view.
        by_camera, by_world: (2, 3) its derivatives.
    """

    matrix: FloatArray
    slope: FloatArray
    residual: FloatArray
    by_camera: FloatArray
    by_world: FloatArray


@part
def _residual(
    views: Views,
    t: int,
    k: int,
    c: int,
    y: FloatArray,
    residual: FloatArray,
    by_camera: FloatArray,
    by_world: FloatArray,
) -> bool:
    """Write pixel residual (2) of a point and its derivatives (2, 3); False where not seen."""
    pixel = views.pixels[t, k, c]
    if np.isnan(pixel[0]):
        return False
    r, move = views.rotation[c], views.translation[c]
    depth = r[2, 0] * y[0] + r[2, 1] * y[1] + r[2, 2] * y[2] + move[2]
    if depth < MIN_DEPTH_M:
        return False
    right = r[0, 0] * y[0] + r[0, 1] * y[1] + r[0, 2] * y[2] + move[0]
    down = r[1, 0] * y[0] + r[1, 1] * y[1] + r[1, 2] * y[2] + move[1]
    u, v = project_point_derivative(views.lens[c], right, down, depth, by_camera)
    residual[0], residual[1] = u - pixel[0], v - pixel[1]
    for i in range(2):
        for a in range(3):
            by_world[i, a] = (
                by_camera[i, 0] * r[0, a] + by_camera[i, 1] * r[1, a] + by_camera[i, 2] * r[2, a]
            )
    return True


@part
def _add_views(
    views: Views,
    t: int,
    k: int,
    y: FloatArray,
    scale2: float,
    matrix: FloatArray,
    slope: FloatArray,
    room: Room,
) -> float:
    """Add the reweighted normal equations of all views of a point; return their cost."""
    residual, by_camera, by_world = room.residual, room.by_camera, room.by_world
    cost = 0.0
    for c in range(len(views.lens)):
        if not _residual(views, t, k, c, y, residual, by_camera, by_world):
            continue
        precision = views.precision[t, k, c]
        squared = precision * (residual[0] ** 2 + residual[1] ** 2)
        cost += scale2 * math.log1p(squared / scale2)
        weight = precision / (1.0 + squared / scale2)
        for a in range(3):
            slope[a] += weight * (by_world[0, a] * residual[0] + by_world[1, a] * residual[1])
            for b in range(3):
                matrix[a, b] += weight * (
                    by_world[0, a] * by_world[0, b] + by_world[1, a] * by_world[1, b]
                )
    return cost


@part
def _seen_point(
    views: Views,
    t: int,
    k: int,
    x: FloatArray,
    scale2: float,
    y: FloatArray,
    inverse: FloatArray,
    room: Room,
) -> float:
    """Write the best y, and the inverse of M + 1 / scatter²; return the cost f(x)."""
    tie = views.scatter_precision[k]
    matrix, slope = room.matrix, room.slope
    for a in range(3):
        y[a] = x[a]
    cost = 0.0
    for _ in range(_MAX_STEPS):
        matrix[:], slope[:] = 0.0, 0.0
        cost = _add_views(views, t, k, y, scale2, matrix, slope, room)
        for a in range(3):
            matrix[a, a] += tie
            slope[a] += tie * (y[a] - x[a])
            cost += tie * (y[a] - x[a]) ** 2
        invert_positive(matrix, inverse)
        size = 0.0
        for a in range(3):
            step = -(inverse[a, 0] * slope[0] + inverse[a, 1] * slope[1] + inverse[a, 2] * slope[2])
            y[a] += step
            size = max(size, abs(step))
        if size < _SMALL_STEP_M:
            break
    return cost


@kernel
def view_terms(
    views: Views, points: FloatArray, scale2: float, curvature: FloatArray, weighted: FloatArray
) -> float:
    """Write Gauss-Newton matrix and half gradient of every landmark; return the cost.

    Args:
        views: what the cameras saw.
        points: (frame, landmark, 3) of the body, metres.
        scale2: squared scale of the Cauchy loss, in standard deviations.
        curvature: (frame, landmark, 3, 3) 1/m²; zero where no camera saw it.
        weighted: (frame, landmark, 3) 1/m.
    """
    y, inverse = np.zeros(3), np.zeros((3, 3))
    room = Room(np.zeros((3, 3)), np.zeros(3), np.zeros(2), np.zeros((2, 3)), np.zeros((2, 3)))
    total = 0.0
    for t in range(points.shape[0]):
        for k in range(points.shape[1]):
            curvature[t, k] = 0.0
            weighted[t, k] = 0.0
            seen = 0
            for c in range(len(views.lens)):
                seen += not np.isnan(views.pixels[t, k, c, 0])
            if seen == 0:
                continue
            total += _seen_point(views, t, k, points[t, k], scale2, y, inverse, room)
            tie = views.scatter_precision[k]
            # (M^-1 + I / tie)^-1 = tie (I - tie (M + tie I)^-1): M has no inverse for one view.
            for a in range(3):
                weighted[t, k, a] = tie * (points[t, k, a] - y[a])
                for b in range(3):
                    curvature[t, k, a, b] = tie * (1.0 * (a == b) - tie * inverse[a, b])
    return total


@kernel
def free_errors(views: Views, points: FloatArray, scale2: float, out: FloatArray) -> None:
    """Write squared pixel errors at the best y, as if y were known: (frame, landmark, camera).

    A view draws y to itself; its error is divided by the share of it that is left then. NaN where
    not seen.
    """
    y, inverse = np.zeros(3), np.zeros((3, 3))
    room = Room(np.zeros((3, 3)), np.zeros(3), np.zeros(2), np.zeros((2, 3)), np.zeros((2, 3)))
    residual, by_camera, by_world = room.residual, room.by_camera, room.by_world
    for t in range(points.shape[0]):
        for k in range(points.shape[1]):
            _seen_point(views, t, k, points[t, k], scale2, y, inverse, room)
            for c in range(len(views.lens)):
                out[t, k, c] = np.nan
                if not _residual(views, t, k, c, y, residual, by_camera, by_world):
                    continue
                squared = residual[0] ** 2 + residual[1] ** 2
                precision = views.precision[t, k, c]
                weight = precision / (1.0 + squared * precision / scale2)
                drawn = 0.0
                for i in range(2):
                    for a in range(3):
                        for b in range(3):
                            drawn += by_world[i, a] * inverse[a, b] * by_world[i, b]
                out[t, k, c] = squared / max(1.0 - 0.5 * weight * drawn, 0.05)
