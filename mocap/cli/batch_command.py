"""mocap batch: every take of many sessions, on several processes and machines."""

from __future__ import annotations

from typing import Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import SESSION, options_of, take_options
from mocap.workflow.batch.choices import BatchChoice, parted


@click.command()
@click.argument("sessions", nargs=-1, required=True, type=SESSION, metavar="SESSION...")
@options_of(BatchChoice)
@take_options
@json_option
def batch(sessions: Any, console: Console, **said: Any) -> None:
    """Run every stage of every take of each SESSION that is not current, side by side."""
    from mocap.workflow.batch.run import run_batch

    done = run_batch(sessions, *parted(said), progress=console, live=console.live)
    console.result(done.document())
    done.require_all()
