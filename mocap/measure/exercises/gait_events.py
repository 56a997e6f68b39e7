"""Heel strikes and toe-offs of walking, and take-off and landing of jumps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from mocap.core.runs import runs
from mocap.core.shapes import FloatArray
from mocap.measure.events import Event, parabola_top, timing_sd_ms
from mocap.measure.exercises.gait_path import WalkingPath, foot_point
from mocap.measure.filters import butterworth, derivative, possible_cutoff_hz
from mocap.measure.segments.segments import SIDES, Segments

CUTOFF_HZ = 6.0
"""Of the foot's path, as in Zeni et al. 2008 and O'Connor et al. 2007."""

RULE_SD_MS = 17.0
"""Zeni et al. find 98 % of events of healthy walks within two frames at 60 Hz of force plates."""

LEAVING_SHARE = 0.5
"""Of the pelvis' speed, when toes leave: between standing (0) and Zeni's moment (1)."""

_LEAVING_WITHIN_S = 0.15

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


def gait_events(path: WalkingPath) -> dict[str, tuple[Event, ...]]:
    """Return heel strikes and toe-offs of both feet by name, in time order.

    Zeni et al. 2008: a heel strikes when it is furthest ahead of the pelvis, toes leave when they
    are furthest behind, both along the path. At that moment toes are already as fast as the
    pelvis: they left a little before, when they passed `LEAVING_SHARE` of its speed. Feet without
    heel and toes are read at the ankle, without that step back.
    """
    person, fps = path.person, path.person.fps
    pelvis = person.position("pelvis")
    sd_ms = timing_sd_ms(RULE_SD_MS, fps)
    out: dict[str, tuple[Event, ...]] = {}
    for side in SIDES:
        heel, toe = (foot_point(person, side, name) for name in ("heel", "toe"))
        ahead = np.sum((heel - pelvis) * path.direction, axis=-1)
        behind = np.sum((pelvis - toe) * path.direction, axis=-1)
        strikes = _peaks(ahead, fps, _LEAST_SWING_M)
        lifts = _peaks(behind, fps, _LEAST_SWING_M)
        if np.isfinite(person.position(f"{side}_toe")).any():
            lifts = _left_before(path, toe, lifts)
        for name, frames in (("heel_strike", strikes), ("toe_off", lifts)):
            full = f"{side}_{name}"
            out[full] = tuple(Event(full, frame, sd_ms) for frame in frames)
    return out


def _left_before(path: WalkingPath, toe: FloatArray, lifts: list[float]) -> list[float]:
    """Return when toes pass a share of the pelvis' speed before each of the moments given."""
    fps = path.person.fps
    cutoff = possible_cutoff_hz(CUTOFF_HZ, fps)

    def along(point: FloatArray) -> FloatArray:
        velocity = derivative(butterworth(point, fps, cutoff), fps)
        return np.asarray(np.sum(velocity * path.direction, axis=-1))

    share = along(toe) / np.maximum(along(path.person.position("pelvis")), 0.1)
    reach = max(2, round(_LEAVING_WITHIN_S * fps))
    out = []
    for lift in lifts:
        end = round(lift)
        slow = np.flatnonzero(share[max(end - reach, 0) : end + 1] < LEAVING_SHARE)
        last = max(end - reach, 0) + int(slow[-1]) if len(slow) else end
        if not len(slow) or last + 1 >= len(share):
            out.append(lift)
            continue
        before, after = float(share[last]), float(share[last + 1])
        out.append(last + (LEAVING_SHARE - before) / max(after - before, 1e-9))
    return out


def foot_velocity_events(segments: Segments) -> dict[str, tuple[Event, ...]]:
    """Return toe-offs and heel strikes by the foot-velocity rule (O'Connor et al. 2007).

    The middle of heel and toe rises fastest at toe-off, and sinks fastest at heel strike among
    the moments in which it is low. A second opinion: it needs no direction.
    """
    sd_ms = timing_sd_ms(RULE_SD_MS, segments.fps)
    out: dict[str, tuple[Event, ...]] = {}
    for side in SIDES:
        middle = foot_point(segments, side, "heel") + foot_point(segments, side, "toe")
        height = butterworth(0.5 * middle[:, 2], segments.fps, CUTOFF_HZ)
        speed = derivative(height, segments.fps)
        low = np.nanmin(height) + _LOW_SHARE * np.ptp(height[np.isfinite(height)])
        sinking = np.where(height > low, np.minimum(-speed, 0.0), -speed)
        for name, curve in (("toe_off", speed), ("heel_strike", sinking)):
            frames = _peaks(curve, segments.fps, _LEAST_LIFT_M_S)
            full = f"{side}_{name}"
            out[full] = tuple(Event(full, frame, sd_ms) for frame in frames)
    return out


def _peaks(curve: FloatArray, fps: float, prominence: float) -> list[float]:
    """Return the peaks of a curve in fractions of frames, gaps left out."""
    smooth = butterworth(curve, fps, possible_cutoff_hz(CUTOFF_HZ, fps))
    found: list[float] = []
    for start, end in runs(np.isfinite(smooth)):
        peaks, _ = find_peaks(
            smooth[start:end], prominence=prominence, distance=max(1, int(_LEAST_STRIDE_S * fps))
        )
        found += [
            frame + parabola_top(*(float(each) for each in smooth[frame - 1 : frame + 2]))
            for frame in (start + int(peak) for peak in peaks)
        ]
    return found


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
    heights = [np.fmin(foot_point(segments, side, "toe")[:, 2],
                       foot_point(segments, side, "heel")[:, 2]) for side in SIDES]  # fmt: skip
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
