"""What stands still behind the people tells whether a camera has moved."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from mocap.calibrate.background.moved import (
    BLANK,
    CARRIED,
    LOST,
    STILL,
    TURNED,
    WITHIN,
    ZOOMED,
    CameraCheck,
    check_camera,
)
from mocap.calibrate.background.pictures import StillPictures, still_pictures
from mocap.calibrate.background.turn import turn_between
from mocap.capture.session import Session
from mocap.capture.video import probe, read_key_frames
from mocap.cli.main import main
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration, Camera
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.synthetic.rigs import ring

SIZE = (360, 270)


def camera(name: str = "left") -> Camera:
    matrix = np.array([[315.0, 0.0, 177.0], [0.0, 318.0, 136.0], [0.0, 0.0, 1.0]])
    return Camera(name, SIZE, matrix, np.array([-0.2, 0.06, 1e-3, -1e-3, 0.0]), np.eye(4))


def wall(seed: int) -> FloatArray:
    """A painted wall, wider than any picture of it: patches of some pixels, grey 30 to 220."""
    random = np.random.default_rng(seed)
    out = np.zeros((680, 900), np.float32)
    for wide in (3.0, 9.0, 30.0):
        layer = cv2.GaussianBlur(random.normal(size=out.shape).astype(np.float32), (0, 0), wide)
        out += layer / layer.std()
    return np.asarray(125.0 + 30.0 * out)


def seen(
    room: FloatArray, rotvec: FloatArray, *, zoom: float = 1.0, shift: float = 0.0, seed: int = 0
) -> FloatArray:
    """What the camera sees of a wall far away after a turn, with noise, in another light.

    `shift` moves the left half of the room, as if it were nearer and the camera carried sideways.
    """
    lens = camera()
    x, y = np.meshgrid(np.arange(SIZE[0], dtype=float), np.arange(SIZE[1], dtype=float))
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    middle = lens.camera_matrix[:2, 2]
    flat = lens.undistort(middle + (pixels - middle) / zoom)
    rays = np.column_stack([flat, np.ones(len(flat))]) @ matrix_from_rotvec(rotvec)
    put = 315.0 * rays[:, :2] / rays[:, 2:] + np.array([450.0, 340.0])
    put[:, 0] += np.where(pixels[:, 0] < SIZE[0] / 2, shift, 0.0)
    grid = put.reshape(SIZE[1], SIZE[0], 2).astype(np.float32)
    image = cv2.remap(room, grid, None, cv2.INTER_CUBIC)
    light = 1.0 + 0.1 * np.sin(x / 200.0 + seed)
    noise = np.random.default_rng(seed).normal(0.0, 2.0, image.shape)
    return np.asarray(np.clip(light * image + noise, 0.0, 255.0))


def still(*pictures: FloatArray) -> StillPictures:
    return StillPictures(
        "left", Path("left.mp4"), np.stack(pictures), np.arange(0.5, len(pictures)), 1.0
    )


def checked(before: FloatArray, *after: FloatArray) -> CameraCheck:
    return check_camera(still(before), still(*after), camera())


@pytest.fixture(scope="module")
def room() -> FloatArray:
    return wall(1)


@pytest.fixture(scope="module")
def before(room: FloatArray) -> FloatArray:
    return seen(room, np.zeros(3), seed=1)


@pytest.mark.parametrize("angle_deg", [0.0, 0.1, 4.0])
def test_a_turn_is_found(room: FloatArray, before: FloatArray, angle_deg: float) -> None:
    rotvec = np.deg2rad(angle_deg) * np.array([0.6, -0.7, 0.39])
    after = seen(room, rotvec, seed=2)
    # Somebody stands there who fills a sixth of the picture.
    after[80:270, 150:240] = 60.0
    found = turn_between(before, after, camera(), 1.0)
    off_deg = np.rad2deg(np.linalg.norm(found.rotvec - rotvec))
    # Noise of 2 of 30 grey levels over thousands of pixels is less than .01 px; interpolation
    # and what is cut off leave some hundredths: .03 px are .005 deg here.
    assert off_deg < 0.01
    assert off_deg < 5.0 * max(found.sd_deg, 0.001)
    assert found.zoom == pytest.approx(1.0, abs=5e-4)


def test_every_kind_of_move_is_told_from_the_others(room: FloatArray, before: FloatArray) -> None:
    turned = np.deg2rad(0.3) * np.array([0.0, 1.0, 0.0])
    at_rest = [seen(room, np.zeros(3), seed=seed) for seed in (3, 4, 5)]
    assert checked(before, *at_rest).kind == STILL
    assert checked(before, seen(room, turned, seed=3)).kind == TURNED
    assert checked(before, seen(room, np.zeros(3), shift=5.0, seed=3)).kind == CARRIED
    assert checked(before, seen(room, np.zeros(3), zoom=1.02, seed=3)).kind == ZOOMED
    assert checked(before, seen(wall(2), np.zeros(3), seed=3)).kind == LOST
    blank = np.random.default_rng(1).normal(128.0, 1.0, before.shape)
    assert checked(blank, blank[::-1]).kind == BLANK
    within = checked(before, *at_rest[:2], seen(room, turned, seed=6))
    assert (within.kind, within.at_s) == (WITHIN, 2.0)
    assert within.within_deg == pytest.approx(0.3, abs=0.02)


def session_of(folder: Path, room: FloatArray, rotvec: FloatArray) -> Session:
    """A session of two cameras whose left one turned between calibration and take."""
    session = Session.create(folder, rig="four_corner", board="a1_5x7", square_mm=100.0)
    rig = ring(2)
    cameras = [
        replace(camera(name), camera_from_world=each.camera_from_world)
        for name, each in zip(("left", "right"), rig.cameras, strict=True)
    ]
    save_calibration(Calibration(tuple(cameras)), session.calibration_path)
    for part, turn in (("calibration", np.zeros(3)), ("takes/walk", rotvec)):
        for number, name in enumerate(("left", "right")):
            target = session.root / part / name
            target.mkdir(parents=True)
            (target / "frames.toml").write_text("fps = 10.0\n")
            for frame in range(2):
                image = seen(room, turn if name == "left" else np.zeros(3), seed=9 * number + frame)
                cv2.imwrite(str(target / f"{frame}.png"), image.round().astype(np.uint8))
    return session


def test_the_command_names_the_camera_and_mends_it(tmp_path: Path, room: FloatArray) -> None:
    rotvec = np.deg2rad(0.4) * np.array([0.0, 1.0, 0.0])
    session = session_of(tmp_path / "lab", room, rotvec)
    before = session.calibration()
    run = CliRunner().invoke(main, ["check", str(session.root), "walk"])
    assert run.exit_code == 1, run.output
    assert "camera 'left' turned by 0.40" in run.output
    assert "camera 'right': where it was" in run.output
    run = CliRunner().invoke(main, ["check", str(session.root), "walk", "--fix", "--json"])
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["kept"] == "calibration_before_refine_1.toml"
    after = session.calibration()
    turn = after["left"].camera_from_world[:3, :3] @ before["left"].camera_from_world[:3, :3].T
    np.testing.assert_allclose(turn, matrix_from_rotvec(rotvec), atol=np.deg2rad(0.02))
    np.testing.assert_allclose(after["left"].center, before["left"].center, atol=1e-9)
    same = after["right"].camera_from_world - before["right"].camera_from_world
    assert np.abs(same).max() < 1e-12
    # The take is what the cameras stand like from now on.
    run = CliRunner().invoke(main, ["check", str(session.root), "walk"])
    assert run.exit_code == 0, run.output
    # A rig that was refined from a take is told by that take, not by the board recordings.
    (session.root / "calibration_refinement_1.json").write_text('{"takes": ["walk"]}')
    told = {"before_refinement": "calibration_before_refine_1.toml"}
    save_calibration(replace(before, metadata=told), session.calibration_path)
    run = CliRunner().invoke(main, ["check", str(session.root), "walk"])
    assert run.exit_code == 0 and "its own beginning" in run.output


def test_a_long_video_is_looked_at_by_its_key_frames(tmp_path: Path) -> None:
    path = tmp_path / "long.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.options = {"preset": "ultrafast", "g": "50", "keyint_min": "50", "sc_threshold": "0"}
        for number in range(1520):
            # The wall is grey 100 and a bright thing passes, once in every part of the picture.
            image = np.full((48, 64), 100, np.uint8)
            image[:, number % 64 : number % 64 + 8] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode())
    assert len(list(read_key_frames(path))) == 31
    pictures = still_pictures(probe(path), np.eye(2, 3), (64, 48))
    # 24 looks, six a picture, from the first to the last key frame, two seconds apart.
    assert pictures.pictures.shape == (4, 48, 64)
    assert 0.0 < pictures.times_s[0] < 12.0 < 48.0 < pictures.times_s[-1] < 60.0
    np.testing.assert_allclose(pictures.whole, 100.0, atol=3.0)
