"""Batches on 1, 2 and 4 processes and over TCP: equal bytes, and what processes gain.

Twelve takes of keypoints. A plain `mocap run` says what every artifact must be. Then the same by
`mocap batch` on local processes, and on a scheduler with workers over TCP, first left alone, then
with workers killed at random and the scheduler killed once. Wall time counts from the start of the
command to its end, imports and all.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from figures import SINGLE_THREAD, Figure

TAKES, FRAMES, CAMERAS = 12, 60, 4
SEED = 5
KINDS = ("1 local", "2 local", "4 local", "2 over TCP", "2 killed")
LEAST_GAIN = 1.7
"""Two processes beside one, in detection-free work."""
ENVIRONMENT = {**os.environ, **SINGLE_THREAD, "MOCAP_PROCESSORS": "1"}


def contents(root: Path) -> dict[str, str]:
    """Return the hash of every file in the takes of a session."""
    takes = root / "takes"
    return {
        path.relative_to(takes).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(takes.rglob("*"))
        if path.is_file() and not path.name.startswith(".lock-")
    }


def command(*words: str, folder: Path) -> float:
    """Run a command of mocap; return its wall time."""
    began = time.monotonic()
    line = [sys.executable, "-m", "mocap", *words]
    subprocess.run(line, check=True, capture_output=True, env=ENVIRONMENT, cwd=folder)
    return time.monotonic() - began


class Machines:
    """A scheduler and workers over TCP on this machine, some of which may be killed."""

    def __init__(self, workers: int) -> None:
        """Start them."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.address = f"tcp://127.0.0.1:{port}"
        self._port = port
        self.scheduler = self._scheduler()
        self.workers = [self._worker() for _ in range(workers)]

    def kill_a_worker(self, number: int) -> None:
        """Kill a worker as a machine dies, and start another."""
        _kill(self.workers[number])
        self.workers[number] = self._worker()

    def kill_the_scheduler(self) -> None:
        """Kill the scheduler, and start another with workers of its own."""
        for process in (self.scheduler, *self.workers):
            _kill(process)
        self.scheduler = self._scheduler()
        self.workers = [self._worker() for _ in self.workers]

    def end(self) -> None:
        """End all of them."""
        for process in (self.scheduler, *self.workers):
            _kill(process)

    def _scheduler(self) -> subprocess.Popen[bytes]:
        return _dask("scheduler", "--host", "127.0.0.1", "--port", self._port, "--no-dashboard")

    def _worker(self) -> subprocess.Popen[bytes]:
        return _dask("worker", self.address, "--nthreads", "1", "--nworkers", "1", "--no-dashboard")


def _dask(*words: str) -> subprocess.Popen[bytes]:
    code = "from dask.__main__ import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], env=ENVIRONMENT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def _kill(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def machines(folder: Path, workers: int = 2) -> Iterator[tuple[Machines, str]]:
    """Give machines over TCP and the file that says where they are."""
    there = Machines(workers)
    path = folder / "lab.toml"
    path.write_text(f'kind = "scheduler"\naddress = "{there.address}"\n', encoding="utf-8")
    try:
        yield there, str(path)
    finally:
        there.end()


def killed(root: Path, folder: Path) -> float:
    """Run a batch while workers are killed at random, and the scheduler once; its wall time."""
    dice = random.Random(SEED)
    began = time.monotonic()
    with machines(folder) as (there, file):
        line = [sys.executable, "-m", "mocap", "batch", str(root), "--cluster", file]
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
    return time.monotonic() - began


def figures(kinds: Sequence[str] = KINDS) -> list[Figure]:
    """Return wall times, gains and how many artifacts differ from those of a plain run."""
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
        seconds = {"run": command("run", str(plain), folder=folder)}
        expected, found = contents(plain), {}
        for kind in kinds:
            root = fresh(kind)
            count, _, where = kind.partition(" ")
            if where == "local":
                words = ("batch", str(root), "--workers", count)
                seconds[kind] = command(*words, folder=folder)
            elif where == "over TCP":
                with machines(folder, int(count)) as (_, file):
                    words = ("batch", str(root), "--cluster", file)
                    seconds[kind] = command(*words, folder=folder)
            else:
                seconds[kind] = killed(root, folder)
            found[kind] = contents(root)
    rows = [Figure(f"batch, {name}", taken, "s") for name, taken in seconds.items()]
    rows += [
        Figure(f"batch, {name}: files that differ from a run's",
               sum(expected.get(file) != there.get(file) for file in {*expected, *there}), "", 0.0)
        for name, there in found.items()
    ]  # fmt: skip
    rows.append(Figure("batch, artifacts compared", len(expected), ""))
    if {"1 local", "2 local"} <= set(kinds):
        gain = seconds["1 local"] / seconds["2 local"]
        rows.append(Figure("batch, 2 processes beside 1, times faster", gain, "", LEAST_GAIN, ">="))
    return rows


if __name__ == "__main__":
    from figures import exit_code, print_figures

    measured = figures(sys.argv[1:] or KINDS)
    print_figures("Many takes", measured)
    sys.exit(exit_code(measured, check=True))
