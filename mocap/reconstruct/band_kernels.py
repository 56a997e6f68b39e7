"""The banded matrix of one keypoint over time: factor, solve and selected inverse (numba).

Unknowns of one keypoint in the order frame, axis: data give 3x3 blocks on the diagonal, the
motion prior couples each frame with the three before it, hence a half bandwidth of 9. Cost is
linear in frames. Bands are stored by row with 9 rows of zeros before and after, so that the inner
loops have constant bounds: `factor[9 + i, m]` = L[i, i - 9 + m], the diagonal as its reciprocal.
A picture of it: docs/maths/smoothing.md.
"""

from __future__ import annotations

import math

import numpy as np

from mocap.core.kernels.compiled import kernel, part
from mocap.core.shapes import FloatArray

HALF_BAND = 9


def band_shape(keypoints: int, frames: int) -> tuple[int, int, int]:
    """Return the shape of the padded bands of all keypoints."""
    return keypoints, 3 * frames + 2 * HALF_BAND, HALF_BAND + 1


@part
def _assemble(
    information: FloatArray, weights: FloatArray, memory: float, damping: float, band: FloatArray
) -> None:
    """Write information (frame, 6) and the motion prior as the lower band."""
    frames = len(information)
    band[:] = 0.0
    coefficients = np.array([-memory, 1.0 + 2.0 * memory, -(2.0 + memory), 1.0])
    start = np.array([0.0, 1.0, -2.0, 1.0])
    for t in range(frames):
        d = information[t]
        i = HALF_BAND + 3 * t
        band[i, 9] += d[0] + damping
        band[i + 1, 8] += d[1]
        band[i + 1, 9] += d[3] + damping
        band[i + 2, 7] += d[2]
        band[i + 2, 8] += d[4]
        band[i + 2, 9] += d[5] + damping
        if t < 2:
            continue
        c = start if t == 2 else coefficients
        weight = weights[t] * (1.0 - memory * memory) if t == 2 else weights[t]
        for p in range(1 if t == 2 else 0, 4):
            for q in range(1 if t == 2 else 0, p + 1):
                # p - q frames apart are 3 (p - q) columns to the left of the diagonal, m = 9.
                for axis in range(3):
                    row = HALF_BAND + 3 * (t - 3 + p) + axis
                    band[row, 9 - 3 * (p - q)] += weight * c[p] * c[q]


@part
def _factor_in_place(band: FloatArray) -> None:
    """Replace a lower band by its Cholesky factor, the diagonal by its reciprocal."""
    for i in range(HALF_BAND, len(band) - HALF_BAND):
        row = band[i]
        for m in range(HALF_BAND):
            other = band[i - HALF_BAND + m]
            value = row[m]
            for p in range(m):
                value -= row[p] * other[p - m + HALF_BAND]
            row[m] = value * other[HALF_BAND]
        value = row[HALF_BAND]
        for p in range(HALF_BAND):
            value -= row[p] * row[p]
        row[HALF_BAND] = 1.0 / math.sqrt(max(value, 1e-300))


@kernel
def factor_bands(
    information: FloatArray,
    weights: FloatArray,
    memory: float,
    damping: float,
    factors: FloatArray,
) -> None:
    """Write the Cholesky factor of every keypoint's matrix, see `band_shape`."""
    for k in range(len(information)):
        _assemble(information[k], weights[k], memory, damping, factors[k])
        _factor_in_place(factors[k])


@kernel
def solve_bands(factors: FloatArray, right: FloatArray, out: FloatArray) -> None:
    """Solve every keypoint's system; right and out are (keypoint, frame, 3)."""
    keypoints, frames, _ = right.shape
    count = 3 * frames
    x = np.zeros(count + HALF_BAND)
    for k in range(keypoints):
        factor = factors[k]
        for n in range(count):
            i = n + HALF_BAND
            value = right[k, n // 3, n % 3]
            for m in range(HALF_BAND):
                value -= factor[i, m] * x[i - HALF_BAND + m]
            x[i] = value * factor[i, HALF_BAND]
        for i in range(count + HALF_BAND - 1, HALF_BAND - 1, -1):
            x[i] *= factor[i, HALF_BAND]
            for m in range(HALF_BAND):
                x[i - HALF_BAND + m] -= factor[i, m] * x[i]
        for n in range(count):
            out[k, n // 3, n % 3] = x[HALF_BAND + n]
        x[:HALF_BAND] = 0.0


@kernel
def selected_inverse(
    factors: FloatArray, memory: float, covariance: FloatArray, innovation_variance: FloatArray
) -> None:
    """Write the posterior covariance of each frame and the variance of each innovation.

    covariance (keypoint, frame, 6) packed; innovation_variance (keypoint, frame), the trace over
    the axes, 0 in the first three frames. Recursion of Takahashi et al. (1973):
    the entries of the inverse inside the band follow from the factor, last row first.
    """
    keypoints, rows, _ = factors.shape
    count = rows - 2 * HALF_BAND
    inverse = np.zeros((count + HALF_BAND, HALF_BAND + 1))  # [i, m] = inverse[i, i + m]
    column = np.zeros(HALF_BAND)
    for k in range(keypoints):
        for i in range(count - 1, -1, -1):
            row = inverse[i]
            reciprocal = factors[k, i + HALF_BAND, HALF_BAND]
            for p in range(HALF_BAND):
                # the factor with a unit diagonal, below row i
                column[p] = factors[k, i + HALF_BAND + 1 + p, HALF_BAND - 1 - p] * reciprocal
            for j in range(1, HALF_BAND + 1):
                # Entries of the row and column i + j, all in rows already known.
                value = 0.0
                for p in range(1, j + 1):
                    value -= column[p - 1] * inverse[i + p, j - p]
                for p in range(j + 1, HALF_BAND + 1):
                    value -= column[p - 1] * inverse[i + j, p - j]
                row[j] = value
            value = reciprocal * reciprocal
            for p in range(1, HALF_BAND + 1):
                value -= column[p - 1] * row[p]
            row[0] = value
        _collect(inverse, memory, covariance[k], innovation_variance[k])


@part
def _collect(
    inverse: FloatArray, memory: float, covariance: FloatArray, variance: FloatArray
) -> None:
    """Read the 3x3 blocks and the innovation variances off one keypoint's inverse."""
    frames = len(covariance)
    variance[:] = 0.0
    coefficients = np.array([-memory, 1.0 + 2.0 * memory, -(2.0 + memory), 1.0])
    for t in range(frames):
        i = 3 * t
        covariance[t, 0] = inverse[i, 0]
        covariance[t, 1] = inverse[i, 1]
        covariance[t, 2] = inverse[i, 2]
        covariance[t, 3] = inverse[i + 1, 0]
        covariance[t, 4] = inverse[i + 1, 1]
        covariance[t, 5] = inverse[i + 2, 0]
        if t < 3:
            continue
        total = 0.0
        for p in range(4):
            for q in range(p, 4):
                entry = 0.0
                for axis in range(3):
                    entry += inverse[3 * (t - 3 + p) + axis, 3 * (q - p)]
                total += (1.0 if p == q else 2.0) * coefficients[p] * coefficients[q] * entry
        variance[t] = max(total, 0.0)
