"""mocap export: files for other programs, and the motion on somebody's own character."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, export_options, force_option, session_argument

if TYPE_CHECKING:
    from mocap.capture.session import Session, Take


@click.command()
@session_argument
@click.argument("takes", nargs=-1, metavar="TAKE...")
@click.option("--all-takes", is_flag=True, help="Every take of the session.")
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
    all_takes: bool,
    onto: Path | None,
    map_file: Path | None,
    list_joints: bool,
    force: bool,
    console: Console,
    **chosen: Any,
) -> None:
    """Write the motion of takes for other programs; nothing is computed again."""
    from mocap.workflow.run import chosen_takes

    if onto is None and (list_joints or map_file is not None):
        raise click.UsageError("--map and --list-joints are about a character: give --onto too.")
    if onto is not None and list_joints:
        from mocap.workflow.export.onto import list_joints_of

        console.result({"file": onto, "lines": list_joints_of(onto, map_file, console)})
        return
    if bool(takes) == all_takes:
        raise click.UsageError("name takes, or give --all-takes.")
    done = {
        take.name: _exported(take, chosen, onto, map_file, force, console)
        for take in chosen_takes(session, takes)
    }
    if len(done) == 1:
        name, stages = next(iter(done.items()))
        console.result({"take": name, "stages": stages})
    else:
        console.result({"takes": done})


def _exported(
    take: Take,
    chosen: dict[str, Any],
    onto: Path | None,
    map_file: Path | None,
    force: bool,
    console: Console,
) -> list[dict[str, object]]:
    """Export one take; return what happened, for machines."""
    from mocap.workflow.choices import choices
    from mocap.workflow.run import document, run_take

    settings = choices(**chosen)
    if onto is None:
        start = "export" if force else None
        outcomes = run_take(take, settings, console, stages=("export",), from_stage=start)
        return document(outcomes)
    from mocap.workflow.export.onto import export_onto

    result = export_onto(take, settings, onto, console, map_file=map_file)
    files = [str(path) for path in result.paths]
    return [{"stage": "export", "files": files, "warnings": result.remarks}]
