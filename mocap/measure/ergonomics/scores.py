"""RULA and REBA of every frame from joint angles, with what only a person can tell as input.

Load, grip, muscle use and support cannot be seen in a pose: they are `Task`. The worksheets say
"neutral", "twisted" or "abducted" without a number; the numbers used are `Limits`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.runs import runs
from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray, check_shapes
from mocap.measure.ergonomics.tables import Scores, action_level, reba, rula

BORDERLINE_DEG = 3.0
"""A score is borderline when an angle is so near to a cut that this error would change it."""

SUSTAINED_S = 4.0
"""A posture held longer counts as static (ISO 11226 and EN 1005-4 draw the line here)."""


@dataclass(frozen=True)
class Limits:
    """What the worksheets leave to the eye, in degrees.

    Attributes:
        neutral_deg: as far from zero the worksheets' "0" still holds.
        twist_deg, side_bend_deg: of neck and trunk before they count.
        abduction_deg: of the upper arm before it counts as abducted.
        deviation_deg: of the wrist before it counts.
        across_deg: how far the hand lies past the middle of the body or outside of its shoulder,
            as an angle of the forearm, before "across the midline or out to the side".
    """

    neutral_deg: float = 5.0
    twist_deg: float = 10.0
    side_bend_deg: float = 10.0
    abduction_deg: float = 30.0
    deviation_deg: float = 10.0
    across_deg: float = 5.0


@dataclass(frozen=True)
class Task:
    """What a pose does not show; the values are scores of the worksheets.

    Attributes:
        rula_muscle_use, rula_force: 0 or 1, and 0 to 3.
        reba_load: 0 under 5 kg, 1 to 10 kg, 2 above; one more for shocks.
        reba_coupling: 0 good to 3 unacceptable.
        reba_activity: 0 to 3.
        arm_supported: the arm rests on something or the person leans.
        wrist_twist_end: the wrist is turned to its end.
        legs_supported: legs and feet carry evenly (RULA); None: from the feet.
        shoulder_raised: shrugged.
        sitting: on a seat that carries: feet and knees do not count.
    """

    rula_muscle_use: int = 0
    rula_force: int = 0
    reba_load: int = 0
    reba_coupling: int = 0
    reba_activity: int = 0
    arm_supported: bool = False
    wrist_twist_end: bool = False
    legs_supported: bool | None = None
    shoulder_raised: bool = False
    sitting: bool = False


@dataclass(frozen=True, eq=False)
class Posture:
    """Angles (frame,) in degrees of the trunk and one arm, and how the legs stand.

    Attributes:
        trunk_flexion, trunk_side_bend, trunk_twist: of the thorax against upright and pelvis.
        neck_flexion, neck_side_bend, neck_twist: of the head against the thorax.
        upper_arm: elevation against the trunk; negative when the arm points backwards.
        upper_arm_abduction: sideways part of the elevation.
        elbow_flexion: 0 straight.
        forearm_across: by which the hand lies past the middle of the body or outside of its
            shoulder; negative in the lane between.
        wrist_flexion, wrist_deviation: NaN where the hand was not seen.
        knee_flexion: of the more bent knee.
        both_feet: True where both feet carry.
    """

    trunk_flexion: FloatArray
    trunk_side_bend: FloatArray
    trunk_twist: FloatArray
    neck_flexion: FloatArray
    neck_side_bend: FloatArray
    neck_twist: FloatArray
    upper_arm: FloatArray
    upper_arm_abduction: FloatArray
    elbow_flexion: FloatArray
    forearm_across: FloatArray
    wrist_flexion: FloatArray
    wrist_deviation: FloatArray
    knee_flexion: FloatArray
    both_feet: BoolArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, **{name: "frame" for name in self.__dataclass_fields__})


@dataclass(frozen=True, eq=False)
class Assessment:
    """Scores of one method (frame,) and whether an angle is too near to a cut to be sure of them.

    Attributes:
        scores: of the method.
        parts: (frame,) score of each body part by name.
        borderline: (frame,) True where an error of `BORDERLINE_DEG` in one angle changes the score.
        known: (frame,) False where an angle that is needed is missing.
    """

    scores: Scores
    parts: dict[str, IntArray]
    borderline: BoolArray
    known: BoolArray


@dataclass(frozen=True)
class Sustained:
    """A posture held long: from frame `start` to `end` (exclusive), at least at `score`."""

    start: int
    end: int
    score: int


@dataclass(frozen=True, eq=False)
class _Scored:
    """What one pass over the worksheets gives."""

    scores: Scores
    parts: dict[str, IntArray]
    known: BoolArray


def assess_rula(posture: Posture, task: Task, limits: Limits | None = None) -> Assessment:
    """Score every frame by RULA.

    Extension of the trunk is not on the worksheet: it scores as much as the same flexion.
    """
    return _assess(_score_rula, posture, task, limits or Limits())


def assess_reba(posture: Posture, task: Task, limits: Limits | None = None) -> Assessment:
    """Score every frame by REBA."""
    return _assess(_score_reba, posture, task, limits or Limits())


def _assess(
    score: Callable[[Posture, Task, Limits], _Scored], posture: Posture, task: Task, cut: Limits
) -> Assessment:
    """Score a posture, and again with every angle a little off."""
    found = score(posture, task, cut)
    borderline = np.zeros(len(posture.both_feet), dtype=np.bool_)
    for name in posture.__dataclass_fields__:
        if name == "both_feet":
            continue
        for error in (-BORDERLINE_DEG, BORDERLINE_DEG):
            moved = replace(posture, **{name: getattr(posture, name) + error})
            borderline |= score(moved, task, cut).scores.final != found.scores.final
    return Assessment(found.scores, found.parts, borderline & found.known, found.known)


class _Grader:
    """Turn angles into scores and remember where one that is needed is missing."""

    def __init__(self, frames: int) -> None:
        self.known = np.ones(frames, dtype=np.bool_)

    def grade(
        self,
        angle_deg: FloatArray,
        cuts: Sequence[float],
        scores: Sequence[int],
        optional: bool = False,
    ) -> IntArray:
        """Score by half-open steps: below cuts[0] the first, up to and with it the next ones.

        A missing optional angle scores the least.
        """
        missing = ~np.isfinite(angle_deg)
        if not optional:
            self.known &= ~missing
        # The worksheets' middle steps include their inner ends: 20 still counts as -20 to 20.
        step = np.searchsorted(np.asarray(cuts), np.where(missing, 0.0, angle_deg), side="left")
        found = np.asarray(scores, dtype=np.int64)[step]
        return np.where(missing, min(scores), found)

    def over(self, angle_deg: FloatArray, limit_deg: float, optional: bool = False) -> IntArray:
        """Return 1 where an angle is further from zero than the limit."""
        return self.grade(np.abs(angle_deg), (limit_deg,), (0, 1), optional)

    def either(self, first: IntArray, second: IntArray) -> IntArray:
        """Return 1 where one of two additions holds: the worksheets add once."""
        return np.maximum(first, second)


def _upper_arm(grader: _Grader, posture: Posture, task: Task, limits: Limits) -> IntArray:
    score = grader.grade(posture.upper_arm, (-20.0, 20.0, 45.0, 90.0), (2, 1, 2, 3, 4))
    score = score + grader.over(posture.upper_arm_abduction, limits.abduction_deg)
    score = score + int(task.shoulder_raised) - int(task.arm_supported)
    return np.clip(score, 1, 6)


def _lower_arm(grader: _Grader, posture: Posture) -> IntArray:
    return grader.grade(posture.elbow_flexion, (60.0, 100.0), (2, 1, 2))


def _score_rula(posture: Posture, task: Task, cut: Limits) -> _Scored:
    n = cut.neutral_deg
    grader = _Grader(len(posture.trunk_flexion))
    wrist = grader.grade(np.abs(posture.wrist_flexion), (n, 15.0), (1, 2, 3), optional=True)
    wrist = wrist + grader.over(posture.wrist_deviation, cut.deviation_deg, optional=True)
    across = grader.grade(posture.forearm_across, (cut.across_deg,), (0, 1), optional=True)
    neck = grader.grade(posture.neck_flexion, (-n, 10.0, 20.0), (4, 1, 2, 3))
    neck = neck + grader.over(posture.neck_twist, cut.twist_deg)
    neck = neck + grader.over(posture.neck_side_bend, cut.side_bend_deg)
    trunk = grader.grade(np.abs(posture.trunk_flexion), (n, 20.0, 60.0), (1, 2, 3, 4))
    trunk = trunk + grader.over(posture.trunk_twist, cut.twist_deg)
    trunk = trunk + grader.over(posture.trunk_side_bend, cut.side_bend_deg)
    even = posture.both_feet if task.legs_supported is None else task.legs_supported
    even = True if task.sitting else even
    parts = {
        "upper_arm": _upper_arm(grader, posture, task, cut),
        "lower_arm": _lower_arm(grader, posture) + across,
        "wrist": wrist,
        "wrist_twist": np.full_like(wrist, 1 + int(task.wrist_twist_end)),
        "neck": neck,
        "trunk": trunk,
        "legs": np.where(np.broadcast_to(even, neck.shape), 1, 2),
    }
    use = task.rula_muscle_use + task.rula_force
    scores = rula(**parts, arm_use=use, body_use=use)
    return _Scored(scores, parts, grader.known)


def _score_reba(posture: Posture, task: Task, cut: Limits) -> _Scored:
    n = cut.neutral_deg
    grader = _Grader(len(posture.trunk_flexion))
    neck = grader.grade(posture.neck_flexion, (-n, 20.0), (2, 1, 2))
    neck = neck + grader.either(
        grader.over(posture.neck_twist, cut.twist_deg),
        grader.over(posture.neck_side_bend, cut.side_bend_deg),
    )
    trunk = grader.grade(posture.trunk_flexion, (-20.0, -n, n, 20.0, 60.0), (3, 2, 1, 2, 3, 4))
    trunk = trunk + grader.either(
        grader.over(posture.trunk_twist, cut.twist_deg),
        grader.over(posture.trunk_side_bend, cut.side_bend_deg),
    )
    wrist = grader.grade(np.abs(posture.wrist_flexion), (15.0,), (1, 2), optional=True)
    wrist = wrist + grader.over(posture.wrist_deviation, cut.deviation_deg, optional=True)
    legs = np.where(posture.both_feet | task.sitting, 1, 2)
    knees = grader.grade(posture.knee_flexion, (30.0, 60.0), (0, 1, 2), optional=task.sitting)
    parts = {
        "neck": neck,
        "trunk": trunk,
        "legs": legs if task.sitting else legs + knees,
        "upper_arm": _upper_arm(grader, posture, task, cut),
        "lower_arm": _lower_arm(grader, posture),
        "wrist": wrist,
    }
    scores = reba(
        **parts, load=task.reba_load, coupling=task.reba_coupling, activity=task.reba_activity
    )
    return _Scored(scores, parts, grader.known)


def drivers(posture: Posture, task: Task, method: str, frame: int) -> str:
    """Return the part of the body that drives a frame's score.

    The one whose best score would lower the whole score most; the first of the worksheet when
    several do alike. Of an action level that depends on several parts none lowers it alone: then
    the part furthest above its best.

    Args:
        posture, task: as scored.
        method: "RULA" or "REBA".
        frame: of the take.
    """
    one = replace(
        posture,
        **{
            name: getattr(posture, name)[frame : frame + 1] for name in posture.__dataclass_fields__
        },
    )
    cut = Limits()
    score = _score_rula if method == "RULA" else _score_reba
    parts = score(one, task, cut).parts
    use = task.rula_muscle_use + task.rula_force

    def final(changed: dict[str, IntArray]) -> int:
        if method == "RULA":
            found = rula(**changed, arm_use=use, body_use=use)
        else:
            found = reba(
                **changed, load=task.reba_load, coupling=task.reba_coupling,
                activity=task.reba_activity,
            )  # fmt: skip
        return int(found.final[0])

    whole = final(parts)
    gains = {}
    for name, value in parts.items():
        best = final({**parts, name: np.ones_like(value)})
        gains[name] = (whole - best, int(value[0]))
    return max(gains, key=lambda name: gains[name])


def time_in_levels(
    scores: Array, known: BoolArray, levels: tuple[tuple[int, str], ...], fps: float
) -> FloatArray:
    """Return the seconds spent in each action level, frames with missing angles left out."""
    level = action_level(np.asarray(scores)[known], levels)
    return np.bincount(level, minlength=len(levels))[: len(levels)] / fps


def sustained(
    scores: Array, known: BoolArray, fps: float, *, least: int, hold_s: float = SUSTAINED_S
) -> tuple[Sustained, ...]:
    """Return the stretches of at least `hold_s` at score `least` or more."""
    held = (np.asarray(scores) >= least) & known
    return tuple(
        Sustained(start, end, int(np.min(np.asarray(scores)[start:end])))
        for start, end in runs(held)
        if (end - start) / fps >= hold_s
    )
