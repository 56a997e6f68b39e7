"""The predicted error of the volume is the error points really have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.calibrate.adjust import RigState
from mocap.calibrate.solve import calibrate
from mocap.calibrate.verdict.error_map import predicted_errors
from mocap.calibrate.verdict.report import Verdict, known_to_mm
from mocap.calibrate.verdict.rules import judge
from mocap.core.camera import Calibration, Camera
from mocap.core.shapes import FloatArray
from mocap.synthetic.board_faults import BOARD, random_rig, record
from mocap.synthetic.board_faults import BOARD as FAULTS_BOARD
from mocap.synthetic.rigs import ring


def triangulated(rig: Calibration, pixels: FloatArray, start: FloatArray) -> FloatArray:
    points = start.copy()
    for _ in range(5):
        normal, right = np.zeros((len(points), 3, 3)), np.zeros((len(points), 3))
        for camera, seen in zip(rig.cameras, pixels, strict=True):
            put, slope = camera.project_with_jacobian(points)
            normal += np.swapaxes(slope, 1, 2) @ slope
            right += np.einsum("nij,ni->nj", slope, seen - put)
        points += np.linalg.solve(normal, right[..., None])[..., 0]
    return points


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
        moved = triangulated(Calibration(tuple(cameras)), exact, points)
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
