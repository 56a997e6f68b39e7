"""Symmetric 3x3 systems and camera matrices, as numba kernels.

A symmetric 3x3 matrix is packed as six numbers: 00, 01, 02, 11, 12, 22.
Formulas: docs/maths/cameras.md.
"""

from __future__ import annotations

import numpy as np

from mocap.core.kernels.compiled import inlined, kernel, part
from mocap.core.lens import rodrigues
from mocap.core.shapes import FloatArray

PACKED_ROWS = (0, 0, 0, 1, 1, 2)
PACKED_COLUMNS = (0, 1, 2, 1, 2, 2)


def unpack_symmetric(packed: FloatArray) -> FloatArray:
    """Return matrices (..., 3, 3) of packed symmetric matrices (..., 6)."""
    out = np.zeros((*packed.shape[:-1], 3, 3))
    out[..., PACKED_ROWS, PACKED_COLUMNS] = packed
    out[..., PACKED_COLUMNS, PACKED_ROWS] = packed
    return out


@inlined
def solve_symmetric(a: FloatArray, b: FloatArray, x: FloatArray) -> bool:
    """Solve the packed system a x = b by cofactors; False when it is singular."""
    c0 = a[3] * a[5] - a[4] * a[4]
    c1 = a[2] * a[4] - a[1] * a[5]
    c2 = a[1] * a[4] - a[2] * a[3]
    determinant = a[0] * c0 + a[1] * c1 + a[2] * c2
    trace = a[0] + a[3] + a[5]
    # Relative to the size of the matrix: information in 1/m² spans many orders of magnitude.
    if determinant <= 1e-12 * trace * trace * trace:
        return False
    scale = 1.0 / determinant
    c3 = a[0] * a[5] - a[2] * a[2]
    c4 = a[1] * a[2] - a[0] * a[4]
    c5 = a[0] * a[3] - a[1] * a[1]
    x[0] = (c0 * b[0] + c1 * b[1] + c2 * b[2]) * scale
    x[1] = (c1 * b[0] + c3 * b[1] + c4 * b[2]) * scale
    x[2] = (c2 * b[0] + c4 * b[1] + c5 * b[2]) * scale
    return True


@part
def invert_positive(m: FloatArray, out: FloatArray) -> None:
    """Write the inverse of a positive definite (3, 3) matrix."""
    a, b, c, d, e, f = m[0, 0], m[0, 1], m[0, 2], m[1, 1], m[1, 2], m[2, 2]
    out[0, 0], out[0, 1], out[0, 2] = d * f - e * e, c * e - b * f, b * e - c * d
    out[1, 1], out[1, 2], out[2, 2] = a * f - c * c, b * c - a * e, a * d - b * b
    scale = 1.0 / (a * out[0, 0] + b * out[0, 1] + c * out[0, 2])
    for i in range(3):
        for j in range(i, 3):
            out[i, j] *= scale
            out[j, i] = out[i, j]


@kernel
def invert_symmetric(packed: FloatArray) -> FloatArray:
    """Return the inverses (n, 6) of packed matrices (n, 6); NaN where singular."""
    out = np.zeros(packed.shape)
    out[:] = np.nan
    unit, column = np.zeros(3), np.zeros(3)
    for n in range(len(packed)):
        for k in range(3):
            unit[:] = 0.0
            unit[k] = 1.0
            if not solve_symmetric(packed[n], unit, column):
                break
            first = 0 if k == 0 else (3 if k == 1 else 5)
            for row in range(k, 3):
                out[n, first + row - k] = column[row]
    return out


@kernel
def camera_matrices(vectors: FloatArray) -> FloatArray:
    """Return [R | t] (camera, 3, 4) of camera vectors (camera, 15)."""
    out = np.zeros((len(vectors), 3, 4))
    for c in range(len(vectors)):
        rodrigues(vectors[c, :3], out[c, :, :3])
        out[c, 0, 3] = vectors[c, 3]
        out[c, 1, 3] = vectors[c, 4]
        out[c, 2, 3] = vectors[c, 5]
    return out


@inlined
def in_camera(pose: FloatArray, x: float, y: float, z: float) -> tuple[float, float, float]:
    """Return the camera coordinates of a world point; `pose` is [R | t] (3, 4)."""
    return (
        pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3],
        pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3],
        pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3],
    )


@inlined
def add_ray_equations(
    pose: FloatArray, x: float, y: float, scale: float, a: FloatArray, b: FloatArray
) -> None:
    """Add the linear equations of one ray, scale * (s * row 2 - row) for s = x, y, squared.

    `pose` is [R | t] (3, 4); `a` is packed (6,), `b` is (3,).
    """
    for row in range(2):
        s = x if row == 0 else y
        e0 = scale * (pose[row, 0] - s * pose[2, 0])
        e1 = scale * (pose[row, 1] - s * pose[2, 1])
        e2 = scale * (pose[row, 2] - s * pose[2, 2])
        d = scale * (s * pose[2, 3] - pose[row, 3])
        a[0] += e0 * e0
        a[1] += e0 * e1
        a[2] += e0 * e2
        a[3] += e1 * e1
        a[4] += e1 * e2
        a[5] += e2 * e2
        b[0] += e0 * d
        b[1] += e1 * d
        b[2] += e2 * d


@inlined
def add_normal_equations(
    pose: FloatArray,
    d_camera: FloatArray,
    e_u: float,
    e_v: float,
    weight: float,
    a: FloatArray,
    b: FloatArray,
) -> None:
    """Add one view's J'wJ to the packed `a` and J'we to `b`, J = d pixel / d world point."""
    for row in range(2):
        e = e_u if row == 0 else e_v
        p, q, r = d_camera[row, 0], d_camera[row, 1], d_camera[row, 2]
        j0 = p * pose[0, 0] + q * pose[1, 0] + r * pose[2, 0]
        j1 = p * pose[0, 1] + q * pose[1, 1] + r * pose[2, 1]
        j2 = p * pose[0, 2] + q * pose[1, 2] + r * pose[2, 2]
        w0, w1, w2 = weight * j0, weight * j1, weight * j2
        a[0] += w0 * j0
        a[1] += w0 * j1
        a[2] += w0 * j2
        a[3] += w1 * j1
        a[4] += w1 * j2
        a[5] += w2 * j2
        b[0] += w0 * e
        b[1] += w1 * e
        b[2] += w2 * e
