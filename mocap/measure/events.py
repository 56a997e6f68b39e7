"""Moments in a motion, each with how far it may be off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import Array

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


@dataclass(frozen=True)
class MeasuredEvents:
    """The events that one measurement of a take found.

    Attributes:
        kind: of the measurement: "pitching", "gait", …
        person_id: whose events they are.
        fps: frames per second of the take.
        groups: the events of each throw in turn; of an exercise all in one.
    """

    kind: str
    person_id: int
    fps: float
    groups: tuple[tuple[Event, ...], ...]


def sampled_frame(event: Event, fps: float, rng: np.random.Generator) -> float:
    """Draw a frame at which an event may have been: its time is a normal distribution."""
    return event.frame + rng.normal(0.0, 1.0) * event.confidence_ms * fps / 1000.0


@dataclass(frozen=True, eq=False)
class EventDraw:
    """When events happen: where they were found, or, with a generator, drawn from their times."""

    rng: np.random.Generator | None = None

    def frame(self, event: Event, fps: float) -> float:
        """Return the frame of an event, with fractions."""
        return event.frame if self.rng is None else sampled_frame(event, fps, self.rng)


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


def on_rim(values: Array, frame: int) -> bool:
    """Whether a frame is the first or last of a take, or next to a gap: no top can be seen there.

    The largest value of a curve that still rises when the take ends is not its top.
    """
    curve = np.asarray(values, dtype=np.float64)
    inside = 0 < frame < len(curve) - 1
    return not (inside and bool(np.isfinite(curve[frame - 1 : frame + 2]).all()))


def top_in(values: Array, start: int, end: int) -> float | None:
    """Return where in [start, end) a curve is largest, between frames; None without a top.

    A value on the rim of the take, next to a gap, or one that a neighbour outside of the window
    exceeds is no top.
    """
    curve = np.asarray(values, dtype=np.float64)
    frame = argmax_in(curve, start, end)
    if frame is None or on_rim(curve, frame):
        return None
    before, at, after = (float(each) for each in curve[frame - 1 : frame + 2])
    if max(before, after) > at:
        return None
    return frame + parabola_top(before, at, after)


def parabola_top(before: float, at: float, after: float) -> float:
    """Return where the parabola through three neighbouring values is largest, in ±1/2 frame."""
    bend = before - 2.0 * at + after
    return 0.5 * (before - after) / bend if bend < 0.0 else 0.0


def first_below(values: Array, limit: float, start: int, end: int) -> float | None:
    """Return where in [start, end) a curve first falls below a limit, between frames.

    None when it never does, or lies below already in the first frame that was seen: then it fell
    before the take, or in a gap.
    """
    curve = np.asarray(values, dtype=np.float64)
    low = max(start, 0)
    found = np.flatnonzero(curve[low : max(end, low)] < limit)
    if not len(found):
        return None
    frame = low + int(found[0])
    if frame == 0 or not np.isfinite(curve[frame - 1]):
        return None
    above, below = float(curve[frame - 1]), float(curve[frame])
    if above < limit:
        return float(frame)
    return frame - (limit - below) / (above - below)


def overridden(events: Mapping[str, Event], set_by_user: Mapping[str, float]) -> dict[str, Event]:
    """Return events with those the user set (frames, by name) in their place."""
    out = dict(events)
    for name, frame in set_by_user.items():
        out[name] = Event(name, frame, 0.0, BY_USER)
    return out
