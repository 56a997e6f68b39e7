"""mocap opensim: joint angles of a take by OpenSim, beside our own."""

from __future__ import annotations

from pathlib import Path

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import finite, session_argument, take_argument

_file = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.command()
@session_argument
@take_argument
@click.option("--model", type=_file, required=True, help="OpenSim model (.osim).")
@click.option("--scaling", type=_file, required=True, help="Set-up file of the scale tool.")
@click.option("--ik", type=_file, required=True, help="Set-up file of inverse kinematics.")
@click.option("--markers", type=_file, help="Marker set, when the model has none.")
@click.option(
    "--mass-kg",
    callback=finite,
    type=click.FloatRange(min=0.0, min_open=True),
    default=70.0,
    show_default=True,
    help="Of the person.",
)
@json_option
def opensim(
    session: Path,
    take: str,
    model: Path,
    scaling: Path,
    ik: Path,
    markers: Path | None,
    mass_kg: float,
    as_json: bool,
) -> None:
    """Scale an OpenSim model to the person of TAKE and run inverse kinematics."""
    import numpy as np

    from mocap.capture.session import Session
    from mocap.export.opensim_ik import OpenSimSetup, own_bends_deg, solve
    from mocap.workflow.results import Results

    console = Console(as_json)
    chosen = Session.open(session).take(take)
    points = Results(chosen).points
    setup = OpenSimSetup(
        model=model,
        scaling=scaling,
        inverse_kinematics=ik,
        markers=markers,
        geometry=model.parent / "Geometry",
        mass_kg=mass_kg,
    )
    several = len(points.person_ids) > 1
    results = []
    for person in points.person_ids:
        folder = chosen.export_dir / (f"opensim_person{person}" if several else "opensim")
        found = solve(points, setup, folder, person_id=person)
        console.line(f"{chosen.name}: {folder / 'inverse_kinematics.mot'}")
        bends = {}
        for name, ours in own_bends_deg(points, person_id=person).items():
            if name in found.values:
                apart = found.values[name] - ours
                bends[name] = [float(np.nanmean(apart)), float(np.nanstd(apart))]
                console.line(
                    f"  {name}: OpenSim minus the angle between our keypoints is "
                    f"{bends[name][0]:.1f} degrees on average, spread {bends[name][1]:.1f}"
                )
        results.append({"person_id": person, "folder": str(folder), "bends_deg": bends})
    console.result({"take": chosen.name, "people": results})
