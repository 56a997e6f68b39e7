"""One measure over several visits: is a change more than chance?

Chance is what scatters about a straight line through the visits, and never less than the bands of
the visits themselves say: people differ from day to day by more than a take's own errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

LEAST_VISITS = 3
"""Two visits make a line without any scatter: nothing tells what chance does between visits."""

_LEVEL = 0.975
NAN = float("nan")


@dataclass(frozen=True)
class Trend:
    """What several visits say of one measure.

    Attributes:
        change: from the first visit to the last along the line through all; NaN below
            `LEAST_VISITS`.
        change_band: half width of its 95 % interval.
        least_change: between two single visits: what is smaller may be chance (95 %).
        visit_sd: standard deviation of a visit about the line, never below its own errors.
        real: whether the change is more than chance.
    """

    change: float
    change_band: float
    least_change: float
    visit_sd: float
    real: bool


def trend_of(values: Sequence[float], own_sd: Sequence[float] = ()) -> Trend:
    """Return what visits in time order say.

    Args:
        values: one per visit, NaN where a visit does not give it.
        own_sd: standard deviation of each visit's value from its own takes; NaN where unknown.
    """
    given = np.asarray(values, dtype=np.float64)
    known = np.isfinite(given)
    x, y = np.flatnonzero(known).astype(np.float64), given[known]
    if len(y) < LEAST_VISITS:
        return Trend(NAN, NAN, NAN, NAN, real=False)
    slope, start = np.polyfit(x, y, 1)
    free = len(y) - 2
    scatter = float(np.sqrt(np.sum((y - start - slope * x) ** 2) / free))
    own = np.asarray(own_sd, dtype=np.float64)
    own = own[known] if len(own) == len(given) else own
    floor = float(np.sqrt(np.nanmean(own**2))) if np.isfinite(own).any() else 0.0
    sd = max(scatter, floor)
    quantile = float(student.ppf(_LEVEL, free))
    way = float(x[-1] - x[0])
    change_sd = sd * way / float(np.sqrt(np.sum((x - x.mean()) ** 2)))
    change, change_band = float(slope) * way, quantile * change_sd
    return Trend(
        change, change_band, quantile * float(np.sqrt(2.0)) * sd, sd, abs(change) > change_band
    )
