"""Starts far apart, where to look for them, and poses that the calibration knows badly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import mocap.sync.scan
from mocap.capture.starts import stated_starts
from mocap.capture.video import VideoInfo
from mocap.core.camera import Calibration
from mocap.core.clocks import Verdict
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.transform import rigid
from mocap.sync.people import pose_sigmas, sync_people
from mocap.sync.windows import Window, sync_people_within
from mocap.synthetic.hand_started import HandStarted, hand_started, script
from mocap.synthetic.rigs import ring

RIG = ring(3, seed=4, arc_deg=240.0)
STARTS = (1.0, 9.0, 2.5)


@pytest.fixture(scope="module")
def take() -> HandStarted:
    acting = script("mixed", 26.0, 11)
    return hand_started(acting, RIG, fps=30.0, length_s=14.0, start_s=STARTS, seed=2)


def info(name: str, timecode: str | None, created: str | None) -> VideoInfo:
    times = np.arange(30) / 30.0
    return VideoInfo(
        Path(name), name, (640, 480), 30.0, 30, "h264", 0, False, times, 0.0, timecode, created
    )


def test_files_say_when_they_were_started() -> None:
    infos = {
        "a": info("a", "10:00:00:15", "2026-05-04T10:00:00.000000Z"),
        "b": info("b", "10:00:11;00", "2026-05-04T12:00:11+02:00"),
        "c": info("c", "no time", "1904-01-01T00:00:00Z"),
        "d": info("d", None, None),
    }
    stated = stated_starts(infos)
    assert stated["timecode"] == {"a": 36000.5, "b": 36011.0}
    # Two zones of one instant; a clock that was never set says nothing.
    assert stated["creation time"]["b"] - stated["creation time"]["a"] == 11.0
    assert set(stated["creation time"]) == {"a", "b"}
    assert stated_starts({"d": infos["d"], "c": infos["c"]}) == {}


def test_a_window_is_used_where_the_scan_does_not_reach(
    take: HandStarted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mocap.sync.scan, "MAX_LAG_S", 5.0)
    names = RIG.names
    alone = sync_people_within(take.detections, RIG, [])
    assert alone.clocks["cam2"].verdict is Verdict.REFUSED
    # Whole seconds, as files say them, beside a clock that was hours off.
    windows = [
        Window("sound", {}),
        Window("timecode", dict(zip(names, (0.0, 3600.0 * 9, 0.0), strict=True))),
        Window("creation time", dict(zip(names, (100.0, 109.0, 102.0), strict=True))),
    ]
    found = sync_people_within(take.detections, RIG, windows)
    for clock, start in zip(found.clocks.cameras, STARTS, strict=True):
        assert clock.verdict in (Verdict.SURE, Verdict.REFERENCE)
        # As with starts that the scan reaches: some 0.1 ms of noise and the rig's part.
        assert clock.offset_s == pytest.approx(start - STARTS[0], abs=2e-3)
        assert 0.0 <= clock.middle_s <= 14.0
    assert found.clocks["cam2"].said["creation time"] == 9.0
    # The picture of the scan stays where the offset is.
    best = found.lags_s[found.curves[1].argmax()]
    assert best == pytest.approx(STARTS[1] - STARTS[0], abs=0.1)


def test_a_pose_known_badly_gives_way(take: HandStarted) -> None:
    turn = rigid(matrix_from_rotvec(np.deg2rad([0.0, 1.5, 0.0])), np.array([0.03, 0.0, 0.0]))
    cameras = list(RIG.cameras)
    cameras[1] = replace(cameras[1], camera_from_world=turn @ cameras[1].camera_from_world)
    bent = Calibration(tuple(cameras))
    told = sync_people(take.detections, bent, poses={"cam2": (1.5, 0.03)})
    silent = sync_people(take.detections, bent)
    assert told.refined is not None and silent.refined is not None
    # Of 30 mm a prior of 10 mm for everybody leaves a part to the others, and moves them for it.
    assert told.refined.turned_deg[1] == pytest.approx(1.5, abs=0.1)
    assert abs(told.refined.moved_m[1] - 0.03) < abs(silent.refined.moved_m[1] - 0.03)
    assert told.refined.moved_m[[0, 2]].max() < silent.refined.moved_m[[0, 2]].max()
    clock = told.clocks["cam2"]
    assert abs(clock.offset_s - (STARTS[1] - STARTS[0])) < 3.0 * max(clock.sigma_s, 2e-4)
    both = pose_sigmas(("a", "b"), {"b": (0.4, 0.0)})
    np.testing.assert_allclose(both, [[0.3, 0.010], [0.5, 0.010]])
