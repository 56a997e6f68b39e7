"""Limbs that bend as no limb can are said, and numbers read from them are grey."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from stick_person import person

from mocap.core.shapes import FloatArray
from mocap.measure.exercises.exercise import Exercise
from mocap.measure.exercises.squat import measure_squat
from mocap.measure.metric import Metric
from mocap.measure.overbent import overbent
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.segments import POINTS, Segments

FPS = 60.0


def squats(left_deg: float, right_deg: float, hip_share: float = 0.7) -> Segments:
    """Three squats whose knees bend by so much."""
    cycle = 0.5 - 0.5 * np.cos(np.linspace(0, 2 * np.pi, 150))
    share = np.concatenate([np.zeros(30), *(cycle for _ in range(3)), np.zeros(30)])

    def leg(most_deg: float) -> dict[str, FloatArray]:
        bend, zero = most_deg * share, np.zeros(len(share))
        hip = np.stack([hip_share * bend, zero, zero], axis=-1)
        return {"knee": np.stack([bend, zero, zero], axis=-1), "hip": hip}

    legs = {"left": leg(left_deg), "right": leg(right_deg)}
    return segments_from_skeleton(person(len(share), FPS, left=legs["left"], right=legs["right"]))


def metric(found: Exercise, name: str) -> Metric:
    return next(each for each in found.metrics if each.name == name)


def test_a_knee_beyond_what_knees_can_is_said_and_its_leg_is_grey() -> None:
    found = measure_squat(squats(120.0, 174.0))
    said = [each for each in found.warnings if "right knee bends by 17" in each]
    assert len(said) == 1 and "none can by more than 165" in said[0]
    assert not any("left knee bends" in each for each in found.warnings)
    for name in ("knee_flexion", "thigh_above_level"):
        assert "the joints of this leg are wrong" in metric(found, f"right_{name}").reason, name
    assert metric(found, "left_knee_flexion").trusted
    # Read from both legs: one is wrong.
    assert not metric(found, "depth").trusted


def test_moments_and_deep_knees_are_possible() -> None:
    assert not overbent(squats(155.0, 160.0)).bent_deg
    segments = squats(90.0, 90.0)
    at = POINTS.index("right_ankle")
    positions = segments.positions.copy()
    positions[200, at] = positions[200, POINTS.index("right_hip")]
    assert not overbent(replace(segments, positions=positions)).bent_deg
    # The same for a fifth of a second is no moment.
    positions[200:212, at] = positions[200:212, POINTS.index("right_hip")]
    assert set(overbent(replace(segments, positions=positions)).bent_deg) == {"right leg"}


def test_an_arm_counts_too_and_what_was_not_seen_does_not() -> None:
    segments = squats(90.0, 90.0)
    positions = segments.positions.copy()
    shoulder, wrist = (POINTS.index(f"left_{name}") for name in ("shoulder", "wrist"))
    positions[50:80, wrist] = positions[50:80, shoulder]
    assert overbent(replace(segments, positions=positions)).bent_deg == {
        "left arm": pytest.approx(180.0, abs=1e-4)
    }
    unseen = replace(segments, positions=np.full_like(positions, np.nan))
    assert not overbent(unseen).bent_deg


def test_where_the_hip_sinks_to_the_ankle_no_knee_goes_in_or_out() -> None:
    # Knee 150 deg, thigh level: shank 60 deg beyond the upright, the hip .27 thighs above the ankle
    # and the line between them nearly forwards. At 100 deg it is well above.
    deep = measure_squat(squats(150.0, 150.0, hip_share=0.6))
    found = metric(deep, "right_medial_displacement")
    assert np.isnan(found.value) and "half a thigh above the ankle" in found.reason
    usual = metric(measure_squat(squats(100.0, 100.0)), "right_medial_displacement")
    assert usual.trusted and abs(usual.value) < 1.0
