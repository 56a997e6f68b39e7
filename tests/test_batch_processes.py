"""Batches in real processes: over TCP with workers and a scheduler that die, and on SLURM."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import slurm_node

from mocap.core.store import write_text
from mocap.synthetic.batch_machines import contents, machines
from mocap.synthetic.keypoint_session import walking_session
from mocap.workflow.run import run

pytestmark = pytest.mark.slow

ONE_THREAD = {"OMP_NUM_THREADS": "1", "MOCAP_PROCESSORS": "1"}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six takes before anything is made of them."""
    return walking_session(tmp_path_factory.mktemp("lab") / "lab", 6, frames=24, cameras=3).root


@pytest.fixture(scope="module")
def expected(lab: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a run without a batch makes of them."""
    root = tmp_path_factory.mktemp("run") / "lab"
    shutil.copytree(lab, root)
    run(root)  # on a new machine kernels are compiled here, which rounds differently
    shutil.rmtree(root)
    shutil.copytree(lab, root)
    command = [sys.executable, "-m", "mocap", "run", str(root)]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, **ONE_THREAD})
    return contents(root)


def batch(root: Path, cluster: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    page = cluster.parent / "batch.html"
    command = [sys.executable, "-m", "mocap", "batch", str(root), "--cluster", str(cluster),
               "--page", str(page), "--json"]  # fmt: skip
    return subprocess.Popen(
        command, env=environment, cwd=cluster.parent, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_killed_workers_and_a_killed_scheduler_lose_nothing(
    lab: Path, expected: dict[str, str], tmp_path: Path
) -> None:
    root = tmp_path / "lab"
    shutil.copytree(lab, root)
    with machines(tmp_path, {**os.environ, **ONE_THREAD}) as (there, cluster):
        working = batch(root, cluster, dict(os.environ))
        try:
            for number in range(4):
                deadline = time.monotonic() + 60.0
                made = len(list(root.rglob("*.npz")))
                while len(list(root.rglob("*.npz"))) < made + 3 and time.monotonic() < deadline:
                    assert working.poll() is None or number, working.communicate()
                    time.sleep(0.2)
                if number == 2:
                    there.kill_the_scheduler()
                else:
                    there.kill_a_worker(number % 2)
            said, warned = working.communicate(timeout=240)
        finally:
            working.kill()
    assert working.returncode == 0, warned
    assert json.loads(said)["counts"]["finished"] == 6
    assert contents(root) == expected


@pytest.mark.skipif(bool(slurm_node.why_not()), reason=slurm_node.why_not())
def test_six_takes_on_slurm(lab: Path, expected: dict[str, str], tmp_path: Path) -> None:
    root = tmp_path / "lab"
    shutil.copytree(lab, root)
    cluster = tmp_path / "slurm.toml"
    write_text(
        cluster,
        'kind = "slurm"\njobs = 2\ncores = 1\nmemory = "2GB"\nwalltime = "00:30:00"\n'
        'interface = "lo"\nlogs = "logs"\n',
    )
    with slurm_node.one_node(tmp_path / "slurm") as environment:
        working = batch(root, cluster, environment)
        try:
            said, warned = working.communicate(timeout=240)
        finally:
            working.kill()
    assert working.returncode == 0, warned
    told = json.loads(said)
    assert told["counts"]["finished"] == 6
    processes = {stage["host"] for take in told["takes"] for stage in take["stages"]}
    assert len(processes) == 2, "both jobs worked"
    assert contents(root) == expected
