"""Epipolar agreement of two cameras' people over many lags, as a numba kernel."""

from __future__ import annotations

import numpy as np

from mocap.core.kernels.compiled import inlined, kernel
from mocap.core.shapes import FloatArray


@inlined
def _agreement(
    a: FloatArray, b: FloatArray, essential: FloatArray, scale: float
) -> tuple[float, int]:
    """Return the sum over keypoints of 1 / (1 + d² scale) of two people, and how many both have.

    d² is Sampson's distance (Hartley & Zisserman 2004, sec. 11.4.3) of rays (keypoint, 2).
    """
    total, count = 0.0, 0
    for k in range(len(a)):
        ax, ay, bx, by = a[k, 0], a[k, 1], b[k, 0], b[k, 1]
        if np.isnan(ax + bx):
            continue
        l0 = essential[0, 0] * ax + essential[0, 1] * ay + essential[0, 2]
        l1 = essential[1, 0] * ax + essential[1, 1] * ay + essential[1, 2]
        l2 = essential[2, 0] * ax + essential[2, 1] * ay + essential[2, 2]
        m0 = essential[0, 0] * bx + essential[1, 0] * by + essential[2, 0]
        m1 = essential[0, 1] * bx + essential[1, 1] * by + essential[2, 1]
        r = bx * l0 + by * l1 + l2
        total += 1.0 / (1.0 + scale * r * r / (l0 * l0 + l1 * l1 + m0 * m0 + m1 * m1))
        count += 1
    return total, count


@kernel
def scan_lags(
    rays_a: FloatArray,
    times_a: FloatArray,
    rays_b: FloatArray,
    start_b: float,
    step_b: float,
    lags: FloatArray,
    essential: FloatArray,
    scale: float,
    score: FloatArray,
    seen: FloatArray,
) -> None:
    """Write the mean agreement (lag,) of a's people with b's, `lags` seconds later on b's clock.

    rays_a (frame, person, keypoint, 2) at times_a; rays_b likewise, one entry every step_b from
    start_b. Of b's people the one that agrees best counts, so identities need not be known.
    `score` is NaN where nothing was compared, `seen` the number of keypoints compared.
    """
    for n in range(len(lags)):
        total, count = 0.0, 0
        for f in range(len(times_a)):
            k = int(np.round((times_a[f] + lags[n] - start_b) / step_b))
            if k < 0 or k >= len(rays_b):
                continue
            for p in range(rays_a.shape[1]):
                best, best_total, best_count = -1.0, 0.0, 0
                for q in range(rays_b.shape[1]):
                    value, common = _agreement(rays_a[f, p], rays_b[k, q], essential, scale)
                    if common > 0 and value > best * common:
                        best, best_total, best_count = value / common, value, common
                total += best_total
                count += best_count
        seen[n] = count
        score[n] = total / count if count else np.nan
