"""mocap detect, associate, triangulate, …: one stage each, by the table of stages."""

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
    session_argument,
    sync_options,
    takes_argument,
)
from mocap.workflow.graph import STAGES, Row, row_of

if TYPE_CHECKING:
    from mocap.capture.session import Session

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

    def run(
        session: Session, takes: tuple[str, ...], force: bool, console: Console, **chosen: Any
    ) -> None:
        from mocap.workflow.choices import choices
        from mocap.workflow.run import run_stage

        done = run_stage(session, takes, choices(**chosen), console, row.name, force=force)
        console.result(done.of_one() if len(takes) == 1 else done.document())
        done.require_all()

    groups = [OPTIONS[name] for name in row.options]
    arguments = (takes_argument, session_argument)
    for decorate in (json_option, force_option, *reversed(groups), *arguments):
        run = decorate(run)
    return click.command(row.name, help=row.about)(run)


def __getattr__(name: str) -> click.Command:
    """Return the command of a stage: `mocap.cli.take_commands.detect`."""
    if name in STAGES:
        return stage_command(row_of(name))
    raise AttributeError(f"no stage is called '{name}'")
