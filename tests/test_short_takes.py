"""Takes of a frame or two, and cameras that end early: said, never a traceback."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.capture.session import Session, Take
from mocap.core.calibration_file import save_calibration
from mocap.core.keypoints import COCO_17
from mocap.core.points import Points3D
from mocap.core.store import load_artifact
from mocap.synthetic.keypoint_files import openpose
from mocap.synthetic.motion.random_motion import random_motion, true_points
from mocap.synthetic.rigs import ring
from mocap.workflow.choices import choices
from mocap.workflow.imported.choices import KeypointsChoice
from mocap.workflow.imported.keypoints import import_keypoints
from mocap.workflow.progress import Quiet
from mocap.workflow.results import Results
from mocap.workflow.run import run_take

FPS = 30.0
STAGES = ("sync", "associate", "triangulate", "smooth")


def take_of(root: Path, *frames: int) -> Take:
    """Make a take of three cameras that have so many images of one person each."""
    rig = ring(3, seed=4)
    points = true_points(random_motion(max(frames), FPS, seed=3), COCO_17.keypoint_names)
    folder = root / "files"
    folder.mkdir()
    for camera, count in zip(rig.cameras, frames, strict=True):
        pixels = camera.project(points[:count])[:, None]
        people = np.concatenate([pixels, np.full((*pixels.shape[:3], 1), 0.9)], axis=-1)
        openpose(folder, camera.name, people, COCO_17, camera.image_size)
    session = Session.create(root / "s", rig="four_corner", board="a1_5x7", square_mm=109.6)
    save_calibration(rig, session.calibration_path)
    import_keypoints(session, "a", folder, KeypointsChoice(fps=FPS), Quiet())
    return session.take("a")


@pytest.mark.parametrize("frames", [1, 2])
def test_a_take_too_short_to_smooth_is_said(tmp_path: Path, frames: int) -> None:
    take = take_of(tmp_path, frames, frames, frames)
    outcomes = run_take(take, choices(), Quiet(), stages=STAGES)
    (said,) = outcomes[-1].warnings
    assert f"{frames} frame(s), {frames / FPS:.2f} s: too short to smooth" in said
    assert np.isfinite(Results(take).points.xyz).all()


def test_a_camera_that_ends_early_is_said_with_its_time(tmp_path: Path) -> None:
    take = take_of(tmp_path, 30, 30, 12)
    sync, *_, smooth = run_take(take, choices(), Quiet(), stages=STAGES)
    (said,) = (each for each in sync.warnings if "images from" in each)
    assert "images from 0.00 to 0.40 s only, of 1.00 s" in said
    assert not any("too short" in each for each in smooth.warnings)


def test_a_camera_of_one_frame_does_not_stop_the_others(tmp_path: Path) -> None:
    take = take_of(tmp_path, 30, 30, 1)
    sync, *_ = run_take(take, choices(), Quiet(), stages=STAGES)
    assert any("images from 0.00 to 0.03 s only" in each for each in sync.warnings)
    triangulated = load_artifact(take.artifact("points3d"), Points3D)
    # Whom three cameras saw once must be found again by two.
    assert (triangulated.view_count[2:] == 2).all()
