"""The time that is said to be left: of what is counted, and of a batch."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from mocap.cli.console import Console
from mocap.workflow.batch.plan import CALIBRATE, Step
from mocap.workflow.batch.table import Table
from mocap.workflow.batch.work import Done
from mocap.workflow.pipeline import CURRENT, MADE
from mocap.workflow.progress import TimeLeft, left_in_words


class Clock:
    """Goes on when it is told to."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def count(
    left: TimeLeft, clock: Clock, what: str, frames: range, total: int, each_s: float
) -> None:
    for done in frames:
        clock.now_s += each_s
        left.hear(what, done, total)


def test_the_pace_is_that_of_work_and_nothing_is_said_before_it_is_known() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    # The calibration looked at this camera, and broke off; then its networks are loaded.
    count(left, clock, "front", range(1, 21), 210, 0.1)
    clock.now_s += 100.0
    left.hear("front", 1, 150)
    clock.now_s += 60.0  # kernels are compiled
    count(left, clock, "front", range(2, 46), 150, 0.1)
    # Four seconds of work after the wait: two intervals and that of the wait.
    assert left.left_s("front") == pytest.approx((150 - 45) * 0.1)
    fresh = TimeLeft(clock)
    count(fresh, clock, "front", range(1, 60), 150, 0.1)
    assert fresh.left_s("front") is None
    assert left_in_words(fresh.left_s("front")) == ""


def test_the_next_take_of_a_camera_knows_nothing_of_the_last() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    count(left, clock, "front", range(1, 91), 90, 0.1)
    assert left.left_s("front") == 0.0
    clock.now_s += 300.0
    # It begins with more frames than the last began with: a part was kept.
    count(left, clock, "front", range(30, 41), 120, 0.1)
    assert left.left_s("front") is None
    count(left, clock, "front", range(41, 101), 120, 0.1)
    assert left.left_s("front") == pytest.approx(2.0)


def test_bursts_are_not_the_pace_and_a_slower_pace_is_found() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    for done in range(1, 97):
        clock.now_s += 4.0 if done % 16 == 1 else 0.0  # sixteen at once
        left.hear("front", done, 1000)
    assert left.left_s("front") == pytest.approx((1000 - 96) * 4.0 / 16)
    count(left, clock, "front", range(97, 200), 1000, 1.0)
    assert left.left_s("front") == pytest.approx(1000 - 199)


def test_of_cameras_side_by_side_the_last_counts() -> None:
    clock = Clock()
    left = TimeLeft(clock)
    for done in range(1, 41):
        clock.now_s += 0.5
        left.hear("front", done, 50)
        left.hear("side", done, 200)
    assert left.left_s("front", "side", "done long ago") == pytest.approx(80.0)
    left.hear("back", 1, 50)
    assert left.left_s("front", "back") is None


def test_the_console_says_no_time_that_another_take_took(
    capsys: pytest.CaptureFixture[str],
) -> None:
    clock = Clock()
    console = Console()
    console._time_left = TimeLeft(clock)
    for total, wait_s in ((90, 0.0), (150, 400.0)):
        clock.now_s += wait_s
        for done in range(1, total + 1):
            clock.now_s += 0.125  # exact in binary
            console.advanced("front", done, total)
    told = click.unstyle(capsys.readouterr().out).splitlines()
    assert "  front: 38/150 frames" in told
    assert "  front: 75/150 frames, 9 s left" in told
    assert not any("min left" in line for line in told)


def test_a_batch_tells_the_time_of_the_stages_that_are_left() -> None:
    root = Path("lab")
    stages = ("detect", "smooth")
    steps = [Step(root, "", CALIBRATE)] + [
        Step(root, take, stage) for take in ("a", "b", "c", "d") for stage in stages
    ]
    table = Table(steps)
    assert "left" not in table.lines()[0]
    table.end(steps[0].key, Done(MADE, seconds=900.0))  # tells nothing of the others
    table.end(steps[1].key, Done(MADE, seconds=100.0))
    assert "left" not in table.lines()[0]
    table.end(steps[2].key, Done(MADE, seconds=20.0))
    assert table.lines()[0].endswith(", about 6 min left")
    table.begun(steps[3].key, "here")
    table.begun(steps[5].key, "there")
    assert table.lines()[0].endswith(", about 3 min left")
    for step in steps[3:7]:
        table.end(step.key, Done(CURRENT, seconds=0.0))
    # What was current says nothing of the last; soon is not said.
    assert "left" not in table.lines()[0]
