"""The Schur complement of points in a rig adjustment, as a numba kernel."""

from __future__ import annotations

from mocap.core.kernels.compiled import kernel
from mocap.core.shapes import FloatArray


@kernel
def subtract_points(lost: FloatArray, cross: FloatArray, out: FloatArray) -> None:
    """Subtract sum over points of lost @ cross' from `out` (k, k); both are (point, k, 3).

    `lost` is cross @ inverse with a symmetric inverse, so the sum is symmetric: the upper half is
    summed and mirrored.
    """
    size = cross.shape[1]
    for n in range(len(cross)):
        for i in range(size):
            a, b, c = lost[n, i, 0], lost[n, i, 1], lost[n, i, 2]
            if a == 0.0 and b == 0.0 and c == 0.0:
                continue
            for j in range(i, size):
                out[i, j] -= a * cross[n, j, 0] + b * cross[n, j, 1] + c * cross[n, j, 2]
    for i in range(size):
        for j in range(i):
            out[i, j] = out[j, i]
