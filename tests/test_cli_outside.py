"""What the world outside does ends in one sentence, exit status 1 and, with --json, a document."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from mocap.cli import main
from mocap.core.errors import StorageError
from mocap.core.files.outside import printable, sentence
from mocap.core.store import atomic_write, write_text

NEW = ["new", "--rig", "four_corner", "--board", "a1_5x7"]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "the disk is full (1234.5 MB are free). Make room"),
        (errno.EROFS, "the disk is read-only"),
        (errno.EACCES, "Change the permissions"),
        (errno.EIO, "the disk reports an error of its own"),
        (errno.EDEADLK, os.strerror(errno.EDEADLK)),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_every_step_of_writing_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, words: str
) -> None:
    path = tmp_path / "some.txt"
    write_text(path, "before")

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os if call == "fsync" else Path, call, fail)
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage(1_234_500_000))
    with pytest.raises(StorageError) as caught:
        write_text(path, "after")
    assert str(caught.value).startswith(f"cannot write {path}: ")
    assert words in str(caught.value)
    monkeypatch.undo()
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


class _Usage:
    def __init__(self, free: int) -> None:
        self.free = free


def test_a_file_where_a_folder_belongs_and_the_other_way_round(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"lies there already|a file lies where a folder"):
        write_text(tmp_path / "file" / "some.txt", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="a folder lies where a file belongs"):
        write_text(tmp_path / "folder", "text")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "folder"]


def test_an_error_of_ours_within_a_writing_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="mine"), atomic_write(tmp_path / "some.txt"):
        raise ValueError("mine")
    assert not list(tmp_path.iterdir())


def test_commands_say_it_in_one_line_and_as_json(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("")
    ran = CliRunner().invoke(main, [*NEW, str(place / "session")])
    assert ran.exit_code == 1
    assert ran.output.startswith("Error: cannot ")
    assert ran.output.count("\n") == 1
    ran = CliRunner().invoke(main, ["run", str(tmp_path / "nothing"), "--json"])
    assert ran.exit_code == 1
    assert "there is no session folder" in json.loads(ran.stdout)["error"]
    assert "Error: there is no session folder" in ran.stderr


def test_names_that_are_no_text_can_be_said() -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    assert printable(name) == "caf\\udce9.mp4"
    said = sentence(OSError(errno.ENOENT, "no", name), "read " + name)
    assert said.encode("utf-8").startswith(b"cannot read caf")
