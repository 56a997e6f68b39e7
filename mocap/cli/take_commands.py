"""mocap detect, associate, triangulate, …: one stage of one take each, by the table of stages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import (
    detector_options,
    export_options,
    fit_options,
    force_option,
    people_options,
    report_options,
    sync_options,
    take_argument,
)
from mocap.workflow.graph import STAGES, Row, row_of

if TYPE_CHECKING:
    from mocap.capture.session import Take

OPTIONS = {
    "detector": detector_options,
    "sync": sync_options,
    "people": people_options,
    "fit": fit_options,
    "report": report_options,
    "export": export_options,
}
"""What a row of the table calls a group of choices -> how a command offers them."""


def stage_command(row: Row) -> click.Command:
    """Return the command that runs one stage."""

    def run(take: Take, force: bool, console: Console, **chosen: Any) -> None:
        from mocap.workflow.choices import choices
        from mocap.workflow.run import document, run_take

        outcomes = run_take(
            take,
            choices(**chosen),
            console,
            stages=(row.name,),
            from_stage=row.name if force else None,
        )
        console.result({"take": take.name, "stages": document(outcomes)})

    groups = [OPTIONS[name] for name in row.options]
    for decorate in (json_option, force_option, *reversed(groups), take_argument):
        run = decorate(run)
    return click.command(row.name, help=row.about)(run)


def __getattr__(name: str) -> click.Command:
    """Return the command of a stage: `mocap.cli.take_commands.detect`."""
    if name in STAGES:
        return stage_command(row_of(name))
    raise AttributeError(f"no stage is called '{name}'")
