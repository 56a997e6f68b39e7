"""RULA and REBA: the published tables, golden values, and the rules at their cuts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from stick_person import person

from mocap.measure.ergonomics.posture import postures
from mocap.measure.ergonomics.scores import (
    BORDERLINE_DEG,
    Limits,
    Posture,
    Task,
    assess_reba,
    assess_rula,
    drivers,
    sustained,
    time_in_levels,
)
from mocap.measure.ergonomics.tables import (
    REBA_A,
    REBA_B,
    REBA_C,
    REBA_LEVELS,
    RULA_A,
    RULA_B,
    RULA_C,
    RULA_LEVELS,
    action_level,
    reba,
    rula,
)
from mocap.measure.segments.body import segments_from_skeleton


def posture(frames: int = 1, **angles: Any) -> Posture:
    """A person standing upright with the elbow at 80 degrees: the best scores everywhere."""
    values: dict[str, Any] = {
        each.name: np.zeros(frames) for each in dataclasses.fields(Posture)
    } | {"elbow_flexion": np.full(frames, 80.0), "both_feet": np.ones(frames, dtype=np.bool_)}
    for name, value in angles.items():
        values[name] = np.broadcast_to(np.asarray(value), (frames,)).copy()
    return Posture(**values)


def test_tables_have_the_published_shape_and_range() -> None:
    assert RULA_A.shape == (6, 3, 4, 2) and (RULA_A.min(), RULA_A.max()) == (1, 9)
    assert RULA_B.shape == (6, 6, 2) and (RULA_B.min(), RULA_B.max()) == (1, 9)
    assert RULA_C.shape == (8, 7) and (RULA_C.min(), RULA_C.max()) == (1, 7)
    assert REBA_A.shape == (3, 5, 4) and (REBA_A.min(), REBA_A.max()) == (1, 9)
    assert REBA_B.shape == (6, 2, 3) and (REBA_B.min(), REBA_B.max()) == (1, 9)
    assert REBA_C.shape == (12, 12) and (REBA_C.min(), REBA_C.max()) == (1, 12)


@pytest.mark.parametrize("table", [RULA_A, RULA_B, RULA_C, REBA_A, REBA_B, REBA_C])
def test_a_worse_part_never_scores_less(table: np.ndarray) -> None:
    for axis in range(table.ndim):
        assert np.all(np.diff(table, axis=axis) >= 0)


def test_golden_values_of_the_worksheets() -> None:
    ones = {"upper_arm": 1, "lower_arm": 1, "wrist": 1, "neck": 1, "trunk": 1, "legs": 1}
    assert int(rula(**ones, wrist_twist=1).final) == 1
    assert int(reba(**ones).final) == 1
    found = rula(upper_arm=3, lower_arm=2, wrist=2, wrist_twist=1, neck=2, trunk=3, legs=1,
                 arm_use=2)  # fmt: skip
    assert (int(found.a), int(found.b), int(found.final)) == (6, 4, 6)
    found = reba(neck=2, trunk=3, legs=2, upper_arm=3, lower_arm=2, wrist=2, load=1, coupling=1,
                 activity=1)  # fmt: skip
    assert (int(found.a), int(found.b), int(found.final)) == (6, 6, 9)


def test_scores_past_the_end_of_a_table_read_its_last_entry() -> None:
    worst = rula(upper_arm=6, lower_arm=3, wrist=4, wrist_twist=2, neck=6, trunk=6, legs=2,
                 arm_use=4, body_use=4)  # fmt: skip
    assert int(worst.final) == 7
    worst = reba(neck=3, trunk=5, legs=4, upper_arm=6, lower_arm=2, wrist=3, load=3, coupling=3,
                 activity=3)  # fmt: skip
    assert int(worst.final) == 15


@pytest.mark.parametrize(
    ("part", "angle", "value", "score"),
    [
        ("upper_arm", "upper_arm", -21, 2),
        ("upper_arm", "upper_arm", -20.5, 2),
        ("upper_arm", "upper_arm", 20, 1),
        ("upper_arm", "upper_arm", 21, 2),
        ("upper_arm", "upper_arm", 46, 3),
        ("upper_arm", "upper_arm", 91, 4),
        ("upper_arm", "upper_arm_abduction", 40, 2),
        ("lower_arm", "elbow_flexion", 59, 2),
        ("lower_arm", "elbow_flexion", 101, 2),
        ("wrist", "wrist_flexion", -10, 2),
        ("wrist", "wrist_flexion", 16, 3),
        ("wrist", "wrist_deviation", -12, 2),
        ("neck", "neck_flexion", 5, 1),
        ("neck", "neck_flexion", 11, 2),
        ("neck", "neck_flexion", 21, 3),
        ("neck", "neck_flexion", -6, 4),
        ("neck", "neck_twist", 11, 2),
        ("trunk", "trunk_flexion", 4, 1),
        ("trunk", "trunk_flexion", 15, 2),
        ("trunk", "trunk_flexion", 21, 3),
        ("trunk", "trunk_flexion", 61, 4),
        ("trunk", "trunk_side_bend", -11, 2),
    ],
)
def test_rula_rules(part: str, angle: str, value: float, score: int) -> None:
    found = assess_rula(posture(1, **{angle: value}), Task())
    assert int(found.parts[part][0]) == score


@pytest.mark.parametrize(
    ("part", "angle", "value", "score"),
    [
        ("neck", "neck_flexion", 5, 1),
        ("neck", "neck_flexion", 21, 2),
        ("neck", "neck_flexion", -6, 2),
        ("trunk", "trunk_flexion", 30, 3),
        ("trunk", "trunk_flexion", -30, 3),
        ("trunk", "trunk_flexion", -10, 2),
        ("trunk", "trunk_flexion", 61, 4),
        ("legs", "knee_flexion", 31, 2),
        ("legs", "knee_flexion", 61, 3),
        ("wrist", "wrist_flexion", 14, 1),
        ("wrist", "wrist_flexion", 16, 2),
    ],
)
def test_reba_rules(part: str, angle: str, value: float, score: int) -> None:
    found = assess_reba(posture(1, **{angle: value}), Task())
    assert int(found.parts[part][0]) == score


def test_twist_and_side_bend_add_once_in_reba_and_twice_in_rula() -> None:
    bent = posture(neck_twist=20, neck_side_bend=20)
    assert int(assess_reba(bent, Task()).parts["neck"][0]) == 2
    assert int(assess_rula(bent, Task()).parts["neck"][0]) == 3


def test_what_a_person_tells_changes_the_scores() -> None:
    upright = posture()
    assert int(assess_reba(upright, Task(reba_load=2, reba_activity=1)).scores.final[0]) == 3
    assert int(assess_rula(upright, Task(legs_supported=False)).parts["legs"][0]) == 2
    raised = posture(upper_arm=50.0)
    assert int(assess_rula(raised, Task(arm_supported=True)).parts["upper_arm"][0]) == 2


def test_borderline_is_within_three_degrees_of_a_cut() -> None:
    limits = Limits()
    for away in (-BORDERLINE_DEG + 0.1, BORDERLINE_DEG - 0.1):
        assert assess_rula(posture(neck_flexion=20.0 + away), Task(), limits).borderline[0]
    assert not assess_rula(posture(neck_flexion=15.0), Task(), limits).borderline[0]


def test_a_missing_angle_is_said_and_the_hand_may_be_missing() -> None:
    assert not assess_rula(posture(trunk_flexion=np.nan), Task()).known[0]
    assert assess_rula(posture(wrist_flexion=np.nan), Task()).known[0]


def test_time_in_levels_and_sustained_postures() -> None:
    scores = np.array([1, 1, 7, 7, 7, 7, 2, 7])
    known = np.ones(8, dtype=np.bool_)
    np.testing.assert_allclose(time_in_levels(scores, known, RULA_LEVELS, 2.0), [1.5, 0, 0, 2.5])
    found = sustained(scores, known, 1.0, least=5)
    assert [(each.start, each.end, each.score) for each in found] == [(2, 6, 7)]
    assert action_level([1, 3, 4, 7, 8, 10, 11, 15], REBA_LEVELS).tolist() == [
        0, 1, 2, 2, 3, 3, 4, 4]  # fmt: skip


def test_arms_raised_forwards_are_not_abducted_and_hands_past_the_middle_are_across() -> None:
    def of(**right: tuple[float, float, float]) -> Posture:
        return postures(segments_from_skeleton(person(1, right=right)))["right"]

    forwards = of(shoulder=(78.0, 160.0, 0.0))
    # The worksheets draw abduction from the front: 4 deg aside, however high the arm.
    assert forwards.upper_arm_abduction[0] == pytest.approx(4.1, abs=0.2)
    assert of(shoulder=(0.0, 70.0, 0.0)).upper_arm_abduction[0] == pytest.approx(70.0, abs=0.1)
    across = of(shoulder=(120.0, 80.0, 0.0), elbow=(60.0, 0.0, 0.0))
    aside = of(shoulder=(0.0, 60.0, 0.0))
    assert across.forearm_across[0] > 5.0 and aside.forearm_across[0] > 5.0
    for hanging in (of(), of(elbow=(90.0, 0.0, 0.0))):
        assert hanging.forearm_across[0] < 5.0


def test_sitting_takes_the_legs_out_and_a_driver_is_named() -> None:
    bent = {"knee": (90.0, 0.0, 0.0), "hip": (90.0, 0.0, 0.0)}
    lifted = {"shoulder": (90.0, 100.0, 0.0), "elbow": (20.0, 0.0, 0.0)}
    posture = postures(segments_from_skeleton(person(1, left=bent, right={**bent, **lifted})))
    standing = assess_reba(posture["right"], Task())
    seated = assess_reba(posture["right"], Task(sitting=True))
    assert standing.parts["legs"][0] >= 3 and seated.parts["legs"][0] == 1
    assert drivers(posture["right"], Task(sitting=True), "RULA", 0) == "upper_arm"
