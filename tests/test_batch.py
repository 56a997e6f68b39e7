"""What a batch plans, how it tells of failures, and what a cluster file may say."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import dask
import pytest

from mocap.capture.session import Session
from mocap.core.errors import InputError, MocapError
from mocap.core.kernels.processors import VARIABLE, usable_processors
from mocap.core.store import write_text
from mocap.synthetic.keypoint_session import walking_session
from mocap.workflow.batch.choices import BatchChoice, parted
from mocap.workflow.batch.cluster import cluster_of, worker_environment
from mocap.workflow.batch.plan import CALIBRATE, SHAPE, plan
from mocap.workflow.batch.run import BatchRun
from mocap.workflow.batch.table import Table, document, write_index
from mocap.workflow.batch.work import FAILED, SKIPPED, Done, perform
from mocap.workflow.choices import choices
from mocap.workflow.graph import STAGES
from mocap.workflow.pipeline import MADE


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return walking_session(tmp_path_factory.mktemp("lab") / "lab", 3, frames=12, cameras=3)


def test_a_take_is_the_chain_of_the_table_and_takes_of_a_subject_meet(session: Session) -> None:
    steps = plan([session], choices())
    assert steps[0].stage == CALIBRATE
    of_first = [step for step in steps if step.take == "walk_01"]
    assert [step.stage for step in of_first if step.stage != SHAPE] == list(STAGES)
    assert [step.stage for step in of_first].index(SHAPE) == STAGES.index("fit")
    assert of_first[0].after == (steps[0].key,)
    for before, step in pairwise(of_first):
        assert step.after == (before.key,)
    fit = next(step for step in of_first if step.stage == "fit")
    assert [key.split("|")[1:] for key in fit.beside] == [["walk_02", SHAPE], ["walk_03", SHAPE]]
    known: set[str] = set()
    for step in steps:
        assert {*step.after, *step.beside} <= known, "a step comes before one that it waits for"
        known.add(step.key)


def test_takes_of_different_subjects_do_not_wait_for_each_other(session: Session) -> None:
    alone = plan([session], choices(subject_shape="none"))
    assert not any(step.beside or step.stage == SHAPE for step in alone)
    of_one = plan([session], choices(subject_shape="walk_02"))
    waits = {step.take for step in of_one if step.beside}
    assert waits == {"walk_01", "walk_03"}


def test_a_session_named_twice_is_refused(session: Session) -> None:
    with pytest.raises(InputError, match="named twice"):
        plan([session, session], choices())


def test_what_fails_is_told_with_its_sentence_and_the_rest_waits(
    session: Session, tmp_path: Path
) -> None:
    table = Table(plan([session], choices()))
    take = session.take("walk_02")
    kept = take.artifact("detections").read_bytes()
    take.artifact("detections").write_bytes(b"damaged")
    here = str(Path.cwd())
    try:
        for step in table.waiting():
            if step.take != "walk_02":
                table.end(step.key, Done(MADE, seconds=1.0))
                continue
            before = [table.ended[key] for key in step.after]
            table.end(step.key, perform(step, choices(), here, False, before, ()))
    finally:
        take.artifact("detections").write_bytes(kept)
    (name, why), *others = table.failures().items()
    assert name == "lab/walk_02"
    assert not others
    assert "damaged" in why or "video" in why
    assert table.counts() == {"finished": 2, "failed": 1, "at work": 0, "waiting": 0}
    states = [table.ended[step.key].status for step in table.of_take(step_root(session), "walk_02")]
    assert states.count(FAILED) == 1
    assert states[states.index(FAILED) + 1 :] == [SKIPPED] * (
        len(states) - states.index(FAILED) - 1
    )
    page = tmp_path / "batch.html"
    write_index(table, page)
    html = page.read_text("utf-8")
    assert html.count(">failed<") == 2  # the card and the row
    assert "walk_03" in html
    told = document(table)
    assert json.loads(json.dumps(told, default=str))["counts"]["failed"] == 1
    with pytest.raises(MocapError, match="1 of 3 takes could not be finished"):
        BatchRun(table, page).require_all()


def step_root(session: Session) -> Path:
    return session.root.resolve()


def test_options_of_takes_and_of_the_batch_are_told_apart() -> None:
    chosen, batch = parted({"workers": 3, "person": "main", "page": Path("x.html")})
    assert (chosen.person, batch.workers, batch.page) == ("main", 3, Path("x.html"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('kind = "slurm"\nmemory = "4GB"\njobs = 2\n', "cores"),
        ('kind = "slurm"\ncores = 2\nmemory = "4GB"\njobs = 0\n', "at least one"),
        ('kind = "slurm"\ncoers = 2\n', "Did you mean 'cores'"),
        ('kind = "slrum"\n', "known: scheduler, slurm, pbs, lsf"),
        ('kind = "scheduler"\n', "address"),
        ("kind = [", "TOML"),
    ],
)
def test_a_cluster_file_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    write_text(tmp_path / "cluster.toml", text)
    with pytest.raises(InputError, match=said):
        cluster_of(BatchChoice(cluster=tmp_path / "cluster.toml"), 4)


def test_cluster_files(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    write_text(path, 'kind = "scheduler"\naddress = "tcp://lab:8786"\n')
    assert cluster_of(BatchChoice(cluster=path), 4).address == "tcp://lab:8786"
    write_text(path, 'kind = "slurm"\ncores = 8\nprocesses = 4\nmemory = "16GB"\njobs = 3\n')
    cluster = cluster_of(BatchChoice(cluster=path), 4)
    assert cluster.jobs == 3
    assert {**cluster.job}["processes"] == 4
    exported = dict(
        line[len("export ") :].split("=") for line in cluster.job["job_script_prologue"]
    )
    assert exported[VARIABLE] == "2"
    # Dask would end workers that come near their share of the memory of a job.
    told = dask.config.collect_env(exported)
    assert dask.config.get("distributed.worker.memory.terminate", config=told) is False
    assert dask.config.get("distributed.worker.profile.enabled", config=told) is False
    with pytest.raises(InputError, match="Leave one out"):
        cluster_of(BatchChoice(workers=2, cluster=path), 4)


def test_processes_share_the_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "8")
    assert usable_processors() == 8
    assert worker_environment(3)[VARIABLE] == "2"
    assert worker_environment(20)[VARIABLE] == "1"
    monkeypatch.setenv(VARIABLE, "many")
    assert usable_processors() >= 1
