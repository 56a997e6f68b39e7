"""What a safety officer asks of a take: alerts, times, lifts, and the worst moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.runs import runs
from mocap.core.shapes import FloatArray
from mocap.measure.ergonomics.scores import (
    Assessment,
    Limits,
    Posture,
    Task,
    drivers,
    sustained,
)
from mocap.measure.segments.segments import SIDES, Segments

ALERT_SCORE: Mapping[str, int] = {"RULA": 5, "REBA": 8}
"""From these scores on the sheets ask to change something soon."""

WORST = 10
_APART_S = 1.0  # worst moments nearer than this are one

# A lift: both hands come up by more than this, from below the hips, within this time.
_LIFT_M, _LIFT_WITHIN_S = 0.25, 4.0


@dataclass(frozen=True)
class Alert:
    """A posture held long at a score that asks for a change.

    Attributes:
        start_s, end_s: from the first frame.
        method, side: "RULA" or "REBA", of which arm.
        score: least score in that time.
        part: of the body, that drives it in the middle of that time.
        rule: in words.
    """

    start_s: float
    end_s: float
    method: str
    side: str
    score: int
    part: str
    rule: str


@dataclass(frozen=True)
class Moment:
    """One of the worst moments."""

    time_s: float
    frame: int
    method: str
    side: str
    score: int
    part: str


@dataclass(frozen=True)
class Exposure:
    """Times in seconds, and lifts per hour; NaN where it was not seen."""

    seconds: float
    overhead_s: float
    asymmetric_s: float
    lifts: int
    lifts_per_hour: float


Assessed = Mapping[tuple[str, str], Assessment]


def alerts(
    found: Assessed, postures: Mapping[str, Posture], task: Task, fps: float
) -> tuple[Alert, ...]:
    """Return every posture held for more than `SUSTAINED_S` at `ALERT_SCORE` or more, in order."""
    out = []
    for (method, side), each in found.items():
        least = ALERT_SCORE[method]
        for held in sustained(each.scores.final, each.known, fps, least=least):
            middle = (held.start + held.end) // 2
            out.append(
                Alert(
                    held.start / fps,
                    held.end / fps,
                    method,
                    side,
                    held.score,
                    drivers(postures[side], task, method, middle),
                    f"{method} {least} or more, held for 4 s or longer",
                )
            )
    return tuple(sorted(out, key=lambda alert: alert.start_s))


def worst_moments(
    found: Assessed, postures: Mapping[str, Posture], task: Task, fps: float
) -> tuple[Moment, ...]:
    """Return the worst moments, worst first, a second and more apart; by the RULA of either arm."""
    every = [
        (int(each.scores.final[frame]), int(frame), side)
        for (method, side), each in found.items()
        if method == "RULA"
        for frame in np.flatnonzero(each.known)
    ]
    every.sort(key=lambda entry: (-entry[0], entry[1]))
    chosen: list[Moment] = []
    for score, frame, side in every:
        if all(abs(frame - each.frame) >= _APART_S * fps for each in chosen):
            part = drivers(postures[side], task, "RULA", frame)
            chosen.append(Moment(frame / fps, frame, "RULA", side, score, part))
        if len(chosen) == WORST:
            break
    return tuple(chosen)


def exposure(
    person: Segments, postures: Mapping[str, Posture], limits: Limits | None = None
) -> Exposure:
    """Return for how long hands are overhead and the trunk is twisted or bent aside, and lifts.

    Overhead: a wrist above the shoulder of its side. Lifts are candidates: both hands rise by
    25 cm from below the hips; what they carry is not seen.
    """
    cut, fps = limits or Limits(), person.fps
    overhead = np.zeros(person.frame_count, dtype=np.bool_)
    for side in SIDES:
        wrist, shoulder = (
            person.position(f"{side}_{name}")[:, 2] for name in ("wrist", "shoulder")
        )
        overhead |= np.nan_to_num(wrist - shoulder, nan=-1.0) > 0.0
    trunk = postures["right"]
    twisted = np.abs(np.nan_to_num(trunk.trunk_twist)) > cut.twist_deg
    aside = np.abs(np.nan_to_num(trunk.trunk_side_bend)) > cut.side_bend_deg
    seconds = person.frame_count / fps
    count = len(lifts(person))
    return Exposure(
        seconds,
        float(overhead.sum()) / fps,
        float((twisted | aside).sum()) / fps,
        count,
        3600.0 * count / seconds if seconds > 0 else float("nan"),
    )


def lifts(person: Segments) -> list[tuple[int, int]]:
    """Return start and end frame of every time both hands come up from below the hips."""
    hands = np.fmax(person.position("left_wrist")[:, 2], person.position("right_wrist")[:, 2])
    hips = person.position("pelvis")[:, 2]
    above: FloatArray = np.nan_to_num(hands - np.nanmedian(hips), nan=0.0)
    within = round(_LIFT_WITHIN_S * person.fps)
    found: list[tuple[int, int]] = []
    for start, end in runs(above < 0.0):
        lowest = start + int(np.argmin(above[start:end]))
        rises = np.flatnonzero(above[lowest : lowest + within] > above[lowest] + _LIFT_M)
        # Hands that hang beside the hips swing by less than they bend down.
        if above[lowest] < -_LIFT_M and len(rises):
            found.append((lowest, lowest + int(rises[0])))
    return found
