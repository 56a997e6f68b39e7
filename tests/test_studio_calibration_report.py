"""The calibration's page says the verdict first and escapes what comes from outside."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_studio_report import HOSTILE, Page

from mocap.calibrate.verdict.report import CalibrationReport
from mocap.capture.session import Session
from mocap.core.camera import Calibration
from mocap.core.errors import InputError
from mocap.core.files.typed_json import from_json
from mocap.studio.calibration.report import write_calibration_report
from mocap.synthetic.rigs import ring
from mocap.workflow.rig.calibration_report import load_calibration_report, save_calibration_report


def judged(rig: Calibration) -> CalibrationReport:
    """Figures as calibration stores them."""
    cameras = [
        {
            "name": camera.name,
            "image_size": list(camera.image_size),
            "frames": 40,
            "corners": 1200,
            "coverage": 0.96,
            "coverage_grid": [[3] * 5] * 5,
            "rejected": 0.01,
            "rms_px": 0.31,
            "median_px": 0.25,
            "residual_grid_px": [[[0.1, -0.05]] * 5] * 5,
            "focal_px": 900.0,
            "focal_sd_px": 0.7,
            "principal_point_shift_px": 4.0,
            "principal_point_sd_px": 1.0,
            "center_m": [1.0, 2.0, 3.0],
            "center_sd_mm": None,
            "rotation_sd_deg": 0.02,
            "time_offset_frames": None,
        }
        for camera in rig.cameras
    ]
    pair = {"first": "cam1", "second": "cam2", "distance_m": 5.6}
    document = {
        "verdict": "WARN",
        "findings": [
            {"level": "WARN", "text": "'cam2' saw little.", "remedy": "Run `mocap calibrate`."}
        ],
        "board": "a3_7x10",
        "frames": 60,
        "sigma_px": 0.2,
        "cameras": cameras,
        "pairs": [{**pair, "shared_frames": 20, "agreeing_frames": 19, "bridge": 12}],
        "dropped_views": [{"camera": "cam1", "frame": 17, "shift_px": 4.2, "reason": "stale"}],
        "held_out": None,
        "converged": True,
        "iterations": 12,
        "notes": ["the board's back was seen"],
    }
    return from_json(CalibrationReport, document, "report")


def test_page_holds_the_verdict_and_a_map_per_camera(tmp_path: Path) -> None:
    rig = ring(3)
    path = tmp_path / "calibration_report.html"
    write_calibration_report(judged(rig), rig, path, title="lab")
    page = Page(path)
    for words in ("Verdict: WARN", "cam2' saw little", "a3_7x10", "900.0 ± 0.7", "stale"):
        assert words in page.text
    assert page.text.index("Verdict") < page.text.index("Corner noise")
    document = page.document()
    places = {attributes.get("id") for _, attributes in page.tags}
    assert set(document["charts"]) == {"map-0", "map-1", "map-2"} <= places
    assert len(document["scene"]["cameras"]) == 3 and document["scene"]["frames"] == 0
    stroke = document["charts"]["map-0"]["data"][1]
    # 0.4 px are a cell's width, 192 px of 960: 0.1 px are 48.
    assert stroke["x"][1] - stroke["x"][0] == pytest.approx(48.0)
    assert stroke["y"][1] - stroke["y"][0] == pytest.approx(-24.0)


def test_a_rig_without_a_floor_is_shown_upright(tmp_path: Path) -> None:
    rig = ring(3)
    sideways = rig.transformed(rig.cameras[0].camera_from_world)
    path = tmp_path / "calibration_report.html"
    write_calibration_report(judged(sideways), sideways, path, title="lab")
    page = Page(path)
    assert "The floor is not set yet" in page.text
    heights = [camera["center"][2] for camera in page.document()["scene"]["cameras"]]
    expected = [camera.center[2] for camera in rig.cameras]
    # Turned by the cameras' mean up, which is within a few degrees of the true one.
    np.testing.assert_allclose(np.ptp(heights), np.ptp(expected), atol=0.5)


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    rig = ring(2)
    rig = replace(rig, cameras=(replace(rig.cameras[0], name=HOSTILE), rig.cameras[1]))
    report = judged(rig)
    finding = replace(report.findings[0], text=HOSTILE)
    report = replace(report, findings=(finding,), board=HOSTILE, notes=(HOSTILE,))
    path = tmp_path / "calibration_report.html"
    write_calibration_report(report, rig, path, title=HOSTILE)
    page = Page(path)
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert page.text.count(HOSTILE) >= 5


def test_damaged_figures_are_named(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "lab", rig="four_corner", board="a1_5x7")
    assert load_calibration_report(session) is None
    report = judged(ring(2))
    save_calibration_report(report, session.calibration_report_path)
    # NaN is null in the file and NaN again.
    back = load_calibration_report(session)
    assert back is not None and np.isnan(back.cameras[0].center_sd_mm)
    document = json.loads(session.calibration_report_path.read_text())
    assert document == report.to_json()
    del document["cameras"][0]["rms_px"]
    session.calibration_report_path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"cameras\[0\] has no 'rms_px'"):
        load_calibration_report(session)
    document["cameras"][0]["rms_px"] = "0.3"
    session.calibration_report_path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"cameras\[0\]\.rms_px is '0.3'"):
        load_calibration_report(session)
