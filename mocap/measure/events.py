"""Moments in a motion, each with how far it may be off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import Array, BoolArray

BY_KINEMATICS, BY_USER = "kinematics", "user"


@dataclass(frozen=True)
class Event:
    """Something that happens at a frame.

    Attributes:
        name: as `ball_release` or `left_heel_strike`.
        frame: of the take; fractions are allowed for what the user sets.
        confidence_ms: standard deviation of its time.
        source: `BY_KINEMATICS` or `BY_USER`.
    """

    name: str
    frame: float
    confidence_ms: float
    source: str = BY_KINEMATICS

    def time_s(self, fps: float) -> float:
        """Return its time after the first frame."""
        return self.frame / fps


def timing_sd_ms(rule_sd_ms: float, fps: float) -> float:
    """Return the standard deviation of an event found by a rule at whole frames.

    The rule's own spread (measured against force plates and markers) and half a frame of
    rounding, which is uniform: frame / sqrt(12).
    """
    return float(np.hypot(rule_sd_ms, 1000.0 / fps / np.sqrt(12.0)))


def argmax_in(values: Array, start: int, end: int) -> int | None:
    """Return the frame of the largest value in [start, end); None without any value."""
    low, high = max(start, 0), min(end, len(values))
    window = np.asarray(values)[low:high]
    if len(window) == 0 or not np.isfinite(window).any():
        return None
    return low + int(np.nanargmax(window))


def argmin_in(values: Array, start: int, end: int) -> int | None:
    """Return the frame of the smallest value in [start, end); None without any value."""
    return argmax_in(-np.asarray(values), start, end)


def first_true(flags: BoolArray, start: int, end: int) -> int | None:
    """Return the first frame in [start, end) where a condition holds; None without one."""
    low = max(start, 0)
    found = np.flatnonzero(flags[low : max(end, low)])
    return low + int(found[0]) if len(found) else None


def overridden(events: Mapping[str, Event], set_by_user: Mapping[str, float]) -> dict[str, Event]:
    """Return events with those the user set (frames, by name) in their place."""
    out = dict(events)
    for name, frame in set_by_user.items():
        out[name] = Event(name, frame, 0.0, BY_USER)
    return out
