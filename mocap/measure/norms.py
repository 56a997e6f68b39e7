"""Norm bands of the user's own: a small CSV, read strictly. None are shipped with the product.

Columns: `name`, `phase`, then `mean` and `sd`, or `p05`, `p50` and `p95`. `name` is a metric or a
curve; `phase` is empty for a metric, and for a curve the per cent from foot plant (0) to release
(100), or of the cycle.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray

_MEAN, _SHARES = ("mean", "sd"), ("p05", "p50", "p95")
_NORMAL_P95 = 1.645
"""A normal distribution's 95th percentile in standard deviations."""


@dataclass(frozen=True, eq=False)
class Norms:
    """Norm bands.

    Attributes:
        metrics: name -> 5th, 50th and 95th percentile.
        curves: name -> rows of phase, 5th, 50th and 95th percentile, phases increasing.
    """

    metrics: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    curves: Mapping[str, FloatArray] = field(default_factory=dict)


def parse_norms(text: str, where: str) -> Norms:
    """Parse the text of a norms file; `where` names it in messages.

    Raises:
        InputError: naming the line that is wrong.
    """
    reader = csv.DictReader(io.StringIO(text))
    columns = [name.strip() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    known = {"name", "phase", *_MEAN, *_SHARES}
    unknown = [name for name in columns if name not in known]
    if "name" not in columns or unknown or not any(
        set(each) <= set(columns) for each in (_MEAN, _SHARES)
    ):  # fmt: skip
        raise InputError(
            f"{where} has the columns {', '.join(columns) or 'of an empty file'}; a norms file "
            "needs name, phase, and either mean and sd or p05, p50 and p95."
        )
    metrics: dict[str, tuple[float, float, float]] = {}
    curves: dict[str, list[tuple[float, ...]]] = {}
    for number, row in enumerate(reader, start=2):
        name = (row.get("name") or "").strip()
        band = _band(row, f"{where}, line {number}")
        phase = (row.get("phase") or "").strip()
        if phase:
            at = _number(phase, f"{where}, line {number}", "phase")
            curves.setdefault(name, []).append((at, *band))
        else:
            metrics[name] = band
    return Norms(metrics, {name: np.array(sorted(rows)) for name, rows in curves.items()})


def _band(row: Mapping[str, str | None], where: str) -> tuple[float, float, float]:
    def given(names: tuple[str, ...]) -> bool:
        return all((row.get(name) or "").strip() for name in names)

    if given(_SHARES):
        low, middle, high = (_number(row[name] or "", where, name) for name in _SHARES)
    elif given(_MEAN):
        middle, sd = (_number(row[name] or "", where, name) for name in _MEAN)
        low, high = middle - _NORMAL_P95 * sd, middle + _NORMAL_P95 * sd
    else:
        raise InputError(f"{where}: fill mean and sd, or p05, p50 and p95.")
    if not low <= middle <= high:
        raise InputError(f"{where}: {low:g}, {middle:g}, {high:g} do not increase.")
    return low, middle, high


def _number(text: str, where: str, column: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise InputError(f"{where}: '{text}' in column {column} is no number.") from error
    if not np.isfinite(value):
        raise InputError(f"{where}: '{text}' in column {column} is not finite.")
    return value
