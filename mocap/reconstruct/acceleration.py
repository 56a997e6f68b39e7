"""How strongly each keypoint accelerates at each moment, estimated from the data.

The motion prior is Singer's (1970, "Estimating optimal tracking filter performance for manned
maneuvering targets"): the acceleration of a keypoint is Gaussian with standard deviation
s(keypoint, time) in m/s² and forgets itself with a time constant, so that the frame rate does not
matter. A pitching wrist and a standing hip differ by a factor of a thousand, and so does the wrist
before and during the throw: one constant would flatten the throw or leave the hip noisy.

s maximises the marginal likelihood (the positions integrated out) by MacKay's fixed point (1992,
"Bayesian interpolation"). With posterior mean e and posterior variance v of an innovation (what
is new in an acceleration) of prior variance q, g = 1 - v / q tells how well the data determine it,

    q = sum |e|² / sum g .

First one factor per keypoint corrects its whole profile; then the profile follows the sums over a
short window, in which the keypoint's typical q counts as a few pseudo-observations.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from mocap.core.shapes import BoolArray, FloatArray

# Time constant of the acceleration. Limbs accelerate at up to 3-5 Hz, whose quarter period this
# is; the error changes by 4 % between 0.05 and 0.2 s, a white acceleration costs 15 %.
CORRELATION_TIME_S = 0.1

# The window over which acceleration is taken as constant: about the length of a strike or of the
# acceleration phase of a throw.
WINDOW_S = 0.25

# Well-determined accelerations (three axes each) that the keypoint's typical scale counts for.
# Fewer follow single outliers, more flatten short bursts.
TYPICAL_WEIGHT = 12.0

# A keypoint is never assumed to be quieter or wilder than this; 3000 m/s² is three times what is
# measured at a pitcher's hand.
MIN_ACCELERATION_M_S2 = 0.1
MAX_ACCELERATION_M_S2 = 3000.0

# In takes of less than four frames, and where no three in a row are measured: brisk movement.
_DEFAULT_ACCELERATION_M_S2 = 20.0


def initial_scales(
    points: FloatArray, variance: FloatArray, trusted: BoolArray, fps: float
) -> FloatArray:
    """Return acceleration scales (keypoint, frame) in m/s² from raw second differences.

    Args:
        points: (keypoint, frame, 3) in metres.
        variance: (keypoint, frame) of `points`, mean over the axes, m².
        trusted: (keypoint, frame) which of them are measurements to rely on.
        fps: frames per second.

    The variance of the measurement noise is subtracted, but never more than 95 %: starting too
    loose costs iterations, starting too tight would make the true motion look like an outlier.
    """
    keypoints, frames, _ = points.shape
    if frames < 4:
        return np.full((keypoints, frames), _DEFAULT_ACCELERATION_M_S2)
    three = np.zeros((keypoints, frames), dtype=bool)
    three[:, 1:-1] = trusted[:, :-2] & trusted[:, 1:-1] & trusted[:, 2:]
    raw, noise = np.zeros((keypoints, frames)), np.zeros((keypoints, frames))
    raw[:, 1:-1] = np.sum(np.diff(points, n=2, axis=1) ** 2, axis=2) / 3.0
    noise[:, 1:-1] = variance[:, :-2] + 4.0 * variance[:, 1:-1] + variance[:, 2:]
    count = _windowed(three.astype(np.float64), fps)
    raw = _windowed(np.where(three, raw, 0.0), fps)
    noise = _windowed(np.where(three, noise, 0.0), fps)
    some = count > 1e-9
    squared = np.where(some, np.maximum(raw - noise, 0.05 * raw) / np.where(some, count, 1.0), 0.0)
    scales = fps**2 * np.sqrt(squared)
    typical = np.array(
        [
            np.median(s[ok]) if ok.any() else _DEFAULT_ACCELERATION_M_S2
            for s, ok in zip(scales, some, strict=True)
        ]
    )
    return _clipped(np.where(some, scales, typical[:, None]))


def update_scales(
    scales: FloatArray,
    innovation: FloatArray,
    variance: FloatArray,
    seen: BoolArray,
    fps: float,
) -> FloatArray:
    """Return the next scales (keypoint, frame) in m/s² of the fixed point above.

    Args:
        scales: (keypoint, frame) used in the last solution.
        innovation: (keypoint, frame) of `squared_innovations`, m².
        variance: (keypoint, frame) trace of its posterior covariance in m².
        seen: (keypoint, frame) whether any camera saw the keypoint.
        fps: frames per second.

    An innovation whose four frames were all unseen says nothing about how the person moves: it
    counts neither as energy nor as freedom, and does not enter the typical scale.
    """
    memory = memory_of(fps)
    prior = (1.0 - memory**2) * (scales / fps**2) ** 2
    determined = np.clip(1.0 - variance / (3.0 * prior), 1e-6, 1.0)
    told = _touches_seen(seen)
    determined[:, :3] = 0.0
    determined[~told] = 0.0
    innovation = np.where(told, innovation, 0.0)
    window = _window_frames(fps)
    energy = window * _windowed(innovation, fps)
    freedom = window * 3.0 * _windowed(determined, fps)
    # The same pseudo-observations keep a take of a few frames near its initial scales.
    overall = (np.sum(innovation / prior, axis=1) + TYPICAL_WEIGHT) / (
        np.sum(3.0 * determined, axis=1) + TYPICAL_WEIGHT
    )
    typical = (overall * np.exp(np.mean(np.log(prior), axis=1, where=told)))[:, None]
    squared = (energy + TYPICAL_WEIGHT * typical) / (freedom + TYPICAL_WEIGHT)
    return _clipped(fps**2 * np.sqrt(squared / (1.0 - memory**2)))


def _touches_seen(seen: BoolArray) -> BoolArray:
    """Return which innovations (keypoint, frame) reach into a seen frame; all where none is."""
    told = seen.copy()
    for back in (1, 2, 3):
        told[:, back:] |= seen[:, :-back]
    told[~told.any(axis=1)] = True
    return told


def memory_of(fps: float) -> float:
    """Return the correlation of the acceleration between two successive frames."""
    return float(np.exp(-1.0 / (fps * CORRELATION_TIME_S)))


def innovation_weights(scales: FloatArray, fps: float) -> FloatArray:
    """Return the weights (keypoint, frame) of squared innovations, 1/m²."""
    return np.asarray((fps**2 / scales) ** 2 / (1.0 - memory_of(fps) ** 2))


def squared_innovations(points: FloatArray, fps: float) -> FloatArray:
    """Return |a[t] - memory a[t-1]|² (keypoint, frame) in m² of points (keypoint, frame, 3)."""
    out = np.zeros(points.shape[:2])
    if points.shape[1] > 3:
        second = np.diff(points, n=2, axis=1)
        innovation = second[:, 1:] - memory_of(fps) * second[:, :-1]
        out[:, 3:] = np.sum(innovation**2, axis=2)
    return out


def _window_frames(fps: float) -> int:
    """Return the window length in frames: odd and at least three."""
    return 2 * max(1, round(0.5 * WINDOW_S * fps)) + 1


def _windowed(values: FloatArray, fps: float) -> FloatArray:
    """Return the moving average over the window, zero beyond the ends."""
    smoothed = uniform_filter1d(values, _window_frames(fps), axis=1, mode="constant")
    # The running sum leaves rounding behind large values: a variance cannot be negative.
    return np.asarray(np.maximum(smoothed, 0.0))


def _clipped(scales: FloatArray) -> FloatArray:
    return np.clip(scales, MIN_ACCELERATION_M_S2, MAX_ACCELERATION_M_S2)
