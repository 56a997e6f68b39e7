"""Readers that work in a process of their own, in forks instead: thousands of them in a minute."""

from __future__ import annotations

import os
import resource
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from mocap.detect.imported import hdf5

LONGEST_S = 5
_UNCAUGHT = 99


def in_forks(read: Callable[[Path], object]) -> Callable[[Path], object]:
    """Return a reader of HDF5 files that forks where `mocap` starts a process.

    What the library does to its process is no failure, as it is none of `mocap`'s; what Python lets
    through is, and so is a reading that takes too long.
    """

    def reading(path: Path) -> object:
        problems: list[str] = []

        def forked(file: Path) -> tuple[int, str]:
            status, text = _forked(file)
            if status in (_UNCAUGHT, -signal.SIGXCPU):
                problems.append(text or f"longer than {LONGEST_S} s")
            return status, text

        with mock.patch.object(hdf5, "in_a_process", forked):
            try:
                return read(path)
            finally:
                if problems:
                    raise RuntimeError(problems[0])

    return reading


def _forked(file: Path) -> tuple[int, str]:
    listening, speaking = os.pipe()
    process = os.fork()
    if process == 0:
        _tell(file, speaking)
    os.close(speaking)
    with os.fdopen(listening, encoding="utf-8") as pipe:
        text = pipe.read()
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status), text


def _tell(file: Path, speaking: int) -> None:
    code = _UNCAUGHT
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST_S, LONGEST_S + 1))
        os.close(2)  # the library says there what breaks it
        with os.fdopen(speaking, "w", encoding="utf-8") as pipe:
            try:
                pipe.write(hdf5.told(file))
                code = 0
            except BaseException:
                pipe.write(traceback.format_exc())
    finally:
        os._exit(code)
