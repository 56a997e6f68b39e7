"""The predicted error of the volume is the error points really have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.calibrate.adjust import RigState
from mocap.calibrate.solve import calibrate
from mocap.calibrate.verdict.error_map import predicted_errors, predicted_lengths_mm
from mocap.calibrate.verdict.length_cells import LengthCell, length_cells
from mocap.calibrate.verdict.report import Verdict, known_to_mm
from mocap.calibrate.verdict.rules import judge
from mocap.core.camera import Calibration, Camera
from mocap.synthetic.board_faults import BOARD, random_rig, record
from mocap.synthetic.board_faults import BOARD as FAULTS_BOARD
from mocap.synthetic.nearest_points import nearest_points
from mocap.synthetic.rigs import ring


def test_a_known_scatter_of_cameras_scatters_points_as_predicted() -> None:
    rig = ring(3)
    # Poses and lenses scatter by known amounts, independent of each other.
    sd = np.concatenate([np.full(3, 1e-3), np.full(3, 2e-3), [1, 1, 2, 2, 1e-3, 0, 0, 0, 0]])
    covariance = np.diag(np.tile(sd**2, 3))
    points = np.array([[0.0, 0.0, 1.0], [0.5, -0.4, 1.4], [-0.6, 0.3, 0.7]])
    state = RigState(
        np.stack([c.lens for c in rig.cameras]),
        np.stack([c.camera_from_world for c in rig.cameras]),
        np.eye(4)[None],
    )
    found = predicted_errors(state, tuple(c.image_size for c in rig.cameras), covariance, points)
    assert (found.views == 3).all()
    random, exact = np.random.default_rng(3), rig.project(points)
    errors = []
    for _ in range(400):
        cameras = []
        for camera in rig.cameras:
            step = random.normal(0.0, 1.0, 15) * sd
            vector = camera.vector()
            vector[6:15] += step[6:]
            turned = Camera.from_vector(camera.name, camera.image_size, vector)
            motion = Camera.from_vector("step", (2, 2), np.concatenate([step[:6], np.ones(9)]))
            pose = motion.camera_from_world @ turned.camera_from_world
            cameras.append(
                Camera(
                    camera.name, camera.image_size, turned.camera_matrix, turned.dist_coeffs, pose
                )
            )
        moved = nearest_points(Calibration(tuple(cameras)), exact, points)
        errors.append(1000.0 * np.linalg.norm(moved - points, axis=1))
    true = np.sqrt(np.mean(np.square(errors), axis=0))
    # 400 draws of three numbers: the root mean square is known to 3 %; three times that.
    np.testing.assert_allclose(found.sd_mm, true, rtol=0.09)


def test_a_report_holds_the_map() -> None:
    result = calibrate(record(random_rig(2, most=3), seed=2, frames=150).corners, BOARD)
    found = result.report.error_map
    assert found is not None
    assert len(found.points_m) == len(found.sd_mm) > 100
    # 0.3 px at 3 m and f = 900 px is 1 mm for one view; dozens of views, nine numbers a lens.
    assert 0.1 < found.median_mm <= found.worst_mm < 20.0


def test_a_position_known_to_no_metre_is_said_to_be_unknown_and_fails() -> None:
    rig = random_rig(2, most=3)
    report = calibrate(record(rig, seed=2, frames=80).corners, FAULTS_BOARD).report
    lost = replace(report.cameras[1], center_sd_mm=float("inf"))
    cameras = (report.cameras[0], lost, *report.cameras[2:])
    level, findings = judge(
        cameras, report.pairs, (), report.held_out, square_length_m=0.08, focal_assumed=[],
        converged=True,
    )  # fmt: skip
    assert level == Verdict.FAIL
    name = report.cameras[1].name
    assert (
        findings[0].text == f"camera '{name}': where it stands cannot be told from this recording."
    )
    assert known_to_mm(3e5) == "unknown" and known_to_mm(3.21) == "3.2"


def test_a_known_scatter_of_cameras_scatters_lengths_as_predicted() -> None:
    rig = ring(3)
    sd = np.concatenate([np.full(3, 1e-3), np.full(3, 2e-3)])
    ends = np.array([[[-0.25, 0.0, 1.0], [0.25, 0.0, 1.0]], [[0.3, 0.2, 0.7], [0.3, 0.2, 1.2]]])
    state = RigState(
        np.stack([c.lens for c in rig.cameras]),
        np.stack([c.camera_from_world for c in rig.cameras]),
        np.eye(4)[None],
    )
    covariance = np.diag(np.tile(np.concatenate([sd**2, np.zeros(9)]), 3))
    sizes = tuple(c.image_size for c in rig.cameras)
    found = predicted_lengths_mm(state, sizes, covariance, ends)
    random, exact = np.random.default_rng(4), rig.project(ends.reshape(-1, 3))
    off = []
    for _ in range(400):
        cameras = []
        for camera in rig.cameras:
            step = np.concatenate([random.normal(0.0, 1.0, 6) * sd, np.ones(9)])
            motion = Camera.from_vector("step", (2, 2), step).camera_from_world
            cameras.append(replace(camera, camera_from_world=motion @ camera.camera_from_world))
        placed = nearest_points(Calibration(tuple(cameras)), exact, ends.reshape(-1, 3))
        placed = placed.reshape(-1, 2, 3)
        off.append(np.linalg.norm(placed[:, 1] - placed[:, 0], axis=1) - 0.5)
    # 400 draws of one number: the root mean square is known to 3.5 %; three times that.
    np.testing.assert_allclose(found, 1000.0 * np.sqrt(np.mean(np.square(off), axis=0)), rtol=0.11)
    outside = ends + np.array([0.0, 0.0, 50.0])
    assert np.isnan(predicted_lengths_mm(state, sizes, covariance, outside)).all()


def test_lengths_wrong_in_a_part_of_the_volume_are_found_there() -> None:
    # A board of 4 x 3 squares of 0.1 m at 300 places of a cube; beyond x = 0.5 all is 3 % longer.
    board = replace(BOARD, columns=5, rows=4, square_length_m=0.1, marker_length_m=0.07)
    random = np.random.default_rng(2)
    places = random.uniform(-1.0, 1.0, (300, 1, 3))
    points = board.corner_points()[None] * np.where(places[..., :1] > 0.5, 1.03, 1.0) + places
    points[:, 0] = np.nan  # a corner that nobody saw
    cells = length_cells(points, board)
    assert len(cells) > 6
    assert sum(cell.lengths for cell in cells) > 500
    for cell in cells:
        if cell.center_m[0] > 0.6:
            assert cell.bias_mm > 1.0
        if cell.center_m[0] < 0.2:
            assert abs(cell.bias_mm) < 0.2 and cell.rms_mm < 0.5
    assert length_cells(np.full_like(points, np.nan), board) == ()


def test_the_ways_in_which_a_board_was_never_tilted_are_named() -> None:
    result = calibrate(record(random_rig(2, most=3), seed=2, frames=150).corners, BOARD)
    camera = result.report.cameras[0]
    assert 20 < len(camera.tilts_deg) <= 150 and 0.0 <= camera.edge_coverage <= 1.0
    few = replace(camera, tilts_deg=((20.0, 0.0),) * 4 + ((0.0, -30.0),) * 4, focal_sd_px=30.0)
    assert few.missing_tilts == ("left", "up")
    cells = (LengthCell((0.0, 0.0, 1.0), 80, 9, 2.0, 2.1), LengthCell((1.0, 0.0, 1.0), 80, 9, 0, 1))
    assert result.report.held_out is not None
    held_out = replace(result.report.held_out, cells=cells)
    _, findings = judge(
        (few,), (), (), held_out, square_length_m=0.08, focal_assumed=[], converged=True
    )
    texts = " ".join(f"{each.text} {each.remedy}" for each in findings)
    assert "by 30 to 45 degrees left and up," in texts
    assert "wrong in 1 of 2 parts of the volume, by +2.5 %" in texts
    # Sound cells are no reason for a word.
    assert result.report.held_out.cells
    assert not any("parts of the volume" in each.text for each in result.report.findings)
    assert all((cell.predicted_mm or 0.0) > 0.0 for cell in result.report.held_out.cells)
