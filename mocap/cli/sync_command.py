"""mocap sync: the clocks of cameras that were started by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import detector_options, session_argument, sync_options


@click.command()
@session_argument
@click.argument("takes", nargs=-1, metavar="[TAKE]...")
@click.option(
    "--calibration", is_flag=True, help="The recordings of the board instead; nothing is needed."
)
@detector_options
@sync_options
@click.option("--force", is_flag=True, help="Run it even when it is current.")
@json_option
def sync(
    session: Path,
    takes: tuple[str, ...],
    calibration: bool,
    force: bool,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Find when every camera of SESSION was started, and bring the takes to one clock.

    From the people in the takes (all, or those named), or from the moving board with
    --calibration. Writes sync.json with offset, drift, standard deviation and verdict of every
    camera; `mocap run` does the same on its way.
    """
    from mocap.capture.session import Session
    from mocap.workflow.choices import choices
    from mocap.workflow.rig.calibrate import sync_calibration
    from mocap.workflow.run import chosen_takes, run_take
    from mocap.workflow.sync import clock_lines, clocks_document

    console = Console(as_json)
    opened = Session.open(session)
    if calibration:
        if takes:
            raise click.UsageError("--calibration is about the board; leave the takes out.")
        path = sync_calibration(opened, console, force=force)
        console.result({"calibration": clocks_document(path)})
        return
    documents = {}
    for take in chosen_takes(opened, takes):
        run_take(
            take,
            choices(**chosen),
            console,
            stages=("detect", "sync"),
            from_stage="sync" if force else None,
        )
        for line in clock_lines(take.clocks_path):
            console.line(line)
        documents[take.name] = clocks_document(take.clocks_path)
    console.result({"takes": documents})
