"""mocap world, mocap calibration import|export|refine|restore: where world and cameras are."""

from __future__ import annotations

from pathlib import Path

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, session_argument


@click.command()
@session_argument
@click.option(
    "--board-on-floor",
    "instant",
    default="auto",
    show_default=True,
    metavar="TIME",
    help="When the board lay on the floor in the calibration videos (12.4s, or frame 186); auto: "
    "where it lay still longest.",
)
@json_option
def world(session: Path, instant: str, as_json: bool) -> None:
    """Put the world of SESSION on the floor: origin at the board, Z up, metres."""
    from mocap.capture.session import Session
    from mocap.workflow.rig.world import set_world_on_floor

    console = Console(as_json)
    opened = Session.open(session)
    notes = set_world_on_floor(opened, instant)
    for note in notes:
        console.line(note)
    console.line(f"Wrote {opened.calibration_path}. Run the takes again: mocap run {session}")
    console.result({"calibration": opened.calibration_path, "notes": notes})


@click.group()
def calibration() -> None:
    """Import, export, refine or restore a calibration."""


@calibration.command("import")
@session_argument
@click.argument("file", type=FILE)
@click.option(
    "--unit",
    type=click.Choice(["m", "mm"]),
    default="m",
    show_default=True,
    help="Length unit of a file that does not say its own.",
)
@click.option("--force", is_flag=True, help="Replace a calibration that is there.")
@json_option
def import_command(session: Path, file: Path, unit: str, force: bool, as_json: bool) -> None:
    """Use the calibration FILE of Qualisys, caliscope, Pose2Sim or aniposelib in SESSION."""
    from mocap.capture.session import Session
    from mocap.workflow.rig.world import import_calibration

    console = Console(as_json)
    opened = Session.open(session)
    imported = import_calibration(opened, file, unit, force)
    console.line(f"Wrote {opened.calibration_path}: cameras {', '.join(imported.names)}")
    console.result({"calibration": opened.calibration_path, "cameras": imported.names})


@calibration.command("export")
@session_argument
@click.option(
    "--to", type=click.Choice(["anipose", "pose2sim"]), default="anipose", show_default=True
)
@click.option("-o", "--output", type=FILE, help="File to write.")
@json_option
def export_command(session: Path, to: str, output: Path | None, as_json: bool) -> None:
    """Write the calibration of SESSION for another tool."""
    from mocap.capture.session import Session
    from mocap.workflow.rig.world import export_calibration

    console = Console(as_json)
    path, said = export_calibration(Session.open(session), to, output)
    console.line(f"Wrote {path}{said}")
    console.result({"file": path})


@calibration.command("refine")
@session_argument
@click.argument("takes", nargs=-1, required=True, metavar="TAKE...")
@click.option(
    "--floor",
    type=click.Choice(["keep", "feet"]),
    default="keep",
    show_default=True,
    help="keep: feet stay at the height at which the old rig saw them; feet: people stand on "
    "the floor in these takes, so their soles are at zero.",
)
@click.option("--dry-run", is_flag=True, help="Judge only; write nothing.")
@json_option
def refine_command(
    session: Path, takes: tuple[str, ...], floor: str, dry_run: bool, as_json: bool
) -> None:
    """Correct where the cameras of SESSION stand from the people in its takes.

    Uses the keypoints already detected; lenses are not changed. The new rig is written only when
    frames it was not solved from fit clearly better; otherwise the command exits with 1 and says
    why. The rig before is kept.
    """
    from typing import cast

    from mocap.capture.session import Session
    from mocap.reconstruct.rig.anchor import Floor
    from mocap.workflow.rig.refine import (
        figures,
        refine_session,
        require_accepted,
        store_refinement,
    )

    console = Console(as_json)
    opened = Session.open(session)
    names = tuple(dict.fromkeys(takes))
    refinement = refine_session(opened, names, cast(Floor, floor), console)
    kept = None
    if refinement.accepted:
        console.line(f"Better: {' '.join(refinement.reasons)}")
    if refinement.accepted and not dry_run:
        kept = store_refinement(opened, names, refinement)
        console.line(
            f"Wrote {opened.calibration_path}; the rig before is {kept}. Run the takes again: "
            f"mocap run {session}. Undo: mocap calibration restore {session}"
        )
    console.result({"calibration": opened.calibration_path, "kept": kept, **figures(refinement)})
    require_accepted(opened, refinement)


@calibration.command("restore")
@session_argument
@json_option
def restore_command(session: Path, as_json: bool) -> None:
    """Put back the calibration of SESSION from before the last refinement."""
    from mocap.capture.session import Session
    from mocap.workflow.rig.refine import restore_calibration

    console = Console(as_json)
    opened = Session.open(session)
    name = restore_calibration(opened)
    console.line(
        f"Wrote {opened.calibration_path} from {name}. Run the takes again: mocap run {session}"
    )
    console.result({"calibration": opened.calibration_path, "from": name})
