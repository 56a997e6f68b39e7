"""Bands by sampling: the keypoints are shaken within their own uncertainty, again and again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap.core.points import Points3D
from mocap.core.shapes import BoolArray, FloatArray
from mocap.measure.filters import butterworth, possible_cutoff_hz
from mocap.measure.misfit import BANDWIDTH_HZ, Misfit

SAMPLES = 24
"""The spread of a spread from 24 samples is 15 %: enough to tell useful from useless."""

ERROR_BANDWIDTH_HZ = 12.0
"""What smoothing leaves of the errors varies no faster than about this. White errors would make
velocities look far worse than they are; constant ones would hide them."""

_MIDDLE = (15.87, 84.13)
_UNKNOWN = (np.nan, np.nan)
_SEED = 20240


def shaken(
    points: Points3D,
    *,
    misfit: Misfit | None = None,
    samples: int = SAMPLES,
    seed: int = _SEED,
    bandwidth_hz: float = ERROR_BANDWIDTH_HZ,
) -> Iterator[Points3D]:
    """Give copies of one person's keypoints with random errors of the size that is known of them.

    Errors of the size of the covariance are independent between keypoints and correlated in time
    up to `bandwidth_hz`; those of the misfit of a body vary more slowly.
    """
    rng = np.random.default_rng(seed)
    root = _square_roots(points.covariance)
    for _ in range(samples):
        noise = smooth_noise(rng, points.xyz.shape, points.fps, bandwidth_hz)
        moved = points.xyz + np.einsum("...ij,...j->...i", root, noise)
        if misfit is not None and misfit.sigma_m.any():
            slow = smooth_noise(rng, points.xyz.shape, points.fps, BANDWIDTH_HZ)
            moved = moved + misfit.sigma_m[:, None, :, None] * slow
        yield replace(points, xyz=moved)


def smooth_noise(
    rng: np.random.Generator, shape: tuple[int, ...], fps: float, bandwidth_hz: float
) -> FloatArray:
    """Return normal noise (frame, ...) of standard deviation one without what is above a band."""
    white = rng.normal(size=shape)
    if bandwidth_hz > possible_cutoff_hz(bandwidth_hz, fps) or shape[0] < 8:
        return white
    smooth = butterworth(white, fps, bandwidth_hz)
    return smooth / max(float(np.std(smooth)), 1e-12)


def _square_roots(covariance: FloatArray) -> FloatArray:
    """Return A with A A' = covariance (..., 3, 3); zero where it is unknown."""
    known: BoolArray = np.asarray(np.isfinite(covariance).all(axis=(-2, -1)))
    safe = np.where(known[..., None, None], covariance, 0.0).astype(np.float64)
    values, vectors = np.linalg.eigh(safe)
    return vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]


def spreads(
    measure: Callable[[Points3D], Mapping[str, float]], samples: Iterator[Points3D]
) -> dict[str, float]:
    """Return the spread of every number `measure` gives over the samples; see `spread_of`."""
    return spread_of([dict(measure(points)) for points in samples])


def spread_of(drawn: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the spread of every number over what was drawn.

    Half of the middle 68 %, which is the standard deviation of normal errors and does not mind
    one sample in which a rule took another moment. A number that fewer than half of the samples
    give has no spread (NaN).
    """
    names = dict.fromkeys(name for each in drawn for name in each)
    out = {}
    for name in names:
        values = np.array([each.get(name, np.nan) for each in drawn], dtype=np.float64)
        given = values[np.isfinite(values)]
        low, high = np.percentile(given, _MIDDLE) if len(given) > len(drawn) // 2 else _UNKNOWN
        out[name] = 0.5 * float(high - low)
    return out
