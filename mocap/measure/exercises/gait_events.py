"""Heel strikes and toe-offs of walking, and take-off and landing of jumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from mocap.core.errors import InputError
from mocap.core.runs import runs
from mocap.core.shapes import FloatArray
from mocap.measure.events import Event, timing_sd_ms
from mocap.measure.filters import butterworth, derivative
from mocap.measure.segments.segments import SIDES, Segments

CUTOFF_HZ = 6.0
"""Of the foot's path, as in Zeni et al. 2008 and O'Connor et al. 2007."""

RULE_SD_MS = 17.0
"""Zeni et al. find 98 % of events of healthy walks within two frames at 60 Hz of force plates."""

# A step swings the foot past the pelvis by far more than this.
_LEAST_SWING_M = 0.10
# Nobody walks faster than about three strides a second with one foot.
_LEAST_STRIDE_S = 0.5
# Foot-velocity rule: vertical speeds below this are unrest of a standing foot.
_LEAST_LIFT_M_S = 0.15
# The same rule: the foot also sinks in the middle of its swing, but then it is higher than this
# share of its range.
_LOW_SHARE = 0.35

AIRBORNE_M = 0.025
"""Both feet this far above where they stand are off the floor: two to three centimetres are above
the noise and below any jump."""

LEAVING_SD_MS = 12.0
"""A foot that rises at 2 m/s passes that height about 12 ms after it leaves the floor; how far it
bends meanwhile is not known."""

_LEAST_FLIGHT_S = 0.08
GRAVITY_M_S2 = 9.80665


def walking_direction(segments: Segments) -> FloatArray:
    """Return the horizontal unit vector (3,) from the first to the last quarter of the pelvis' way.

    Raises:
        InputError: the person goes nowhere.
    """
    pelvis = segments.position("pelvis")[:, :2]
    pelvis = pelvis[np.isfinite(pelvis).all(axis=1)]
    quarter = max(1, len(pelvis) // 4)
    way = np.mean(pelvis[-quarter:], axis=0) - np.mean(pelvis[:quarter], axis=0)
    if not np.linalg.norm(way) > 0.3:
        raise InputError(
            f"the person moves {np.linalg.norm(way):.2f} m over the take; gait needs a walk of at "
            "least 0.3 m in one direction. On a treadmill, give --direction-deg."
        )
    return np.append(way / np.linalg.norm(way), 0.0)


def gait_events(segments: Segments, direction: FloatArray) -> dict[str, tuple[Event, ...]]:
    """Return heel strikes and toe-offs of both feet by name, in time order.

    Zeni et al. 2008: a heel strikes when it is furthest ahead of the pelvis, toes leave when they
    are furthest behind. Feet without heel and toes are read at the ankle.
    """
    pelvis = segments.position("pelvis") @ direction
    sd_ms = timing_sd_ms(RULE_SD_MS, segments.fps)
    out: dict[str, tuple[Event, ...]] = {}
    for side in SIDES:
        heel = _foot_point(segments, side, "heel") @ direction - pelvis
        toe = _foot_point(segments, side, "toe") @ direction - pelvis
        for name, curve in (("heel_strike", heel), ("toe_off", -toe)):
            frames = _peaks(curve, segments.fps, _LEAST_SWING_M)
            full = f"{side}_{name}"
            out[full] = tuple(Event(full, frame, sd_ms) for frame in frames)
    return out


def foot_velocity_events(segments: Segments) -> dict[str, tuple[Event, ...]]:
    """Return toe-offs and heel strikes by the foot-velocity rule (O'Connor et al. 2007).

    The middle of heel and toe rises fastest at toe-off, and sinks fastest at heel strike among
    the moments in which it is low. A second opinion: it needs no direction.
    """
    sd_ms = timing_sd_ms(RULE_SD_MS, segments.fps)
    out: dict[str, tuple[Event, ...]] = {}
    for side in SIDES:
        middle = _foot_point(segments, side, "heel") + _foot_point(segments, side, "toe")
        height = butterworth(0.5 * middle[:, 2], segments.fps, CUTOFF_HZ)
        speed = derivative(height, segments.fps)
        low = np.nanmin(height) + _LOW_SHARE * np.ptp(height[np.isfinite(height)])
        sinking = np.where(height > low, np.minimum(-speed, 0.0), -speed)
        for name, curve in (("toe_off", speed), ("heel_strike", sinking)):
            frames = _peaks(curve, segments.fps, _LEAST_LIFT_M_S)
            full = f"{side}_{name}"
            out[full] = tuple(Event(full, frame, sd_ms) for frame in frames)
    return out


def _foot_point(segments: Segments, side: str, name: str) -> FloatArray:
    point = segments.position(f"{side}_{name}")
    return point if np.isfinite(point).any() else segments.position(f"{side}_ankle")


def _peaks(curve: FloatArray, fps: float, prominence: float) -> list[float]:
    """Return the peaks of a curve in fractions of frames, gaps left out."""
    smooth = butterworth(curve, fps, min(CUTOFF_HZ, 0.45 * fps))
    found: list[float] = []
    for start, end in runs(np.isfinite(smooth)):
        peaks, _ = find_peaks(
            smooth[start:end], prominence=prominence, distance=max(1, int(_LEAST_STRIDE_S * fps))
        )
        found += [_top(smooth, start + int(peak)) for peak in peaks]
    return found


def _top(curve: FloatArray, frame: int) -> float:
    """Return the top of the parabola through a largest value and its neighbours."""
    before, at, after = curve[frame - 1 : frame + 2]
    bend = before - 2.0 * at + after
    return frame + (0.5 * float(before - after) / float(bend) if bend < 0.0 else 0.0)


@dataclass(frozen=True)
class Jump:
    """One flight, from take-off to landing in fractions of frames."""

    take_off: Event
    landing: Event
    height_by_flight_m: float
    height_by_com_m: float


def jumps(segments: Segments, com: FloatArray) -> tuple[Jump, ...]:
    """Return the jumps of a take.

    Off the floor: both feet are `AIRBORNE_M` above where they stand. A body that is above h for a
    time T flies for sqrt(T^2 + 8 h / g): take-off and landing lie that much outside. Height by
    flight time is g t^2 / 8 (too great by a landing with bent knees); by the centre of mass
    (frame, 3) it is the rise above its height at take-off.
    """
    heights = [np.fmin(_foot_point(segments, side, "toe")[:, 2],
                       _foot_point(segments, side, "heel")[:, 2]) for side in SIDES]  # fmt: skip
    if not all(np.isfinite(height).any() for height in heights):
        return ()
    # Feet stand most of the time: the lower quartile is the standing height of each.
    lifted = [height - np.nanpercentile(height, 25.0) for height in heights]
    lower = np.fmin(*lifted)
    sd_ms = timing_sd_ms(LEAVING_SD_MS, segments.fps)
    found = []
    for start, end in runs(lower > AIRBORNE_M):
        if start == 0 or end == len(lower) or not np.isfinite(lower[[start - 1, end]]).all():
            continue
        above = _crossing(lower, end) - _crossing(lower, start)
        flight_s = float(np.sqrt((above / segments.fps) ** 2 + 8.0 * AIRBORNE_M / GRAVITY_M_S2))
        if above / segments.fps < _LEAST_FLIGHT_S:
            continue
        outside = 0.5 * (flight_s * segments.fps - above)
        take_off, landing = _crossing(lower, start) - outside, _crossing(lower, end) + outside
        standing = float(np.interp(take_off, np.arange(len(com)), com[:, 2]))
        rise = float(np.nanmax(com[start:end, 2])) - standing
        found.append(
            Jump(
                Event("take_off", take_off, sd_ms),
                Event("landing", landing, sd_ms),
                GRAVITY_M_S2 * flight_s**2 / 8.0,
                rise,
            )
        )
    return tuple(found)


def _crossing(lifted: FloatArray, frame: int) -> float:
    """Return where between the frame before and this one the feet pass the threshold."""
    before, after = float(lifted[frame - 1]), float(lifted[frame])
    return frame - 1 + (AIRBORNE_M - before) / (after - before)
