"""How well people were told apart, against known truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from mocap.core.shapes import FloatArray

# Somebody found is a true person when their median keypoint is this near.
REACH_M = 0.35

# Another person must be nearer by this much before they count as a change of identity.
_KEEP_M = 0.05

_FAR_M = 9.0


@dataclass(frozen=True)
class IdentityScore:
    """Counts over a take (Bernardin & Stiefelhagen 2008, "Evaluating multiple object tracking").

    Attributes:
        switches: times a true person was continued by somebody else found.
        missed: share of true people and frames without anybody found.
        ghosts: found people without a true person, per true person and frame.
        people: different found people who ever were a true person.
        median_m: median of the distances of matched people.
    """

    switches: int
    missed: float
    ghosts: float
    people: int
    median_m: float


def score_identities(found: FloatArray, truth: FloatArray) -> IdentityScore:
    """Compare found people (frame, person, keypoint, 3) with true ones; NaN = not there.

    In every frame found and true people are matched one to one by their median keypoint distance.
    """
    distance = _distances(found, truth)
    here = ~np.isnan(truth).all(axis=(2, 3))
    shown = ~np.isnan(found).all(axis=(2, 3))
    last: dict[int, int] = {}
    switches = matches = 0
    matched: list[float] = []
    ids: set[int] = set()
    for gaps in distance:
        cost = np.minimum(gaps, _FAR_M)
        for person, identity in last.items():
            if cost[person, identity] < REACH_M:
                cost[person, identity] -= _KEEP_M
        rows, columns = linear_sum_assignment(cost)
        for person, identity in zip(rows.tolist(), columns.tolist(), strict=True):
            if gaps[person, identity] >= REACH_M:
                continue
            matches += 1
            switches += int(last.get(person, identity) != identity)
            last[person] = identity
            ids.add(identity)
            matched.append(float(gaps[person, identity]))
    present = int(here.sum())
    missed, ghosts = present - matches, int(shown.sum()) - matches
    total = max(present, 1)
    median = float(np.median(matched)) if matched else float("nan")
    return IdentityScore(switches, missed / total, ghosts / total, len(ids), median)


def _distances(found: FloatArray, truth: FloatArray) -> FloatArray:
    """Return median keypoint distances (frame, true, found); infinite where either is not there."""
    frames = len(truth)
    out = np.full((frames, truth.shape[1], found.shape[1]), np.inf)
    for p in range(truth.shape[1]):
        for i in range(found.shape[1]):
            gaps = np.linalg.norm(found[:, i] - truth[:, p], axis=-1)
            count = np.count_nonzero(~np.isnan(gaps), axis=1)
            ordered = np.sort(gaps, axis=1)
            middle = np.maximum(count - 1, 0) // 2
            value = ordered[np.arange(frames), middle]
            out[:, p, i] = np.where(count >= 4, value, np.inf)
    return out
