"""Two programs in one folder work one after the other, and a killed one blocks nobody."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest

from mocap.capture.edits import edits_of
from mocap.core.files import lock
from mocap.core.files.lock import LOCK_FILE, alone, holder, locked

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


EDIT = """
import sys
from pathlib import Path
from mocap.capture.edits import append_edit, checked
for frame in range(int(sys.argv[2]), int(sys.argv[2]) + 10):
    append_edit(Path(sys.argv[1]), checked("trim", {"from_frame": frame, "to_frame": 99}, "here"))
"""


def test_edits_of_two_programs_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "edits.toml"
    command = [sys.executable, "-c", EDIT, str(path)]
    several = [subprocess.Popen([*command, str(first)]) for first in (0, 10)]
    assert [each.wait(timeout=60) for each in several] == [0, 0]
    assert sorted(edit.from_frame or 0 for edit in edits_of(path, "trim")) == list(range(20))


def test_a_function_has_the_folder_of_its_owner_alone(tmp_path: Path) -> None:
    @dataclass
    class Owner:
        root: Path

    said: list[str] = []

    def another() -> None:
        with locked(tmp_path, "mocap fit", waiting=said.append):
            said.append("inside")

    @alone("mocap world")
    def work(owner: Owner, number: int) -> str:
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()  # another thread waits as another program does
        doing: str = json.loads((owner.root / LOCK_FILE).read_text())["doing"]
        return f"{doing} {number}"

    thread = Thread(target=another)
    assert work(Owner(tmp_path), 7) == "mocap world 7"
    thread.join(10)
    assert [each.split(" is in use")[0] for each in said] == [str(tmp_path), "inside"]


def test_a_block_within_a_block_and_a_folder_that_is_gone(tmp_path: Path) -> None:
    said: list[str] = []
    with locked(tmp_path, "a", waiting=said.append), locked(tmp_path, "b", waiting=said.append):
        pass
    with locked(tmp_path / "gone", "a", waiting=said.append):
        pass
    assert not said
    assert holder(tmp_path / LOCK_FILE) == "another program"


def other_machine(folder: Path, token: str = "there") -> Path:
    """Leave a lock as a program on another machine would."""
    path = folder / LOCK_FILE
    said = {"pid": 1, "host": "node7", "machine": "node7 x", "doing": "mocap fit", "token": token}
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def test_another_machine_is_believed_while_it_renews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "OLD_AFTER_S", 0.6)
    path = other_machine(tmp_path)
    started, said = time.monotonic(), []

    def renewed(sentence: str) -> None:
        said.append(sentence)
        for _ in range(3):
            time.sleep(0.3)
            path.touch()

    with locked(tmp_path, "mocap smooth", waiting=renewed):
        # 0.9 s of renewals, then 0.6 s without any.
        assert time.monotonic() - started > 1.4
        assert json.loads(path.read_text())["doing"] == "mocap smooth"
    assert said == [f"{tmp_path} is in use by process 1 on node7 (mocap fit); waiting for it to "
                    "finish."]  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_a_lock_that_took_the_place_of_an_old_one_stays(tmp_path: Path) -> None:
    path = other_machine(tmp_path, token="new")
    lock._remove_old(path, "old")
    assert json.loads(path.read_text())["token"] == "new"
    lock._remove_old(path, "new")
    assert not list(tmp_path.iterdir())


def test_who_lost_a_lock_leaves_that_of_another(tmp_path: Path) -> None:
    with locked(tmp_path, "mocap fit", waiting=print):
        path = other_machine(tmp_path)
    assert json.loads(path.read_text())["token"] == "there"
