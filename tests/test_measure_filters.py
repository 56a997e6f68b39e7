"""Filters and angular velocities against formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from stick_person import person

from mocap.core.errors import InputError
from mocap.measure.filters import (
    angular_velocity,
    butterworth,
    derivative,
    filter_segments,
    joint_velocity_deg,
    segment_velocity_deg,
)
from mocap.measure.segments.body import segments_from_skeleton


def test_half_power_lies_at_the_stated_cut_off() -> None:
    fps, cutoff = 240.0, 20.0
    time = np.arange(2400) / fps
    middle = slice(600, 1800)
    passed = butterworth(np.sin(2 * np.pi * cutoff * time), fps, cutoff)
    # Half power of the whole, two-pass filter: an amplitude of 1 / sqrt(2), and no lag.
    assert np.std(passed[middle]) * np.sqrt(2) == pytest.approx(np.sqrt(0.5), abs=2e-3)
    slow = np.sin(2 * np.pi * 2.0 * time)
    # (2 / 20)^4 / 2 of the amplitude is lost at a tenth of the cut-off.
    np.testing.assert_allclose(butterworth(slow, fps, cutoff)[middle], slow[middle], atol=2e-4)


def test_columns_are_filtered_together_as_one_by_one() -> None:
    values = np.random.default_rng(4).normal(size=(80, 3, 3))
    values[20:23, 1] = np.nan
    values[:7, 2, 0] = np.nan
    together = butterworth(values, 100.0, 10.0)
    for row, column in np.ndindex(3, 3):
        alone = butterworth(values[:, row, column], 100.0, 10.0)
        np.testing.assert_array_equal(together[:, row, column], alone)


def test_gaps_stay_gaps_and_short_runs_are_dropped() -> None:
    values = np.ones(60)
    values[20:23] = np.nan
    values[26:30] = np.nan  # leaves frames 23, 24 and 25: too few to filter
    out = butterworth(values, 100.0, 10.0)
    assert np.isnan(out[20:30]).all()
    np.testing.assert_allclose(out[[0, 19, 30, 59]], 1.0)
    np.testing.assert_array_equal(butterworth(values, 100.0, None), values)


@pytest.mark.parametrize("cutoff", [0.0, 50.0, 60.0])
def test_a_cut_off_beyond_half_the_frame_rate_is_refused(cutoff: float) -> None:
    with pytest.raises(InputError, match="100 frames per second"):
        butterworth(np.zeros(50), 100.0, cutoff)


def test_angular_velocity_of_a_steady_turn_is_exact() -> None:
    axis = np.array([0.6, 0.0, 0.8])
    rate = 7.0  # rad/s
    time = np.arange(100) / 240.0
    turns = Rotation.from_rotvec(rate * time[:, None] * axis).as_matrix()
    np.testing.assert_allclose(
        angular_velocity(turns, 240.0), np.tile(rate * axis, (100, 1)), atol=1e-9
    )
    turns[40] = np.nan
    assert np.isnan(angular_velocity(turns, 240.0)[39:42]).any(axis=1).all()


def test_velocities_are_resolved_in_segments_with_the_signs_of_the_angles() -> None:
    frames, fps = 80, 200.0
    time = np.arange(frames) / fps
    out = np.stack([0 * time, 90 + 0 * time, 90.0 - 400.0 * time], axis=-1)  # turning inwards
    bend = np.stack([80.0 - 300.0 * time, 0 * time, 0 * time], axis=-1)
    segments = segments_from_skeleton(person(frames, fps, right={"shoulder": out, "elbow": bend}))
    shoulder = joint_velocity_deg(segments, "thorax", "right_humerus")
    np.testing.assert_allclose(shoulder[:, 1], 400.0, atol=1e-6)
    elbow = joint_velocity_deg(segments, "right_humerus", "right_forearm", in_distal=False)
    np.testing.assert_allclose(elbow[:, 2], -300.0, atol=1e-6)
    np.testing.assert_allclose(elbow[:, :2], 0.0, atol=1e-6)
    yaw = Rotation.from_rotvec(np.deg2rad(250.0 * time)[:, None] * [0, 0, 1.0]).as_matrix()
    segments = segments_from_skeleton(person(frames, fps, pelvis=yaw))
    np.testing.assert_allclose(segment_velocity_deg(segments, "pelvis")[:, 1], 250.0, atol=1e-6)


def test_filtered_segments_stay_rotations_and_follow_slow_motion() -> None:
    time = np.arange(200) / 100.0
    bend = np.stack([30.0 + 20.0 * np.sin(2 * np.pi * time), 0 * time, 0 * time], axis=-1)
    segments = segments_from_skeleton(person(200, 100.0, right={"knee": bend}))
    smooth = filter_segments(segments, 20.0)
    np.testing.assert_allclose(np.linalg.det(smooth.rotations), 1.0)
    # 1 Hz under a cut-off of 20 Hz loses (1/20)^4 / 2: micrometres and microradians.
    middle = slice(30, -30)
    np.testing.assert_allclose(smooth.rotations[middle], segments.rotations[middle], atol=1e-4)
    np.testing.assert_allclose(smooth.positions[middle], segments.positions[middle], atol=1e-4)
    assert filter_segments(segments, None) is segments


def test_derivative_is_exact_for_parabolas_inside() -> None:
    time = np.arange(20) / 50.0
    np.testing.assert_allclose(derivative(time**2, 50.0)[1:-1], 2 * time[1:-1], atol=1e-12)
    assert np.isnan(derivative(np.zeros(1), 50.0)).all()
