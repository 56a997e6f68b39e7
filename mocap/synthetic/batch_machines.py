"""A scheduler and workers of a batch on this machine, which may be killed as machines die."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

END_WITHIN_S = 20.0


def contents(root: Path) -> dict[str, str]:
    """Return the hash of every file in the takes of a session."""
    takes = root / "takes"
    return {
        path.relative_to(takes).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(takes.rglob("*"))
        if path.is_file() and not path.name.startswith(".lock-")
    }


class Machines:
    """A scheduler and workers over TCP on this machine, some of which may be killed."""

    def __init__(self, workers: int, environment: Mapping[str, str]) -> None:
        """Start them in an environment."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.address = f"tcp://127.0.0.1:{port}"
        self._port, self._environment = port, dict(environment)
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
        """End all of them, so that what their own processes used is known."""
        for process in (*self.workers, self.scheduler):
            process.terminate()
        for process in (*self.workers, self.scheduler):
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_WITHIN_S)
            _kill(process)

    def _scheduler(self) -> subprocess.Popen[bytes]:
        return self._dask("scheduler", "--host", "127.0.0.1", "--port", self._port)

    def _worker(self) -> subprocess.Popen[bytes]:
        return self._dask("worker", self.address, "--nthreads", "1", "--nworkers", "1")

    def _dask(self, *words: str) -> subprocess.Popen[bytes]:
        code = "from dask.__main__ import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", code, *words, "--no-dashboard"], env=self._environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it ended, and nothing of its group is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def machines(
    folder: Path, environment: Mapping[str, str], workers: int = 2
) -> Iterator[tuple[Machines, Path]]:
    """Give machines over TCP and the file that says where they are."""
    there = Machines(workers, environment)
    path = folder / "lab.toml"
    path.write_text(f'kind = "scheduler"\naddress = "{there.address}"\n', encoding="utf-8")
    try:
        yield there, path
    finally:
        there.end()
