from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mocap.calibrate.verdict.report import Verdict
from mocap.capture.session import Session
from mocap.cli import main
from mocap.core.camera import Calibration
from mocap.core.errors import InputError, SessionError
from mocap.core.points import Points3D
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.transform import apply, invert, rigid
from mocap.synthetic.sample import SampleTruth, load_truth
from mocap.workflow.rig.world import at_frame
from mocap.workflow.sample.accuracy import (
    TruthFigure,
    calibration_figures,
    joint_errors_mm,
    limb_joints,
)
from mocap.workflow.sample.demonstration import SAMPLE, copy_sample

ELSEWHERE = rigid(matrix_from_rotvec(np.array([0.3, -0.5, 1.0])), np.array([1.0, 2.0, -3.0]))


@pytest.fixture(scope="module")
def truth() -> SampleTruth:
    return load_truth(SAMPLE)


def named(figures: list[TruthFigure]) -> dict[str, float]:
    return {each.name.removeprefix("calibration: "): each.value for each in figures}


def test_the_true_calibration_is_perfect_in_any_world(truth: SampleTruth) -> None:
    figures, truth_from_world = calibration_figures(truth.calibration.transformed(ELSEWHERE), truth)
    # Only rounding of the triangulation is left: a micrometre.
    assert max(named(figures).values()) < 1e-3
    np.testing.assert_allclose(truth_from_world @ ELSEWHERE, np.eye(4), atol=1e-6)


def test_a_wrong_calibration_is_measured(truth: SampleTruth) -> None:
    first, *others = truth.calibration.cameras
    matrix = first.camera_matrix * np.array([[1.01], [1.01], [1.0]])
    bent = Calibration((replace(first, camera_matrix=matrix), *others))
    found = named(calibration_figures(bent, truth)[0])
    assert found["focal lengths, worst"] == pytest.approx(1.0)
    assert found["points in the volume, rms"] > 1.0


def test_joint_errors_are_distances_of_limb_joints(truth: SampleTruth) -> None:
    take = truth.takes["dance"]
    xyz = apply(ELSEWHERE, take.xyz)[:, None] + np.array([0.0, 0.003, 0.004])
    shape = xyz.shape[:-1]
    points = Points3D(
        take.keypoint_names,
        (0,),
        take.fps,
        xyz,
        np.zeros((*shape, 3, 3)),
        np.zeros(shape),
        np.full(shape, 4),
        np.ones(shape, np.uint8),
    )
    errors = joint_errors_mm(points, take, invert(ELSEWHERE))
    assert len(errors) == len(take.xyz) * 12
    np.testing.assert_allclose(errors, 5.0)
    assert "nose" not in limb_joints(take.keypoint_names)


def test_the_sample_is_copied_without_results(tmp_path: Path) -> None:
    session = copy_sample(tmp_path / "demo")
    takes = tuple(sorted(load_truth(SAMPLE).takes))
    assert {"dance", "dance_by_hand", "throw"} <= set(takes) and session.takes() == takes
    assert len(session.calibration_videos()) == 4
    # A second call continues with the copy.
    session.calibration_path.write_text("kept")
    assert copy_sample(tmp_path / "demo").calibration_path.read_text() == "kept"
    # A copy that was killed is completed: half a file, a damaged one, settings not yet there.
    (tmp_path / "demo" / "session.toml").unlink()
    (tmp_path / "demo" / ".truth-x1.npz").write_bytes(b"half")
    (tmp_path / "demo" / "calibration" / "back_left.mp4").write_bytes(b"half")
    session.calibration_path.unlink()
    assert copy_sample(tmp_path / "demo").takes() == takes
    assert (tmp_path / "demo" / "calibration" / "back_left.mp4").stat().st_size > 1000
    other = Session.create(tmp_path / "other", rig="four_corner", board="a1_5x7")
    with pytest.raises(SessionError, match="something else than the sample"):
        copy_sample(other.root)


@pytest.mark.parametrize(
    ("instant", "frame"), [("auto", None), ("186", 186), ("12.4s", 186), ("2s", 30)]
)
def test_instants(instant: str, frame: int | None) -> None:
    assert at_frame(instant, 15.0) == frame


@pytest.mark.parametrize("instant", ["12.4", "noon", "-3s", ""])
def test_what_is_no_instant(instant: str) -> None:
    with pytest.raises(InputError, match="is no instant"):
        at_frame(instant, 15.0)
    with pytest.raises(InputError, match="no frame rate"):
        at_frame("2s", float("nan"))


@pytest.mark.slow
def test_the_sample_calibrates_as_promised(tmp_path: Path, truth: SampleTruth) -> None:
    session = copy_sample(tmp_path / "demo")
    root = str(session.root)
    result = CliRunner().invoke(main, ["calibrate", root, "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)["report"]
    assert report["verdict"] == Verdict.PASS and session.calibration_page_path.is_file()
    found = named(calibration_figures(session.calibration(), truth)[0])
    # The promises of the sample session, about twice what corner noise of 0.15 px gives.
    assert found["points in the volume, rms"] <= 0.5
    assert found["points in the volume, worst"] <= 1.0
    assert found["camera centres, worst"] <= 8.0
    assert found["rotations, worst"] <= 0.2
    assert found["focal lengths, worst"] <= 0.3
    # The board lay on the floor: the cameras stand where they were put, above it.
    heights = [camera.center[2] for camera in session.calibration().cameras]
    assert sorted(heights) == pytest.approx([1.3, 1.3, 2.2, 2.2], abs=0.01)
    again = CliRunner().invoke(main, ["calibrate", root])
    assert again.output.count("(from the earlier run)") == 4
    assert CliRunner().invoke(main, ["world", root, "--board-on-floor", "13.5s"]).exit_code == 0
    held = CliRunner().invoke(main, ["world", root, "--board-on-floor", "3.0s"])
    assert held.exit_code == 1 and held.stderr.startswith("Error: ")
