from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from clips_take import fake_take, run_fake_take

from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray
from mocap.core.store import file_hash, load_artifact
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.pipeline import (
    CURRENT,
    MADE,
    Made,
    Outcome,
    Stage,
    artifact_stage,
    files_stage,
    run_stages,
)


@dataclass(frozen=True, eq=False)
class Numbers:
    values: FloatArray


class Chain:
    """Three small stages: double a file of numbers, add one, write a text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "source.txt"
        self.source.write_text("1 2 3")
        self.add = 1.0
        self.calls: list[str] = []

    def stages(self) -> list[Stage]:
        doubled, added = self.folder / "doubled.npz", self.folder / "added.npz"

        def double() -> Made:
            self.calls.append("double")
            values = np.array([2 * float(word) for word in self.source.read_text().split()])
            return Made(Numbers(values), ["doubled with care"], {"count": len(values)})

        def add() -> Made:
            self.calls.append("add")
            return Made(Numbers(load_artifact(doubled, Numbers).values + self.add))

        def write() -> Made:
            self.calls.append("write")
            path = self.folder / "out" / "numbers.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(str(load_artifact(added, Numbers).values.tolist()))
            return Made([path])

        return [
            artifact_stage(
                "double", doubled, Numbers, inputs={"source": self.source}, options={}, make=double
            ),
            artifact_stage(
                "add",
                added,
                Numbers,
                inputs={"doubled": doubled},
                options={"add": self.add, "pair": (1, 2)},
                make=add,
            ),
            files_stage(
                "write",
                self.folder / "out" / "made.json",
                inputs={"added": added},
                options={},
                make=write,
            ),
        ]

    def run(self, from_stage: str | None = None) -> list[Outcome]:
        self.calls.clear()
        return run_stages(self.stages(), version="1", from_stage=from_stage)


@pytest.fixture
def chain(tmp_path: Path) -> Chain:
    return Chain(tmp_path)


def test_everything_is_made_once(chain: Chain) -> None:
    first = chain.run()
    assert [each.status for each in first] == [MADE] * 3
    assert first[0].warnings == ("doubled with care",) and first[0].notes == {"count": 3}
    assert (chain.folder / "out" / "numbers.txt").read_text() == "[3.0, 5.0, 7.0]"
    second = chain.run()
    assert chain.calls == [] and [each.status for each in second] == [CURRENT] * 3
    # What a person should know is said again although nothing was computed.
    assert second[0].warnings == ("doubled with care",)


def test_a_changed_input_runs_what_depends_on_it(chain: Chain) -> None:
    chain.run()
    chain.source.write_text("1 2 4")
    outcomes = chain.run()
    assert chain.calls == ["double", "add", "write"]
    assert outcomes[0].reason == "input changed: source"


def test_the_same_content_is_the_same_input(chain: Chain) -> None:
    chain.run()
    os.utime(chain.source, (1, 1))
    chain.run()
    assert chain.calls == []


def test_making_the_same_again_leaves_later_stages_current(chain: Chain) -> None:
    chain.run()
    (chain.folder / "doubled.npz").unlink()
    chain.run()
    # An artifact's bytes depend on its content and origin only, not on when it was made.
    assert chain.calls == ["double"]


def test_a_changed_option_is_named(chain: Chain) -> None:
    chain.run()
    chain.add = 5.0
    outcomes = chain.run()
    assert chain.calls == ["add", "write"]
    assert outcomes[1].reason == "options changed: add 1.0 -> 5.0"


def test_from_a_stage_onwards(chain: Chain) -> None:
    chain.run()
    outcomes = chain.run(from_stage="add")
    assert chain.calls == ["add", "write"] and outcomes[1].reason == "asked for"
    with pytest.raises(InputError, match="no stage 'fit'"):
        chain.run(from_stage="fit")


@pytest.mark.parametrize("damage", ["cut", "garbage", "empty"])
def test_a_damaged_artifact_is_named_and_rebuilt(chain: Chain, damage: str) -> None:
    chain.run()
    path = chain.folder / "doubled.npz"
    data = path.read_bytes()
    path.write_bytes({"cut": data[: len(data) // 2], "garbage": b"x" * 99, "empty": b""}[damage])
    outcomes = chain.run()
    assert chain.calls == ["double"]
    assert "rebuilt, because" in outcomes[0].reason and str(path) in outcomes[0].reason
    assert path.read_bytes() == data


def test_a_flipped_bit_in_the_content_is_found(chain: Chain) -> None:
    chain.run()
    path = chain.folder / "doubled.npz"
    data = bytearray(path.read_bytes())
    data[data.index(b"values.npy") + 40] ^= 0xFF
    path.write_bytes(bytes(data))
    assert "rebuilt" in chain.run()[0].reason


def test_written_files_are_watched(chain: Chain) -> None:
    chain.run()
    path = chain.folder / "out" / "numbers.txt"
    for change in (lambda: path.write_text("edited"), path.unlink):
        change()
        chain.run()
        assert chain.calls == ["write"] and path.read_text() == "[3.0, 5.0, 7.0]"
    (chain.folder / "out" / "made.json").write_text("{")
    assert "made.json is damaged" in chain.run()[2].reason


def test_a_failed_stage_keeps_what_was_made_before(chain: Chain) -> None:
    chain.run()
    chain.source.write_text("1 two")
    with pytest.raises(ValueError, match="two"):
        chain.run()
    # The old artifact stays whole; it is only no longer current.
    assert load_artifact(chain.folder / "doubled.npz", Numbers).values.tolist() == [2, 4, 6]
    assert not list(chain.folder.glob(".doubled*"))


def test_a_missing_input_says_which_command_makes_it(chain: Chain) -> None:
    with pytest.raises(InputError, match=r"`mocap add` needs doubled.*Run the stages before it"):
        run_stages(chain.stages()[1:2], version="1")


def test_hashes_are_remembered_until_a_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, cache = tmp_path / "left.mp4", tmp_path / "cache.json"
    video.write_bytes(b"first")
    truth = file_hash(video)
    assert FileHashes(cache, tmp_path)(video) == truth
    monkeypatch.setattr(
        "mocap.workflow.file_hashes.file_hash", lambda path: pytest.fail("read again")
    )
    assert FileHashes(cache, tmp_path)(video) == truth
    monkeypatch.undo()
    video.write_bytes(b"second, longer")
    assert FileHashes(cache, tmp_path)(video) == file_hash(video)
    cache.write_text("not json")
    assert FileHashes(cache, tmp_path)(video) == file_hash(video)


def test_hashes_are_told_where_nothing_can_be_written(tmp_path: Path) -> None:
    video = tmp_path / "left.mp4"
    video.write_bytes(b"first")
    (tmp_path / "file").write_text("no folder")
    assert FileHashes(tmp_path / "file" / "cache.json", tmp_path)(video) == file_hash(video)


def test_a_folder_of_images_has_one_hash(tmp_path: Path) -> None:
    folder = tmp_path / "left"
    folder.mkdir()
    (folder / "a.png").write_bytes(b"1")
    hashes = FileHashes(tmp_path / "cache.json", tmp_path)
    first = hashes(folder)
    (folder / "b.png").write_bytes(b"2")
    second = hashes(folder)
    (folder / "b.png").rename(folder / "c.png")
    assert len({first, second, hashes(folder)}) == 3


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from clips_take import run_fake_take
run_fake_take(Path(sys.argv[1]), slow_camera=sys.argv[2])
"""


def test_a_killed_run_repeats_no_finished_camera(tmp_path: Path) -> None:
    take = fake_take(tmp_path / "lab")
    code = KILLED.format(tests=str(Path(__file__).parent))
    process = subprocess.Popen([sys.executable, "-c", code, str(take.session.root), "right"])
    try:
        finished = take.camera_detections_path("left")
        deadline = time.monotonic() + 60
        while not finished.is_file():
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.wait(timeout=30)
    assert process.returncode == -signal.SIGKILL
    # Nothing half-written: the unfinished camera has no file, the take has no artifact.
    assert not take.camera_detections_path("right").exists()
    assert not take.artifact("detections").exists()
    looked_at = run_fake_take(take.session.root)
    assert looked_at == ["right"]
    assert take.artifact("detections").is_file()
    assert not take.camera_detections_path("left").exists()
    assert run_fake_take(take.session.root) == []
    assert json.loads((take.session.root / ".file_hashes.json").read_text())
