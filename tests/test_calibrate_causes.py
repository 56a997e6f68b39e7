"""A recording that does not fit is given its cause: who, when, and how much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.calibrate.cause.explain import explain
from mocap.calibrate.cause.own_lenses import own_lenses
from mocap.calibrate.solve import calibrate
from mocap.calibrate.still import merge_still
from mocap.calibrate.verdict.report import Verdict
from mocap.calibrate.views import pack_views
from mocap.calibrate.world import world_from_board_on_floor
from mocap.core.errors import CalibrationError
from mocap.synthetic import board_faults as faults
from mocap.synthetic.board_faults import BOARD, BoardRecording, random_rig, record, with_camera


@pytest.fixture(scope="module")
def recording() -> BoardRecording:
    return record(random_rig(2, most=3), seed=2, frames=200)


def test_nothing_is_blamed_in_a_sound_recording(recording: BoardRecording) -> None:
    assert explain(recording.corners, BOARD) is None


def test_lenses_of_single_cameras_are_right(recording: BoardRecording) -> None:
    found = own_lenses(pack_views(recording.corners, BOARD))
    true = np.stack([camera.lens for camera in recording.rig.cameras])
    # 0.3 px on a board of 0.6 m at 2 m: some 0.3 % of the focal length from 80 views.
    assert np.abs(found.lens[:, 0] / true[:, 0] - 1.0).max() < 0.01
    assert found.sigma_px == pytest.approx(np.full(3, 0.3), rel=0.15)


def test_a_camera_that_moved_is_named_with_its_moment_and_size(recording: BoardRecording) -> None:
    corners = faults.moved_half_way(recording, 1, 110, 0.5, 0.0, seed=3)
    cause = explain(corners, BOARD)
    assert cause is not None and cause.kind == "moved"
    assert cause.cameras == (recording.corners[1].camera,)
    # Half a degree, known to the noise of some twenty views of 0.3 px: 0.05 deg.
    assert cause.turn_deg == pytest.approx(0.5, abs=0.05)
    # The moment lies between two shared views of that camera.
    shared = np.unique(corners[1].frame)
    assert cause.frame is not None
    assert shared[shared < 110][-12] < cause.frame <= shared[shared >= 110][12]


def test_a_mirrored_video_is_named(recording: BoardRecording) -> None:
    corners = with_camera(recording.corners, 2, faults.mirrored(recording.corners[2]))
    cause = explain(corners, BOARD)
    assert cause is not None and (cause.kind, cause.cameras) == ("mirrored", ("cam3",))


def test_all_videos_mirrored_are_refused(recording: BoardRecording) -> None:
    with pytest.raises(CalibrationError, match="every camera sees the board mirrored"):
        calibrate([faults.mirrored(c) for c in recording.corners], BOARD)


def test_another_start_is_unsynchronised_and_measured(recording: BoardRecording) -> None:
    corners = with_camera(recording.corners, 0, faults.late(recording.corners[0], 20))
    cause = explain(corners, BOARD)
    assert cause is not None and cause.kind == "unsynchronised"
    assert dict(zip(cause.cameras, cause.late_frames, strict=True)) == {"cam1": -20}


def test_a_copied_video_fails_by_name(recording: BoardRecording) -> None:
    copy = faults.copied(recording.corners[0], "cam3")
    report = calibrate((*recording.corners[:2], copy), BOARD).report
    assert report.verdict == Verdict.FAIL
    assert report.findings[0].text.startswith("cameras 'cam1' and 'cam3' stand at one place")


def test_a_stretched_print_is_measured(recording: BoardRecording) -> None:
    corners = faults.observe(recording.rig, recording.poses, stretch=0.01)
    report = calibrate(corners, BOARD).report
    assert report.verdict == Verdict.WARN
    assert any("stretched by 1.0 %" in finding.text for finding in report.findings)
    # A sound print is not accused.
    sound = calibrate(recording.corners, BOARD).report
    assert not any("stretched" in finding.text for finding in sound.findings)


def test_a_board_that_hardly_moves_fails() -> None:
    random = np.random.default_rng(1)
    poses = np.stack([faults.lying(*random.normal(0.0, 0.02, 2)) for _ in range(60)])
    shaken = faults.turned(poses, random.normal(0.0, 0.03, (60, 3)))
    report = calibrate(faults.observe(faults.high_rig(3), shaken), BOARD).report
    assert report.verdict == Verdict.FAIL
    assert report.findings[0].text.startswith("the board was hardly moved")


def test_still_frames_become_one_and_come_back(recording: BoardRecording) -> None:
    lying = record(recording.rig, seed=2, frames=60, places=[faults.lying(-0.4, -0.2)])
    merged, runs = merge_still(lying.corners)
    frames = np.unique(np.concatenate([c.frame for c in merged]))
    assert np.sum(frames >= 60) == 1 and np.sum(frames < 60) > 50
    poses = np.tile(np.eye(4), (len(frames), 1, 1))
    again, expanded = runs.expand(frames, poses)
    np.testing.assert_array_equal(
        again, np.unique(np.concatenate([c.frame for c in lying.corners]))
    )
    assert len(expanded) == len(again)
    # The median of forty looks is nearer to the truth than one look.
    assert all(len(m.frame) <= len(c.frame) for m, c in zip(merged, lying.corners, strict=True))


@pytest.mark.parametrize("towards_deg", [0.0, 120.0])
def test_a_board_on_a_wall_is_no_floor(recording: BoardRecording, towards_deg: float) -> None:
    rig = recording.rig
    wall = faults.held_upright(
        -4.5 * np.cos(np.deg2rad(towards_deg)), -4.5 * np.sin(np.deg2rad(towards_deg)), towards_deg
    )
    poses = np.tile(wall, (60, 1, 1))
    frames = np.arange(60)
    with pytest.raises(CalibrationError, match=r"wherever the board was still"):
        world_from_board_on_floor(rig, poses, frames, BOARD, fps=15.0)


def test_a_floor_seen_for_a_moment_only_is_no_floor_and_a_long_one_is(
    recording: BoardRecording,
) -> None:
    poses = np.tile(faults.lying(0.1, 0.2), (60, 1, 1))
    with pytest.raises(CalibrationError, match=r"never lay still for 1\.5 s"):
        world_from_board_on_floor(recording.rig, poses[:15], np.arange(15), BOARD, fps=15.0)
    found = world_from_board_on_floor(recording.rig, poses, np.arange(60), BOARD, fps=15.0)
    assert found.calibration.cameras[0].center[2] == pytest.approx(
        recording.rig.cameras[0].center[2], abs=1e-9
    )


def test_one_camera_upside_down_does_not_matter() -> None:
    rig = faults.high_rig(5)
    turn = np.diag([-1.0, -1.0, 1.0, 1.0])
    first = replace(rig.cameras[0], camera_from_world=turn @ rig.cameras[0].camera_from_world)
    poses = np.tile(faults.lying(0.1, 0.2), (60, 1, 1))
    turned = replace(rig, cameras=(first, *rig.cameras[1:]))
    world = world_from_board_on_floor(turned, poses, np.arange(60), BOARD, fps=15.0)
    assert world.calibration.cameras[1].center[2] == pytest.approx(rig.cameras[1].center[2])
