"""mocap calibration refine and restore: what is written, kept, refused and brought back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from clips import write_clip

from mocap.capture.session import Session, Take
from mocap.cli import main
from mocap.cli.console import Console
from mocap.core.calibration_file import load_calibration, save_calibration
from mocap.core.camera import Calibration
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.store import Provenance, file_hash, save_artifact
from mocap.core.transform import rigid
from mocap.synthetic.motion.motion import body_keypoints, walk
from mocap.synthetic.observations import observe_people
from mocap.synthetic.rigs import ring
from mocap.workflow.choices import choices
from mocap.workflow.job import TakeRun
from mocap.workflow.pipeline import run_stages
from mocap.workflow.rig import keep, refine

SIZE = (640, 480)


def mocap(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def true() -> Calibration:
    return ring(3, image_size=SIZE, focal_px=500.0, jitter=1.0, seed=61)


@pytest.fixture
def take(tmp_path: Path, true: Calibration) -> Take:
    """A take of a walking person whose session has the true rig; videos are stand-ins."""
    session = Session.create(tmp_path / "lab", rig="four_corner", board="a1_5x7")
    for name in true.names:
        write_clip(session.root / "takes" / "a" / f"{name}.mp4", frames=6, size=SIZE)
    save_calibration(replace(true, metadata={"source": "elsewhere"}), session.calibration_path)
    made = session.take("a")
    people = body_keypoints(walk(3.0, 30.0, seed=62, radius_m=0.8))[:, None]
    names = COCO_17_FEET.keypoint_names
    seen = observe_people(true, people, names, fps=30.0, noise_px=1.5, seed=63)
    save_artifact(seen, made.artifact("detections"), Provenance("detect", "0"))
    return made


def bump(take: Take) -> None:
    """Turn the second camera by 1.5 degrees in the session's calibration."""
    calibration = take.session.calibration()
    turn = rigid(matrix_from_rotvec(np.radians([1.0, 1.0, 0.5])), np.zeros(3))
    cameras = list(calibration.cameras)
    cameras[1] = replace(cameras[1], camera_from_world=turn @ cameras[1].camera_from_world)
    save_calibration(replace(calibration, cameras=tuple(cameras)), take.session.calibration_path)


