"""Repetitions, range of motion, squat, gait, jump and postures on motions with known truth."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
import pytest
from stick_person import keypoints_of, person

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.model import load_free_body
from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray
from mocap.measure.ergonomics.posture import postures
from mocap.measure.ergonomics.scores import Task, assess_reba, assess_rula
from mocap.measure.exercises.exercise import Exercise
from mocap.measure.exercises.gait import measure_gait
from mocap.measure.exercises.gait_events import (
    GRAVITY_M_S2,
    foot_velocity_events,
    gait_events,
)
from mocap.measure.exercises.gait_path import heading_vector, walking_path
from mocap.measure.exercises.jump import measure_jump
from mocap.measure.exercises.range_of_motion import measure_range_of_motion
from mocap.measure.exercises.repetitions import repetitions, summarise
from mocap.measure.exercises.squat import measure_squat
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.mass import centre_of_mass
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import POINTS, Segments
from mocap.measure.uncertainty import shaken
from mocap.synthetic.motion.gait import walk_events
from mocap.synthetic.motion.motion import arm_raise, squat, walk


def value(found: Exercise, name: str) -> float:
    return next(each.value for each in found.metrics if each.name == name)


def raised(depths: list[float], fps: float, seconds: float, pause: float = 0.0) -> FloatArray:
    """An angle that goes out to each depth and back, resting in between; `pause` holds the top."""
    parts = [np.full(int(0.5 * fps), 5.0)]
    for depth in depths:
        up = 0.5 - 0.5 * np.cos(np.pi * np.linspace(0, 1, int(0.5 * seconds * fps)))
        parts += [5 + depth * up, np.full(int(pause * fps), 5 + depth), 5 + depth * up[::-1]]
        parts += [np.full(int(0.2 * fps), 5.0)]
    return np.concatenate(parts)


@pytest.mark.parametrize("seconds", [0.8, 2.0, 5.0])
@pytest.mark.parametrize("pause", [0.0, 1.0])
def test_repetitions_are_counted_and_incomplete_ones_apart(seconds: float, pause: float) -> None:
    depths = [90.0, 92.0, 45.0, 91.0, 40.0, 90.0]
    curve = raised(depths, 60.0, seconds, pause)
    curve += np.random.default_rng(1).normal(0, 1.0, len(curve))
    found = repetitions(curve, 60.0)
    assert [each.complete for each in found] == [depth > 60 for depth in depths]
    summary = summarise(found)
    assert (summary.count, summary.incomplete) == (4, 2)
    # A low-pass of 6 Hz at 60 fps leaves about half of 1 deg of noise; fast tops lose 1 deg.
    assert summary.rom_deg == pytest.approx(90.75, abs=3.0)
    assert summary.mdc_deg == pytest.approx(1.96 * np.sqrt(2) * summary.sem_deg)


def test_unrest_is_no_repetition_and_short_clips_have_none() -> None:
    rng = np.random.default_rng(2)
    assert repetitions(rng.normal(0, 3.0, 600), 60.0) == ()
    assert repetitions(np.full(3, 1.0), 60.0) == ()
    assert summarise(()).count == 0


def test_range_of_motion_finds_what_moves() -> None:
    motion = arm_raise(9.0, 60.0, seed=3)
    segments = segments_from_skeleton(motion.skeleton)
    found = measure_range_of_motion(segments)
    names = {each.name for each in found.metrics}
    assert {"left_shoulder_elevation_rom", "right_shoulder_elevation_rom"} <= names
    assert value(found, "left_shoulder_elevation_count") in (2.0, 3.0)
    assert value(found, "left_shoulder_elevation_rom") > 90
    chosen = measure_range_of_motion(segments, ["right_shoulder_elevation"])
    assert len(chosen.reading.rows) == value(found, "right_shoulder_elevation_count")
    with pytest.raises(InputError, match="no movement 'jaw'"):
        measure_range_of_motion(segments, ["jaw"])
    with pytest.raises(InputError, match="no joint moves"):
        measure_range_of_motion(segments_from_skeleton(person(100)))


def test_a_range_that_repetitions_do_not_agree_on_is_grey() -> None:
    for depths, trusted in (([90.0, 91.0, 92.0], True), ([90.0, 80.0, 95.0], False)):
        bend = raised(depths, 60.0, 2.5)
        knee = {"knee": np.stack([bend, 0 * bend, 0 * bend], -1)}
        segments = segments_from_skeleton(person(len(bend), 60.0, left=knee))
        found = measure_range_of_motion(segments, ["left_knee_flexion"])
        rom = next(each for each in found.metrics if each.name == "left_knee_flexion_rom")
        assert rom.trusted == trusted
        assert trusted or "spread" in rom.reason


def test_squat_reads_known_angles_left_and_right() -> None:
    bend = raised([90.0, 92.0, 40.0, 91.0], 60.0, 2.5)
    zero = np.zeros(len(bend))
    valgus = np.where(bend > 40, 8.0, 0.0)
    left = {"knee": np.stack([bend, zero, zero], -1), "hip": np.stack([bend, zero, zero], -1)}
    right = {
        "knee": np.stack([bend - 4, -valgus, zero], -1),
        "hip": np.stack([bend, zero, zero], -1),
    }
    found = measure_squat(segments_from_skeleton(person(len(bend), 60.0, left=left, right=right)))
    assert (value(found, "count"), value(found, "incomplete")) == (3.0, 1.0)
    # Filtering at 6 Hz takes less than half a degree off tops of 2.5 s cycles.
    assert value(found, "left_knee_flexion") == pytest.approx(96, abs=0.5)
    assert value(found, "knee_flexion_asymmetry") == pytest.approx(4.0, abs=0.1)
    assert value(found, "right_valgus") == pytest.approx(8.0, abs=1.0)
    assert value(found, "left_valgus") == pytest.approx(0.0, abs=0.1)
    assert value(found, "left_thigh_above_level") == pytest.approx(90 - 96, abs=0.5)


def test_squat_valgus_measures_point_the_same_way() -> None:
    # Knee inwards: the thigh turned in (hip adduction) and the shank out (knee abduction).
    bend = raised([60.0, 60.0], 60.0, 2.5)
    zero = np.zeros(len(bend))
    inwards = {
        "hip": np.stack([0.5 * bend, 0.2 * bend, zero], -1),
        "knee": np.stack([bend, -0.2 * bend, zero], -1),
    }
    straight = {name: np.stack([share * bend, zero, zero], -1)
                for name, share in (("hip", 0.5), ("knee", 1.0))}  # fmt: skip
    both = person(len(bend), 60.0, right=inwards, left=straight)
    found = measure_squat(segments_from_skeleton(both))
    for name in ("valgus", "frontal_plane_angle", "medial_displacement"):
        assert value(found, f"right_{name}") > 5.0, name
        left = value(found, f"left_{name}")
        assert not left > 1.0, name


def test_squat_of_the_synthetic_body_counts_its_cycles() -> None:
    motion = squat(8.0, 60.0, seed=4)
    found = measure_squat(segments_from_skeleton(motion.skeleton))
    assert value(found, "count") == 3.0
    assert 70 < value(found, "depth") < 130


@lru_cache(maxsize=4)
def walker(seed: int = 2, speed_m_s: float = 1.2) -> Segments:
    motion = walk(6.0, 100.0, seed=seed, speed_m_s=speed_m_s, heading_deg=25.0)
    landmarks = bony_landmarks(load_free_body(), motion.betas)
    return segments_from_skeleton(motion.skeleton, landmarks)


@pytest.mark.parametrize(("seed", "speed_m_s"), [(2, 1.2), (5, 0.8), (6, 1.5)])
def test_gait_events_lie_at_the_scripted_contacts(seed: int, speed_m_s: float) -> None:
    person, true = walker(seed, speed_m_s), walk_events(6.0, seed=seed, speed_m_s=speed_m_s)
    rules = {
        # Zeni et al. find 98 % of events within two frames at 60 Hz of force plates.
        "zeni": (gait_events(walking_path(person)), 34.0),
        # The foot sinks fastest after the heel struck and rises fastest before the toes leave: at
        # most the 9 % of the stride in which the forefoot comes down, less a third.
        "o'connor": (foot_velocity_events(person), 75.0),
    }
    for rule, (found, most_ms) in rules.items():
        for name, times_s in true.items():
            frames = np.array([event.frame for event in found[name]])
            # A contact within the first or last tenth of a stride has no peak in the clip.
            inside = times_s[(times_s > 0.15) & (times_s < 5.85)]
            late_ms = [1000.0 * float(np.min(np.abs(frames / 100.0 - t))) for t in inside]
            assert len(inside) >= 3 and max(late_ms) < most_ms, (rule, name)
            assert len(frames) <= len(inside) + 2


def test_gait_of_a_walk_has_its_speed_and_stance() -> None:
    found = measure_gait(walker())
    assert value(found, "speed") == pytest.approx(1.2, abs=0.02)
    # The script stands for 62 %; each event is within 20 ms: less than 3 % of the stride.
    assert value(found, "stance") == pytest.approx(62, abs=3.0)
    assert not any("event rules" in sentence for sentence in found.warnings)
    assert value(found, "left_step_length") == pytest.approx(
        value(found, "right_step_length"), abs=0.03
    )
    assert value(found, "stride_length") == pytest.approx(
        1.2 * value(found, "stride_time"), abs=0.03
    )
    assert found.reading.cycles["left_knee_flexion"].shape[1] == 101


def on_a_belt(person: Segments, speed_m_s: float) -> Segments:
    """The walk as a treadmill shows it: everything carried back against the heading of 25 deg."""
    time_s = np.arange(person.frame_count) / person.fps
    back = heading_vector(25.0) * speed_m_s
    return dataclasses.replace(person, positions=person.positions - np.outer(time_s, back)[:, None])


@pytest.mark.parametrize("belt", [None, 1.2])
def test_a_treadmill_has_the_speed_of_its_belt(belt: float | None) -> None:
    floor = measure_gait(walker())
    found = measure_gait(on_a_belt(walker(), 1.2), belt_m_s=belt)
    # Standing feet tell the belt within 2 %.
    assert value(found, "speed") == pytest.approx(1.2, rel=0.02)
    assert value(found, "step_length") == pytest.approx(value(floor, "step_length"), rel=0.02)
    said = any("treadmill" in sentence for sentence in found.warnings)
    assert said == (belt is None)
    with pytest.raises(InputError, match="no standing foot moves"):
        measure_gait(walker(), belt_m_s=1.2)


def test_a_direction_that_swaps_strikes_and_lifts_is_refused() -> None:
    for walking in (walker(), on_a_belt(walker(), 1.2)):
        with pytest.raises(InputError, match="Add 180 to --direction-deg"):
            measure_gait(walking, direction_deg=205.0)


def test_turns_are_apart_and_both_ways_count() -> None:
    motion = walk(9.0, 60.0, seed=7, speed_m_s=1.2, radius_m=0.7, turn_after_m=4.3)
    landmarks = bony_landmarks(load_free_body(), motion.betas)
    found = measure_gait(segments_from_skeleton(motion.skeleton, landmarks))
    assert value(found, "speed") == pytest.approx(1.2, rel=0.02)
    assert value(found, "turn_strides") >= 2.0 and value(found, "strides") >= 6.0
    assert any("turns" in sentence for sentence in found.warnings)


def test_a_limp_is_seen_and_a_hidden_foot_leaves_its_stride_out() -> None:
    motion = walk(8.0, 60.0, seed=8, speed_m_s=1.1, limp=0.1)
    landmarks = bony_landmarks(load_free_body(), motion.betas)
    person = segments_from_skeleton(motion.skeleton, landmarks)
    found = measure_gait(person)
    # 10 % of the mean by script; strikes of both feet are late alike.
    assert value(found, "step_time_asymmetry") == pytest.approx(10.0, abs=1.0)
    assert value(found, "step_length_asymmetry") == pytest.approx(10.0, abs=1.0)
    positions = person.positions.copy()
    foot = [POINTS.index(f"left_{name}") for name in ("heel", "toe", "ankle")]
    positions[200:230, foot] = np.nan
    hidden = measure_gait(dataclasses.replace(person, positions=positions))
    assert value(hidden, "odd_strides") >= 1.0
    assert value(hidden, "stride_time") == pytest.approx(value(found, "stride_time"), rel=0.02)


def test_gait_needs_a_walk_or_a_direction() -> None:
    with pytest.raises(InputError, match="--direction-deg"):
        measure_gait(segments_from_skeleton(person(200)))
    given = measure_gait(walker(), direction_deg=25.0)
    free = measure_gait(walker())
    # The way of the pelvis turns by a degree within the stride.
    assert value(given, "cadence") == pytest.approx(value(free, "cadence"), rel=1e-3)


def test_jump_height_by_flight_and_by_centre_of_mass() -> None:
    fps, flight_s = 200.0, 0.5
    time = np.arange(500) / fps
    rise = np.zeros_like(time)
    air = (time >= 1.0) & (time <= 1.0 + flight_s)
    t = time[air] - 1.0
    rise[air] = 0.5 * GRAVITY_M_S2 * t * (flight_s - t)
    root = np.stack([0 * time, 0 * time, 0.95 + rise], axis=-1)
    segments = segments_from_skeleton(person(len(time), fps, root=root))
    found = measure_jump(segments)
    true = GRAVITY_M_S2 * flight_s**2 / 8.0
    assert value(found, "count") == 1.0
    # Straight lines between the frames of a parabola are wrong by 25 um: 10 us at 2.4 m/s.
    assert value(found, "flight_time") == pytest.approx(flight_s, abs=1e-4)
    assert value(found, "height_by_flight") == pytest.approx(true, abs=2e-4)
    assert value(found, "height_by_com") == pytest.approx(true, abs=1e-3)
    assert measure_jump(segments_from_skeleton(person(100))).warnings


def test_centre_of_mass_is_in_the_middle_of_an_upright_body() -> None:
    com = centre_of_mass(segments_from_skeleton(person()))
    np.testing.assert_allclose(com[0, :2], 0.0, atol=1e-12)
    assert 0.95 < com[0, 2] < 1.15  # the pelvis is at 0.95 m; arms hang


def test_bands_of_an_exercise_come_from_the_key_points() -> None:
    bend = raised([90.0, 92.0, 91.0], 60.0, 2.0)
    zero = np.zeros(len(bend))
    both = {"knee": np.stack([bend, zero, zero], -1), "hip": np.stack([bend, zero, zero], -1)}
    motion = person(len(bend), 60.0, left=both, right=both)
    points = keypoints_of(motion, sigma_m=0.005)
    found = measure_squat(segments_from_points(points), points=points, samples=6)
    valgus = next(each for each in found.metrics if each.name == "left_valgus")
    assert not valgus.trusted and "inwards" in valgus.reason
    depth = next(each for each in found.metrics if each.name == "depth")
    # 5 mm on joints 40 cm apart is a degree and less for the mean of two legs and three squats.
    assert 0.05 < depth.sd < 1.5 and depth.trusted


def test_shaken_points_have_the_spread_they_claim() -> None:
    points = keypoints_of(person(400, 100.0), sigma_m=0.006)
    moved = np.stack([each.xyz - points.xyz for each in shaken(points, samples=8)])
    assert float(np.std(moved)) == pytest.approx(0.006, rel=0.05)
    again = np.stack([each.xyz - points.xyz for each in shaken(points, samples=8)])
    np.testing.assert_array_equal(moved, again)


def test_postures_feed_the_worksheets() -> None:
    lifted = {"shoulder": (90.0, 70.0, 0.0), "elbow": (80.0, 0.0, 0.0)}
    motion = person(5, right=lifted, left={"elbow": (80.0, 0.0, 0.0)})
    found = postures(segments_from_skeleton(motion))
    np.testing.assert_allclose(found["right"].upper_arm, 70.0)
    np.testing.assert_allclose(found["right"].upper_arm_abduction, 0.0, atol=1e-6)
    assert assess_rula(found["right"], Task()).parts["upper_arm"][0] == 3
    assert assess_rula(found["left"], Task()).parts["upper_arm"][0] == 1
    behind = postures(segments_from_skeleton(person(1, left={"shoulder": (-90.0, 40.0, 0.0)})))
    np.testing.assert_allclose(behind["left"].upper_arm, -40.0)
    aside = postures(segments_from_skeleton(person(1, left={"shoulder": (0.0, 60.0, 0.0)})))
    np.testing.assert_allclose(aside["left"].upper_arm_abduction, 60.0)
    kneeling = postures(segments_from_skeleton(person(1, left={"knee": (70.0, 0, 0)})))["right"]
    assert not kneeling.both_feet[0]
    assert assess_reba(kneeling, Task()).parts["legs"][0] == 4


def test_feet_that_were_not_seen_leave_no_jump() -> None:
    segments = segments_from_skeleton(person(50))
    positions = segments.positions.copy()
    for side in ("left", "right"):
        for name in ("toe", "heel", "ankle"):
            positions[:, POINTS.index(f"{side}_{name}")] = np.nan
    with np.errstate(invalid="ignore"):
        blind = dataclasses.replace(segments, positions=positions)
        assert value(measure_jump(blind), "count") == 0.0
