"""Batches on 1, 2 and 4 processes and over TCP: equal bytes, and what processes gain.

Twelve takes of keypoints, ten seconds each: with shorter ones it is the start of the processes that
is measured. A plain `mocap run` says what every artifact must be. Then the same by
`mocap batch` on local processes, and on a scheduler with workers over TCP, first left alone, then
with workers killed at random and the scheduler killed once. Wall time counts from the start of the
command to its end, imports and all; CPU time is that of all processes. Two plain runs at once say
what two processors of this machine can gain at all.

    cd benchmarks; python -m pipeline_parts.batch ["1 local" "2 local" ...]
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from figures import SINGLE_THREAD, Figure

from mocap.synthetic.batch_machines import contents, machines

TAKES, FRAMES, CAMERAS = 12, 300, 4
SEED = 5
KINDS = ("1 local", "2 local", "4 local", "2 over TCP", "2 killed")
LEAST_GAIN = 1.7
"""Two processes beside one, in detection-free work."""
ENVIRONMENT = {**os.environ, **SINGLE_THREAD, "MOCAP_PROCESSORS": "1"}


@dataclass(frozen=True)
class Spent:
    """What a command took: wall time, and CPU time of all its processes."""

    wall_s: float
    cpu_s: float


def command(*words: str, folder: Path, beside: Sequence[str] = ()) -> Spent:
    """Run a command of mocap, another at the same time; return what both took."""
    began, before = time.monotonic(), _cpu_of_ended_s()
    line = [sys.executable, "-m", "mocap"]
    other = subprocess.Popen([*line, *beside], stdout=subprocess.DEVNULL, env=ENVIRONMENT,
                             cwd=folder) if beside else None  # fmt: skip
    subprocess.run([*line, *words], check=True, capture_output=True, env=ENVIRONMENT, cwd=folder)
    if other is not None and other.wait():
        raise RuntimeError(f"{' '.join(beside)} failed")
    return Spent(time.monotonic() - began, _cpu_of_ended_s() - before)


def _cpu_of_ended_s() -> float:
    """Return the CPU time of every process that was started here and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def killed(root: Path, folder: Path) -> Spent:
    """Run a batch while workers are killed at random, and the scheduler once.

    The CPU time of what was killed is not known.
    """
    dice = random.Random(SEED)
    began = time.monotonic()
    with machines(folder, ENVIRONMENT) as (there, file):
        line = [sys.executable, "-m", "mocap", "batch", str(root), "--cluster", str(file)]
        working = subprocess.Popen(
            line, env=ENVIRONMENT, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for number in range(5):
            pause = dice.uniform(6.0, 12.0)
            try:
                working.wait(pause)
                break
            except subprocess.TimeoutExpired:
                if number == 2:
                    there.kill_the_scheduler()
                else:
                    there.kill_a_worker(dice.randrange(2))
        _, said = working.communicate()
        if working.returncode:
            raise RuntimeError(said.decode())
    return Spent(time.monotonic() - began, float("nan"))


def most_gain(bare: Path, folder: Path) -> float:
    """Return how much faster two plain runs at once are than one after the other: at most 2."""
    first, second, alone = (Path(shutil.copytree(bare, folder / name / "lab"))
                            for name in ("first", "second", "alone"))  # fmt: skip
    names = [f"walk_{number + 1:02d}" for number in range(TAKES // 3)]
    one = command("run", str(alone), *names, folder=folder)
    both = command("run", str(first), *names, folder=folder, beside=("run", str(second), *names))
    return 2 * one.wall_s / both.wall_s


def figures(kinds: Sequence[str] = KINDS) -> list[Figure]:
    """Return times, gains and how many artifacts differ from those of a plain run."""
    from mocap.synthetic.keypoint_session import walking_session

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bare = folder / "bare"
        walking_session(bare, TAKES, frames=FRAMES, cameras=CAMERAS)

        def fresh(name: str) -> Path:
            return Path(shutil.copytree(bare, folder / name.replace(" ", "_") / "lab"))

        # Kernels are compiled before: compiled and kept ones round differently.
        warm = walking_session(folder / "warm" / "lab", 2, frames=30, cameras=CAMERAS).root
        command("run", str(warm), folder=folder)
        plain = fresh("plain")
        spent = {"run": command("run", str(plain), folder=folder)}
        expected, found = contents(plain), {}
        for kind in kinds:
            root = fresh(kind)
            spent[kind] = _run(kind, root, folder)
            found[kind] = contents(root)
        both = {"1 local", "2 local"} <= set(kinds)
        most = most_gain(bare, folder) if both else 0.0
    rows = [Figure(f"batch, {name}", each.wall_s, "s") for name, each in spent.items()]
    rows += [Figure(f"batch, {name}: all processes", each.cpu_s, "CPU s")
             for name, each in spent.items()]  # fmt: skip
    rows += [
        Figure(f"batch, {name}: files that differ from a run's",
               sum(expected.get(file) != there.get(file) for file in {*expected, *there}), "", 0.0)
        for name, there in found.items()
    ]  # fmt: skip
    rows.append(Figure("batch, artifacts compared", len(expected), ""))
    if both:
        gain = spent["1 local"].wall_s / spent["2 local"].wall_s
        rows += [
            Figure("two plain runs at once, times faster", most, ""),
            Figure("batch, 2 processes beside 1, times faster", gain, "", LEAST_GAIN, ">="),
        ]
    return rows


def _run(kind: str, root: Path, folder: Path) -> Spent:
    """Run a batch of a kind."""
    count, _, where = kind.partition(" ")
    if where == "local":
        return command("batch", str(root), "--workers", count, folder=folder)
    if where == "over TCP":
        before = _cpu_of_ended_s()
        with machines(folder, ENVIRONMENT, int(count)) as (_, file):
            spent = command("batch", str(root), "--cluster", str(file), folder=folder)
        return Spent(spent.wall_s, _cpu_of_ended_s() - before)
    return killed(root, folder)


if __name__ == "__main__":
    from figures import exit_code, print_figures

    measured = figures(sys.argv[1:] or KINDS)
    print_figures("Many takes", measured)
    sys.exit(exit_code(measured, check=True))
