"""What a trainee may change, in plain words, each from a metric and only as far as its band goes.

The limits are ours, chosen for healthy adults, and no diagnosis: they are printed beside what was
measured so that a trainer can disagree.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mocap.measure.metric import Metric


@dataclass(frozen=True)
class FormRule:
    """A metric, the limit from which on something is said, and what.

    `above` is False where values below the limit are said; `absolute` ignores the sign.
    """

    metric: str
    limit: float
    words: str
    above: bool = True
    absolute: bool = False


_SHALLOW = "too shallow on the {}: the thigh stays above level"

LEG_RULES = (
    FormRule("left_medial_displacement", 8.0, "the left knee goes in"),
    FormRule("right_medial_displacement", 8.0, "the right knee goes in"),
    FormRule("left_thigh_above_level", 10.0, _SHALLOW.format("left")),
    FormRule("right_thigh_above_level", 10.0, _SHALLOW.format("right")),
    FormRule("trunk_lean", 45.0, "leaning far forwards"),
    FormRule(
        "knee_flexion_asymmetry", 10.0, "uneven: one knee bends more than the other", absolute=True
    ),
)


def feedback(metrics: Iterable[Metric], rules: tuple[FormRule, ...] = LEG_RULES) -> tuple[str, ...]:
    """Return sentences about metrics beyond their limits.

    A metric that is grey says nothing. Beyond the limit by more than its band it is told as it is;
    by less, as "perhaps".
    """
    by_name = {metric.name: metric for metric in metrics}
    out = []
    for rule in rules:
        metric = by_name.get(rule.metric)
        if metric is None or not metric.trusted or not np.isfinite(metric.value):
            continue
        value = abs(metric.value) if rule.absolute else metric.value
        beyond = value - rule.limit if rule.above else rule.limit - value
        if beyond <= 0.0:
            continue
        band = metric.band if np.isfinite(metric.band) else np.inf
        sure = "" if beyond > band else "perhaps "
        shown = f"{metric.value:.0f} {metric.unit}"
        width = f" ± {metric.band:.0f}" if np.isfinite(metric.band) else ""
        out.append(f"{sure}{rule.words} ({shown}{width}; said from {rule.limit:g} on)")
    return tuple(out)
