"""mocap actions and mocap lift on small sessions."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pybvh
import pytest
from click.testing import CliRunner
from clips import write_clip
from understand_clips import keypoints_of

from mocap.capture.session import Session, Take
from mocap.cli.main import main
from mocap.core.detections import Detections2D
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D, Source
from mocap.core.store import Provenance, load_artifact, save_artifact
from mocap.measure.exercises.exercise import Exercise, Reading
from mocap.measure.metric import Metric
from mocap.synthetic.motion.random_motion import measured_points
from mocap.synthetic.rigs import ring
from mocap.workflow.measure.recognition import recognised

NAMES = COCO_17_FEET.keypoint_names


def take_of(root: Path, motion: str, seconds: float = 6.0) -> Take:
    """Make a session whose take has the smoothed points of a scripted motion."""
    session = Session.create(root, rig="four_corner", board="a1_5x7")
    write_clip(root / "takes" / "a" / "left.mp4")
    take = session.take("a")
    points = measured_points(keypoints_of(motion, seconds), NAMES, 30.0, sigma_m=0.005, seed=1)
    save_artifact(points, take.artifact("smoothed"), Provenance("smooth", "0"))
    return take


def run(*arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(main, [*arguments, "--json"])
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_actions_writes_what_it_says(tmp_path: Path) -> None:
    take = take_of(tmp_path / "s", "walk")
    document = run("actions", str(tmp_path / "s"), "a")
    with (take.root / "actions" / "actions.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    (person,) = document["people"]
    assert [row["label"] for row in rows] == [span["label"] for span in person["spans"]]
    assert "walk" in {row["label"] for row in rows}
    page = (take.root / "actions" / "actions.html").read_text(encoding="utf-8")
    assert ">walk<" in page
    assert "no diagnosis" in page


def test_one_whose_limbs_were_never_seen_takes_nothing_from_the_others(tmp_path: Path) -> None:
    take = take_of(tmp_path / "s", "walk")
    points = load_artifact(take.artifact("smoothed"), Points3D)
    arrays = (points.xyz, points.covariance, points.reprojection_error_px, points.view_count)
    doubled = (np.concatenate([each] * 2, axis=1) for each in (*arrays, points.source))
    xyz, covariance, error_px, views, source = doubled
    knees = [NAMES.index(f"{side}_knee") for side in ("left", "right")]
    xyz[:, 1, knees], source[:, 1, knees] = np.nan, Source.MISSING
    both = Points3D(
        points.keypoint_names, (0, 4), points.fps, xyz, covariance, error_px, views, source
    )
    save_artifact(both, take.artifact("smoothed"), Provenance("smooth", "0"))
    seen, unseen = run("actions", str(tmp_path / "s"), "a")["people"]
    assert "walk" in {span["label"] for span in seen["spans"]} and not seen["untold"]
    assert not unseen["spans"] and "a leg must each be seen" in unseen["untold"]
    page = (take.root / "actions" / "actions.html").read_text(encoding="utf-8")
    assert page.count("Nothing can be told: the size of this body cannot be told") == 1
    asked = ["actions", str(tmp_path / "s"), "a", "--person", "4"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 1 and "a leg must each be seen" in result.output


def test_a_wrong_person_and_wrong_rules_are_said(tmp_path: Path) -> None:
    take_of(tmp_path / "s", "walk")
    result = CliRunner().invoke(main, ["actions", str(tmp_path / "s"), "a", "--person", "7"])
    assert result.exit_code == 1
    assert "no person 7" in result.output
    rules = tmp_path / "rules.toml"
    rules.write_text('[[rule]]\nname = "x"\n', encoding="utf-8")
    result = CliRunner().invoke(main, ["actions", str(tmp_path / "s"), "a", "--rules", str(rules)])
    assert result.exit_code == 1
    assert str(rules) in result.output


def test_exercise_compares_repetitions_and_never_judges(tmp_path: Path) -> None:
    take = take_of(tmp_path / "s", "squat", seconds=13.0)
    document = run("exercise", str(tmp_path / "s"), "a")
    assert document["exercise"] == "deep_squat"
    assert document["named_by"] == "examples"
    # The script draws a period of 2.2 to 2.7 s: five whole ones fit.
    assert len(document["repetitions"]) == 5
    assert [each["is_reference"] for each in document["repetitions"]] == [True] * 3 + [False] * 2
    page = (take.root / "exercise" / "exercise.html").read_text(encoding="utf-8")
    assert "like your reference" in page
    said = page[page.index("<section") : page.rindex("</section>")]
    assert "reference" in said
    assert "wrong" not in said
    with (take.root / "exercise" / "exercise.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 5


def test_examples_speak_before_an_exercise_is_measured(tmp_path: Path) -> None:
    """The same set is a squat by both; the same as a lunge by geometry is grey, and left out."""
    take = take_of(tmp_path / "s", "squat", seconds=13.0)
    points = load_artifact(take.artifact("smoothed"), Points3D)
    metrics = (Metric("count", "Repetitions", "", 5.0), Metric("depth", "Depth", "deg", 90.0))
    reading = Reading({}, ())
    squat = Exercise("squat", metrics, reading, 30.0, "", "", ())
    assert recognised(squat, points, 0) is squat
    lunge = recognised(dataclasses.replace(squat, kind="lunge"), points, 0)
    assert all("by examples this is deep squat" in each.reason for each in lunge.metrics)
    assert "one of them is wrong" in lunge.warnings[0]
    nothing = dataclasses.replace(squat, metrics=(Metric("count", "Repetitions", "", 0.0),))
    assert "nothing was measured" in recognised(nothing, points, 0).warnings[0]
    # What no example shows stays as it was measured.
    assert recognised(dataclasses.replace(squat, kind="jump"), points, 0).warnings == ()


def test_trend_follows_the_repetitions_of_a_recognised_exercise(tmp_path: Path) -> None:
    roots = [tmp_path / f"visit_{k}" for k in range(3)]
    for root, longer in zip(roots, (2.0, 2.2, 2.4), strict=True):
        take = take_of(root, "squat", seconds=2.0)
        config = root / "session.toml"
        config.write_text(config.read_text() + '\n[[subjects]]\nname = "Ann"\n')
        folder = take.root / "exercise"
        folder.mkdir()
        each = {"start_s": 0.0, "end_s": longer, "doubtful": False}
        doubtful = {"start_s": 3.0, "end_s": 9.0, "doubtful": True}
        found = {
            "exercise": "deep_squat", "named_by": "examples", "repetitions": [each, each, doubtful],
        }  # fmt: skip
        (folder / "exercise.json").write_text(json.dumps(found))
    run("trend", "Ann", *map(str, roots))
    with (roots[-1] / "trend" / "trend.csv").open(encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["measure"], row["name"]) == ("deep_squat", "repetition_duration")
    assert [float(row[root.name]) for root in roots] == [2.0, 2.2, 2.4]
    (roots[0] / "takes" / "a" / "exercise" / "exercise.json").write_text("{}")
    result = CliRunner().invoke(main, ["trend", "Ann", *map(str, roots)])
    assert result.exit_code == 1 and "exercise.json" in result.output


@pytest.fixture
def one_camera(tmp_path: Path) -> Iterator[Take]:
    """A take of one camera, already detected: somebody who walks."""
    root = tmp_path / "s"
    session = Session.create(root, rig="four_corner", board="a1_5x7")
    xyz = keypoints_of("walk")[:90]
    write_clip(root / "takes" / "a" / "phone.mp4", frames=90, fps=30)
    take = session.take("a")
    pixels = ring(1).cameras[0].project(xyz)[None, :, None]
    confidence = np.ones(pixels.shape[:-1])
    boxes = np.concatenate([pixels.min(axis=3), pixels.max(axis=3)], axis=-1)
    found = Detections2D(("phone",), NAMES, 30.0, pixels, confidence, boxes)

    def keep(path: Path, *_: object) -> mock.Mock:
        save_artifact(found, path, Provenance("phone", "0"))
        return mock.Mock()

    with (
        mock.patch("mocap.workflow.understand.lift.detect_camera_stage", keep),
        mock.patch("mocap.workflow.understand.lift.run_stages"),
    ):
        yield take


def test_one_camera_gives_a_preview_that_nothing_measures(one_camera: Take) -> None:
    root = str(one_camera.session.root)
    document = run("run", root, "a", "--one-camera")
    assert "take no angle" in str(document)
    assert "not calibrated" in str(document)
    points = load_artifact(one_camera.root / "lifted.npz", Points3D)
    assert set(np.unique(points.source)) <= {Source.LIFTED, Source.MISSING}
    written = pybvh.read_bvh_file(one_camera.export_dir / "a_lifted.bvh")
    assert written.frame_count == 90
    taken = [[each] for each in ("actions", "exercise", "export", "fit", "report", "people")]
    for command in (["measure", "angles"], *taken):
        result = CliRunner().invoke(main, [*command, root, "a"])
        assert result.exit_code == 1
        assert "lifted from one camera" in result.output
        assert "a_lifted.bvh" in result.output


def test_several_cameras_ask_which(one_camera: Take) -> None:
    write_clip(one_camera.root / "tablet.mp4", frames=90, fps=30)
    root = str(one_camera.session.root)
    result = CliRunner().invoke(main, ["lift", root, "a"])
    assert result.exit_code == 1
    assert "phone, tablet" in result.output
    assert "--camera" in result.output
