"""What `mocap trend` does: collect one subject's measures over sessions, compare, write a page."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.capture.session import Session, Take
from mocap.core.errors import InputError
from mocap.core.files.reading import read_json, reading
from mocap.core.files.tables import Table, cell, write_table
from mocap.measure.metric import BAND, mean_and_sd
from mocap.measure.pitching.metrics import DEFINITIONS
from mocap.measure.trend import LEAST_VISITS, Trend, trend_of
from mocap.studio.measure.trend import Course, write_trend_report


@dataclass(frozen=True)
class _Reading:
    """A value of a take with its own standard deviation; NaN where unknown."""

    kind: str
    name: str
    unit: str
    value: float
    sd: float


def trend(subject: str, roots: Sequence[Path]) -> tuple[list[Course], list[Path]]:
    """Compare a subject's measures over sessions, in the order they are named.

    A visit's value is the mean over its takes. Grey values are left out. The table and the page go
    into the folder `trend` of the last session.

    Raises:
        InputError: fewer than three visits, or nothing of this subject was measured.
    """
    if len(roots) < LEAST_VISITS:
        raise InputError(
            f"{len(roots)} sessions were named; a trend needs {LEAST_VISITS} visits and more: two "
            "make a line without any scatter."
        )
    sessions = [Session.open(root) for root in roots]
    visits = [_visit(session, subject) for session in sessions]
    names = [session.root.name for session in sessions]
    keys = dict.fromkeys((r.kind, r.name, r.unit) for visit in visits for r in visit)
    if not keys:
        raise InputError(
            f"nothing of '{subject}' was measured in {', '.join(names)}: name the subject as in "
            "session.toml or take.toml, and run mocap measure."
        )
    courses = []
    for kind, name, unit in keys:
        found = [[r for r in visit if (r.kind, r.name) == (kind, name)] for visit in visits]
        values = [_mean([r.value for r in each]) for each in found]
        spreads = [_visit_sd(each) for each in found]
        course = trend_of(values, spreads)
        if np.isfinite(course.change):
            courses.append(Course(kind, name, unit, tuple(values), tuple(spreads), course))
    folder = sessions[-1].root / "trend"
    page = folder / "report.html"
    table = write_table(folder / "trend.csv", _table(names, courses))
    write_trend_report(subject, names, courses, page)
    return courses, [table, page]


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def _visit_sd(found: Sequence[_Reading]) -> float:
    """Return the standard deviation of a visit's mean: of its takes, or of their own chance."""
    own = [r.sd for r in found if np.isfinite(r.sd)]
    sd = float(np.sqrt(np.mean(np.square(own)))) if own else float("nan")
    if len(found) > 1:
        sd = float(np.nanmax([sd, np.std([r.value for r in found], ddof=1)]))
    return sd / float(np.sqrt(max(len(found), 1)))


def _visit(session: Session, subject: str) -> list[_Reading]:
    takes = [session.take(name) for name in session.takes()]
    mine = [take for take in takes if (who := take.subject()) and who.name == subject]
    return [each for take in mine for each in _readings(take)]


def _readings(take: Take) -> list[_Reading]:
    found = []
    for path in sorted(take.measure_dir.glob("*/summary.csv")):
        for row in _rows(path):
            if not row["untrusted_because"] and row["unit"]:
                found.append(_reading(path.parent.name, row["name"], row["unit"], row["value"],
                                      row.get("chance", row["band"])))  # fmt: skip
    found += _repetitions(take)
    throws = take.measure_dir / "pitching" / "pitching.csv"
    for row in _rows(throws) if throws.is_file() else []:
        grey = set(row.get("untrusted", "").split(";"))
        for each in DEFINITIONS:
            if each.name in row and each.name not in grey:
                # Tables of before held chance alone, as their band.
                chance = row.get(f"{each.name}_chance", row.get(f"{each.name}_band", ""))
                found.append(_reading("pitching", each.name, each.unit, row[each.name], chance))
    return [each for each in found if np.isfinite(each.value)]


def _repetitions(take: Take) -> list[_Reading]:
    """Return how long the repetitions of a recognised exercise lasted: `mocap exercise` names it.

    Doubtful repetitions are left out, and a set that is like no example is none of the exercises.
    """
    path = take.root / "exercise" / "exercise.json"
    if not path.is_file():
        return []
    with reading(path, "what `mocap exercise` read", "Run it again."):
        said = read_json(path, "what `mocap exercise` read")
        whole = said["named_by"] == "examples"
        lasted = [float(r["end_s"]) - float(r["start_s"])
                  for r in said["repetitions"] if whole and not r["doubtful"]]  # fmt: skip
        kind = str(said["exercise"])
    mean, sd = mean_and_sd(lasted)
    own = sd / float(np.sqrt(len(lasted))) if len(lasted) > 1 else float("nan")
    return [_Reading(kind, "repetition_duration", "s", mean, own)]


def _reading(kind: str, name: str, unit: str, value: str, chance: str) -> _Reading:
    return _Reading(kind, name, unit, _number(value), _number(chance) / BAND)


def _number(text: str) -> float:
    return float(text) if text else float("nan")


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}. Measure again.") from error


def _table(visits: Sequence[str], courses: Sequence[Course]) -> Table:
    head = ["measure", "name", "unit", *visits, "change", "change_band", "least_change", "real"]
    return head, [
        [
            each.kind, each.name, each.unit, *(cell(value) for value in each.values),
            cell(each.trend.change), cell(each.trend.change_band), cell(each.trend.least_change),
            "yes" if each.trend.real else "no",
        ]
        for each in courses
    ]  # fmt: skip


__all__ = ["Course", "Trend", "trend"]
