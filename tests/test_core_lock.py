"""Two programs in one folder work one after the other, and a killed one blocks nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from mocap.core.files.lock import LOCK_FILE, holder, locked

HOLD = """
import sys, time
from pathlib import Path
from mocap.core.files.lock import locked
with locked(Path(sys.argv[1]), "mocap detect", waiting=lambda said: print(said, flush=True)):
    entered = time.monotonic()
    print("inside", flush=True)
    time.sleep(float(sys.argv[2]))
    print(entered, time.monotonic(), flush=True)
"""


def start(folder: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), str(seconds)], stdout=subprocess.PIPE, text=True
    )


def test_the_second_waits_and_says_for_whom(tmp_path: Path) -> None:
    first = start(tmp_path, 1.0)
    assert first.stdout is not None
    assert first.stdout.readline() == "inside\n"
    said: list[str] = []
    with locked(tmp_path, "mocap fit", waiting=said.append):
        assert len(first.communicate(timeout=10)[0].split()) == 2  # nothing but its times
        assert json.loads((tmp_path / LOCK_FILE).read_text())["doing"] == "mocap fit"
    assert len(said) == 1
    assert f"is in use by process {first.pid} on " in said[0]
    assert "(mocap detect)" in said[0]
    assert not (tmp_path / LOCK_FILE).exists()


def test_who_was_killed_blocks_nobody(tmp_path: Path) -> None:
    first = start(tmp_path, 60)
    assert first.stdout is not None
    first.stdout.readline()
    first.kill()
    first.communicate()
    assert (tmp_path / LOCK_FILE).exists()
    started = time.monotonic()
    said: list[str] = []
    with locked(tmp_path, "mocap fit", waiting=said.append):
        pass
    assert not said
    assert time.monotonic() - started < 5


def test_four_are_never_inside_together(tmp_path: Path) -> None:
    several = [start(tmp_path, 0.2) for _ in range(4)]
    texts = [each.communicate(timeout=30)[0] for each in several]
    # One clock for all processes: each came in after the one before had gone.
    times = sorted(tuple(map(float, text.splitlines()[-1].split())) for text in texts)
    assert all(left <= entered for (_, left), (entered, _) in pairwise(times))


def test_a_block_within_a_block_and_a_folder_that_is_gone(tmp_path: Path) -> None:
    said: list[str] = []
    with locked(tmp_path, "a", waiting=said.append), locked(tmp_path, "b", waiting=said.append):
        pass
    with locked(tmp_path / "gone", "a", waiting=said.append):
        pass
    assert not said
    assert holder(tmp_path) == "another program"
