"""Rigs that were knocked out of place and refined from people: how wrong they know they are.

Every camera is turned by a degree and carried by 15 mm, in directions of its own; `refine_rig`
mends that from what detectors saw of people. Points where people were are then off by
some millimetres, after the best similarity, and the refinement says by how many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from figures import Figure

from mocap.core.camera import Calibration
from mocap.core.transform import similarity
from mocap.reconstruct.boardless.walk import triangulated
from mocap.reconstruct.rig.refine import refine_rig
from mocap.reconstruct.rig.views import SOLVED_JOINTS, PeopleTake, chosen_runs, views_of
from mocap.synthetic.board_faults import moved_camera

TURNED_DEG, CARRIED_MM = 1.0, 15.0


@dataclass(frozen=True)
class RefinedRig:
    """A refined rig against the truth: error of points before and after, and what was predicted."""

    accepted: bool
    before_mm: float
    error_mm: float
    predicted_mm: float


def knocked(true: Calibration, seed: int) -> Calibration:
    """Return the rig with every camera out of place."""
    cameras = tuple(
        moved_camera(camera, TURNED_DEG, CARRIED_MM, 31 * seed + index)
        for index, camera in enumerate(true.cameras)
    )
    return replace(true, cameras=cameras)


def refined(true: Calibration, takes: Sequence[PeopleTake], seed: int) -> RefinedRig:
    """Knock a rig out of place, refine it from takes, and compare with the truth."""
    start = knocked(true, seed)
    found = refine_rig(start, takes)
    return RefinedRig(
        found.accepted,
        _error_mm(start, true, takes),
        _error_mm(found.calibration, true, takes),
        found.predicted_mm,
    )


def _error_mm(rig: Calibration, true: Calibration, takes: Sequence[PeopleTake]) -> float:
    """Return the median error of points where people were, after the best similarity."""
    points = views_of(chosen_runs(takes), rig, joints=SOLVED_JOINTS).points
    points = points[np.isfinite(points[:, 0])][::3]
    there = triangulated(true, rig.project(points)[:, None], 0.5)[0][0]
    seen = np.isfinite(there[:, 0])
    scale, rotation, shift = similarity(points[seen], there[seen])
    off = np.linalg.norm(scale * points[seen] @ rotation.T + shift - there[seen], axis=1)
    return 1000.0 * float(np.median(off))


def refined_figures(found: Sequence[RefinedRig], what: str) -> list[Figure]:
    """Return how often the predicted error is within a factor of two of the true one."""
    ratio = np.array([each.predicted_mm / each.error_mm for each in found])
    within = 100.0 * float(np.mean((ratio > 0.5) & (ratio < 2.0)))
    return [
        Figure(f"refined from {what}: rigs", len(found), ""),
        Figure("  accepted", 100.0 * float(np.mean([each.accepted for each in found])), "%"),
        Figure("  error before, median", float(np.median([e.before_mm for e in found])), "mm"),
        Figure("  error after, median", float(np.median([e.error_mm for e in found])), "mm"),
        Figure("  predicted within a factor of two of true", within, "%", 75.0, ">="),
        Figure("  predicted over true, median", float(np.median(ratio)), ""),
    ]
