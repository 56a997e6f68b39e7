"""The page of `mocap trend`: visits compared, with the least change that is real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap.measure.metric import BAND
from mocap.measure.trend import Trend
from mocap.studio.measure.parts import TEMPLATES, decimals, layout, plus_minus, words
from mocap.studio.page.page import Markup, chart, number, section, table, tag, text, write_page
from mocap.studio.take.figures import BLUE, PlotlyJson

_MOST_CHARTS = 12


@dataclass(frozen=True)
class Course:
    """One measure over visits.

    Attributes:
        kind, name, unit: as `mocap measure` calls them.
        values, sds: (visit,) NaN where a visit does not give it.
        trend: what they say.
    """

    kind: str
    name: str
    unit: str
    values: tuple[float, ...]
    sds: tuple[float, ...]
    trend: Trend


def write_trend_report(
    subject: str, visits: Sequence[str], courses: Sequence[Course], path: Path | str
) -> None:
    """Write the page: real changes first, every measure as a chart and in one table."""
    ordered = sorted(courses, key=lambda each: not each.trend.real)
    charts: dict[str, PlotlyJson] = {}
    places = []
    for k, each in enumerate(ordered[:_MOST_CHARTS]):
        charts[f"course-{k}"] = {
            "data": [
                {
                    "type": "scatter", "mode": "lines+markers", "x": list(visits),
                    "y": [value if value == value else None for value in each.values],
                    "error_y": {"type": "data", "visible": True,
                                "array": [BAND * sd if sd == sd else 0.0 for sd in each.sds]},
                    "line": {"color": BLUE},
                }
            ],
            "layout": layout("visit", each.unit, showlegend=False),
        }  # fmt: skip
        places.append(chart(f"course-{k}", f"{words(each.name)} ({each.kind})", 260))
    real = [each for each in ordered if each.trend.real]
    lines = [tag("li", text(_sentence(each))) for each in real]
    told = (
        tag("ul", *lines)
        if lines
        else tag("p", text("No measure changed by more than chance."), class_="calm")
    )
    body: list[Markup] = [
        section("What changed", told, note="By more than the scatter of the visits (95 %)."),
        section("Visits", tag("div", *places, class_="row"),
                note="Bars are the 95 % band of each visit's own takes."),
        section("All measures", table(_HEAD, [_row(each) for each in ordered]),
                note="Change: along the line from the first visit to the last. Least change: "
                "between two single visits, what is smaller may be chance."),
    ]  # fmt: skip
    write_page(
        Path(path),
        title=f"Trend: {subject}",
        subtitle=f"{len(visits)} visits, {visits[0]} to {visits[-1]}",
        body=body,
        data={"charts": charts},
        templates=TEMPLATES,
    )


_HEAD = ("Measure", "First", "Last", "Change", "95 % band", "Least change", "Real")


def _sentence(each: Course) -> str:
    digits = decimals(each.unit)
    return (
        f"{words(each.name)} ({each.kind}): {number(each.trend.change, digits, each.unit)} "
        f"{plus_minus(each.trend.change_band, each.unit)}"
    )


def _row(each: Course) -> tuple[str, ...]:
    digits = decimals(each.unit)
    known = [value for value in each.values if value == value]
    return (
        f"{words(each.name)} ({each.kind})",
        number(known[0], digits, each.unit),
        number(known[-1], digits, each.unit),
        number(each.trend.change, digits, each.unit),
        plus_minus(each.trend.change_band, each.unit),
        number(each.trend.least_change, digits, each.unit),
        "yes" if each.trend.real else "no",
    )
