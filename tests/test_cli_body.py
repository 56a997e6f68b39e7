"""mocap body and mocap mesh: what they write, and what they say when they cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from body_files import random_body, save
from click.testing import CliRunner, Result
from fitted import random_motion, sample_session_with_bodies, save_motion

from mocap.body.model import load_free_body
from mocap.body.smplx_file import load_body
from mocap.capture.session import Session
from mocap.cli import main
from mocap.core.store import Provenance, save_artifact


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return sample_session_with_bodies(tmp_path_factory.mktemp("session") / "studio")


def mocap(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_writes_the_free_body_once_and_checks_it(tmp_path: Path) -> None:
    path = tmp_path / "SMPLX_MALE.npz"
    run = mocap("body", "write-npz", "-o", path, "--sex", "male", "--json")
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["sex"] == "male"
    body = load_free_body()
    expected = body.rest_vertices(body.sex_shape("male"))
    np.testing.assert_allclose(load_body(path).template, expected, atol=1e-6)
    before = path.stat().st_mtime_ns
    again = mocap("body", "write-npz", "-o", path)
    assert again.exit_code == 1 and "is there already" in again.output
    assert path.stat().st_mtime_ns == before
    check = mocap("body", "check", path)
    assert check.exit_code == 0
    assert "the free body" in check.output and "can be used" in check.output


def test_check_tells_problems(tmp_path: Path) -> None:
    path = save(random_body(vertices=50), tmp_path / "SMPLX_NEUTRAL.npz")
    run = mocap("body", "check", path, "--json")
    assert run.exit_code == 1
    document = json.loads(run.stdout)
    assert not document["usable"]
    assert "it has 50 vertices; SMPL-X has 10475" in document["problems"][0]
    missing = mocap("body", "check", tmp_path / "none.npz")
    assert missing.exit_code == 1
    assert "there is no body file" in missing.output and "use 'free'" in missing.output
    assert "Traceback" not in missing.output


def test_meshes_and_overlay_of_the_sample(session: Session) -> None:
    run = mocap("mesh", session.root, "dance", "--to", "ply", "--frames", "4:11", "--step", "3",
                "--overlay", "--json")  # fmt: skip
    assert run.exit_code == 0, run.output
    document = json.loads(run.stdout)
    names = [Path(each).name for each in document["files"]]
    assert names == [
        "dance_000004.ply",
        "dance_000007.ply",
        "dance_000010.ply",
        "mesh_overlay.png",
    ]
    assert document["licence_note"] == ""
    image = cv2.imread(document["files"][-1])
    assert image is not None and image.shape[0] > 4 * 300 and image.shape[1] == 3 * 360


def test_several_people(tmp_path: Path, session: Session) -> None:
    take = session.take("throw")
    save_motion(random_motion(load_free_body(), 3), take.body_path(12), 12)
    try:
        run = mocap("mesh", session.root, "throw", "--to", "obj", "--frames", ":1", "--json")
        names = [Path(each).name for each in json.loads(run.stdout)["files"]]
        assert names == ["throw_person0_000000.obj", "throw_person12_000000.obj"]
        run = mocap("mesh", session.root, "throw", "--to", "obj", "--person", "12", "--json")
        assert len(json.loads(run.stdout)["files"]) == 3
        unknown = mocap("mesh", session.root, "throw", "--to", "obj", "--person", "3")
        assert "has no fitted body of person 3; it has 0, 12" in unknown.output
    finally:
        take.body_path(12).unlink()


def test_a_licensed_body_leaves_its_note(tmp_path: Path, session: Session) -> None:
    arrays = random_body()
    arrays["posedirs"] = np.zeros_like(arrays["posedirs"])
    path = save(arrays, tmp_path / "SMPLX_NEUTRAL.npz")
    licensed = load_body(path)
    take = session.take("throw")
    kept = take.body_path(0).read_bytes()
    save_motion(random_motion(licensed, 2), take.body_path(0))
    try:
        wrong = mocap("mesh", session.root, "throw", "--to", "ply")
        assert wrong.exit_code == 1
        assert "was fitted to body 'smplx_neutral', not to 'free_body" in wrong.output
        run = mocap("mesh", session.root, "throw", "--to", "ply", "--body", path, "--json")
        assert run.exit_code == 0, run.output
        document = json.loads(run.stdout)
        assert "SMPL-X licence" in document["licence_note"]
        assert b"SMPL-X licence" in Path(document["files"][0]).read_bytes()
        assert not list(session.root.rglob("SMPLX_*"))  # the file itself is never copied
    finally:
        take.body_path(0).write_bytes(kept)


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        ([], 2, "nothing to write: choose --to obj, ply or glb, or --overlay"),
        (["--to", "ply", "--frames", "7"], 1, "--frames 7 is no range; write FIRST:END"),
        (["--to", "ply", "--frames", "900:"], 1, "--frames 900: holds no frame: the take has"),
        (["--to", "stl"], 2, "'stl' is not one of"),
        (["--to", "ply", "--body", "none.npz"], 1, "there is no body file none.npz"),
    ],
)
def test_wrong_options(session: Session, options: list[str], status: int, message: str) -> None:
    run = mocap("mesh", session.root, "dance", *options)
    assert run.exit_code == status and message in run.output
    assert "Traceback" not in run.output


def test_a_mesh_is_that_of_the_body_that_was_fitted(tmp_path: Path, session: Session) -> None:
    path = tmp_path / "SMPLX_FEMALE.npz"
    assert mocap("body", "write-npz", "-o", path, "--sex", "female").exit_code == 0
    take = session.take("throw")
    kept = take.body_path(0).read_bytes()
    record = Provenance("fit", "0", options={"body": str(path)})
    save_artifact(random_motion(load_body(path), 1), take.body_path(0), record)
    try:
        run = mocap("mesh", session.root, "throw", "--to", "ply")
        assert run.exit_code == 0, run.output
        moved = path.rename(tmp_path / "elsewhere.npz")
        run = mocap("mesh", session.root, "throw", "--to", "ply")
        assert run.exit_code == 1 and "SMPLX_FEMALE.npz, which is not there" in run.output
        run = mocap("mesh", session.root, "throw", "--to", "ply", "--body", moved)
        assert run.exit_code == 0, run.output
    finally:
        take.body_path(0).write_bytes(kept)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("fit", "--mass-kg", "nan"), "'--mass-kg': nan is no finite number"),
        (("measure", "gait", "--direction-deg", "inf"), "inf is no finite number"),
        (("export", "--to", "bvh", "--fps", "nan"), "'--fps': nan is no finite number"),
    ],
)
def test_nan_is_within_no_limits(session: Session, command: tuple[str, ...], message: str) -> None:
    run = mocap(*command, session.root, "dance")
    assert run.exit_code == 2 and message in run.output


def test_an_export_in_no_format_is_refused(session: Session) -> None:
    run = mocap("export", session.root, "dance", "--to", " , ")
    assert run.exit_code == 1 and "--to names no format" in run.output


def test_an_older_body_and_no_body(session: Session) -> None:
    take = session.take("throw")
    kept = take.body_path(0).read_bytes()
    old = replace(random_motion(load_free_body(), 1), model_hash="0" * 64)
    try:
        save_motion(old, take.body_path(0))
        run = mocap("mesh", session.root, "throw", "--to", "ply")
        assert "was fitted to another version of body 'free_body" in run.output
        take.body_path(0).unlink()
        run = mocap("mesh", session.root, "throw", "--to", "ply")
        assert run.exit_code == 1 and "has no fitted body yet" in run.output
    finally:
        take.body_path(0).write_bytes(kept)
