"""mocap world, mocap calibration import|export|refine|restore: where world and cameras are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mocap.calibrate.interchange import TOOLS
from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, session_argument, unit_option

if TYPE_CHECKING:
    from mocap.capture.session import Session


@click.command()
@session_argument
@click.option(
    "--board-on-floor",
    "instant",
    default="auto",
    metavar="TIME",
    help="When the board lay on the floor in the calibration videos (12.4s, or frame 186); auto: "
    "where it lay still longest.",
)
@click.option("--from-people", "take", metavar="TAKE", help="By people who stand on it instead.")
@json_option
def world(session: Session, instant: str, take: str | None, console: Console) -> None:
    """Put the world of SESSION on the floor: origin at the board, Z up, metres."""
    from mocap.workflow.rig.world import set_world_on_floor, set_world_under_people

    notes = set_world_under_people(session, take) if take else set_world_on_floor(session, instant)
    console.lines(notes)
    console.line(f"Wrote {session.calibration_path}. Run the takes again: mocap run {session.root}")
    console.result({"calibration": session.calibration_path, "notes": notes})


@click.command()
@session_argument
@click.argument("file", type=FILE)
@click.option("--world", is_flag=True, help="Put the world where the points were surveyed.")
@click.option("--scale", is_flag=True, help="Take the scale of the tape, where no board told it.")
@json_option
def survey(session: Session, file: Path, world: bool, scale: bool, console: Console) -> None:
    """Compare the calibration of SESSION with what was measured in the room by hand.

    FILE (TOML) has [[points]] with pixels and, where surveyed, world_m; [[distances]] that were
    taped between them. Exits with 1 when lengths, points or clicks do not fit.
    """
    from mocap.workflow.rig.survey import survey_session

    notes = survey_session(session, file, console, world=world, scale=scale)
    console.result({"calibration": session.calibration_path, "notes": notes})


@click.group()
def calibration() -> None:
    """Import, export, refine or restore a calibration."""


@calibration.command("import")
@session_argument
@click.argument("file", type=FILE)
@unit_option
@click.option("--force", is_flag=True, help="Replace a calibration that is there.")
@json_option
def import_command(session: Session, file: Path, unit: str, force: bool, console: Console) -> None:
    """Use the calibration FILE of another tool in SESSION."""
    from mocap.workflow.rig.world import import_calibration

    imported = import_calibration(session, file, unit, force)
    console.line(f"Wrote {session.calibration_path}: cameras {', '.join(imported.names)}")
    console.result({"calibration": session.calibration_path, "cameras": imported.names})


@calibration.command("export")
@session_argument
@click.option("--to", type=click.Choice(TOOLS), default="anipose")
@click.option("-o", "--output", type=FILE, help="File to write; of OpenCap the folder.")
@json_option
def export_command(session: Session, to: str, output: Path | None, console: Console) -> None:
    """Write the calibration of SESSION for another tool."""
    from mocap.workflow.rig.world import export_calibration

    path, said = export_calibration(session, to, output)
    console.line(f"Wrote {path}{said}")
    console.result({"file": path})


@calibration.command("refine")
@session_argument
@click.argument("takes", nargs=-1, required=True, metavar="TAKE...")
@click.option(
    "--floor",
    type=click.Choice(["keep", "feet"]),
    default="keep",
    help="keep: feet stay at the height at which the old rig saw them; feet: people stand on "
    "the floor in these takes, so their soles are at zero.",
)
@click.option("--dry-run", is_flag=True, help="Judge only; write nothing.")
@json_option
def refine_command(
    session: Session, takes: tuple[str, ...], floor: str, dry_run: bool, console: Console
) -> None:
    """Correct where the cameras of SESSION stand from the people in its takes.

    Uses the keypoints already detected; lenses are not changed. The new rig is written only when
    frames it was not solved from fit clearly better; otherwise the command exits with 1 and says
    why. The rig before is kept.
    """
    from typing import cast

    from mocap.reconstruct.rig.anchor import Floor
    from mocap.workflow.rig.refine import figures, refine_calibration, require_accepted

    names = tuple(dict.fromkeys(takes))
    refinement, kept = refine_calibration(
        session, names, cast(Floor, floor), console, dry_run=dry_run
    )
    console.result({"calibration": session.calibration_path, "kept": kept, **figures(refinement)})
    require_accepted(session, refinement)


@calibration.command("restore")
@session_argument
@json_option
def restore_command(session: Session, console: Console) -> None:
    """Put back the calibration of SESSION from before the last refinement."""
    from mocap.workflow.rig.refine import restore_calibration

    name = restore_calibration(session)
    console.line(
        f"Wrote {session.calibration_path} from {name}. "
        f"Run the takes again: mocap run {session.root}"
    )
    console.result({"calibration": session.calibration_path, "from": name})