def test_refine_writes_keeps_and_restores(take: Take, true: Calibration) -> None:
    root, path = take.session.root, take.session.calibration_path
    bump(take)
    before = path.read_bytes()
    judged = mocap("calibration", "refine", root, "a", "--dry-run")
    assert judged.exit_code == 0, judged.output
    assert path.read_bytes() == before and not take.session.refinements()
    result = mocap("calibration", "refine", root, "a", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["accepted"] and document["kept"] == "calibration_before_refine_1.toml"
    assert document["after"]["median_px"] < 0.7 * document["before"]["median_px"]
    assert (root / "calibration_before_refine_1.toml").read_bytes() == before
    refined = load_calibration(path)
    assert refined.metadata["source"] == "elsewhere"
    assert "people in a (90 frames)" in refined.metadata["refined"]
    for camera in refined.cameras:
        np.testing.assert_array_equal(camera.lens, true[camera.name].lens)
    told = json.loads((root / "calibration_refinement_1.json").read_text(encoding="utf-8"))
    assert told["takes"] == ["a"] and len(told["cameras"]) == 3
    # A rig that was put right is left alone.
    again = mocap("calibration", "refine", root, "a")
    assert again.exit_code == 1
    assert again.stderr.startswith("Error: ") and "the rig is right" in again.stderr
    assert mocap("calibration", "restore", root).exit_code == 0
    assert path.read_bytes() == before
    assert not list(root.glob("*_refine*"))
    nothing = mocap("calibration", "restore", root)
    assert nothing.exit_code == 1 and "nothing to restore" in nothing.stderr


@pytest.mark.parametrize("killed_at", ["the rig", "what was kept"])
def test_what_a_killed_refinement_left_is_settled(
    take: Take, monkeypatch: pytest.MonkeyPatch, killed_at: str
) -> None:
    root, path = take.session.root, take.session.calibration_path
    bump(take)
    report = take.session.calibration_report_path
    report.write_text("{}", encoding="utf-8")  # never read: only carried about
    before = path.read_bytes()
    monkeypatch.setattr(refine, "_store_report", lambda *_: report.write_text("refined"))
    monkeypatch.setattr(keep, "write_page", lambda *_: None)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if killed_at == "the rig":
            patch.setattr(refine, "save_calibration", killed)
        else:
            assert mocap("calibration", "refine", root, "a").exit_code == 0
            patch.setattr(refine, "settle", lambda session: killed() if refined(session) else None)
        command = ["refine", root, "a"] if killed_at == "the rig" else ["restore", root]
        assert mocap("calibration", *command).exit_code == 1
        (root / ".calibration-abcd1234.toml").write_text("half", encoding="utf-8")
    assert path.read_bytes() == before and take.session.refinements() == (1,)
    assert mocap("calibration", "restore", root).exit_code == 0
    assert path.read_bytes() == before and report.read_text() == "{}"
    assert not list(root.glob("*_refine*")) and not list(root.glob(".calibration*"))


def refined(session: Session) -> bool:
    """Tell whether the rig before is back and its copy still there."""
    kept = session.kept_calibration_path(1)
    return kept.is_file() and kept.read_bytes() == session.calibration_path.read_bytes()


def test_later_stages_run_again_after_a_refinement(take: Take) -> None:
    bump(take)
    names = ("sync", "associate", "triangulate")

    def run() -> list[str]:
        stages = TakeRun.of(take, choices(), Console(), names).build()
        return [each.status for each in run_stages(stages, version="0", hash_of=file_hash)]

    assert run() == ["made"] * 3 and run() == ["current"] * 3
    assert mocap("calibration", "refine", take.session.root, "a").exit_code == 0
    assert run() == ["made"] * 3
    assert mocap("calibration", "restore", take.session.root).exit_code == 0
    assert run() == ["made"] * 3


def test_refusals_say_why_and_change_nothing(take: Take) -> None:
    root, path = take.session.root, take.session.calibration_path
    before = path.read_bytes()
    right = mocap("calibration", "refine", root, "a", "--json")
    assert right.exit_code == 1 and not json.loads(right.stdout)["accepted"]
    assert "was left as it is" in right.stderr
    assert path.read_bytes() == before
    unknown = mocap("calibration", "refine", root, "b")
    assert unknown.exit_code == 1 and "no take 'b'" in unknown.stderr
    video = take.root / f"{take.session.calibration().names[2]}.mp4"
    aside = video.rename(video.with_suffix(".aside"))
    removed = mocap("calibration", "refine", root, "a")
    assert removed.exit_code == 1 and f"has detections of camera {video.stem}" in removed.stderr
    aside.rename(video)
    take.artifact("detections").unlink()
    missing = mocap("calibration", "refine", root, "a")
    assert missing.exit_code == 1 and "has no detections yet" in missing.stderr
    assert mocap("calibration", "refine", root).exit_code == 2


def test_a_second_refinement_keeps_both_rigs(take: Take) -> None:
    root = take.session.root
    bump(take)
    assert mocap("calibration", "refine", root, "a").exit_code == 0
    first = take.session.calibration_path.read_bytes()
    bump(take)
    assert mocap("calibration", "refine", root, "a").exit_code == 0
    assert take.session.refinements() == (1, 2)
    assert mocap("calibration", "restore", root).exit_code == 0
    assert mocap("calibration", "restore", root).exit_code == 0
    assert take.session.refinements() == ()
    assert take.session.calibration_path.read_bytes() != first


def test_a_rig_from_people_replaces_none_unasked_and_says_how_wrong_it_is(
    take: Take, true: Calibration
) -> None:
    root, path = take.session.root, take.session.calibration_path
    kept = path.read_bytes()
    refused = mocap("calibrate", root, "--from-people", "a")
    assert refused.exit_code == 1 and "give --force to replace it" in refused.stderr
    seen = mocap("calibrate", root, "--from-people", "a", "--dry-run")
    assert seen.exit_code == 0, seen.output
    assert "the height of the person is not known" in seen.output
    assert path.read_bytes() == kept
    told = mocap("calibrate", root, "--from-people", "a", "--height-m", "1.66", "--force", "--json")
    assert told.exit_code == 0, told.output
    people = json.loads(told.stdout)["people"]
    assert people["accepted"] and people["predicted_mm"] < 12.0
    made = load_calibration(path)
    assert made.metadata["source"] == "people in a"
    assert (root / "calibration_before_from_people_1.toml").read_bytes() == kept
    # Heights above the floor come from one body: some percent of two metres.
    for camera in made.cameras:
        assert camera.center[2] == pytest.approx(true[camera.name].center[2], abs=0.15)
        np.testing.assert_array_equal(camera.lens, true[camera.name].lens)
    assert mocap("calibrate", root, "--dry-run").exit_code == 2
    path.unlink()
    nothing = mocap("calibrate", root, "--from-people", "a")
    assert nothing.exit_code == 1 and "give --intrinsics FILE" in nothing.stderr
