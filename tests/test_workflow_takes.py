"""A take that fails does not stop the others, and nobody works in a take twice at once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mocap.capture.session import Session, Take
from mocap.cli import main
from mocap.core.calibration_file import save_calibration
from mocap.core.errors import InputError, MocapError
from mocap.core.files.lock import locked
from mocap.core.store import write_text
from mocap.synthetic.rigs import ring
from mocap.workflow import run as running
from mocap.workflow.pipeline import MADE, Outcome

TAKES = 20
BAD = "take_07"


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    """Twenty takes; the work in them is pretended, in this process, one of them fails."""
    monkeypatch.setenv("MOCAP_PROCESSORS", "1")
    made = Session.create(tmp_path / "lab", rig="four_corner", board="a1_5x7")
    save_calibration(ring(2), made.calibration_path)
    for number in range(TAKES):
        for camera in ring(2).names:
            write_text(made.root / "takes" / f"take_{number:02}" / f"{camera}.mp4", "video")

    def pretend(take: Take, *_: Any, only: Sequence[str], **__: Any) -> list[Outcome]:
        if take.name == BAD:
            raise InputError("the video is cut short. Copy it again.")
        return [Outcome(stage, MADE, "not made yet", 0.0, (), {}) for stage in only]

    monkeypatch.setattr(running, "run_take", pretend)
    return made


def test_one_bad_take_of_twenty(session: Session) -> None:
    done = running.run(session.root)
    assert list(done.failures) == [BAD]
    finished = [name for name, stages in done.outcomes.items() if len(stages) >= 6]
    assert len(finished) == TAKES - 1
    with pytest.raises(MocapError, match=r"1 of 20 takes could not be finished.*'take_07'.*cut"):
        done.require_all()


def test_the_command_says_so_and_stays_valid_json(session: Session) -> None:
    ran = CliRunner().invoke(main, ["run", str(session.root), "--json"])
    assert ran.exit_code == 1
    takes = json.loads(ran.stdout)["takes"]
    assert [name for name, take in takes.items() if "error" in take] == [BAD]
    assert sum(bool(take["stages"]) for take in takes.values()) == TAKES - 1
    assert "Warning: take 'take_07' failed: the video is cut short" in ran.stderr
    assert "Error: 1 of 20 takes could not be finished" in ran.stderr


def test_the_only_take_that_was_asked_for_raises(session: Session) -> None:
    with pytest.raises(InputError, match="cut short"):
        running.run(session.root, [BAD])


def test_leftovers_go_and_what_only_looks_like_one_stays(session: Session) -> None:
    take = session.take("take_00")
    gone = [take.root / ".smoothed-abcd1234.npz", take.root / "export" / ".take_00-a_b1c2d3.fbx"]
    stay = [
        take.root / ".notes-12345678.txt",
        take.root / ".smoothed.npz",
        take.root / "a-abcd1234.npz",
    ]
    young = session.root / ".calibration-abcd1234.toml"
    for path in (*gone, *stay, young):
        write_text(path, "half")
    running.remove_leftovers(take)
    assert not any(path.exists() for path in gone)
    assert all(path.exists() for path in (*stay, young))


def test_what_a_killed_calibration_left_goes_with_the_next_work_on_the_rig(
    session: Session,
) -> None:
    left = session.calibration_corners_path("front_left").with_name(".front_left-abcd1234.npz")
    write_text(left, "half")
    with locked(session.root, "mocap calibrate"):
        assert not left.exists()


def test_a_stage_takes_all_takes_where_none_is_named(session: Session) -> None:
    ran = CliRunner().invoke(main, ["triangulate", str(session.root), "--json"])
    assert ran.exit_code == 1
    takes = json.loads(ran.stdout)["takes"]
    assert len(takes) == TAKES
    assert [name for name, take in takes.items() if "error" in take] == [BAD]
    ran = CliRunner().invoke(main, ["triangulate", str(session.root), "take_03", "--json"])
    told = json.loads(ran.stdout)
    assert (told["take"], [each["stage"] for each in told["stages"]]) == (
        "take_03",
        ["triangulate"],
    )
