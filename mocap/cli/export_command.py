"""mocap export: files for other programs, and the motion on somebody's own character."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import (
    FILE,
    export_options,
    force_option,
    session_argument,
    takes_argument,
)

if TYPE_CHECKING:
    from mocap.capture.session import Session


@click.command()
@session_argument
@takes_argument
@export_options
@click.option(
    "--onto",
    type=FILE,
    metavar="HERO.FBX|HERO.GLB",
    help="Add the motion to a copy of your own character's file.",
)
@click.option(
    "--map", "map_file", type=FILE, help="TOML file that says which of its bones are which joints."
)
@click.option("--list-joints", is_flag=True, help="Only list the bones of --onto, as a map file.")
@force_option
@json_option
def export(
    session: Session,
    takes: tuple[str, ...],
    onto: Path | None,
    map_file: Path | None,
    list_joints: bool,
    force: bool,
    console: Console,
    **chosen: Any,
) -> None:
    """Write the motion of takes (all, or those named) for other programs; compute nothing again."""
    from mocap.workflow.choices import choices
    from mocap.workflow.export.onto import list_joints_of
    from mocap.workflow.export.takes import export_takes

    if onto is None and (list_joints or map_file is not None):
        raise click.UsageError("--map and --list-joints are about a character: give --onto too.")
    if onto is not None and list_joints:
        lines = list_joints_of(onto, map_file, console)
        return console.result({"file": onto, "lines": lines})
    done = export_takes(session, takes, choices(**chosen), onto, map_file, console, force=force)
    only = [{"take": name, "stages": stages} for name, stages in done.items()]
    console.result(only[0] if len(only) == 1 else {"takes": done})
