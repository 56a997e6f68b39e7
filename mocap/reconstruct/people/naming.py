"""People named by their height, where the subjects of a session differ enough in it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import numpy as np

# Limb lengths tell a height within some centimetres; detectors put hips and shoulders elsewhere
# than anatomy does, the same for everybody.
MAX_HEIGHT_ERROR_M = 0.12
# The best way to hand out the names must beat any other by this much, in sum.
CLEARLY_M = 0.06

# More subjects than this are not sorted out by height.
_MOST = 6


def names_by_height(
    heights_m: Mapping[int, float], subjects: Mapping[str, float]
) -> dict[int, str]:
    """Return the names of people whose heights tell beyond doubt who they are, by number.

    Args:
        heights_m: measured from limb lengths, by person, the main person first; NaN = unknown.
        subjects: known heights by name, two at least.

    As many people as there are subjects are considered, those who matter most; when they are fewer
    or more, or two ways to name them are nearly as good, nobody is named.
    """
    people = [person for person, height in heights_m.items() if np.isfinite(height)]
    names = list(subjects)
    if not 2 <= len(names) <= _MOST or len(people) < len(names):
        return {}
    people = people[: len(names)]
    costs = sorted(
        (sum(abs(heights_m[p] - subjects[n]) for p, n in zip(people, order, strict=True)), order)
        for order in permutations(names)
    )
    best = costs[0][1]
    near = all(
        abs(heights_m[p] - subjects[n]) <= MAX_HEIGHT_ERROR_M
        for p, n in zip(people, best, strict=True)
    )
    if not near or costs[1][0] - costs[0][0] < CLEARLY_M:
        return {}
    return dict(zip(people, best, strict=True))
