"""Exercises are recognised before they are measured; repetitions are told from the whole pose."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from stick_person import person

from mocap.core.errors import InputError
from mocap.measure.exercises.exercise import Exercise
from mocap.measure.exercises.form import FormRule, feedback
from mocap.measure.exercises.pose_curve import excursions, pose_curve
from mocap.measure.exercises.range_of_motion import measure_shoulder_raise
from mocap.measure.exercises.recognise import NONE, SHOULDER_RAISE, SQUAT, attempts
from mocap.measure.exercises.squat import measure_squat
from mocap.measure.metric import Metric
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.segments import Segments
from mocap.synthetic.motion.motion import arm_raise, dance, squat, walk

FPS = 60.0


def moved(name: str, seconds: float = 8.0, seed: int = 4) -> Segments:
    make = {"squat": squat, "arm_raise": arm_raise, "dance": dance, "walk": walk}[name]
    return segments_from_skeleton(make(seconds, FPS, seed=seed).skeleton)


def count(found: Exercise) -> float:
    return next(each.value for each in found.metrics if each.name == "count")


@pytest.mark.parametrize(("name", "label"), [("squat", SQUAT), ("arm_raise", SHOULDER_RAISE)])
def test_exercises_get_their_names(name: str, label: str) -> None:
    found = attempts(moved(name))
    assert len(found) >= 2 and {each.label for each in found} == {label}


def test_a_dance_and_a_walk_are_no_squats() -> None:
    for name in ("dance", "walk"):
        found = measure_squat(moved(name))
        assert count(found) == 0.0, name
        assert any("no squat here" in sentence for sentence in found.warnings), name
        depth = next(each for each in found.metrics if each.name == "depth")
        assert not depth.trusted and "no squat" in depth.reason
    with pytest.raises(InputError, match="no shoulder raise here"):
        measure_shoulder_raise(moved("walk"))


def test_one_bent_knee_is_no_squat_and_says_why() -> None:
    bend = 45.0 - 45.0 * np.cos(np.linspace(0.0, 6.0 * np.pi, 400))
    zero = np.zeros(400)
    lifted = {"knee": np.stack([bend, zero, zero], -1), "hip": np.stack([bend, zero, zero], -1)}
    found = attempts(segments_from_skeleton(person(400, FPS, left=lifted)))
    assert {each.label for each in found} == {NONE} and all(each.reason for each in found)


def test_repetitions_survive_pauses_drift_and_unrest() -> None:
    rng = np.random.default_rng(3)
    wave = 0.5 - 0.5 * np.cos(np.linspace(0.0, 2.0 * np.pi, 90))
    parts = [np.zeros(40)]
    for _ in range(7):
        turn = np.insert(wave, 45, np.full(rng.integers(0, 60), 1.0) - 0.05)
        parts += [rng.uniform(0.8, 1.0) * turn, np.zeros(rng.integers(5, 90))]
    curve = np.concatenate([*parts, np.zeros(40)])
    # A slow drift of a third of the way, and unrest of 3 %.
    curve = curve + np.linspace(0.0, 0.33, len(curve)) + rng.normal(0.0, 0.03, len(curve))
    spans = excursions(curve, 30.0)
    assert len(spans) == 7
    assert all(a < b < c for a, b, c in spans)
    assert excursions(rng.normal(0.0, 0.01, 300), 30.0) == []


def test_the_pose_curve_counts_what_a_hidden_joint_leaves() -> None:
    whole = moved("squat")
    positions = whole.positions.copy()
    positions[100:160, 4] = np.nan
    hidden = dataclasses.replace(whole, positions=positions)
    counts = [len(excursions(pose_curve(each), FPS)) for each in (whole, hidden)]
    assert counts == [3, 3]


def test_form_is_told_as_far_as_the_band_goes() -> None:
    rule = (FormRule("lean", 45.0, "leaning"),)
    sure = Metric("lean", "Lean", "deg", 60.0, sd=2.0)
    assert feedback([sure], rule) == ("leaning (60 deg ± 4; said from 45 on)",)
    unsure = dataclasses.replace(sure, value=47.0)
    assert feedback([unsure], rule)[0].startswith("perhaps leaning")
    assert feedback([dataclasses.replace(sure, reason="grey")], rule) == ()
    assert feedback([dataclasses.replace(sure, value=44.0)], rule) == ()
