"""Events exact to the frame, metrics of scripted throws, both hands, several throws, bands."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from stick_person import person

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.model import load_free_body
from mocap.capture.take_file import EVENTS
from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.measure.metric import Metric, judged
from mocap.measure.pitching.curves import CURVE_UNITS, ThrowCurves, throw_curves
from mocap.measure.pitching.events import find_throws, throw_events
from mocap.measure.pitching.metrics import DEFINITIONS
from mocap.measure.pitching.pitching import Pitching, PitchingOptions, measure_pitching
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import POINTS, Segments
from mocap.studio.measure.report import PitchingReport, write_pitching_report
from mocap.synthetic.motion.motion import body_keypoints, throw

FPS = 240.0


@lru_cache(maxsize=4)
def thrown(left_handed: bool = False, fps: float = FPS) -> tuple[Segments, SkeletonMotion]:
    motion = throw(2.8, fps, seed=1, left_handed=left_handed, heading_deg=30.0)
    landmarks = bony_landmarks(load_free_body(), motion.betas)
    return segments_from_skeleton(motion.skeleton, landmarks), motion.skeleton


@lru_cache(maxsize=2)
def thrown_points(sigma_m: float = 0.003) -> Points3D:
    xyz = body_keypoints(throw(2.8, FPS, seed=1, heading_deg=30.0))[:, None]
    shape = xyz.shape[:3]
    return Points3D(
        keypoint_names=COCO_17_FEET.keypoint_names,
        person_ids=(0,),
        fps=FPS,
        xyz=xyz,
        covariance=np.broadcast_to(np.eye(3) * sigma_m**2, (*shape, 3, 3)).copy(),
        reprojection_error_px=np.ones(shape),
        view_count=np.full(shape, 8),
        source=np.full(shape, Source.MEASURED, dtype=np.uint8),
    )


def value(pitching: Pitching, name: str, number: int = 0) -> Metric:
    return next(each for each in pitching.throws[number].metrics if each.name == name)


def bell(frames: int, at: int, width: float) -> FloatArray:
    return np.exp(-(((np.arange(frames) - at) / width) ** 2))


def test_events_of_an_analytic_throw_are_exact_to_the_frame() -> None:
    frames, fps = 600, 240.0
    knee, contact, plant, cocked, release, turned = 150, 330, 336, 390, 402, 410
    positions = np.zeros((frames, len(POINTS), 3))
    positions[:, POINTS.index("left_knee"), 2] = bell(frames, knee, 40.0)
    # The ankle moves at 5 m/s, then at 0.9 m/s from `plant` on; it is at rest 5 cm higher than it
    # is from `contact` on.
    at = np.arange(frames)
    speed = np.where((at > 200) & (at < plant), 5.0, np.where(at < plant + 20, 0.9, 0.0))
    speed[:201] = 0.0
    speed[260] = 6.0  # fastest towards the target
    positions[1:, POINTS.index("left_ankle"), 0] = np.cumsum(speed[1:]) / fps
    positions[:, POINTS.index("left_ankle"), 2] = np.where(at < contact, 0.12, 0.07)
    thrower = dataclasses.replace(segments_from_skeleton(person(frames, fps)), positions=positions)
    values = {name: np.zeros(frames) for name in CURVE_UNITS}
    values["shoulder_external_rotation"] = 170 * bell(frames, cocked, 20) - 80 * bell(
        frames, turned, 6
    )
    cocked = int(np.argmax(values["shoulder_external_rotation"]))
    window = values["shoulder_external_rotation"][release : release + 22]
    turned = release + int(np.argmin(window))
    values["shoulder_internal_rotation_velocity"] = bell(frames, release, 10)
    values["elbow_flexion"] = 90 - 70 * bell(frames, release + 1, 10)
    found = throw_events(thrower, ThrowCurves(values, fps, None), release - 2)
    # Moments between frames; central differences see the step of the speed half a frame early.
    assert {name: round(event.frame) for name, event in found.items()} == {
        "peak_knee_height": knee,
        "foot_contact": contact,
        "foot_plant": plant,
        "max_external_rotation": cocked,
        "ball_release": release,
        "max_internal_rotation": turned,
    }
    assert tuple(found) == EVENTS
    assert all(1.0 < event.confidence_ms < 20.0 for event in found.values())
    set_by_user = throw_events(
        thrower, ThrowCurves(values, fps, None), release - 2, {"ball_release": 404.0}
    )
    assert set_by_user["ball_release"].frame == 404.0
    assert set_by_user["ball_release"].source == "user"


def test_a_scripted_throw_has_the_values_of_its_script() -> None:
    segments, _ = thrown()
    found = measure_pitching(segments, PitchingOptions(height_m=1.7, target_deg=30.0))
    assert found.hand == "right"
    assert len(found.throws) == 1
    # The script cocks the arm at 168 deg (the seed shifts columns by a few degrees), strides
    # 1.12 m, and the elbow bends 100 deg at most.
    assert value(found, "max_shoulder_external_rotation").value == pytest.approx(168, abs=8)
    assert value(found, "stride_length").value == pytest.approx(
        100 * value(found, "stride_length_m").value / 1.7
    )
    assert value(found, "max_elbow_flexion").value == pytest.approx(100, abs=5)
    frames = [event.frame for event in found.throws[0].events.values()]
    assert frames == sorted(frames) and len(frames) == len(EVENTS)
    assert [peak.name for peak in found.throws[0].sequence][:2] == ["pelvis", "trunk"]


def test_left_and_right_handers_are_mirror_images() -> None:
    options = PitchingOptions(height_m=1.7, target_deg=30.0)
    right = measure_pitching(thrown()[0], options)
    left = measure_pitching(thrown(True)[0], options)
    assert left.hand == "left"
    for a, b in zip(right.throws[0].metrics, left.throws[0].metrics, strict=True):
        np.testing.assert_allclose(a.value, b.value, atol=1e-6, err_msg=a.name)


def test_the_direction_of_the_target_only_matters_where_it_should() -> None:
    segments, _ = thrown()
    known = measure_pitching(segments, PitchingOptions(target_deg=30.0))
    guessed = measure_pitching(segments, PitchingOptions())
    assert guessed.target_guessed and abs(guessed.target_deg - 30.0) < 20.0
    assert any("--target-deg" in sentence for sentence in guessed.warnings)
    assert value(guessed, "stride_angle").reason
    free = {each.name for each in DEFINITIONS if not each.target}
    for a, b in zip(known.throws[0].metrics, guessed.throws[0].metrics, strict=True):
        if a.name in free:
            np.testing.assert_allclose(a.value, b.value, atol=1e-9, err_msg=a.name)


def test_bands_come_from_the_key_points_and_grow_with_them() -> None:
    segments, _ = thrown()
    options = PitchingOptions(height_m=1.7, target_deg=30.0)
    small = measure_pitching(segments, options, points=thrown_points(0.001), samples=6)
    large = measure_pitching(segments, options, points=thrown_points(0.008), samples=6)
    for name in ("elbow_flexion_mer", "stride_length", "max_elbow_extension_velo"):
        assert 0 < value(small, name).sd < value(large, name).sd
    # 8 mm on three joints of a 26 cm bone: some degrees, more than throws differ.
    grey = value(large, "max_shoulder_external_rotation")
    assert not grey.trusted and "spread" in grey.reason
    assert value(small, "stride_length").trusted


def test_key_points_alone_do_not_give_the_chest() -> None:
    found = measure_pitching(segments_from_points(thrown_points()), PitchingOptions())
    grey = value(found, "torso_rotation_br")
    assert "shoulder" in grey.reason and not np.isfinite(grey.value)
    assert np.isfinite(value(found, "shoulder_line_rotation_br").value)
    assert any("shoulders" in sentence for sentence in found.warnings)


def test_slow_cameras_give_no_velocities() -> None:
    found = measure_pitching(thrown(False, 60.0)[0], PitchingOptions())
    assert "60 frames per second" in value(found, "max_elbow_extension_velo").reason
    assert value(found, "max_elbow_flexion").trusted
    assert any("240" in sentence for sentence in found.warnings)


def test_several_throws_are_told_apart_and_nobody_throwing_is_said(tmp_path: Path) -> None:
    segments, _ = thrown()
    gap = np.full((5, *segments.positions.shape[1:]), np.nan)
    turned_gap = np.full((5, *segments.rotations.shape[1:]), np.nan)
    twice = dataclasses.replace(
        segments,
        rotations=np.concatenate([segments.rotations, turned_gap, segments.rotations]),
        positions=np.concatenate([segments.positions, gap, segments.positions]),
        axial_known=np.concatenate(
            [segments.axial_known, segments.axial_known[:5], segments.axial_known]
        ),
    )
    found = measure_pitching(
        twice, PitchingOptions(target_deg=30.0, events={1: {"foot_plant": 1023.0}})
    )
    assert [throw.number for throw in found.throws] == [1, 2]
    released = [throw.events["ball_release"].frame for throw in found.throws]
    assert released[1] - released[0] == segments.frame_count + 5
    assert found.throws[1].events["foot_plant"].source == "user"
    # Both throws stand side by side in one report.
    write_pitching_report(PitchingReport("bullpen", "", found), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for text in ("Throw 1", "Throw 2", "by hand", "Variability and trend", "sequence-2"):
        assert text in page, text
    assert "nan" not in page[: page.index('id="report-data"')]
    assert find_throws(np.zeros((100, 3)), FPS) == ()
    with pytest.raises(InputError, match="nobody throws"):
        measure_pitching(segments_from_skeleton(person(200, FPS)), PitchingOptions(hand="left"))


def test_curves_are_complete_and_the_filter_is_applied() -> None:
    segments, _ = thrown()
    raw, smooth = throw_curves(segments, None), throw_curves(segments, 10.0)
    assert set(raw.values) == set(CURVE_UNITS)
    assert smooth["elbow_extension_velocity"].max() < raw["elbow_extension_velocity"].max()


def test_a_metric_is_grey_when_it_says_less_than_its_spread() -> None:
    metric = Metric("x", "X", "deg", 10.0, sd=2.0, useful_sd=1.0)
    assert "2 deg" in judged(metric).reason
    assert "4200 deg" in judged(dataclasses.replace(metric, sd=4200.0)).reason
    assert judged(dataclasses.replace(metric, sd=0.5)).trusted
    assert "not measured" in judged(dataclasses.replace(metric, value=float("nan"))).reason
    assert metric.band == metric.chance == pytest.approx(3.92)
    # 3.92 of chance and 3 of the method: the root of the sum of their squares.
    assert dataclasses.replace(metric, systematic=3.0).band == pytest.approx(4.936, abs=1e-3)


def test_every_metric_is_defined_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "measure.md").read_text("utf-8")
    for each in DEFINITIONS:
        assert f"| `{each.name}` | {each.unit} |" in page, each.name
