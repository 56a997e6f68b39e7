"""mocap import SESSION TAKE FILE: joints or markers of another system as a take."""

from __future__ import annotations

from pathlib import Path

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import finite, session_argument


@click.command("import")
@session_argument
@click.argument("take")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--map", "names", type=click.Path(path_type=Path, dir_okay=False),
              help='TOML of names: "L.Knee" = "left_knee".')  # fmt: skip
@click.option("--unit", type=click.Choice(("mm", "cm", "m")), help="Else told by the body's size.")
@click.option("--up", type=click.Choice(("x", "y", "z", "-x", "-y", "-z")),
              help="Axis that points up; else told by feet and trunk.")  # fmt: skip
@click.option("--fps", callback=finite, type=click.FloatRange(min=0.0, min_open=True),
              help="Frames per second, where the file does not say.")  # fmt: skip
@click.option("--key", help="Which array of an NPZ with several.")
@json_option
def import_take(
    session: Path, take: str, file: Path, names: Path | None, unit: str | None, up: str | None,
    fps: float | None, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Make TAKE of the joints or markers in FILE (C3D, TRC, CSV, NPZ); no videos are needed."""
    from mocap.capture.session import Session
    from mocap.workflow.measure.importing import ImportChoice, import_points

    choice = ImportChoice(names, unit, up, fps, key)
    made, found = import_points(Session.open(session), take, file, choice)
    console = Console(as_json)
    console.warned(*found.said)
    known = found.points.keypoint_names
    console.line(f"take {made.name}: {len(found.points.xyz)} frames of {len(known)} points; "
                 f"next: mocap fit {session} {made.name}")  # fmt: skip
    console.result({"take": made.name, "points": list(known), "said": list(found.said)})


globals()["import"] = import_take
