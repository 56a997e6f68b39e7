"""mocap boards, board, rigs, new: what is needed before recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, FOLDER, Number, unit_option

if TYPE_CHECKING:
    from mocap.capture.lists import Listing


@click.command()
@click.option("--identify", type=click.Path(path_type=Path), help="Which one does a video show?")
@json_option
def boards(identify: Path | None, console: Console) -> None:
    """List the calibration boards, or tell which one a video shows."""
    from mocap.capture import lists

    if identify is not None:
        from mocap.workflow.rig.identify_board import identified

        return _tell("board", identified(identify), console)
    _tell("boards", lists.boards(), console)


def _tell(what: str, listing: Listing, console: Console) -> None:
    lines, documents = listing
    console.lines(lines)
    console.result({what: documents})


@click.command()
@click.argument("name")
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("board.pdf"),
    help="File to write; .pdf, .svg or .png.",
)
@click.option("--rig", help="Say whether this rig's cameras can read the board.")
@click.option("--paper", help="Cut into sheets of this size, to be glued: A4.")
@json_option
def board(name: str, output: Path, rig: str | None, paper: str | None, console: Console) -> None:
    """Write board NAME (or a .toml file of your own) at true scale."""
    from mocap.capture.board_drawing import draw_board
    from mocap.capture.boards import load_definition, planning_notes
    from mocap.capture.rigs import load_rig

    definition = load_definition(name)
    notes = planning_notes(definition.board, load_rig(rig)) if rig else ()
    written = draw_board(definition, output, paper)
    console.line(
        f"Wrote {', '.join(map(str, written))}. Print at 100 % on {paper or definition.page}, "
        "check the ruler, measure a square and give it to `mocap new --square-mm`."
    )
    console.warned(*notes)
    console.result({"files": written, "warnings": notes})


@click.command()
@json_option
def rigs(console: Console) -> None:
    """List the rigs."""
    from mocap.capture import lists

    _tell("rigs", lists.rigs(), console)


@click.command()
@click.argument("session", type=FOLDER)
@click.option("--rig", help="Name of a rig, or a .toml file (see `mocap rigs`).")
@click.option("--board", help="Name of a board, or a .toml file.")
@click.option(
    "--calibration", type=FILE, help="Calibration of another tool, instead of rig and board."
)
@unit_option
@click.option(
    "--square-mm", type=Number(), help="Side of a square measured on the print; wins over nominal."
)
@click.option("--notes", default="", show_default=False, help="Anything worth remembering.")
@json_option
def new(
    session: Path,
    rig: str | None,
    board: str | None,
    calibration: Path | None,
    unit: str,
    square_mm: float | None,
    notes: str,
    console: Console,
) -> None:
    """Make the folder SESSION with its session.toml: for a rig and a board, or calibrated."""
    from mocap.capture.boards import planning_notes
    from mocap.capture.session import Session

    if calibration is not None:
        if rig or board or square_mm is not None:
            raise click.UsageError("--calibration goes without --rig, --board and --square-mm.")
        from mocap.workflow.rig.world import new_calibrated

        made = new_calibrated(session, calibration, unit, notes, console)
        console.result({"session": session, "cameras": made.calibration().names, "warnings": ()})
        return
    if rig is None or board is None:
        raise click.UsageError("give --rig and --board, or --calibration with another tool's file.")
    made = Session.create(session, rig=rig, board=board, square_mm=square_mm, notes=notes)
    camera = made.rig().camera_names[0]
    warnings = planning_notes(made.board(), made.rig())
    console.line(
        f"Made {session}. Copy the board recordings to {session}/calibration/{camera}.mp4 … and "
        f"the takes to {session}/takes/NAME/{camera}.mp4 …"
    )
    console.warned(*warnings)
    console.result({"session": session, "cameras": made.rig().camera_names, "warnings": warnings})
