"""Triangular solves with the Cholesky factor of a band, many right sides at once (numba).

LAPACK's own solve one right side after the other, and read the whole factor for each: of a long
take that is the memory's time, not the processor's. Here the factor is read once a direction.
"""

from __future__ import annotations

from mocap.core.kernels.compiled import kernel
from mocap.core.shapes import FloatArray


@kernel
def solve_forward(factor: FloatArray, right: FloatArray) -> None:
    """Write L^-1 times the right side in its place.

    Args:
        factor: (unknown, distance) of L: entry (row, column) is at [column, row - column].
        right: (unknown, side).
    """
    unknowns, width = factor.shape
    sides = right.shape[1]
    for j in range(unknowns):
        inverse = 1.0 / factor[j, 0]
        for c in range(sides):
            right[j, c] *= inverse
        for d in range(1, min(width, unknowns - j)):
            value = factor[j, d]
            for c in range(sides):
                right[j + d, c] -= value * right[j, c]


@kernel
def solve_backward(factor: FloatArray, right: FloatArray) -> None:
    """Write L'^-1 times the right side in its place; arguments as `solve_forward`."""
    unknowns, width = factor.shape
    sides = right.shape[1]
    for j in range(unknowns - 1, -1, -1):
        for d in range(1, min(width, unknowns - j)):
            value = factor[j, d]
            for c in range(sides):
                right[j, c] -= value * right[j + d, c]
        inverse = 1.0 / factor[j, 0]
        for c in range(sides):
            right[j, c] *= inverse
