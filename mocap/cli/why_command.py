"""mocap why: how a file came about."""

from __future__ import annotations

from pathlib import Path

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE


@click.command()
@click.argument("file", type=FILE)
@json_option
def why(file: Path, console: Console) -> None:
    """Tell what made FILE of a session, from what and with which options, back to the videos."""
    from mocap.workflow.checks.why import why as told

    lines = told(file)
    console.lines(lines)
    console.result({"file": file, "why": lines})
