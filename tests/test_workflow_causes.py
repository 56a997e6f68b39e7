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
