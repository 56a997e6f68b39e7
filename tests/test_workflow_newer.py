"""What a newer version made is not replaced by an older one, unless it is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.core import store
from mocap.core.errors import NewerError
from mocap.core.points import Points3D
from mocap.synthetic.example import walker
from mocap.workflow.pipeline import Made, Stage, artifact_stage, files_stage, run_stages


def points_stage(path: Path, revision: int) -> Stage:
    def make() -> Made:
        return Made(walker().points)

    return artifact_stage(
        "triangulate", path, Points3D, inputs={}, options={}, make=make, revision=revision
    )


def test_an_older_algorithm_leaves_what_a_newer_one_made(tmp_path: Path) -> None:
    path = tmp_path / "points3d.npz"
    run_stages([points_stage(path, 3)], version="2.0")
    kept = path.read_bytes()
    with pytest.raises(NewerError, match=r"newer mocap-studio \(2.0, revision 3"):
        run_stages([points_stage(path, 2)], version="1.0")
    assert path.read_bytes() == kept
    (made,) = run_stages([points_stage(path, 2)], version="1.0", from_stage="triangulate")
    assert made.reason == "asked for"


def test_an_older_format_leaves_a_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "points3d.npz"
    with monkeypatch.context() as newer:
        newer.setattr(store, "SCHEMA_VERSION", 99)
        run_stages([points_stage(path, 1)], version="2.0")
    with pytest.raises(NewerError, match="format 99"):
        run_stages([points_stage(path, 1)], version="1.0")
    assert int(np.load(path)["schema_version"]) == 99


def test_a_name_that_no_file_has_is_that_of_a_file_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    made = tmp_path / "made.json"
    stage = files_stage(
        "export", made, inputs={}, options={}, make=lambda: Made([tmp_path / "a.txt"])
    )
    run_stages([stage], version="1.0")
    made.write_text(made.read_text().replace("a.txt", "a" * 5000))
    (outcome,) = run_stages([stage], version="1.0")
    assert outcome.reason == f"rebuilt, because {100 * 'a'} is gone."


def test_files_of_a_newer_version_stay(tmp_path: Path) -> None:
    def stage(revision: int) -> Stage:
        def make() -> Made:
            (tmp_path / "a.txt").write_text(f"revision {revision}")
            return Made([tmp_path / "a.txt"])

        return files_stage(
            "export", tmp_path / "made.json", inputs={}, options={}, make=make, revision=revision
        )

    run_stages([stage(2)], version="2.0")
    with pytest.raises(NewerError):
        run_stages([stage(1)], version="1.0")
    assert (tmp_path / "a.txt").read_text() == "revision 2"
