"""Where the target of a throw is, when the plan of the rig says it.

The plan knows its cameras in axes of its own; the calibration knows them in the world. Turned and
moved onto each other, seen from above, they say how the plan lies in the world, and how surely: by
what the cameras then stand beside their planned places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.capture.session import Session
from mocap.core.errors import MocapError
from mocap.core.shapes import Array

LARGEST_SD_DEG = 5.0
"""Beyond it the cameras stand too differently from the plan for it to say where the target is."""

_LEAST_CAMERAS = 3


@dataclass(frozen=True)
class PlannedTarget:
    """Direction of the target from world X seen from above, and its standard deviation, degrees."""

    deg: float
    sd_deg: float


def planned_target(session: Session) -> PlannedTarget | None:
    """Return where the plan of the rig has its target, in the world of the calibration.

    None where the plan has no target, or places of fewer than three cameras, where nothing is
    calibrated, or where the cameras stand too differently.
    """
    if session.config.rig is None:
        return None
    try:
        rig, calibration = session.rig(), session.calibration()
    except MocapError:
        return None
    if rig.target_deg is None:
        return None
    solved = dict(zip(calibration.names, calibration.cameras, strict=True))
    known = [c for c in rig.cameras if c.position_hint_m is not None and c.name in solved]
    if len(known) < _LEAST_CAMERAS:
        return None
    turn = turned_onto(
        np.array([camera.position_hint_m for camera in known])[:, :2],
        np.array([solved[camera.name].center for camera in known])[:, :2],
    )
    if turn.sd_deg > LARGEST_SD_DEG:
        return None
    deg = (turn.deg + rig.target_deg + 180.0) % 360.0 - 180.0
    return PlannedTarget(deg, turn.sd_deg)


def turned_onto(planned: Array, found: Array) -> PlannedTarget:
    """Return by how much planned places (n, 2) are turned to lie best on the places found (n, 2).

    The least-squares turn of a plane (Kabsch 1976, in two dimensions) and its standard deviation:
    the scatter of the places, 2 n - 3 degrees of freedom, over the root of their summed squared
    distances from their middle.
    """
    a, b = (np.asarray(each, np.float64) - np.mean(each, axis=0) for each in (planned, found))
    cross = float(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]))
    angle = float(np.arctan2(cross, float(np.sum(a * b))))
    c, s = np.cos(angle), np.sin(angle)
    beside = b - a @ np.array([[c, s], [-s, c]])
    scatter = np.sqrt(np.sum(beside**2) / (2 * len(a) - 3))
    sd = scatter / np.sqrt(np.sum(a**2))
    return PlannedTarget(float(np.rad2deg(angle)), float(np.rad2deg(sd)))
