"""mocap run: every stage of every take that is not current."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import (
    detector_options,
    export_options,
    fit_options,
    session_argument,
)
from mocap.workflow.graph import STAGES


@click.command()
@session_argument
@click.argument("takes", nargs=-1, metavar="[TAKE]...")
@detector_options
@fit_options(none=True)
@export_options
@click.option(
    "--from",
    "from_stage",
    type=click.Choice(STAGES),
    help="Run this stage and those after it even when they are current.",
)
@json_option
def run(
    session: Path, takes: tuple[str, ...], from_stage: str | None, as_json: bool, **chosen: Any
) -> None:
    """Run every stage of the takes of SESSION (all, or those named) that is not current.

    The rig is calibrated first when there is no calibration yet. A killed run continues where it
    stopped; a second run with nothing changed does nothing.
    """
    from mocap.capture.session import Session
    from mocap.workflow.choices import choices
    from mocap.workflow.pipeline import CURRENT
    from mocap.workflow.rig.calibrate import ensure_calibration
    from mocap.workflow.run import chosen_takes, document, run_takes, stages_of

    console = Console(as_json)
    opened = Session.open(session)
    selected = chosen_takes(opened, takes)
    settings = choices(**chosen)
    stages = stages_of(settings)
    calibrated = ensure_calibration(opened, console)
    outcomes = run_takes(selected, settings, console, stages=stages, from_stage=from_stage)
    for take in selected:
        console.line(f"{take.name}: {take.report_path} and {take.export_dir}")
    every = [each for of_take in outcomes.values() for each in of_take]
    if not calibrated and all(each.status == CURRENT for each in every):
        console.line("Nothing to do: everything is current.")
    console.result(
        {
            "session": opened.root,
            "calibrated": calibrated,
            "takes": {
                take.name: {
                    "stages": document(outcomes[take.name]),
                    "report": take.report_path,
                    "export": take.export_dir,
                }
                for take in selected
            },
        }
    )
