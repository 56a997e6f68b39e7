"""Moments of a throw from motion alone: no force plate, no radar.

Rules and their spreads were measured on five laboratory throws with force plates, keypoints
10 mm off, 240 frames per second: contact 5 ± 5 ms late, plant 2 ± 17, MER 0 ± 5, release 1.5 ± 2,
MIR 5 ± 4, peak knee height 0 ± 7 ms.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.signal import find_peaks

from mocap.capture.take_file import EVENTS
from mocap.core.shapes import FloatArray
from mocap.measure.events import (
    Event,
    argmax_in,
    first_below,
    on_rim,
    overridden,
    timing_sd_ms,
    top_in,
)
from mocap.measure.filters import derivative
from mocap.measure.pitching.curves import ThrowCurves
from mocap.measure.segments.segments import Segments

RULE_SD_MS = {
    "peak_knee_height": 6.6,
    "foot_contact": 5.0,
    "foot_plant": 16.6,
    "max_external_rotation": 4.6,
    "ball_release": 2.0,
    "max_internal_rotation": 3.6,
}

# A throw: the hand is faster than this, and than this share of the fastest throw of the take.
THROW_M_S = 6.0
_THROW_SHARE = 0.6
_BETWEEN_THROWS_S = 1.5

_BEFORE_RELEASE_S, _AFTER_RELEASE_S = 1.2, 0.1  # where the knee is highest
_RELEASE_WINDOW_S = 0.06
_HAND_LEADS_S = 0.006  # the hand is fastest this long before release
_FLOOR_WINDOW_S = 0.05
_CONTACT_HEIGHT_M = 0.02
_PLANT_SPEED_M_S = 1.0
_MER_AFTER_S = 0.02
_MIR_WINDOW_S = 0.09
# The arm still turns inwards at the end of that window: the true moment is later.
_CUT_OFF_SD_MS = 30.0


def cut_throw(hand: FloatArray, fps: float) -> str:
    """Return what a take lacks whose hand (frame, 3) is at the speed of a throw on its rim.

    Empty when the hand is slow at both ends.
    """
    speed = np.nan_to_num(np.linalg.norm(derivative(hand, fps), axis=-1))
    if len(speed) < 3 or speed.max() < THROW_M_S:
        return ""
    reach = max(2, int(_RELEASE_WINDOW_S * fps))
    if speed[-reach:].max() >= speed.max():
        return "ball release and what follows: the hand is fastest when the take ends"
    if speed[:reach].max() >= speed.max():
        return "all before ball release: the hand is fastest when the take begins"
    return ""


def find_throws(hand: FloatArray, fps: float) -> tuple[int, ...]:
    """Return the frames at which a hand (frame, 3) is fastest in each throw."""
    speed = np.nan_to_num(np.linalg.norm(derivative(hand, fps), axis=-1))
    if len(speed) < 3:
        return ()
    least = max(THROW_M_S, _THROW_SHARE * float(speed.max()))
    peaks, _ = find_peaks(speed, height=least, distance=max(1, int(_BETWEEN_THROWS_S * fps)))
    return tuple(int(peak) for peak in peaks)


def throw_direction_deg(hand: FloatArray, fps: float, throws: tuple[int, ...]) -> float:
    """Return the heading (degrees from world X) in which the hand moves at its fastest.

    The mean over the throws; within some degrees of the target, since the hand also crosses the
    body.
    """
    velocity = derivative(hand, fps)[list(throws), :2]
    mean = np.mean(velocity / np.linalg.norm(velocity, axis=-1, keepdims=True), axis=0)
    return float(np.rad2deg(np.arctan2(mean[1], mean[0])))


def throw_events(
    thrower: Segments,
    curves: ThrowCurves,
    fastest: int,
    set_by_user: Mapping[str, float | None] | None = None,
) -> dict[str, Event]:
    """Return the events of one throw of a canonical thrower, in the order of `EVENTS`.

    An event is missing from the result where its rule finds nothing.

    Args:
        thrower, curves: of the whole take.
        fastest: frame at which the hand is fastest.
        set_by_user: frames by event name that stand instead of the rule's; later events build on
            them. None: the event did not happen.
    """
    fixed = dict(set_by_user or {})
    found: dict[str, Event] = {}

    def put(name: str, frame: float | None, spread_ms: float = 0.0) -> int | None:
        if name in fixed:
            given = fixed[name]
            if given is not None:
                found.update(overridden({}, {name: given}))
        elif frame is not None:
            sd = float(np.hypot(timing_sd_ms(RULE_SD_MS[name], thrower.fps), spread_ms))
            found[name] = Event(name, float(frame), sd)
        return round(found[name].frame) if name in found else None

    release, spread_ms = _release(curves, fastest)
    release = put("ball_release", release, spread_ms) or fastest
    knee = put("peak_knee_height", _knee_height(thrower, release))
    stride = _fastest_stride(thrower, knee, release)
    put("foot_contact", _contact(thrower, stride, release))
    plant = put("foot_plant", _plant(thrower, stride, release))
    rotation, fps = curves["shoulder_external_rotation"], thrower.fps
    start = plant if plant is not None else release - int(0.2 * fps)
    latest = release + int(_MER_AFTER_S * fps) + 1
    put("max_external_rotation", top_in(rotation, start, latest))
    put("max_internal_rotation", *_inmost(rotation, release, fps))
    return {name: found[name] for name in EVENTS if name in found}


def _inmost(rotation: FloatArray, release: int, fps: float) -> tuple[float | None, float]:
    """Return where the arm is turned inwards most after release, and a further spread in ms.

    An arm that still turns inwards at the end of the window gives that end, with the spread that
    goes with it; one whose take ends first gives nothing.
    """
    end = release + int(_MIR_WINDOW_S * fps) + 1
    top = top_in(-rotation, release, end)
    if top is not None:
        return top, 0.0
    last = argmax_in(-rotation, release, end)
    if last is None or on_rim(rotation, last) or last < end - 1:
        return None, 0.0
    return float(last), _CUT_OFF_SD_MS


def _release(curves: ThrowCurves, fastest: int) -> tuple[float | None, float]:
    """Return where the ball is released, and the spread of its three rules in ms.

    Median of: fastest internal rotation, straightest elbow, and the fastest hand plus 6 ms. None
    when that is the end of the take or later.
    """
    reach = max(1, round(_RELEASE_WINDOW_S * curves.fps))
    start, end = fastest - reach, fastest + reach + 1
    opinions = [
        top_in(curves["shoulder_internal_rotation_velocity"], start, end),
        top_in(-curves["elbow_flexion"], start, end),
        fastest + _HAND_LEADS_S * curves.fps,
    ]
    given = [float(each) for each in opinions if each is not None]
    frame = float(np.median(given))
    if frame >= len(curves["hand_speed"]) - 1:
        return None, 0.0
    # The two rules nearest to each other carry the median; the third may look at another moment.
    gaps = np.diff(np.sort(given))
    spread = float(gaps.min()) if len(gaps) else reach
    return frame, 0.5 * 1000.0 * spread / curves.fps


def _knee_height(thrower: Segments, release: int) -> float | None:
    fps = thrower.fps
    start, end = release - int(_BEFORE_RELEASE_S * fps), release - int(_AFTER_RELEASE_S * fps)
    return top_in(thrower.position("left_knee")[:, 2], start, end)


def _fastest_stride(thrower: Segments, knee: int | None, release: int) -> int:
    """Return the frame at which the lead ankle moves fastest towards the target."""
    start = knee if knee is not None else release - int(_BEFORE_RELEASE_S * thrower.fps)
    ahead = derivative(thrower.position("left_ankle")[:, 0], thrower.fps)
    found = argmax_in(ahead, start, release)
    return start if found is None else found


def _contact(thrower: Segments, stride: int, release: int) -> float | None:
    """Return the first moment with the lead ankle within 2 cm of its height after release."""
    height = thrower.position("left_ankle")[:, 2]
    standing = height[release : release + max(1, int(_FLOOR_WINDOW_S * thrower.fps))]
    if not np.isfinite(standing).any():
        return None
    return first_below(height, float(np.nanmin(standing)) + _CONTACT_HEIGHT_M, stride, release)


def _plant(thrower: Segments, stride: int, release: int) -> float | None:
    """Return the first moment after the stride with the lead ankle slower than 1 m/s."""
    speed = np.linalg.norm(derivative(thrower.position("left_ankle"), thrower.fps), axis=-1)
    return first_below(speed, _PLANT_SPEED_M_S, stride, release)
