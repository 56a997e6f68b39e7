"""Who of a rendered take with several people was found as whom."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from mocap.core import transform
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.synthetic.identity_score import score_identities
from mocap.synthetic.sample import TakeTruth
from mocap.workflow.sample.accuracy import TruthFigure, limb_joints


def people_in(
    points: Points3D, truth: Sequence[TakeTruth], truth_from_world: FloatArray
) -> dict[int, int]:
    """Return by person found which true person it is: one to one, nearest over the take.

    Whoever is nobody is left out; a single true person is the first who was found.
    """
    if len(truth) == 1:
        return {points.person_ids[0]: 0}
    found, real = _both(points, truth, truth_from_world)
    gap = np.linalg.norm(found[:, :, None] - real[:, None], axis=-1)
    far = np.nanmedian(gap, axis=(0, 3))
    rows, columns = linear_sum_assignment(np.nan_to_num(far, nan=np.inf, posinf=1e6))
    return {points.person_ids[i]: int(j) for i, j in zip(rows, columns, strict=True)}


def identity_figures(
    points: Points3D, truth: Sequence[TakeTruth], truth_from_world: FloatArray, take: str
) -> list[TruthFigure]:
    """Return how many people there are more or less than there were, and how often they change."""
    found, real = _both(points, truth, truth_from_world)
    score = score_identities(found, real)
    return [
        TruthFigure(f"{take}: people too many or too few", abs(len(found[0]) - len(truth)), ""),
        TruthFigure(f"{take}: identity switches", score.switches, ""),
        TruthFigure(f"{take}: people missed", 100.0 * score.missed, "%"),
    ]


def _both(
    points: Points3D, truth: Sequence[TakeTruth], truth_from_world: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return limb joints (frame, person, joint, 3) found and true, in the world of the truth."""
    names = limb_joints(points.keypoint_names)
    frames = min(len(points.xyz), len(truth[0].xyz))
    ours = [points.keypoint_names.index(name) for name in names]
    theirs = [truth[0].keypoint_names.index(name) for name in names]
    found = transform.apply(truth_from_world, points.xyz[:frames, :, ours])
    return found, np.stack([each.xyz[:frames, theirs] for each in truth], axis=1)
