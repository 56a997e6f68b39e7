"""What numba's own array functions do, for less compilation: see `compiled`."""

from __future__ import annotations

import math

from mocap.core.kernels.compiled import inlined, part
from mocap.core.shapes import FloatArray


@inlined
def copy_rows(source: FloatArray, target: FloatArray) -> None:
    """Write one array (n, m) into another."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@part
def median_of(values: FloatArray, count: int) -> float:
    """Return the median of the first `count` values, at least one; they are sorted in place."""
    for i in range(1, count):
        value = values[i]
        j = i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    half = count // 2
    return values[half] if count % 2 == 1 else 0.5 * (values[half - 1] + values[half])


@inlined
def distance_between(first: FloatArray, second: FloatArray) -> float:
    """Return the distance of two points (3,)."""
    x, y, z = first[0] - second[0], first[1] - second[1], first[2] - second[2]
    return math.sqrt(x * x + y * y + z * z)
