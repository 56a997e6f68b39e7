"""Which exercise a repetition is, before anything about it is measured.

By what every squat, lunge, rise from a seat and arm raise has in common, in body proportions:
how far the hips sink, which knees bend, how the feet stand, how far the arms rise. "None of
these" is an answer. A recogniser that learned from examples can stand in the place of
`recognised`: it needs to return the same labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.rotation import unit
from mocap.core.shapes import FloatArray
from mocap.measure.exercises.pose_curve import excursions, pose_curve
from mocap.measure.segments.segments import SIDES, Segments

SQUAT, LUNGE, SIDE_LUNGE = "squat", "lunge", "side lunge"
SIT_TO_STAND, SHOULDER_RAISE, NONE = "sit to stand", "shoulder raise", "none"
LABELS = (SQUAT, LUNGE, SIDE_LUNGE, SIT_TO_STAND, SHOULDER_RAISE)

# Shares of the leg's length and angles, each between what exercises do and what others do: a squat
# to 60 degrees of knee flexion lowers the hips by 13 % of the leg.
_SINKS = 0.10
_BOTH_BEND_DEG = 35.0
_ONE_BENDS_DEG = 45.0
_FOOT_LIFTS = 0.30
_SPLIT, _SPLIT_OF_WIDTH, _STEPPED = 0.20, 0.31, 0.40
_WIDE, _VERY_WIDE, _UNEVEN_DEG = 0.75, 1.1, 40.0
_SEAT = 0.55  # hips above the ankles: at the height of the knees
_OVERHEAD_DEG, _HANGING_DEG = 117.0, 45.0
_ARM_RISES_DEG = 55.0
_STANDS_STILL = 0.08
_AROUND = 2  # frames


@dataclass(frozen=True)
class Attempt:
    """One way out of the rest pose and back.

    Attributes:
        start, furthest, end: frames.
        label: one of `LABELS` or `NONE`.
        reason: for people, why it is none.
    """

    start: int
    furthest: int
    end: int
    label: str
    reason: str = ""


def attempts(person: Segments) -> tuple[Attempt, ...]:
    """Return every repetition of a take, counted by the whole pose, with what it is."""
    shape = shape_curves(person)
    found = excursions(pose_curve(person), person.fps)
    return tuple(Attempt(a, b, c, *recognised(shape, (a, b, c))) for a, b, c in found)


def summary(found: Sequence[Attempt]) -> str:
    """Return what a take shows, for people: "3 squats, 1 none of the exercises"."""
    counts = Counter(each.label for each in found)
    words = [f"{n} {label}{'s' if n > 1 and label != SIT_TO_STAND else ''}"
             for label, n in counts.items() if label != NONE]  # fmt: skip
    if counts[NONE]:
        words.append(f"{counts[NONE]} repetitions of no exercise known here")
    return ", ".join(words) or "no repetition of anything"


def recognised(shape: Mapping[str, FloatArray], span: tuple[int, int, int]) -> tuple[str, str]:
    """Return the label of a repetition, and why it is none of the exercises.

    Args:
        shape: curves of `shape_curves`.
        span: start, furthest frame and end.
    """
    start, _, end = span
    window = slice(start, end + 1)

    def rest(name: str) -> float:
        """The value around both ends of the span."""
        curve = shape[name]
        ends = [curve[max(k - _AROUND, 0) : k + _AROUND + 1] for k in (start, end)]
        return float(np.nanmedian(np.concatenate(ends)))

    def most(name: str) -> float:
        return float(np.nanmax(shape[name][window]))

    sinks = rest("hips") - float(np.nanmin(shape["hips"][window]))
    bends = sorted(most(f"{side}_knee") - rest(f"{side}_knee") for side in SIDES)
    rises = max(most(f"{side}_arm") - rest(f"{side}_arm") for side in SIDES)
    lifted = float(np.nanmedian(shape["foot_lift"][window])) - rest("foot_lift")
    if sinks >= _SINKS and bends[1] >= _ONE_BENDS_DEG:
        return _leg_exercise(shape, span, bends, lifted, rest)
    if rises >= _ARM_RISES_DEG and sinks < _STANDS_STILL and lifted < _FOOT_LIFTS:
        if min(rest("left_arm"), rest("right_arm")) < _HANGING_DEG:
            return SHOULDER_RAISE, ""
        return NONE, "the arms do not start hanging"
    if sinks >= _SINKS:
        return NONE, f"the hips sink, but no knee bends by {_ONE_BENDS_DEG:g} deg"
    return NONE, "neither do the hips sink with the knees, nor is an arm raised"


def _leg_exercise(
    shape: Mapping[str, FloatArray],
    span: tuple[int, int, int],
    bends: Sequence[float],
    lifted: float,
    at_rest: Callable[[str], float],
) -> tuple[str, str]:
    """Tell squats, lunges and rises from a seat apart, by feet, knees and arms."""
    start, furthest, end = span
    split, width = abs(at_rest("split")), at_rest("width")
    stepped = float(np.nanmedian(np.abs(shape["split"][start : end + 1])))
    if (split >= _SPLIT and split > _SPLIT_OF_WIDTH * width) or stepped >= _STEPPED:
        return LUNGE, ""
    uneven = abs(shape["left_knee"][furthest] - shape["right_knee"][furthest])
    if width >= _VERY_WIDE or (width >= _WIDE and uneven >= _UNEVEN_DEG):
        return SIDE_LUNGE, ""
    if bends[0] < _BOTH_BEND_DEG:
        return NONE, "only one knee bends"
    if lifted >= _FOOT_LIFTS:
        return NONE, "a foot leaves the floor"
    arms = float(np.nanmedian([at_rest(f"{side}_arm") for side in SIDES]))
    low = float(np.nanmin(shape["hips"][start : end + 1])) < _SEAT
    forwards = _HANGING_DEG < arms < _OVERHEAD_DEG
    return (SIT_TO_STAND if low and forwards else SQUAT), ""


def shape_curves(person: Segments) -> dict[str, FloatArray]:
    """Return what tells exercises apart (frame,): shares of the leg's length, and degrees."""
    at = person.position
    leg = np.nanmedian(
        [
            np.linalg.norm(at(f"{side}_hip") - at(f"{side}_knee"), axis=-1)
            + np.linalg.norm(at(f"{side}_knee") - at(f"{side}_ankle"), axis=-1)
            for side in SIDES
        ]
    )
    hips = at("left_hip") - at("right_hip")
    across = unit(np.nanmean(hips * [1.0, 1.0, 0.0], axis=0))
    ahead = np.cross(across, [0.0, 0.0, 1.0])
    feet = at("left_ankle") - at("right_ankle")
    lowest = np.fmin(at("left_ankle")[:, 2], at("right_ankle")[:, 2])
    out = {
        "hips": (at("pelvis")[:, 2] - lowest) / leg,
        "split": feet @ ahead / leg,
        "width": np.abs(feet @ across) / leg,
        "foot_lift": np.abs(feet[:, 2]) / leg,
    }
    trunk = unit(at("neck") - at("pelvis"))
    for side in SIDES:
        thigh = unit(at(f"{side}_knee") - at(f"{side}_hip"))
        shank = unit(at(f"{side}_ankle") - at(f"{side}_knee"))
        arm = unit(at(f"{side}_elbow") - at(f"{side}_shoulder"))
        out[f"{side}_knee"] = _angle_deg(thigh, shank)
        out[f"{side}_arm"] = _angle_deg(arm, -trunk)
    return out


def _angle_deg(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.rad2deg(np.arccos(np.clip(np.sum(a * b, axis=-1), -1.0, 1.0))))
