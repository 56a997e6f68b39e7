"""Smooth curves of time: keys, ease-in-ease-out steps and repeated cycles.

Everything here is twice continuously differentiable, so that the accelerations of a synthetic
motion are true and finite at any frame rate.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import BPoly, PchipInterpolator

from mocap.core.shapes import Array, FloatArray


def ease(x: Array) -> FloatArray:
    """Go from 0 to 1 while x goes from 0 to 1, with no speed or acceleration at the ends.

    The quintic 10 x^3 - 15 x^4 + 6 x^5: the path of least jerk (Flash and Hogan 1985).
    """
    s = np.clip(np.asarray(x, dtype=np.float64), 0.0, 1.0)
    return np.asarray(s**3 * (10.0 - 15.0 * s + 6.0 * s**2))


def bump(x: Array) -> FloatArray:
    """Go from 0 up to 1 at x = 1/2 and back to 0 at x = 1, flat at both ends."""
    s = np.clip(np.asarray(x, dtype=np.float64), 0.0, 1.0)
    return np.asarray(64.0 * (s * (1.0 - s)) ** 3)


def keys(time: Array, key_times: Array, values: Array) -> FloatArray:
    """Pass through key values (key, ...) at key times; return (time, ...).

    Piecewise quintic with the slopes of the monotone cubic (Fritsch and Butland 1984) and no
    acceleration at the keys: no overshoot, and equal neighbours hold still. Constant outside.
    """
    knots = np.asarray(key_times, dtype=np.float64)
    value = np.asarray(values, dtype=np.float64)
    slope = np.asarray(PchipInterpolator(knots, value, axis=0)(knots, 1))
    slope[[0, -1]] = 0.0  # at rest outside
    derivatives = np.stack([value, slope, np.zeros_like(value)], axis=1)
    curve = BPoly.from_derivatives(knots, derivatives)
    return np.asarray(curve(np.clip(time, knots[0], knots[-1])), dtype=np.float64)


def cycle_keys(phase: Array, key_phases: Array, values: Array) -> FloatArray:
    """Pass through keys that repeat with period 1: `keys` on the circle.

    `key_phases` increase within [0, 1).
    """
    knots = np.asarray(key_phases, dtype=np.float64)
    value = np.asarray(values, dtype=np.float64)
    # three turns: the slopes in the middle one know both of their neighbours
    turns = np.concatenate([knots - 1.0, knots, knots + 1.0])
    repeated = np.concatenate([value, value, value], axis=0)
    return keys(np.mod(phase, 1.0), turns, repeated)


def bridge(x: Array, start: tuple[Array, Array, Array], end: tuple[Array, Array, Array]) -> Array:
    """Join two moving states by a quintic; x in [0, 1] -> (x, ...).

    `start` and `end` are (value, first and second derivative by x).
    """
    states = np.stack([np.stack(start), np.stack(end)])
    curve = BPoly.from_derivatives([0.0, 1.0], states)
    return np.asarray(curve(np.clip(x, 0.0, 1.0)))
