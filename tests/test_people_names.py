"""People's names: in the files of every stage, and telling who of session.toml is who."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from clips_take import fake_take
from fitted import random_motion
from stages import export_stage
from walker import keypoints_on, walk

from mocap.body.model import load_free_body
from mocap.capture.session import Take
from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D
from mocap.core.store import Provenance, file_hash, save_artifact
from mocap.export.fbx import reader as read_fbx
from mocap.workflow.choices import ExportChoice
from mocap.workflow.fit.subjects import known_people, known_person, subject_person
from mocap.workflow.measure.choices import Chosen
from mocap.workflow.measure.take import Measured
from mocap.workflow.pipeline import run_stages
from mocap.workflow.results import Results

FRAMES = 12


def two_people(points: Points3D) -> Points3D:
    """Give somebody a companion a metre aside."""
    twice = {
        name: np.concatenate([getattr(points, name)] * 2, axis=1)
        for name in ("xyz", "covariance", "reprojection_error_px", "view_count", "source")
    }
    twice["xyz"][:, 1, :, 0] += 1.0
    return Points3D(points.keypoint_names, (0, 1), points.fps, **twice)


@pytest.fixture
def take(tmp_path: Path) -> Take:
    made = fake_take(tmp_path / "lab")
    points = two_people(keypoints_on(walk(FRAMES)))
    save_artifact(points, made.artifact("smoothed"), Provenance("smooth", "1"))
    call(made, "Anna B./../x", "person 1")
    inputs = {"smoothed": file_hash(made.artifact("smoothed"))}
    for person in (0, 1):
        motion = random_motion(load_free_body(), FRAMES, seed=person)
        record = Provenance("fit", "1", {"body": "free"}, inputs)
        object.__setattr__(motion, "person_id", person)
        save_artifact(motion, made.body_path(person), record)
    return made


def call(take: Take, *names: str) -> None:
    """Let association have found people of these names."""
    everybody = [{"person_id": person, "name": name} for person, name in enumerate(names)]
    people = tuple(range(len(names)))
    shape = (2, FRAMES, len(people), 1)
    tracks = Tracks2D(
        ("left", "right"), ("nose",), people, 30.0, np.full((*shape, 2), np.nan), np.zeros(shape)
    )
    record = Provenance("associate", "1", notes={"everybody": everybody})
    save_artifact(tracks, take.artifact("tracks"), record)


def subjects(take: Take, *rows: str) -> None:
    path = take.session.root / "session.toml"
    tables = "\n".join(f"[[subjects]]\n{row}" for row in rows)
    path.write_text(path.read_text() + "\n" + tables + "\n")


def test_files_carry_names_that_no_folder_can_hide_in(take: Take) -> None:
    choice = ExportChoice(formats=("bvh", "trc", "npz"))
    run_stages([export_stage(take, choice)], version="0")
    written = {path.name for path in take.export_dir.glob(f"{take.name}*")}
    for suffix in ("bvh", "trc", "npz"):
        assert f"{take.name}_Anna_B._.._x.{suffix}" in written
        assert f"{take.name}_person1.{suffix}" in written
    ready = Measured(take, Chosen(person=0))
    assert ready.folder("gait") == take.measure_dir / "gait" / "Anna_B._.._x"
    assert Measured(take, Chosen(person=1)).folder("gait").name == "person_1"


def test_two_who_would_share_a_file_keep_their_numbers(take: Take) -> None:
    call(take, "Kim Lee", "kim_lee")
    assert [Results(take).label(person) for person in (0, 1)] == ["person0", "person1"]
    call(take, "person 1", "person0")
    assert [Results(take).label(person) for person in (0, 1)] == ["person0", "person1"]


def test_one_fbx_holds_everybody(take: Take) -> None:
    choice = ExportChoice(formats=("fbx",), one_file=True)
    run_stages([export_stage(take, choice)], version="0")
    scene = read_fbx.read(take.export_dir / f"{take.name}.fbx")
    roots = [name for name in scene.joint_names if name.endswith("pelvis")]
    assert len(roots) == 2 and len(set(roots)) == 2


def test_facts_are_those_of_the_name(take: Take) -> None:
    subjects(take, 'name = "Anna"\nheight_m = 1.61', 'name = "Ben"\nheight_m = 1.85\nmass_kg = 80')
    opened = type(take.session).open(take.session.root).take(take.name)
    call(opened, "Ben", "Anna")
    known = known_people(opened, (0, 1), known_person(opened))
    assert [known[person].height_m for person in (0, 1)] == [1.85, 1.61]
    assert Measured(opened, Chosen(person=1)).height_m == 1.61
    # The take is Anna's: she is its subject although she is not the main person.
    (opened.root / "take.toml").write_text('subject = "Anna"\n')
    assert subject_person(opened, (0, 1)) == 1
    assert known_people(opened, (0, 1), known_person(opened))[1].name == "Anna"
    # Without names the main person is the subject of the take, and nothing is known of others.
    call(opened, "person 0", "person 1")
    known = known_people(opened, (0, 1), known_person(opened))
    assert known[0].height_m == 1.61 and known[1].height_m is None
    assert Measured(opened, Chosen(person=1)).height_m is None
