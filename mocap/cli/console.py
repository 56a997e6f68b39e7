"""What commands say: lines for people, progress on a terminal, one JSON document for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import click

from mocap.core.plain import plain
from mocap.workflow.progress import TimeLeft, left_in_words, table_lines

# A line per quarter of a video keeps logs short and shows that something happens.
PLAIN_COUNT = 10
"""Without a terminal, steps of unknown number are told every so often."""

PLAIN_STEPS = 4


class Console:
    """Where a command speaks.

    With `as_json` only `result` writes to standard output; everything else goes to standard error,
    so that a program can read the document and a person still sees the progress.
    """

    _unanswered: ClassVar[bool] = False

    def __init__(self, as_json: bool = False) -> None:
        """Speak to people, or to machines with `as_json`."""
        self.as_json = as_json
        Console._unanswered = as_json
        self._bar_open, self._live = False, 0
        self._steps_said: dict[str, int] = {}
        self._doing: dict[str, tuple[int, int]] = {}
        self._time_left = TimeLeft()

    def line(self, text: str) -> None:
        """Say one line."""
        self._end_bar()
        click.echo(text, err=self.as_json)

    def lines(self, texts: Iterable[str]) -> None:
        """Say line by line."""
        for text in texts:
            self.line(text)

    def started(self, what: str) -> None:
        """Say what begins."""
        self.line(what)

    def finished(self, what: str, details: Sequence[str] = ()) -> None:
        """Say what is done, and what there is to say of it."""
        self.lines((what, *details))

    def warned(self, *sentences: str) -> None:
        """Say each warning on its own line."""
        self.lines(f"Warning: {sentence}" for sentence in sentences)

    def advanced(self, what: str, done: int, total: int | None) -> None:
        """Show how far a camera is: a bar on a terminal, a line per quarter otherwise.

        Frames are counted; whatever else is said after a colon: "fit of person 0: steps".
        """
        if total is None:
            self._counted(what, done)
            return
        if not total:
            return
        self._time_left.hear(what, done, total)
        left = left_in_words(self._time_left.left_s(what))
        if sys.stderr.isatty():
            self._doing[what] = (done, total)
            going = {name: each for name, each in self._doing.items() if each[0] < each[1]}
            if going:  # several cameras advance at the same time: one bar for all of them
                what = ", ".join(going)
                done, total = (sum(each) for each in zip(*going.values(), strict=True))
                left = left_in_words(self._time_left.left_s(*going))
            filled = round(30 * done / total)
            bar = "#" * filled + "-" * (30 - filled)
            name, unit = what.split(": ")[0], (*what.split(": "), "frames")[1]
            told = f"{name} [{bar}] {done}/{total} {unit}{left}"
            click.echo(f"\r  {told}\x1b[K", nl=False, err=True)
            self._bar_open = True
            if done >= total:
                self._end_bar()
            return
        step = done * PLAIN_STEPS // total
        if step == 0:
            # The same camera again, with another video.
            self._steps_said[what] = 0
        if step > self._steps_said.get(what, 0):
            self._steps_said[what] = step
            if ": " in what:  # what is counted is said
                self.line(f"  {what} {done}/{total}{left}")
            else:
                self.line(f"  {what}: {done}/{total} frames{left}")

    def _counted(self, what: str, done: int) -> None:
        """Show how many steps of unknown number are done."""
        if sys.stderr.isatty():
            click.echo(f"\r  {what}: {done}", nl=False, err=True)
            self._bar_open = True
        elif done % PLAIN_COUNT == 0:
            self.line(f"  {what}: {done}")

    def live(self, lines: Sequence[str]) -> None:
        """Show lines that change, in their place on a terminal; logs have what is finished."""
        if sys.stderr.isatty():
            self._end_bar()
            click.echo("".join(f"\x1b[K{line}\n" for line in lines) + "\x1b[J", nl=False, err=True)
            self._live = len(lines)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Say a table: first column to the left, the others to the right."""
        self.lines(table_lines(header, rows))

    def result(self, document: Mapping[str, Any]) -> None:
        """Write the JSON document, when one was asked for."""
        self._end_bar()
        if self.as_json:
            click.echo(json.dumps(plain(document), indent=1, ensure_ascii=False))
            Console._unanswered = False

    @staticmethod
    def failed(why: str) -> None:
        """Write a document that says so, when one was asked for and none was written."""
        if Console._unanswered:
            Console(as_json=True).result({"error": why})

    def _end_bar(self) -> None:
        if self._live:  # what is said next stands in the place of the lines that change
            click.echo(f"\x1b[{self._live}A\x1b[J", nl=False, err=True)
            self._live = 0
        if self._bar_open:
            self._bar_open = False
            click.echo("", err=True)


def _speaking(_: click.Context, __: click.Parameter, as_json: bool) -> Console:
    return Console(as_json)


json_option = click.option(
    "--json",
    "console",
    is_flag=True,
    is_eager=True,  # what stops a command before it begins is told as JSON too
    callback=_speaking,
    help="Write one JSON document instead of lines.",
)
"""Gives a command its `console: Console`, which speaks to people or to machines."""
