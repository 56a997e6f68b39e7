"""The table of stages: what it names exists, and roles mean what stands above."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from mocap.core.shapes import FloatArray
from mocap.workflow import graph
from mocap.workflow.graph import GRAPH, SESSION_FILES, Row, maker, row_of
from mocap.workflow.job import StageCode, code_of
from mocap.workflow.pipeline import Made, artifact_stage, run_stages


@dataclass(frozen=True, eq=False)
class Number:
    value: FloatArray


@pytest.mark.parametrize("row", GRAPH, ids=[row.name for row in GRAPH])
def test_a_row_names_what_exists(row: Row) -> None:
    assert isinstance(code_of(row), StageCode)
    if row.kind:
        assert isinstance(row.type(), type)
    for name in (*row.reads, *row.reads_if_there):
        assert name in SESSION_FILES or maker(name, row.name).name != row.name
    assert row.revision >= 1


def test_names_and_files_are_taken_once() -> None:
    assert len({row.name for row in GRAPH}) == len({row.file for row in GRAPH}) == len(GRAPH)


def test_a_role_is_the_last_result_above() -> None:
    assert maker("points").name == "smooth"
    assert maker("points", "smooth").name == "triangulate"
    with pytest.raises(KeyError, match="no stage before detect makes 'tracks'"):
        maker("tracks", "detect")


def test_a_stage_between_two_others_is_read_by_those_below(monkeypatch: pytest.MonkeyPatch) -> None:
    before = maker("tracks", "triangulate")
    between = replace(row_of("associate"), name="clean", file="clean.npz", reads=("tracks",))
    place = GRAPH.index(row_of("triangulate"))
    rows = (*GRAPH[:place], between, *GRAPH[place:])
    monkeypatch.setattr(graph, "GRAPH", rows)
    monkeypatch.setattr(graph, "STAGES", tuple(row.name for row in rows))
    assert maker("tracks", "clean").name == before.name
    assert maker("tracks", "triangulate").name == maker("tracks").name == "clean"


def test_the_table_loads_nothing_heavy() -> None:
    code = "import sys, mocap.workflow.graph; print('numpy' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


def test_a_new_choice_makes_nothing_stale_that_was_made_by_default(tmp_path: Path) -> None:
    def run(options: dict[str, object], defaults: dict[str, object]) -> tuple[str, str]:
        stage = artifact_stage(
            "count",
            tmp_path / "count.npz",
            Number,
            inputs={},
            options=options,
            make=lambda: Made(Number(np.zeros(1))),
            defaults=defaults,
        )
        (outcome,) = run_stages([stage], version="1")
        return outcome.status, outcome.reason

    assert run({}, {})[0] == "made"
    assert run({"hands": "still"}, {"hands": "still"})[0] == "current"
    assert run({"hands": "free"}, {"hands": "still"}) == (
        "made",
        "options changed: hands 'still' -> 'free'",
    )


def test_another_revision_of_the_algorithm_makes_again_another_version_does_not(
    tmp_path: Path,
) -> None:
    def run(version: str, revision: int) -> tuple[str, str]:
        stage = artifact_stage(
            "count",
            tmp_path / "count.npz",
            Number,
            inputs={},
            options={},
            make=lambda: Made(Number(np.zeros(1))),
            revision=revision,
        )
        (outcome,) = run_stages([stage], version=version)
        return outcome.status, outcome.reason

    assert run("1", 1)[0] == "made"
    assert run("2", 1)[0] == "current"
    assert run("2", 2) == ("made", "the algorithm changed: revision 1 -> 2")
    assert run("3", 2)[0] == "current"
