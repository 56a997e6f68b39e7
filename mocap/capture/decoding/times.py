"""When the frames of a video were taken, by the stamps of its container."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from mocap.core.shapes import FloatArray

# A lost frame doubles the time step; containers that count milliseconds round it by half a
# millisecond, which is 12 % of a step at 240 frames per second.
STEADY_STEP = 0.25


def rate_of(times: FloatArray, unit_s: float, declared: Fraction | None) -> tuple[float, bool]:
    """Return frames per second and whether the frames follow each other evenly."""
    steps = np.diff(times)
    if len(steps) == 0 or not np.isfinite(steps).all() or times[-1] <= times[0]:
        # One frame, or a raw stream without timestamps.
        return (float(declared) if declared else math.nan), True
    median = float(np.median(steps))
    steady = bool(np.all(np.abs(steps - median) <= STEADY_STEP * median))
    length = float(times[-1] - times[0])
    mean = len(steps) / length
    # Timestamps are rounded to the container's unit: within that, a standard rate (30, 30000/1001)
    # is the exact one; other declared rates were computed from the same timestamps.
    standard = declared is not None and declared.denominator in (1, 1001)
    if steady and declared and standard and abs(mean / declared - 1) <= unit_s / length:
        return float(declared), True
    return mean, steady


def frame_times(stamps: FloatArray, fps: float) -> FloatArray:
    """Return seconds (frame,) since the first frame; an even clock where stamps are missing.

    Stamps that do not ascend are no times either: two frames cannot be taken at once.
    """
    if len(stamps) > 1 and np.isfinite(stamps).all() and np.all(np.diff(stamps) > 0):
        return stamps - stamps[0]
    return np.arange(len(stamps)) / (fps if math.isfinite(fps) else 1.0)
