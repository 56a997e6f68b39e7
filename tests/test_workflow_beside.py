"""Takes of one run side by side: what other processes do and tell, and what is made."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from mocap.capture.session import Session
from mocap.core.errors import CalibrationError, InputError, MocapError
from mocap.synthetic.keypoint_session import walking_session
from mocap.workflow.beside.pool import Beside, There, result_of
from mocap.workflow.beside.run import _At, _Going, _Watched, run_beside
from mocap.workflow.beside.wanted import Wanted
from mocap.workflow.choices import choices
from mocap.workflow.graph import STAGES
from mocap.workflow.pipeline import Outcome
from mocap.workflow.progress import Quiet
from mocap.workflow.run import chosen_takes, run_takes, stages_of

CHOSEN = choices(to="csv", body="free")


class Heard(Quiet):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def started(self, what: str) -> None:
        self.said.append(what)

    def advanced(self, what: str, done: int, total: int | None) -> None:
        self.said.append((what, done, total))

    def warned(self, *sentences: str) -> None:
        self.said += sentences


class Noted:
    """Processes that begin nothing and remember what was asked of them."""

    def __init__(self, free: int = 1) -> None:
        self.begun: list[str] = []
        self.free = free

    def start(self, work: object, wanted: Wanted, name: str, part: tuple[str, ...]) -> Future[Any]:
        self.begun.append(name)
        self.free -= 1
        return Future()


def count_to(last: int) -> int:
    told = There("walk, ")
    told.started("walk: count")
    for number in range(last):
        told.advanced("front", number, last)
    told.warned("one", "two")
    return os.getpid()


def refuse() -> None:
    raise InputError("square_mm is 0. Correct it.")


def die() -> None:
    os._exit(9)


def test_other_processes_tell_through_this_one_and_raise_what_they_raised() -> None:
    heard = Heard()
    with Beside(1, heard) as beside:
        counting, refusing = beside.start(count_to, 3), beside.start(refuse)
        assert result_of(counting) != os.getpid()
        with pytest.raises(InputError, match="square_mm is 0"):
            result_of(refusing)
    steps = [("walk, front", number, 3) for number in range(3)]
    assert heard.said == ["walk: count", *steps, "one", "two"]


def test_a_process_that_dies_is_a_sentence() -> None:
    with Beside(1, Quiet()) as beside:
        dying = beside.start(die)
        with pytest.raises(MocapError, match="want of memory"):
            result_of(dying)


def test_an_error_here_ends_what_works_beside() -> None:
    with pytest.raises(ZeroDivisionError), Beside(1, Quiet()) as beside:
        beside.start(count_to, 10**9)
        raise ZeroDivisionError


def test_detection_ends_when_the_calibration_has_failed(tmp_path: Path) -> None:
    root = walking_session(tmp_path / "lab", 1, frames=4, cameras=2).root
    wanted = Wanted(root, CHOSEN, stages_of(CHOSEN), None, accept=False)
    heard, calibration = Heard(), Future[bool]()
    takes = chosen_takes(Session.open(root), ())
    going = _Going(wanted, takes, cast("Beside", Noted()), heard, None)
    going._calibration = calibration
    watched = _Watched(heard, going._look)
    watched.advanced("front", 1, 9)
    calibration.set_exception(CalibrationError("no camera saw the board."))
    with pytest.raises(CalibrationError, match="no camera saw the board"):
        watched.advanced("front", 2, 9)
    assert heard.said == [("front", 1, 9)]


@pytest.mark.parametrize(
    ("asked", "starts"),
    [
        (None, (None, None, None)),
        ("detect", ("detect", "sync", "fit")),
        ("smooth", (None, "smooth", "fit")),
        ("report", (None, None, "report")),
    ],
)
def test_what_comes_after_a_stage_that_was_asked_for_is_made_again(
    asked: str | None, starts: tuple[str | None, ...]
) -> None:
    wanted = Wanted(Path(), choices(), STAGES, asked, accept=False)
    assert tuple(wanted.start(part) for part in wanted.parts()) == starts


def test_what_is_left_at_the_end_fills_the_processors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four takes the second and the fourth are of one person; there are two processors."""
    root = walking_session(tmp_path / "lab", 4, frames=4, cameras=2).root
    meets = {"walk_02": ("walk_04",), "walk_04": ("walk_02",)}
    monkeypatch.setattr("mocap.workflow.beside.run.companions", lambda takes, choices: meets)
    monkeypatch.setattr("mocap.workflow.beside.run.usable_processors", lambda: 2)
    takes, there = chosen_takes(Session.open(root), ()), Noted(free=9)
    wanted = Wanted(root, CHOSEN, stages_of(CHOSEN), None, accept=False)
    going = _Going(wanted, takes, cast("Beside", there), Quiet(), None)
    order = [take.name for take in going.in_order(takes)]
    assert order == ["walk_02", "walk_04", "walk_01", "walk_03"] == list(going._at)
    going._at |= dict.fromkeys(order[:3], _At.LED)
    # of three that can go on, two are kept while the last is being detected
    going._look()
    assert there.begun == ["walk_02"]
    # then what leads to the rest of the last comes first, and its rest before that of others
    going._at["walk_03"] = _At.DETECTED
    there.free = 1
    going._look()
    assert there.begun[1:] == ["walk_03"]
    next(iter(work for work, name in going._works.items() if name == "walk_03")).set_result([])
    there.free = 1
    going._look()
    assert there.begun[2:] == ["walk_03"]
    going._works.clear()
    there.free = 0
    going._look()
    assert there.begun[3:] == ["walk_01"]  # something is always begun: else nobody would wait
    going._look()
    there.free = 9
    going._look()
    assert there.begun[4:] == ["walk_04"]
    assert set(going._at.values()) == {_At.REST}


def test_work_begins_where_a_process_is_free() -> None:
    with Beside(1, Quiet()) as beside:
        assert beside.free == 1
        counting = beside.start(count_to, 3)
        assert beside.free == 0 or counting.done()
        result_of(counting)
        assert beside.free == 1


def one_after_another(root: Path) -> dict[str, list[Outcome]]:
    """Run the takes of a session in this process."""
    takes = chosen_takes(Session.open(root), ())
    return run_takes(takes, CHOSEN, Quiet(), stages=stages_of(CHOSEN))


@pytest.mark.slow
def test_side_by_side_makes_the_same_files(tmp_path: Path) -> None:
    """In processes that find their kernels compiled: where they are compiled they round differently
    in the last digit (docs/batch.md)."""
    bare = walking_session(tmp_path / "bare" / "lab", 2, frames=20, cameras=3).root
    found = []
    for way in ("compiling", "one after another", "side by side"):
        root = Path(shutil.copytree(bare, tmp_path / way / "lab"))
        if way == "side by side":
            wanted = Wanted(root, CHOSEN, stages_of(CHOSEN), None, accept=False)
            failures: dict[str, str] = {}
            takes = chosen_takes(Session.open(root), ())
            outcomes = run_beside(wanted, takes, Quiet(), failures)
            assert not failures
        else:
            with Beside(1, Quiet()) as apart:
                outcomes = result_of(apart.start(one_after_another, root))
        made = [stage for stage in stages_of(CHOSEN) if stage != "detect"]
        done = {name: [each.stage for each in of_take] for name, of_take in outcomes.items()}
        assert done == {"walk_01": made, "walk_02": made}
        found.append({
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted((root / "takes").rglob("*")) if path.is_file()
        })  # fmt: skip
    _, one, beside = found
    assert any("body_0" in name for name in one)
    assert one == beside
