"""mocap trend SUBJECT SESSION SESSION SESSION…: visits compared."""

from __future__ import annotations

from pathlib import Path

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FOLDER


@click.command()
@click.argument("subject")
@click.argument("sessions", nargs=-1, type=FOLDER)
@json_option
def trend(subject: str, sessions: tuple[Path, ...], console: Console) -> None:
    """Compare what was measured of SUBJECT over SESSIONS, in the order they are named."""
    from mocap.workflow.measure.trend import trend as compare

    courses, written = compare(subject, sessions)
    real = [each for each in courses if each.trend.real]
    for each in real:
        change, band = each.trend.change, each.trend.change_band
        console.line(f"{each.kind} {each.name}: {change:+.3g} ± {band:.2g} {each.unit}")
    console.line(f"{len(real)} of {len(courses)} measures changed by more than chance")
    for path in written:
        console.line(f"Wrote {path}")
    console.result({"subject": subject, "files": written, "changed": [e.name for e in real]})
