"""What Python users get is what the command line writes, black bars or not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from click.testing import CliRunner
from clips import write_clip
from test_studio_calibration_report import judged

import mocap
from mocap.calibrate.verdict.report import Verdict
from mocap.cli import main
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.keypoints import COCO_17
from mocap.core.points import Points3D
from mocap.detect.people import Detection
from mocap.synthetic.motion.motion import body_keypoints, walk
from mocap.synthetic.rigs import ring
from mocap.workflow.rig.calibration_report import save_calibration_report

README = Path(__file__).resolve().parent.parent / "README.md"
SIZE, BAR_PX, FRAMES, FPS = (320, 240), 30, 24, 30
# The fake detector reads camera and frame from grey levels of halves of the image; coding moves
# them by a few levels at most.
STEP = 8


class SeesTruth:
    """Finds the person where the calibrated cameras see them, in pixels of videos with bars."""

    keypoint_names = COCO_17.keypoint_names

    def __init__(self, rig: Calibration) -> None:
        truth = body_keypoints(walk(FRAMES / FPS, FPS, seed=5, radius_m=0.5), COCO_17)
        noise = np.random.default_rng(6).normal(0.0, 0.5, (len(rig.cameras), *truth.shape[:2], 2))
        self.pixels = np.stack([camera.project(truth) for camera in rig.cameras]) + noise

    def __call__(self, image: np.ndarray) -> list[Detection]:
        content = image[BAR_PX:-BAR_PX].mean(axis=(0, 2))
        halves = content[: SIZE[0] // 2 - 8].mean(), content[SIZE[0] // 2 + 8 :].mean()
        frame, camera = (round(float(level - 40) / STEP) for level in halves)
        pixels = self.pixels[camera, frame] + [0.0, BAR_PX]
        low, high = pixels.min(axis=0), pixels.max(axis=0)
        return [Detection(pixels, np.full(len(pixels), 0.9), np.array([*low, *high]))]


def clip(path: Path, camera: int) -> None:
    images = []
    for frame in range(FRAMES):
        image = np.zeros((SIZE[1] + 2 * BAR_PX, SIZE[0], 3), np.uint8)
        image[BAR_PX:-BAR_PX, : SIZE[0] // 2] = 40 + STEP * frame
        image[BAR_PX:-BAR_PX, SIZE[0] // 2 :] = 40 + STEP * camera
        images.append(image)
    size = (SIZE[0], SIZE[1] + 2 * BAR_PX)
    write_clip(path, frames=FRAMES, size=size, fps=FPS, images=images)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A session whose videos have black bars that the calibration has not, run by the command."""
    root = tmp_path_factory.mktemp("python") / "lab"
    rig = ring(3, image_size=SIZE, focal_px=250.0)
    mocap.Session.create(root, rig="four_corner", board="a1_5x7")
    for index, name in enumerate(rig.names):
        clip(root / "takes" / "dance_01" / f"{name}.mp4", index)
    save_calibration(rig, root / "calibration.toml")

    def detector(*_: object, **__: object) -> SeesTruth:
        return SeesTruth(rig)

    with (
        mock.patch("mocap.detect.detectors.open_detector", detector),
        mock.patch("mocap.detect.videos.open_detector", detector),
        mock.patch("mocap.detect.detectors.weight_hashes", lambda *_, **__: {}),
    ):
        run = CliRunner().invoke(main, ["run", str(root), "--body", "none", "--to", "csv"])
        assert run.exit_code == 0, run.output
        yield root


def readme_python(number: int, session: Path) -> dict[str, Any]:
    """Run a Python example of the README on a session; return what it leaves."""
    code = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)[number]
    assert '"2026-05-04_lab"' in code
    names: dict[str, Any] = {"mocap": mocap}
    exec(code.replace('"2026-05-04_lab"', repr(str(session))), names)
    return names


def written(session: Path) -> Points3D:
    return mocap.Session.open(session).take("dance_01").results().points


def test_the_readme_equals_the_command_line_on_videos_with_black_bars(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = readme_python(0, session)
    assert (tmp_path / "dance.bvh").is_file()
    by_command = written(session)
    # 0.01 mm, far below any noise: the same calls on the same footage.
    np.testing.assert_allclose(names["points"].xyz, by_command.xyz, rtol=0, atol=1e-5)
    # Without the maps all rays point 30 px too low: at 4 m and 250 px of focal length 48 cm.
    calibration = names["footage"].calibration
    forgotten = mocap.triangulate(mocap.associate(names["detections"], calibration), calibration)
    assert np.nanmedian(by_command.xyz - forgotten.xyz, axis=(0, 1, 2))[2] > 0.4


def test_a_run_in_python_is_the_run_of_the_command(session: Path) -> None:
    done = mocap.run(session, ["dance_01"], mocap.choices(to="csv", body="none"))
    assert done.nothing_done and [take.name for take in done.takes] == ["dance_01"]
    again = mocap.run(session, (), mocap.choices(to="trc", body="none"))
    assert [each.stage for each in again.outcomes["dance_01"] if each.status == "made"] == [
        "export"
    ]
    assert again.takes[0].results().bodies == {}
    np.testing.assert_array_equal(again.takes[0].results().points.xyz, written(session).xyz)


def test_progress_is_told_to_whoever_listens(session: Path) -> None:
    heard: list[str] = []

    class Listener:
        def started(self, what: str) -> None:
            heard.append(f"started {what}")

        def advanced(self, what: str, done: int, total: int | None) -> None:
            heard.append(f"advanced {what} {done}/{total}")

        def finished(self, what: str, details: object = ()) -> None:
            heard.append(f"finished {what}")

        def warned(self, *sentences: str) -> None:
            heard.extend(f"warned {each}" for each in sentences)

    choices = mocap.choices(to="csv", body="none")
    mocap.run(session, ["dance_01"], choices, from_stage="detect", progress=Listener())
    assert "started dance_01: detect (asked for)" in heard
    assert f"advanced cam1 {FRAMES}/{FRAMES}" in heard
    assert any(each.startswith("finished dance_01: export done in") for each in heard)
    assert any("30.0 black px top and bottom" in each for each in heard)


def test_a_failed_calibration_stops_the_run_unless_it_is_accepted(session: Path) -> None:
    opened = mocap.Session.open(session)
    rig = opened.calibration()
    failed = replace(judged(rig), verdict=Verdict.FAIL)
    save_calibration_report(failed, opened.calibration_report_path)
    command = ["run", str(session), "--body", "none", "--to", "csv"]
    stopped = CliRunner().invoke(main, command)
    assert stopped.exit_code == 1 and "FAILED its checks" in stopped.stderr
    assert "--accept-calibration" in stopped.stderr
    accepted = CliRunner().invoke(main, [*command, "--accept-calibration"])
    assert accepted.exit_code == 0, accepted.output
    assert "Warning: the calibration in use FAILED its checks and was accepted" in accepted.output
    opened.calibration_report_path.unlink()
