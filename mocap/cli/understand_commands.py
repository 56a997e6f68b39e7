"""mocap actions, lift: what people did, and a preview from one camera."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, Number, detector_options, session_argument, take_argument


@click.command()
@session_argument
@take_argument
@click.option("--person", type=int, help="Only this one.")
@click.option(
    "--rules",
    "rules_file",
    type=FILE,
    help="TOML of alerts of your own; `docs/understanding.md` shows the rules that come along.",
)
@click.option("--network", default="tcn", show_default=True, help="What recognises: tcn, st-gcn.")
@json_option
def actions(session: Path, take: str, as_json: bool, **chosen: Any) -> None:
    """Recognise what the people of TAKE do, and alert by rules: tables and a page in actions/."""
    from mocap.capture.session import Session
    from mocap.workflow.understand.actions import document, recognise, told, write_actions

    console = Console(as_json)
    opened = Session.open(session).take(take)
    people = recognise(opened, **chosen)
    for line in told(people):
        console.line(line)
    for each in (alert for who in people for alert in who.alerts):
        console.warned(f"at {each.start_s:.1f} s, for {each.seconds:.1f} s: {each.says}")
    written = write_actions(opened, people)
    console.line(f"{take}: {written[-1]}")
    console.result({**document(opened, people), "files": written})


@click.command()
@session_argument
@take_argument
@click.option("--camera", help="Which camera; needed when the take has several.")
@click.option("--height-m", type=Number(0.5, 2.6), help="Stature.")
@detector_options
@json_option
def lift(
    session: Path,
    take: str,
    camera: str | None,
    height_m: float | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Preview the motion of TAKE from one camera as BVH. Depth is guessed: measure nothing."""
    from mocap.capture.session import Session
    from mocap.workflow.choices import choices
    from mocap.workflow.understand.lift import lift as lift_take
    from mocap.workflow.understand.lift import only_camera

    console = Console(as_json)
    opened = Session.open(session).take(take)
    name = only_camera(opened, camera)
    found = lift_take(opened, name, choices(**chosen).detector, console, height_m=height_m)
    console.warned(*found.warnings)
    for path in found.files:
        console.line(f"{take}: {path}")
    console.result({"take": take, "files": found.files, "warnings": found.warnings})


@click.command()
@session_argument
@take_argument
@click.option("--reference", help="Take of the same person with good repetitions.")
@click.option("--person", type=int, help="Whose, when there are several.")
@json_option
def exercise(
    session: Path, take: str, reference: str | None, person: int | None, as_json: bool
) -> None:
    """Name the exercise of TAKE and compare each repetition with the person's own reference."""
    from mocap.capture.session import Session
    from mocap.workflow.understand.exercise import document, read_set, told, write_set

    console = Console(as_json)
    opened = Session.open(session)
    other = opened.take(reference) if reference else None
    found = read_set(opened.take(take), person=person, reference=other)
    for line in told(found):
        console.line(line)
    written = write_set(found)
    console.line(f"{take}: {written[-1]}")
    console.result({**document(found), "files": written})
