"""mocap doctor SESSION TAKE: what is wrong is named, with the camera; sound takes are let be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mocap.cli.main import main
from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.points import Points3D
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.core.transform import rigid
from mocap.reconstruct.diagnosis import SOUND, diagnose
from mocap.reconstruct.standing import standing_findings
from mocap.synthetic.keypoint_session import TAKE, keypoint_session
from mocap.synthetic.rigs import ring
from mocap.synthetic.walkers import Habits, seen_by, walked_circle
from mocap.workflow.checks.causes import causes_of
from mocap.workflow.choices import choices
from mocap.workflow.progress import Quiet
from mocap.workflow.run import run_takes

FPS = 15.0


@pytest.fixture(scope="module")
def rig() -> Calibration:
    return ring(4, radius_m=4.3, focal_px=1250.0, image_size=(1920, 1080), jitter=1.0, seed=2)


@pytest.fixture(scope="module")
def walker() -> FloatArray:
    return walked_circle(6.0, FPS, seed=3)


@pytest.fixture(scope="module")
def seen(rig: Calibration, walker: FloatArray) -> Detections2D:
    return seen_by(rig, walker, Habits(seed=4), fps=FPS)


def changed(seen: Detections2D, change: Callable[[FloatArray], None]) -> Detections2D:
    pixels = np.array(seen.pixels)
    change(pixels)
    return replace(seen, pixels=pixels, confidence=np.where(np.isfinite(pixels[..., 0]), 0.85, 0.0))


def late(pixels: FloatArray) -> None:
    pixels[1, 6:] = pixels[1, :-6].copy()


def lost(pixels: FloatArray) -> None:
    pixels[1, 45:-9] = pixels[1, 54:].copy()


def on_its_head(pixels: FloatArray) -> None:
    pixels[1] = (1919.0, 1079.0) - pixels[1]


def zoomed(pixels: FloatArray) -> None:
    pixels[1] = (959.5, 539.5) + 1.15 * (pixels[1] - (959.5, 539.5))


def unseen(pixels: FloatArray) -> None:
    pixels[1, 5:] = np.nan


@pytest.mark.parametrize(
    ("change", "kind", "amount", "off"),
    [
        (late, "late", -0.4, 0.07),
        (lost, "lost frames", 0.6, 0.07),
        (on_its_head, "upside down", 0.0, 0.0),
        (zoomed, "zoomed", 1.15, 0.04),
        (unseen, "unseen", 85 / 90, 0.03),
    ],
)
def test_the_camera_and_what_is_wrong_are_named(
    rig: Calibration,
    seen: Detections2D,
    change: Callable[[FloatArray], None],
    kind: str,
    amount: float,
    off: float,
) -> None:
    told = diagnose(changed(seen, change), rig)
    assert [each.kind for each in told] == [SOUND, kind, SOUND, SOUND]
    # To a frame (67 ms), to the step of the zooms (3 %).
    assert told[1].amount == pytest.approx(amount, abs=off)


def test_a_sound_take_is_accused_of_nothing(rig: Calibration, seen: Detections2D) -> None:
    assert {each.kind for each in diagnose(seen, rig)} == {SOUND}


def points_of(xyz: FloatArray, names: tuple[str, ...]) -> Points3D:
    shape = (len(xyz), 1, xyz.shape[1])
    return Points3D(
        names, (0,), FPS, xyz[:, None], np.zeros((*shape, 3, 3)), np.zeros(shape),
        np.full(shape, 4), np.ones(shape, dtype=int),
    )  # fmt: skip


def test_people_tell_floor_and_scale(seen: Detections2D, walker: FloatArray) -> None:
    names = seen.keypoint_names

    def said(xyz: FloatArray, height_m: float | None = 1.7) -> list[str]:
        known = {} if height_m is None else {0: height_m}
        return [text for _, text, _ in standing_findings(points_of(xyz, names), known)]

    assert said(walker) == []
    assert said(walker, None) == []
    tilted = walker @ matrix_from_rotvec(np.array([np.pi / 2, 0.0, 0.0])).T
    assert "tilted by about" in said(tilted)[0]
    assert "upside down" in said(walker * (1.0, -1.0, -1.0))[0]
    assert "below the floor" in said(walker - (0.0, 0.0, 0.8))[0]
    assert "% too long" in said(1.15 * walker)[0]
    assert "unless it is a child" in said(0.5 * walker, None)[0]


def test_the_command_says_the_cause_first(
    tmp_path: Path, rig: Calibration, seen: Detections2D
) -> None:
    sound = keypoint_session(tmp_path / "sound", rig, seen)
    run = CliRunner().invoke(main, ["doctor", str(sound.root), TAKE])
    assert run.exit_code == 0, run.output
    assert "Nothing wrong was found" in run.output
    swapped = changed(seen, lambda p: p.__setitem__(slice(2), p[[1, 0]]))
    names = keypoint_session(tmp_path / "names", rig, swapped)
    run = CliRunner().invoke(main, ["doctor", str(names.root), TAKE, "--json"])
    assert run.exit_code == 1, run.output
    causes = json.loads(run.stdout)["causes"]
    assert [each["part"] for each in causes] == ["names"]
    other = rig.transformed(rigid(np.eye(3), np.zeros(3)))
    poses = [camera.camera_from_world for camera in reversed(other.cameras)]
    poses[0], poses[2] = poses[2] @ rigid(np.eye(3), np.ones(3)), poses[0]
    stands = tuple(
        replace(camera, camera_from_world=pose)
        for camera, pose in zip(other.cameras, poses, strict=True)
    )
    wrong = keypoint_session(tmp_path / "wrong", replace(other, cameras=stands), seen)
    run = CliRunner().invoke(main, ["doctor", str(wrong.root), TAKE])
    assert run.exit_code == 1
    assert "not of these cameras" in run.output or "under each other's names" in run.output
    wrong.calibration_path.unlink()
    run = CliRunner().invoke(main, ["doctor", str(wrong.root), TAKE])
    assert "has none" in run.output and "mocap calibrate" in run.output
    run = CliRunner().invoke(main, ["doctor", str(sound.root)])
    assert run.exit_code == 2 and TAKE in run.output


@pytest.mark.slow
def test_people_put_a_tilted_world_back_on_its_floor(
    tmp_path: Path, rig: Calibration, walker: FloatArray
) -> None:
    exact = seen_by(rig, walker, Habits(0.5, 0.0, 0.0, seed=4), fps=FPS)
    tilted = rig.transformed(
        rigid(matrix_from_rotvec(np.array([0.9, -0.4, 0.2])), np.array([0.3, -0.2, 0.7]))
    )
    session = keypoint_session(tmp_path / "lab", tilted, exact)
    take = session.take(TAKE)
    stages = ("sync", "associate", "triangulate", "smooth")
    run_takes([take], choices(to="csv", body="none"), Quiet(), stages=stages)
    assert any("tilted" in each.text for each in causes_of(take, Quiet()))
    run = CliRunner().invoke(main, ["world", str(session.root), "--from-people", TAKE])
    assert run.exit_code == 0, run.output
    placed = session.calibration()
    # The trunk and feet that stand half a metre apart tell up to a degree or two; heights of
    # cameras 4 m away follow by 15 cm, the floor under the feet by some centimetres.
    up = placed.cameras[0].camera_from_world[:3, :3].T @ rig.cameras[0].camera_from_world[:3, 2]
    assert np.rad2deg(np.arccos(up[2])) < 2.0
    heights = [camera.center[2] for camera in placed.cameras]
    np.testing.assert_allclose(heights, [camera.center[2] for camera in rig.cameras], atol=0.18)
    assert "people in walk" in placed.metadata["world_from"]
    assert (session.root / "calibration_before_world_1.toml").is_file()
