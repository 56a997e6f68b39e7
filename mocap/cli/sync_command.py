"""mocap sync: the clocks of cameras that were started by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import (
    detector_options,
    force_option,
    session_argument,
    sync_options,
    takes_argument,
)

if TYPE_CHECKING:
    from mocap.capture.session import Session


@click.command()
@session_argument
@takes_argument
@click.option(
    "--calibration", is_flag=True, help="The recordings of the board instead; nothing is needed."
)
@detector_options
@sync_options
@force_option
@json_option
def sync(
    session: Session,
    takes: tuple[str, ...],
    calibration: bool,
    force: bool,
    console: Console,
    **chosen: Any,
) -> None:
    """Find when every camera of SESSION was started, and bring the takes to one clock.

    From the people in the takes (all, or those named), or from the moving board with
    --calibration. Writes sync.json with offset, drift, standard deviation and verdict of every
    camera; `mocap run` does the same on its way.
    """
    from mocap.workflow.choices import choices
    from mocap.workflow.rig.calibrate import sync_calibration
    from mocap.workflow.run import chosen_takes, run_take
    from mocap.workflow.sync import clock_lines, clocks_document

    if calibration:
        if takes:
            raise click.UsageError("--calibration is about the board; leave the takes out.")
        path = sync_calibration(session, console, force=force)
        console.result({"calibration": clocks_document(path)})
        return
    documents = {}
    for take in chosen_takes(session, takes):
        run_take(
            take,
            choices(**chosen),
            console,
            stages=("detect", "sync"),
            from_stage="sync" if force else None,
        )
        console.lines(clock_lines(take.clocks_path))
        documents[take.name] = clocks_document(take.clocks_path)
    console.result({"takes": documents})
