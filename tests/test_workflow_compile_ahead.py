"""The process that compiles kernels: started when that is wanted and new, ended with the run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mocap.workflow.compile_ahead import compile_kernels, kernels_ahead


def test_kernels_are_compiled_once_beside_a_run_and_the_process_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MOCAP_MODELS_DIR", str(tmp_path / "models"))
    started: list[subprocess.Popen[bytes]] = []
    asked: list[Sequence[str]] = []
    popen = subprocess.Popen

    def start(command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        asked.append(command)
        waits = [sys.executable, "-c", "import time; time.sleep(60)"]
        started.append(popen(waits, **options))
        return started[-1]

    monkeypatch.setattr("mocap.workflow.compile_ahead.subprocess.Popen", start)
    monkeypatch.setattr("mocap.workflow.compile_ahead.os.cpu_count", lambda: 2)
    with kernels_ahead(wanted=False):
        assert not started
    with pytest.raises(ZeroDivisionError), kernels_ahead(wanted=True):
        assert started[0].poll() is None
        raise ZeroDivisionError
    assert started[0].poll() is not None
    done = Path(asked[0][-1])
    assert done.parent == tmp_path / "kernels"
    done.parent.mkdir()
    done.touch()
    with kernels_ahead(wanted=True):
        assert len(started) == 1
    done.unlink()
    monkeypatch.setattr("mocap.workflow.compile_ahead.os.cpu_count", lambda: 1)
    with kernels_ahead(wanted=True):
        assert len(started) == 1


@pytest.mark.slow
def test_every_stage_runs_on_the_example() -> None:
    compile_kernels()
