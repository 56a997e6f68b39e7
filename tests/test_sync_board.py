"""Clocks from one moving board, with nothing calibrated; corners brought to one clock."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from mocap.calibrate.adjust import RigState
from mocap.calibrate.clock_system import ClockSystem, board_rates, image_velocity
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.retime import corners_at
from mocap.calibrate.solve import calibrate
from mocap.calibrate.views import pack_views
from mocap.capture.boards import load_board
from mocap.capture.video import VideoInfo
from mocap.core.clocks import CameraClock, Clocks, Verdict
from mocap.core.detections import Corners
from mocap.core.shapes import FloatArray
from mocap.sync.board import BoardSync
from mocap.synthetic.boards import observe_board, wave_board
from mocap.synthetic.rigs import ring
from mocap.workflow.rig.board_clocks import board_clocks, on_one_clock, sentences, sharpened

BOARD = load_board("a1_5x7")
RIG = ring(3, arc_deg=140.0, image_size=(1280, 960), focal_px=1000.0, jitter=0.3, seed=3)
FPS = 30.0
TRUE_FPS = 240.0


def info(camera: str, frames: int) -> VideoInfo:
    return VideoInfo(
        Path(camera), camera, (1280, 960), FPS, frames, "h264", 0, False, np.arange(frames) / FPS
    )


@pytest.fixture(scope="module")
def poses() -> FloatArray:
    return wave_board(RIG, BOARD, int(26 * TRUE_FPS), fps=TRUE_FPS, seed=5)


def seen(poses: FloatArray, starts: tuple[int, ...], frames: int) -> list[Corners]:
    """Return what each camera finds when it starts at a tick of `TRUE_FPS`."""
    out = []
    every = int(TRUE_FPS / FPS)
    for index, start in enumerate(starts):
        ticks = start + every * np.arange(frames)
        rig = RIG.subset([RIG.names[index]])
        out.append(observe_board(rig, BOARD, poses[ticks], noise_px=0.3, seed=index)[0])
    return out


STARTS = (0, 453, 171)
"""Ticks of 240 per second: 0, 1.8875 and 0.7125 s; 56.625 and 21.375 frames."""


@pytest.fixture(scope="module")
def rough(poses: FloatArray) -> tuple[list[Corners], dict[str, VideoInfo], Clocks]:
    """Corners, videos, and the clocks that rough poses of uncalibrated lenses give."""
    corners = seen(poses, STARTS, 660)
    infos = {name: info(name, 660) for name in RIG.names}
    return corners, infos, board_clocks(corners, BOARD, infos, {})


def off_s(clocks: Clocks) -> FloatArray:
    true = np.array(STARTS) / TRUE_FPS
    true = true - true[RIG.names.index(clocks.reference)]
    return np.asarray(np.abs([clocks[name].offset_s for name in RIG.names] - true))


def test_offsets_come_back(rough: tuple[list[Corners], dict[str, VideoInfo], Clocks]) -> None:
    clocks = rough[2]
    # The gate of rough poses of uncalibrated lenses, measured over many rigs.
    assert off_s(clocks).max() < 0.012
    assert all(each.verdict in (Verdict.SURE, Verdict.REFERENCE) for each in clocks.cameras)


@pytest.mark.slow
def test_the_calibration_sharpens_offsets(
    rough: tuple[list[Corners], dict[str, VideoInfo], Clocks],
) -> None:
    corners, infos, clocks = rough
    before = off_s(clocks).max()
    result = calibrate(on_one_clock(corners, clocks, infos), BOARD)
    clocks = sharpened(corners, clocks, infos, BOARD, result)
    # 0.3 px of noise against boards that move at 100 px/s and more: 0.1 ms of what is left when
    # cameras, lenses and boards are free.
    assert off_s(clocks).max() < min(before, 5e-4)
    sigma = np.array([clocks[name].sigma_s for name in RIG.names])
    assert np.all(off_s(clocks) <= 3.0 * np.nan_to_num(sigma))
    result = calibrate(on_one_clock(corners, clocks, infos), BOARD)
    assert result.report.sigma_px < 0.6


@pytest.mark.slow
def test_the_calibration_leaves_cameras_in_step(poses: FloatArray) -> None:
    corners = seen(poses, (0, 0, 0), 400)
    infos = {name: info(name, 400) for name in RIG.names}
    clocks = board_clocks(corners, BOARD, infos, {})
    kept = sharpened(corners, clocks, infos, BOARD, calibrate(corners, BOARD))
    assert [each.offset_s for each in kept.cameras] == [0.0, 0.0, 0.0]
    assert all(abs(kept[name].said.get("calibration", 0.0)) < 6e-4 for name in RIG.names)


def test_velocities_of_boards_are_those_of_their_path() -> None:
    time = np.sort(np.arange(30) / 30 + np.random.default_rng(2).uniform(0.0, 0.01, 30))
    boards = np.tile(np.eye(4), (30, 1, 1))
    boards[:, :3, 3] = np.stack([0.3 * time**2, 1.0 - 0.8 * time, 0.2 * time], axis=1)
    rates = board_rates(time, boards, 0.5)
    # A parabola is fitted exactly; the first and the last frames have too few neighbours.
    want = np.stack([0.6 * time, np.full(30, -0.8), np.full(30, 0.2)], axis=1)
    np.testing.assert_allclose(rates[5:-5, :3, 3], want[5:-5], atol=1e-6)
    boards[15:, 0, 3] += 0.4
    put_down = board_rates(time, boards, 0.5)
    assert np.isnan(put_down[13:17, 0, 3]).all() and np.isfinite(put_down[[6, 24], 0, 3]).all()


def test_a_displaced_clock_leaves_residuals_along_its_column() -> None:
    """The step from exact corners taken at a clock 0.1 ms off undoes that."""
    late_s = 1e-4
    time = np.arange(120) / 15.0
    boards = wave_board(RIG, BOARD, 240, fps=30.0, seed=9)[::2]
    rates = board_rates(time, boards, 1.0)
    known = np.flatnonzero(np.isfinite(rates[:, 0, 3]))
    boards, rates, time = boards[known], rates[known], time[known]
    corners = observe_board(
        RIG, BOARD, boards, noise_px=0.0, outliers=0.0, missing=0.0, occluded=0.0
    )
    views = pack_views(corners, BOARD)
    lens = np.stack([each.lens for each in RIG.cameras])
    pose = np.stack([each.camera_from_world for each in RIG.cameras])
    state = RigState(lens, pose, boards[views.frames])
    shift = image_velocity(views, state, rates[views.frames])
    second = views.arrays.view_camera[views.observation_view] == 1
    pixels = views.arrays.pixels + np.where(second[:, None], late_s * shift, 0.0)
    moved = replace(views, arrays=views.arrays._replace(pixels=pixels))
    unknown = np.array([[False, False], [True, False], [True, False]])
    plan = LensPlan.unknown(3)
    system = ClockSystem(moved, state, rates[views.frames], time[views.frames], unknown, plan, 0.01)
    step = system.solved()
    # What is left is the pull of the weak lens prior on an exact rig.
    np.testing.assert_allclose(step.clocks[:, 0], [0.0, late_s, 0.0], atol=5e-6)
    assert np.abs(step.cameras[:, :6]).max() < 1e-3


def test_cameras_in_step_keep_their_recorded_times(poses: FloatArray) -> None:
    corners = seen(poses, (0, 0, 0), 400)
    infos = {name: info(name, 400) for name in RIG.names}
    clocks = board_clocks(corners, BOARD, infos, {})
    assert [each.offset_s for each in clocks.cameras] == [0.0, 0.0, 0.0]
    late = board_clocks(corners, BOARD, infos, {"cam2": 3})
    assert late["cam2"].verdict is Verdict.GIVEN
    assert late["cam2"].offset_s == pytest.approx(-3 / FPS)


def test_a_board_at_rest_tells_nothing(poses: FloatArray) -> None:
    still = np.repeat(poses[4000:4001], 4000, axis=0)
    corners = seen(still, (0, 453, 171), 400)
    infos = {name: info(name, 400) for name in RIG.names}
    clocks = board_clocks(corners, BOARD, infos, {})
    assert all(each.offset_s == 0.0 for each in clocks.cameras)
    assert all(each.verdict is Verdict.REFUSED for each in clocks.cameras[1:])


def test_corners_between_frames_follow_a_curve() -> None:
    times = np.arange(40) / 30
    path = np.stack([300 + 200 * np.sin(3 * times), 200 + 150 * np.cos(2 * times)], axis=1)
    corners = Corners("a", (640, 480), 40, np.arange(40), np.zeros(40, np.int64), path)
    clock = CameraClock("a", offset_s=0.2117)
    instants = np.arange(45) / 30
    moved = corners_at(corners, times, clock, instants, np.arange(45))
    local = instants[moved.frame] - 0.2117
    want = np.stack([300 + 200 * np.sin(3 * local), 200 + 150 * np.cos(2 * local)], axis=1)
    inner = (local > 0.05) & (local < times[-1] - 0.05)
    # Third order in a step of 1/30 s: 0.002 of a pixel; straight lines would miss by 0.25 px.
    assert np.abs(moved.pixels - want)[inner].max() < 0.01
    assert len(moved.frame) > 35 and moved.frame.min() >= 6
    whole = corners_at(corners, times, replace(clock, offset_s=0.2), instants, np.arange(45))
    np.testing.assert_array_equal(whole.pixels[:30], path[:30])
    slow = corners_at(corners, 5 * times, clock, 5 * instants, np.arange(45))
    assert all(any(np.array_equal(p, q) for q in path) for p in slow.pixels)


@pytest.mark.parametrize(("frames", "taken"), [(0.56, False), (1.08, True), (0.1, False)])
def test_slow_cameras_take_whole_frames_or_none(frames: float, taken: bool) -> None:
    # At 6 frames per second nothing can be interpolated: half a frame is neither none nor one.
    slow = 6.0
    infos = {name: replace(info(name, 40), fps=slow) for name in RIG.names}
    none, no_pixels = np.zeros(0, np.int64), np.zeros((0, 2))
    corners = [Corners(name, (1280, 960), 40, none, none, no_pixels) for name in RIG.names]
    offsets = np.array([0.0, frames / slow, 0.0])
    told = BoardSync(offsets, np.full(3, 0.01), 0, {}, {})
    with (
        mock.patch("mocap.workflow.rig.board_clocks.board_tracks"),
        mock.patch("mocap.workflow.rig.board_clocks.sync_boards", return_value=told),
    ):
        clocks = board_clocks(corners, BOARD, infos, {})
    name = RIG.names[1]
    assert clocks[name].offset_s == (pytest.approx(frames / slow) if taken else 0.0)
    said = " ".join(sentences(clocks, infos))
    assert ("recorded times are kept" in said) == (frames == 0.56)
    assert ("by the board" in said) == (frames > 0.3)
