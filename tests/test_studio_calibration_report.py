"""The calibration's page says the verdict first and escapes what comes from outside."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_studio_report import HOSTILE, Page

from mocap.calibrate.verdict.report import BoardView, CalibrationReport, OverTime
from mocap.capture.checks import Recording
from mocap.capture.session import Session
from mocap.capture.video import probe
from mocap.core.camera import Calibration
from mocap.core.errors import InputError
from mocap.core.files.typed_json import from_json
from mocap.studio.calibration import closer
from mocap.studio.calibration.report import write_calibration_report
from mocap.studio.take.figures import BLUE
from mocap.synthetic.rigs import ring
from mocap.workflow.rig.board_pictures import load_pictures, make_pictures
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
    assert set(document["charts"]) == {"map-0", "map-1", "map-2", "pair-graph"} <= places
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


def looked_at(report: CalibrationReport) -> CalibrationReport:
    """Figures with closer looks at the first camera."""
    grid = [(60.0 + 30.0 * x, 50.0 + 30.0 * y) for y in range(4) for x in range(5)]
    still = tuple((0.0, 0.0) for _ in grid)
    views = (
        BoardView("a usual view", 3, 0.2, tuple(grid), still),
        BoardView("the worst view", 7, 1.5, tuple(grid), tuple((1.0, 0.0) for _ in grid)),
    )
    over_time = OverTime((0, 5, 9), (0.2, 0.2, 0.9), (0.02, 0.03, 0.8))
    first = replace(report.cameras[0], views=views, over_time=over_time)
    return replace(report, cameras=(first, *report.cameras[1:]))


def test_closer_looks_stand_on_the_page_with_the_pictures_of_the_board(tmp_path: Path) -> None:
    rig = ring(3)
    session = Session.create(tmp_path / "lab", rig="four_corner", board="a1_5x7", square_mm=100.0)
    video = session.root / "calibration" / "cam1"
    video.mkdir(parents=True)
    for number in range(9):
        cv2.imwrite(str(video / f"{number}.png"), np.full((240, 320), 90 + number, np.uint8))
    report = looked_at(judged(rig))
    assert from_json(CalibrationReport, report.to_json(), "report").cameras[0] == report.cameras[0]
    info = probe(video, "cam1")
    make_pictures(session, report, Recording({"cam1": info}, 30.0, ()))
    pictures = load_pictures(session, report)
    assert [len(pictures[name]) for name in ("cam1", "cam2", "cam3")] == [2, 0, 0]
    # Residuals point from where the calibration puts a corner to where it was found: strokes lead
    # back to the left, twenty times as long, in the worst view only.
    usual, worst = (
        np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), dtype=int)
        for data in pictures["cam1"]
    )
    amber = [((each[..., 2] - each[..., 0]) > 90).sum() for each in (usual, worst)]
    assert amber[0] == 0 and amber[1] > 200
    page = tmp_path / "page.html"
    write_calibration_report(report, rig, page, title="lab", pictures=pictures)
    charts = Page(page).document()["charts"]
    assert {"pair-graph", "residuals-over-time"} <= set(charts)
    assert charts["residuals-over-time"]["data"][0]["y"] == [0.2, 0.2, 0.9]
    weak = replace(report, pairs=(replace(report.pairs[0], agreeing_frames=9),))
    # Ten frames that agree are what a pair needs that holds the rig together.
    for each, colour in ((report, BLUE), (weak, closer.RED)):
        assert closer.pair_graph(each, rig)["data"][0]["line"]["color"] == colour
    assert "The board as the cameras saw it" in Page(page).text
