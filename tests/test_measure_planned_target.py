"""The target of a throw from the plan of the rig: turned as the cameras are, or not used."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mocap.capture.rigs import load_rig
from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration, Camera
from mocap.core.shapes import FloatArray
from mocap.synthetic.rigs import ring
from mocap.workflow.measure.planned_target import planned_target, turned_onto

TURN_DEG = 37.0


def standing(camera: Camera, place: FloatArray) -> FloatArray:
    """Its pose, moved to a place in the world."""
    pose = camera.camera_from_world.copy()
    pose[:3, 3] = -pose[:3, :3] @ place
    return pose


def session(tmp_path: Path, beside_m: float, seed: int = 1) -> Session:
    """A bullpen whose world is turned by 37 degrees, its cameras beside their planned places."""
    opened = Session.create(tmp_path / "pen", rig="bullpen_eight", board="a3_7x10")
    rng = np.random.default_rng(seed)
    c, s = np.cos(np.deg2rad(TURN_DEG)), np.sin(np.deg2rad(TURN_DEG))
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    cameras = []
    cast = ring(8, seed=1).cameras
    for camera, planned in zip(cast, load_rig("bullpen_eight").cameras, strict=True):
        place = turn @ np.array(planned.position_hint_m) + np.array([3.0, -1.0, 0.0])
        place = place + rng.normal(0.0, beside_m, 3)
        cameras.append(
            dataclasses.replace(
                camera, name=planned.name, camera_from_world=standing(camera, place)
            )
        )
    save_calibration(Calibration(tuple(cameras)), opened.calibration_path)
    return opened


def test_the_target_is_turned_with_the_rig(tmp_path: Path) -> None:
    """Cameras 0.3 m beside places 8 m away: below a degree, and it says so itself."""
    found = planned_target(session(tmp_path, 0.3))
    assert found is not None
    # Eight places at about 9.5 m from their middle: 0.3 m of scatter is 0.3 / (9.5 sqrt(8)) rad,
    # 0.64 degrees; 13 degrees of freedom know it to a fifth.
    assert found.sd_deg == pytest.approx(0.64, abs=0.3)
    assert abs(found.deg - TURN_DEG) < 3.0 * found.sd_deg


def test_cameras_that_stand_elsewhere_say_nothing(tmp_path: Path) -> None:
    """A scatter of 4 m is as much as the plan itself: beyond 5 degrees nothing is said."""
    assert planned_target(session(tmp_path, 4.0)) is None


def test_a_plan_without_a_target_says_nothing(tmp_path: Path) -> None:
    opened = session(tmp_path, 0.1)
    text = opened.root / "session.toml"
    text.write_text(text.read_text().replace("bullpen_eight", "six_ring"))
    assert planned_target(Session.open(opened.root)) is None


def test_the_sd_of_a_turn_covers_its_error() -> None:
    """200 draws of 20 cm: the errors over their own deviations have a spread of about one."""
    rng = np.random.default_rng(3)
    places = rng.uniform(-8.0, 8.0, (6, 2))
    errors = []
    for _ in range(200):
        found = turned_onto(places, places + rng.normal(0.0, 0.2, places.shape))
        errors.append(found.deg / found.sd_deg)
    # Nine degrees of freedom: Student's t has a spread of 1.13; 200 draws know it to 10 %.
    assert 0.85 < float(np.std(errors)) < 1.4
