"""mocap people, mocap edit: who is in a take, and what a person corrects about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mocap.capture.edits import KINDS, SIDES
from mocap.capture.edits_file import ACTIONS
from mocap.cli.console import Console, json_option
from mocap.cli.options import Number, take_argument

if TYPE_CHECKING:
    from mocap.capture.session import Take


@click.command()
@take_argument
@click.argument("action", type=click.Choice(["list", *ACTIONS, "undo"]), default="list")
@click.argument("people", type=int, nargs=-1, metavar="[PERSON]...")
@click.option("--from-frame", type=click.IntRange(0), help="First frame of the correction.")
@click.option("--to-frame", type=click.IntRange(0), help="Last frame of the correction.")
@click.option("--name", help="The name, for `name`.")
@json_option
def people(
    take: Take, action: str, people: tuple[int, ...], console: Console, **options: Any
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
    from mocap.workflow import people as who

    if action == "list":
        table, sheet = who.people_table(take)
        console.table(*table)
        console.line(f"pictures: {sheet or 'none, for the take has no videos'}")
        console.result({"take": take.name, "people": who.found_people(take), "pictures": sheet})
        return
    edit, done = who.change_identities(take, action, {"people": list(people), **options})
    console.line(f"'{edit.as_text()}' {done} {take.edits_path}")
    console.line(f"`mocap run {take.session.root} {take.name}` makes the take again with it.")
    console.result({"edit": edit.as_text(), "file": take.edits_path})


@click.command()
@take_argument
@click.argument("action", type=click.Choice(["list", "add", "remove", "undo"]), default="list")
@click.argument("what", required=False, metavar="[KIND|NUMBER]")
@click.option("--do", help="What is done: bridge, missing, stands, free, set, remove, swap, …")
@click.option("--camera", help="Whose images.")
@click.option("--keypoint", "keypoints", multiple=True, help="Name; may be repeated.")
@click.option("--person", type=click.IntRange(0), help="Number; everybody when left out.")
@click.option("--people", multiple=True, type=click.IntRange(0), help="Numbers, for identity.")
@click.option("--side", type=click.Choice(SIDES), help="Which foot.")
@click.option("--name", help="Of an event, or of a person.")
@click.option("--frame", type=Number(), help="When an event happened.")
@click.option("--throw", type=click.IntRange(0), help="Of which throw, from 0.")
@click.option("--from-frame", type=click.IntRange(0), help="First frame.")
@click.option("--to-frame", type=click.IntRange(0), help="Last frame.")
@json_option
def edit(take: Take, action: str, what: str | None, console: Console, **entry: Any) -> None:
    """List what was changed about TAKE, add a change or remove one.

    \b
    mocap edit SESSION TAKE                                     list with numbers
    mocap edit SESSION TAKE add trim --from-frame 30 --to-frame 200
    mocap edit SESSION TAKE add ignore --camera left --from-frame 90 --to-frame 120
    mocap edit SESSION TAKE add gap --do missing --keypoint left_wrist --from-frame 5 --to-frame 9
    mocap edit SESSION TAKE remove 2                            entry 2; `undo`: the last one

    Changes are entries of edits.toml in the folder of the take; `mocap run` obeys them and makes
    again what they touch.
    """
    from mocap.capture.edits import remove_edit
    from mocap.workflow import edits as changes

    if action == "list":
        found = changes.listed(take)
        rows = [[str(each[key]) for key in ("number", "text", "redoes")] for each in found]
        console.table(("entry", "change", "made again from"), rows)
        console.result({"take": take.name, "edits": found, "file": take.edits_path})
        return
    if action == "add":
        if what is None or what not in KINDS:
            raise click.UsageError(f"add what? One of {', '.join(KINDS)}.")
        entry = {key: list(v) if isinstance(v, tuple) else v for key, v in entry.items()}
        changed, done = changes.add_edit(take, what, entry), "written to"
    else:
        if action == "remove" and (what is None or not what.isdigit()):
            raise click.UsageError("remove which entry? Give its number in the list.")
        number = int(what) if action == "remove" and what else None
        changed, done = remove_edit(take.edits_path, number), "taken out of"
    console.line(f"'{changed.as_text()}' {done} {take.edits_path}")
    console.line(f"`mocap run {take.session.root} {take.name}` makes the take again with it.")
    console.result({"edit": changed.as_text(), "file": take.edits_path})
