"""Joint angles of a take by OpenSim, beside the angles between our own keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.capture.session import Take
from mocap.core.files.lock import alone
from mocap.workflow.progress import Progress
from mocap.workflow.results import Results


@dataclass(frozen=True)
class OpenSimChoice:
    """Files of the user's OpenSim, and the mass of the person in kilograms."""

    model: Path
    scaling: Path
    inverse_kinematics: Path
    markers: Path | None
    mass_kg: float


@alone("mocap opensim")
def solve_take(take: Take, choice: OpenSimChoice, progress: Progress) -> list[dict[str, object]]:
    """Scale a model to everybody in a take, run inverse kinematics; return what was found.

    Raises:
        InputError: there are no points, or a file cannot be used.
    """
    from mocap.export.opensim_ik import OpenSimSetup, own_bends_deg, solve

    made = Results(take)
    points = made.points
    setup = OpenSimSetup(
        model=choice.model,
        scaling=choice.scaling,
        inverse_kinematics=choice.inverse_kinematics,
        markers=choice.markers,
        geometry=choice.model.parent / "Geometry",
        mass_kg=choice.mass_kg,
    )
    several = len(points.person_ids) > 1
    results: list[dict[str, object]] = []
    for person in points.person_ids:
        folder = take.export_dir / (f"opensim_{made.label(person)}" if several else "opensim")
        found = solve(points, setup, folder, person_id=person)
        progress.finished(f"{take.name}: {folder / 'inverse_kinematics.mot'}")
        bends = {}
        for name, ours in own_bends_deg(points, person_id=person).items():
            if name in found.values:
                apart = found.values[name] - ours
                bends[name] = [float(np.nanmean(apart)), float(np.nanstd(apart))]
                progress.finished(
                    f"  {name}: OpenSim minus the angle between our keypoints is "
                    f"{bends[name][0]:.1f} degrees on average, spread {bends[name][1]:.1f}"
                )
        results.append({"person_id": person, "folder": str(folder), "bends_deg": bends})
    return results
