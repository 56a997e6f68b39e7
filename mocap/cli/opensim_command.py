"""mocap opensim: joint angles of a take by OpenSim, beside our own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import Number, take_argument

if TYPE_CHECKING:
    from mocap.capture.session import Take

_file = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@take_argument
@click.option("--model", type=_file, required=True, help="OpenSim model (.osim).")
@click.option("--scaling", type=_file, required=True, help="Set-up file of the scale tool.")
@click.option("--ik", type=_file, required=True, help="Set-up file of inverse kinematics.")
@click.option("--markers", type=_file, help="Marker set, when the model has none.")
@click.option("--mass-kg", type=Number(0.0, above=True), default=70.0, help="Of the person.")
@json_option
def opensim(
    take: Take,
    model: Path,
    scaling: Path,
    ik: Path,
    markers: Path | None,
    mass_kg: float,
    console: Console,
) -> None:
    """Scale an OpenSim model to the person of TAKE and run inverse kinematics."""
    from mocap.workflow.export.opensim import OpenSimChoice, solve_take

    results = solve_take(take, OpenSimChoice(model, scaling, ik, markers, mass_kg), console)
    console.result({"take": take.name, "people": results})
