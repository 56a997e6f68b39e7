"""mocap people: who is in a take, their names, and corrections of who is who."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mocap.capture.edits_file import ACTIONS
from mocap.cli.console import Console, json_option
from mocap.cli.options import session_argument, take_argument


@click.command()
@session_argument
@take_argument
@click.argument("action", type=click.Choice(["list", *ACTIONS, "undo"]), default="list")
@click.argument("people", type=int, nargs=-1, metavar="[PERSON]...")
@click.option("--from-frame", type=click.IntRange(0), help="First frame of the correction.")
@click.option("--to-frame", type=click.IntRange(0), help="Last frame of the correction.")
@click.option("--name", help="The name, for `name`.")
@json_option
def people(
    session: Path, take: str, action: str, people: tuple[int, ...], as_json: bool, **options: Any
) -> None:
    """List everybody in TAKE with a picture, or correct who is who.

    \b
    swap A B --from-frame N   A and B change places from there on (or --to-frame M)
    merge A B                 B is A
    split A --from-frame N    from there on A is somebody else, who gets the next free number
    drop A                    A is nobody (or from --from-frame to --to-frame)
    name A --name Anna        files, reports and --person know A by this name
    undo                      take the last correction back

    Corrections are entries of edits.toml in the folder of the take; `mocap run` obeys them.
    """
    from mocap.capture.session import Session
    from mocap.workflow import people as who

    console = Console(as_json)
    opened = Session.open(session).take(take)
    if action == "list":
        table, sheet = who.people_table(opened)
        console.table(*table)
        console.line(f"pictures: {sheet}")
        console.result({"take": take, "people": who.found_people(opened), "pictures": sheet})
        return
    edit, done = who.change_identities(opened, action, {"people": list(people), **options})
    console.line(f"'{edit.as_text()}' {done} {opened.edits_path}")
    console.line(f"`mocap run {session} {take}` makes the take again with it.")
    console.result({"edit": edit.as_text(), "file": opened.edits_path})
