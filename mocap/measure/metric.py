"""One measured number with everything that says how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

BAND = 1.96
"""Bands cover 95 % of normally distributed errors."""


@dataclass(frozen=True)
class Metric:
    """A number of a take.

    Attributes:
        name: column in tables.
        label: for people.
        unit: "deg", "deg/s", "m", "ms", "% height", ….
        value: NaN when not measured.
        sd: standard deviation from the take's own keypoint uncertainty; NaN when unknown.
        systematic: largest known bias of the method itself, same unit; NaN when unknown.
        useful_sd: above this spread a single value tells nothing; NaN without such a bar.
        reason: why the value is not to be trusted; empty when it is.
        definition: what is measured, when.
    """

    name: str
    label: str
    unit: str
    value: float
    sd: float = float("nan")
    systematic: float = float("nan")
    useful_sd: float = float("nan")
    reason: str = ""
    definition: str = ""

    @property
    def chance(self) -> float:
        """Half width of the 95 % band of chance errors alone; NaN when unknown.

        By this much two values of the same person in the same set-up differ for no reason.
        """
        return BAND * self.sd

    @property
    def band(self) -> float:
        """Half width of the 95 % band about the true value; NaN when chance is unknown.

        Chance and the method's known limit, which have nothing to do with each other, by the root
        of the sum of their squares.
        """
        return float(np.hypot(self.chance, np.nan_to_num(self.systematic)))

    @property
    def trusted(self) -> bool:
        """Whether the value may be read as it stands."""
        return not self.reason


NO_SPREAD = (
    "how far chance moves it is not known: only the fitted body shows it, not the keypoints alone"
)


def judged(metric: Metric) -> Metric:
    """Return the metric with the reason why it is grey, unless it has one already."""
    if metric.reason:
        return metric
    if not np.isfinite(metric.value):
        return replace(metric, reason="not measured: an event or an angle is missing")
    if np.isfinite(metric.sd) and metric.sd > metric.useful_sd:
        return replace(
            metric,
            reason=f"its spread of {_short(metric.sd)} {metric.unit} from this take's keypoints "
            f"exceeds {metric.useful_sd:.3g}, what differs between repetitions: read the mean "
            "of several",
        )
    return metric


def _short(value: float) -> str:
    """Return a number with three digits, never as a power of ten."""
    return f"{value:.0f}" if value >= 100.0 else f"{value:.3g}"


def mean_and_sd(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation of the known values; NaN without enough."""
    known = np.asarray([value for value in values if np.isfinite(value)], dtype=np.float64)
    mean = float(known.mean()) if len(known) else float("nan")
    return mean, float(known.std(ddof=1)) if len(known) > 1 else float("nan")
