"""The first run on a new machine: how long a person waits for kernels to be compiled.

A take of the sample is calibrated, detected and finished with `mocap run`, with an empty cache of
kernels: as on a machine where nothing was ever compiled, and right after an installation whose
`mocap doctor --warm` still runs. Every process writes down when it compiled. Compilation is on the
critical path where the run waits for it: in the process that detects, at any time; in others, from
the end of the detection to the first motion.

    cd benchmarks; python -m pipeline_parts.cold_start [--check] [--pace balanced]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from figures import Figure

from mocap.capture.session import Session
from mocap.workflow.graph import row_of
from mocap.workflow.sample.demonstration import copy_sample

TAKE = "dance"
MOST_S = 5.0
FIRST_MOTION = ("smooth", "fit", "export")

_RECORDER = '''
import os, sys, time

class _Found:
    """Listens to numba as soon as a process imports it."""

    def find_spec(self, name, path=None, target=None):
        if name == "numba.core.dispatcher":
            sys.meta_path.remove(self)
            from numba.core import event
            begun = []

            class Listener(event.Listener):
                def on_start(self, _):
                    begun.append(time.time())

                def on_end(self, _):
                    since = begun.pop()
                    if not begun:
                        with open(os.environ["COMPILED"], "a") as file:
                            file.write(f"{os.getpid()} {since} {time.time()}\\n")

            event.register("numba:compile", Listener())

if "COMPILED" in os.environ:
    sys.meta_path.insert(0, _Found())
'''

Interval = tuple[float, float]


def first_run(folder: Path, pace: str, *, installing: bool) -> list[Figure]:
    """Return what a first run waits for, in an environment where nothing was compiled."""
    session = copy_sample(folder / "session")
    for name in session.takes():
        if name != TAKE:
            shutil.rmtree(session.take(name).root)
    (folder / "sitecustomize.py").write_text(_RECORDER, encoding="utf-8")
    compiled = folder / "compiled"
    environment = {
        **os.environ, "NUMBA_CACHE_DIR": str(folder / "kernels"), "COMPILED": str(compiled),
        "PYTHONPATH": str(folder),
    }  # fmt: skip
    mocap = [sys.executable, "-m", "mocap"]
    warming = None
    if installing:  # as the Makefile does
        quiet = {**environment, "COMPILED": os.devnull}
        warming = subprocess.Popen(
            ["nice", "-n", "5", *mocap, "doctor", "--warm"], env=quiet, stdout=subprocess.DEVNULL
        )
        time.sleep(1.0)
    began = time.time()
    running = subprocess.Popen(
        [*mocap, "run", str(session.root), "--detect", pace], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    _, said = running.communicate()
    if warming is not None:
        warming.terminate()
        warming.wait()
    if running.returncode:
        raise RuntimeError(said)
    return _figures(session, compiled, running.pid, began, installing=installing)


def _figures(
    session: Session, compiled: Path, main: int, began: float, *, installing: bool
) -> list[Figure]:
    take = session.take(TAKE)
    detected, *others = (
        (take.root / row_of(stage).file).stat().st_mtime for stage in ("detect", *FIRST_MOTION)
    )
    here: list[Interval] = []
    beside: list[Interval] = []
    for line in compiled.read_text(encoding="utf-8").splitlines() if compiled.is_file() else ():
        process, since, until = line.split()
        (here if int(process) == main else beside).append((float(since), float(until)))
    where = "right after installation" if installing else "never warmed"
    rows = [Figure(f"{where}: compiled beside the run", covered(beside, began, max(others)), "s")]
    for stage, ended in zip(FIRST_MOTION, others, strict=True):
        waited = covered(here, began, ended) + covered(beside, detected, ended)
        most = MOST_S if stage == FIRST_MOTION[-1] else None
        rows.append(
            Figure(f"{where}: compilation on the critical path to {stage}", waited, "s", most)
        )
    return [
        Figure(f"{where}: detected after", detected - began, "s"),
        Figure(f"{where}: motion after", others[0] - began, "s"),
        Figure(f"{where}: files after", others[-1] - began, "s"),
        *rows,
    ]


def covered(intervals: Iterable[Interval], since: float, until: float) -> float:
    """Return for how long of a time at least one of some intervals ran.

    >>> covered([(0.0, 2.0), (1.0, 3.0), (5.0, 9.0)], 1.0, 6.0)
    3.0
    """
    total, reached = 0.0, since
    for first, last in sorted(intervals):
        begin, end = max(first, reached), min(last, until)
        if end > begin:
            total += end - begin
            reached = end
    return total


def figures(pace: str = "thorough") -> list[Figure]:
    """Return both kinds of first run."""
    found = []
    for installing in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            found += first_run(Path(folder), pace, installing=installing)
    return found


def main(arguments: Sequence[str]) -> int:
    """Run this part alone."""
    import argparse

    from figures import exit_code, print_figures

    parser = argparse.ArgumentParser(description="Waiting for compilation in a first run.")
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--pace", default="thorough")
    options = parser.parse_args(arguments)
    measured = figures(options.pace)
    print_figures("A new machine", measured)
    return exit_code(measured, check=options.check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
