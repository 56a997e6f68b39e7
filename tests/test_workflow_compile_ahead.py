"""The process that compiles kernels: started when that is wanted and new, ended with the run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mocap.workflow import compile_ahead
from mocap.workflow.compile_ahead import are_compiled, compile_all, kernels_ahead


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
    assert asked[0][-1] == "mocap.workflow.compile_ahead"
    done = compile_ahead._marker()
    assert done is not None and done.parent == tmp_path / "kernels"
    done.parent.mkdir()
    done.touch()
    with kernels_ahead(wanted=True):
        assert len(started) == 1
    done.unlink()
    monkeypatch.setattr("mocap.workflow.compile_ahead.os.cpu_count", lambda: 1)
    with kernels_ahead(wanted=True):
        assert len(started) == 1


def test_kernels_compiled_once_are_not_compiled_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MOCAP_MODELS_DIR", str(tmp_path / "models"))
    done: list[int] = []
    monkeypatch.setattr("mocap.workflow.compile_ahead.compile_kernels", done.append)
    assert not are_compiled()
    for _ in range(2):
        compile_all()
        assert are_compiled()
    assert done == [0]


COMPILED = """
import json
from numba.core import event
from mocap.workflow.compile_ahead import compile_kernels

class Kernels(event.Listener):
    seen = []

    def on_start(self, started):
        function = started.data["dispatcher"].py_func
        name = f"{function.__module__}.{function.__qualname__}"
        self.seen.append((name, str(started.data["args"])))

    def on_end(self, ended):
        pass

event.register("numba:compile", Kernels())
compile_kernels()
print(json.dumps(Kernels.seen))
"""

TWICE = {
    "mocap.calibrate.elimination._subtract_product",
    "mocap.calibrate.kernels._add_squares",
    "mocap.core.kernels.arrays.median_of",
    "mocap.core.lens.robust_weight",
}
"""Small kernels that some callers give a constant: each is compiled for it too."""


@pytest.mark.slow
def test_every_stage_runs_on_the_example_and_compiles_no_kernel_twice(tmp_path: Path) -> None:
    # On a new machine this is what people wait for: see `mocap/core/kernels/compiled.py`.
    run = subprocess.run(
        [sys.executable, "-c", COMPILED],
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    compiled = json.loads(run.stdout)
    own = Counter(name for name, _ in compiled if name.startswith("mocap."))
    assert len(own) > 100
    assert {name for name, times in own.items() if times > 1} == TWICE
    literal = {name for name, args in compiled if name.startswith("mocap.") and "Literal" in args}
    assert literal == TWICE
    # Assignments between arrays, and whole-array functions with large code of their own.
    dear = ("raise_with_shape", "unicode", "median", "linalg", "parfor")
    others = [name for name, _ in compiled if not name.startswith("mocap.")]
    assert [name for name in others if any(part in name for part in dear)] == []
