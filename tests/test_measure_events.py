"""No metric across a change of rule, events are distributions, and none lies on a rim."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.model import load_free_body
from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.rotation import matrix_from_rotvec
from mocap.measure.angles import continuous_deg
from mocap.measure.events import Event, first_below, sampled_frame, top_in
from mocap.measure.filters import angular_velocity
from mocap.measure.metric import Metric
from mocap.measure.pitching.pitching import Pitching, PitchingOptions, measure_pitching
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import Segments
from mocap.synthetic.motion.motion import body_keypoints, pitchers_throw
from mocap.synthetic.motion.random_motion import points_of

FPS = 240.0
OPTIONS = PitchingOptions(hand="right", height_m=1.7, target_deg=0.0)


def body(seed: int = 1, fps: float = FPS) -> Segments:
    motion = pitchers_throw(2.8, fps, seed=seed)
    landmarks = bony_landmarks(load_free_body(), motion.betas)
    return segments_from_skeleton(motion.skeleton, landmarks)


def metric(found: Pitching, name: str) -> Metric:
    return next(each for each in found.throws[0].metrics if each.name == name)


def test_no_velocity_is_taken_across_a_change_of_rule() -> None:
    turn = matrix_from_rotvec(np.outer(np.arange(9) * 0.01, [0.0, 1.0, 0.0]))
    turn[4:6] = turn[4:6] @ matrix_from_rotvec(np.array([0.0, 1.5, 0.0]))  # guessed
    rule = np.isin(np.arange(9), (4, 5))
    stepped = np.abs(angular_velocity(turn, 100.0)[:, 1])
    apart = angular_velocity(turn, 100.0, rule)[:, 1]
    assert stepped.max() > 50.0
    assert np.isnan(apart[[3, 4, 5, 6]]).all()
    np.testing.assert_allclose(apart[[0, 1, 2, 7, 8]], 1.0, atol=1e-9)


def test_an_elbow_that_straightens_while_the_arm_turns_leaves_no_wild_peak() -> None:
    motion = pitchers_throw(2.8, FPS, seed=1)
    points = points_of(body_keypoints(motion), COCO_17_FEET.keypoint_names, FPS, 0.001)
    true = metric(measure_pitching(body(), OPTIONS), "max_shoulder_internal_rotational_velo").value
    release = measure_pitching(body(), OPTIONS).throws[0].events["ball_release"].frame
    at = {name: k for k, name in enumerate(points.keypoint_names)}
    xyz = points.xyz.copy()
    frames = round(release) + np.arange(2)
    # The wrist on the line of the upper arm but for 10 degrees, for two frames.
    shoulder, elbow, wrist = (
        xyz[frames, 0, at[f"right_{name}"]] for name in ("shoulder", "elbow", "wrist")
    )
    straight = (elbow - shoulder) / np.linalg.norm(elbow - shoulder, axis=-1, keepdims=True)
    length = np.linalg.norm(wrist - elbow, axis=-1, keepdims=True)
    xyz[frames, 0, at["right_wrist"]] = elbow + length * straight
    found = measure_pitching(segments_from_points(dataclasses.replace(points, xyz=xyz)), OPTIONS)
    peak = metric(found, "max_shoulder_internal_rotational_velo")
    assert not peak.trusted and "gap" in peak.reason
    whole = found.curves["shoulder_internal_rotation_velocity"]
    assert np.nanmax(np.abs(whole)) < 1.6 * true


def test_tops_lie_inside_and_falls_are_seen() -> None:
    curve = np.array([0.0, 1.0, 4.0, 5.0, 4.5, 1.0, 0.5])
    assert top_in(curve, 0, 7) == pytest.approx(3.0 + 0.5 * 0.5 / 1.5)
    assert top_in(curve, 0, 3) is None  # still rising at the end of the window
    assert top_in(curve[:4], 0, 4) is None  # and at the end of the take
    assert top_in(np.where(np.arange(7) == 4, np.nan, curve), 0, 7) is None  # and beside a gap
    assert first_below(curve, 3.0, 3, 7) == pytest.approx(4.0 + 1.5 / 3.5)
    assert first_below(curve, 3.0, 0, 7) is None  # it is below when the take begins


@pytest.mark.parametrize(
    ("cut", "lacking", "metrics"),
    [
        (slice(300, None), "peak_knee_height", ("stride_length", "cog_velo_pkh")),
        (slice(None, 402), "max_internal_rotation", ("max_shoulder_internal_rotational_velo",)),
    ],
)
def test_an_event_on_the_rim_of_a_take_is_none(
    cut: slice, lacking: str, metrics: tuple[str, ...]
) -> None:
    whole = body()
    start, end, _ = cut.indices(whole.frame_count)
    found = measure_pitching(whole.frames(start, end), OPTIONS)
    assert lacking not in found.throws[0].events
    assert any(lacking.replace("_", " ") in sentence for sentence in found.warnings)
    for name in metrics:
        each = metric(found, name)
        assert not each.trusted and lacking.replace("_", " ") in each.reason, name


def test_a_take_that_ends_before_release_is_told_so() -> None:
    whole = body()
    release = measure_pitching(whole, OPTIONS).throws[0].events["ball_release"].frame
    with pytest.raises(InputError, match="lacks ball release"):
        measure_pitching(whole.frames(0, int(release - 0.006 * FPS)), OPTIONS)
    with pytest.raises(InputError, match="lacks all before ball release"):
        measure_pitching(whole.frames(round(release), whole.frame_count), OPTIONS)


def test_the_doubt_of_an_event_goes_into_what_is_read_at_it() -> None:
    event = Event("ball_release", 100.0, 5.0)
    drawn = [sampled_frame(event, 200.0, np.random.default_rng(k)) for k in range(400)]
    assert np.std(drawn) == pytest.approx(1.0, rel=0.1)  # 5 ms are a frame
    # Though every position is known to a tenth of a millimetre.
    sds = []
    for fps in (240.0, 60.0):
        motion = pitchers_throw(2.8, fps, seed=2)
        points = points_of(body_keypoints(motion), COCO_17_FEET.keypoint_names, fps, 1e-4)
        found = measure_pitching(body(2, fps), OPTIONS, points=points, samples=8)
        sds.append(metric(found, "arm_slot").sd)
    # The forearm sweeps by two degrees and more in a millisecond around release.
    assert min(sds) > 2.0


def test_what_depends_on_the_target_is_grey_until_it_is_told() -> None:
    found = measure_pitching(body(), dataclasses.replace(OPTIONS, target_deg=None))
    for name in ("torso_rotation_fp", "stride_angle", "max_cog_velo_x"):
        assert "--target-deg" in metric(found, name).reason


def test_directions_at_an_instant_are_not_filtered() -> None:
    slots = [
        metric(
            measure_pitching(
                body(), dataclasses.replace(OPTIONS, angle_cutoff_hz=hz, events=at_release)
            ),
            "arm_slot",
        ).value
        for at_release in ({0: {"ball_release": 398.0}},)
        for hz in (None, 12.0)
    ]
    assert slots[0] == slots[1]


def test_circling_arms_do_not_wind_up() -> None:
    turns = np.linspace(0.0, 1400.0, 200)
    wound = (turns + 180.0) % 360.0 - 180.0
    assert np.ptp(continuous_deg(wound)) == pytest.approx(1400.0)
    assert np.abs(continuous_deg(wound, wrapped=True)).max() <= 180.0
    cocked = np.concatenate([np.linspace(150.0, 179.0, 20), np.linspace(-179.0, -170.0, 9)])
    assert continuous_deg(cocked, wrapped=True).max() == pytest.approx(190.0)
