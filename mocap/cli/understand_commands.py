"""mocap actions, lift: what people did, and a preview from one camera."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, Number, detector_options, take_argument

if TYPE_CHECKING:
    from mocap.capture.session import Take


@click.command()
@take_argument
@click.option("--person", type=int, help="Only this one.")
@click.option(
    "--rules",
    "rules_file",
    type=FILE,
    help="TOML of alerts of your own; `docs/understanding.md` shows the rules that come along.",
)
@click.option("--network", default="tcn", help="What recognises: tcn, st-gcn.")
@json_option
def actions(take: Take, console: Console, **chosen: Any) -> None:
    """Recognise what the people of TAKE do, and alert by rules: tables and a page in actions/."""
    from mocap.workflow.understand.actions import document, recognise, told, write_actions

    people = recognise(take, **chosen)
    console.lines(told(people))
    for each in (alert for who in people for alert in who.alerts):
        console.warned(f"at {each.start_s:.1f} s, for {each.seconds:.1f} s: {each.says}")
    written = write_actions(take, people)
    console.line(f"{take.name}: {written[-1]}")
    console.result({**document(take, people), "files": written})


@click.command()
@take_argument
@click.option("--camera", help="Which camera; needed when the take has several.")
@click.option("--height-m", type=Number(0.5, 2.6), help="Stature.")
@detector_options
@json_option
def lift(
    take: Take, camera: str | None, height_m: float | None, console: Console, **chosen: Any
) -> None:
    """Preview the motion of TAKE from one camera as BVH. Depth is guessed: measure nothing."""
    from mocap.workflow.choices import choices
    from mocap.workflow.understand.lift import lift as lift_take
    from mocap.workflow.understand.lift import only_camera

    name = only_camera(take, camera)
    found = lift_take(take, name, choices(**chosen).detector, console, height_m=height_m)
    console.warned(*found.warnings)
    for path in found.files:
        console.line(f"{take.name}: {path}")
    console.result({"take": take.name, "files": found.files, "warnings": found.warnings})


@click.command()
@take_argument
@click.option("--reference", help="Take of the same person with good repetitions.")
@click.option("--person", type=int, help="Whose, when there are several.")
@json_option
def exercise(take: Take, reference: str | None, person: int | None, console: Console) -> None:
    """Name the exercise of TAKE and compare each repetition with the person's own reference."""
    from mocap.workflow.understand.exercise import document, read_set, told, write_set

    other = take.session.take(reference) if reference else None
    found = read_set(take, person=person, reference=other)
    console.lines(told(found))
    written = write_set(found)
    console.line(f"{take.name}: {written[-1]}")
    console.result({**document(found), "files": written})
