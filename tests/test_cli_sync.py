"""`mocap sync` on the command line: a camera that was not there, and what is done about it."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from mocap.capture.session import Session
from mocap.cli.main import main
from mocap.core.calibration_file import save_calibration
from mocap.core.clocks import load_clocks, row_lateness
from mocap.core.detections import Detections2D
from mocap.core.keypoints import COCO_17
from mocap.core.store import load_artifact
from mocap.synthetic.hand_started import hand_started, script
from mocap.synthetic.keypoint_files import openpose
from mocap.synthetic.rigs import ring
from mocap.workflow.imported.choices import KeypointsChoice
from mocap.workflow.imported.keypoints import import_keypoints
from mocap.workflow.progress import Quiet

FPS = 30.0
STARTS = (1.0, 2.0, 1.5, 15.5)
"""The last camera recorded when all others had stopped."""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    root = tmp_path_factory.mktemp("sync")
    rig = ring(4, seed=4, arc_deg=300.0)
    acting = script("mixed", 24.0, 11)
    take = hand_started(acting, rig, fps=FPS, length_s=8.0, start_s=STARTS, outliers=0.0, seed=2)
    order = [take.detections.keypoint_names.index(name) for name in COCO_17.keypoint_names]
    folder = root / "files"
    folder.mkdir()
    for camera, pixels in zip(rig.cameras, take.detections.pixels, strict=True):
        body = pixels[:, :, order]
        people = np.concatenate([body, np.full((*body.shape[:3], 1), 0.9)], axis=-1)
        openpose(folder, camera.name, people, COCO_17, camera.image_size)
    session = Session.create(root / "s", rig="four_corner", board="a1_5x7", square_mm=109.6)
    save_calibration(rig, session.calibration_path)
    import_keypoints(session, "a", folder, KeypointsChoice(fps=FPS), Quiet())
    return session


def test_an_absent_camera_is_one_sentence_and_can_be_left_out(session: Session) -> None:
    run = CliRunner()
    ended = run.invoke(main, ["sync", str(session.root), "a"])
    assert ended.exit_code == 1 and "Traceback" not in ended.output
    (sentence,) = [line for line in ended.output.splitlines() if line.startswith("Error:")]
    assert "'cam4' agrees with the others at no time" in sentence
    assert "--without cam4" in sentence
    done = run.invoke(main, ["sync", str(session.root), "a", "--without", "cam4"])
    assert done.exit_code == 0, done.output
    clocks = load_clocks(session.take("a").clocks_path)
    assert clocks.names == ("cam1", "cam2", "cam3")
    zero = STARTS[clocks.names.index(clocks.reference)]
    for clock, start in zip(clocks.cameras, STARTS, strict=False):
        assert clock.offset_s == pytest.approx(start - zero, abs=4e-3)
    # Nothing is lost: what cam4 saw is still there, and one word less brings it back.
    assert (session.take("a").root / "detections.npz").is_file()


def test_the_cameras_disagree_is_said_when_clocks_are_not_wanted(session: Session) -> None:
    said = CliRunner().invoke(
        main, ["sync", str(session.root), "a", "--without", "cam4", "--no-sync"]
    )
    assert said.exit_code == 0, said.output
    assert "the cameras disagree about the time: cam2: " in said.output
    assert all(each.offset_s == 0.0 for each in load_clocks(session.take("a").clocks_path).cameras)


def test_a_rolling_shutter_travels_to_the_synchronised_detections(session: Session) -> None:
    take = session.take("a")
    run = ["sync", str(session.root), "a", "--without", "cam4"]
    for text, said in (
        ("{ cam9 = 16.0 }", "names 'cam9', but the cameras are cam1"),
        ("{ cam2 = 40.0 }", "an image every 33.3 ms, but its 'readout_ms' is 40"),
        ("{ cam2 = -1.0 }", "0 to 100"),
    ):
        take.settings_path.write_text(f"[sync]\nreadout_ms = {text}\n")
        refused = CliRunner().invoke(main, run)
        assert refused.exit_code == 1 and said in refused.output
    take.settings_path.write_text("[sync]\nreadout_ms = { cam2 = 16.0 }\n")
    done = CliRunner().invoke(main, run)
    take.settings_path.unlink()
    assert done.exit_code == 0, done.output
    assert "cam2: keypoints count at the times of their rows, read within 16 ms" in done.output
    synced = load_artifact(take.root / "synced.npz", Detections2D)
    size = session.calibration()["cam2"].image_size
    np.testing.assert_allclose(synced.row_lateness[1], row_lateness(0.016, size))
    assert not synced.row_lateness[[0, 2]].any()
