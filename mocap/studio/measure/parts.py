"""Parts that all measurement reports share: metric tables, curves, quality, thumbnails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mocap.core.points import Points3D, Source
from mocap.core.runs import runs
from mocap.core.shapes import FloatArray
from mocap.measure.metric import Metric
from mocap.studio.page.page import (
    Markup,
    image,
    join,
    number,
    percent,
    prose,
    section,
    tag,
    text,
)
from mocap.studio.take.figures import AMBER, BLUE, GREY, PlotlyJson

GREEN = "#2a9d5c"
PURPLE = "#7b5bb5"
COLOURS = (BLUE, AMBER, GREEN, PURPLE, "#c0504d", GREY)

TEMPLATES = ("measure",)
"""Style and script of all measurement reports, for `write_page`."""


@dataclass(frozen=True)
class Thumbnail:
    """A picture of a moment: PNG, and what it shows."""

    png: bytes
    caption: str


_SPELT = {"com": "centre of mass", "rom": "range", "rula": "RULA", "reba": "REBA"}


def words(name: str) -> str:
    """Return a name for people: peak_knee_height -> Peak knee height."""
    spelt = " ".join(_SPELT.get(word, word) for word in name.split("_"))
    return spelt[:1].upper() + spelt[1:]


def decimals(unit: str) -> int:
    """Return how many digits after the point a unit is worth."""
    return {"deg/s": 0, "ms": 0, "": 0, "m": 3, "s": 3, "m/s": 2}.get(unit, 1)


def plus_minus(value: float, unit: str, *, bare: bool = False) -> str:
    """Return a band as text, `bare` of its unit, or a dash when it is unknown."""
    if not np.isfinite(value):
        return "–"
    places, shown = decimals(unit), "" if bare else unit
    least = 10.0**-places
    if 0.0 < value < 0.5 * least:
        return f"± < {number(least, places, shown)}"
    return f"± {number(value, places, shown)}"


def metric_table(
    metrics: Sequence[Metric], extra: Mapping[str, Sequence[str]] | None = None
) -> Markup:
    """Return metrics with band and limit; those not to be trusted are grey and say why.

    `extra` are further columns by title, one text per metric.
    """
    more = dict(extra or {})
    head = ["Metric", "Value", "95 % band", "Method limit", *more]
    rows = []
    for k, metric in enumerate(metrics):
        style = {} if metric.trusted else {"class_": "faint"}
        cells = [
            number(metric.value, decimals(metric.unit), metric.unit),
            plus_minus(metric.band, metric.unit) if metric.unit else "",
            plus_minus(metric.systematic, metric.unit) if metric.unit else "",
            *(column[k] for column in more.values()),
        ]
        meaning = tag("div", text(metric.definition), class_="definition")
        why = () if metric.trusted else (tag("div", text(metric.reason), class_="reason"),)
        rows.append(
            tag(
                "tr",
                tag(
                    "td", text(metric.label), meaning, *why, title=metric.definition, class_="wrap"
                ),
                *(tag("td", text(cell)) for cell in cells),
                **style,
            )
        )
    inner = tag(
        "table",
        tag("thead", tag("tr", *(tag("th", text(each), scope="col") for each in head))),
        tag("tbody", *rows),
    )
    return tag("div", inner, class_="table")


_NOTE = (
    "95 % band: where the true value is, by chance (the uncertainty of this take's own keypoints) "
    "and by the method limit together. Method limit: {limit}; it is mostly constant and cancels "
    "when the same person is compared with themselves: then chance alone counts, a column of the "
    "table beside this page. "
    "A dash: not known. Grey italics: not to be trusted as a single value, with the reason. Hover "
    "over a name for its definition."
)
METRIC_NOTE = _NOTE.format(
    limit="largest known difference between this kind of measurement and laboratory references"
)
EXERCISE_NOTE = _NOTE.format(
    limit="how far this kind of measurement may lie from a laboratory's on top of that. No "
    "laboratory comparison stands behind these limits yet: they are an estimate from what cameras "
    "and a body model leave open"
)


def warnings_box(sentences: Sequence[str]) -> Markup:
    """Return what to keep in mind, or a calm line."""
    if not sentences:
        return tag("p", text("Nothing stands against reading these numbers."), class_="calm")
    items = [tag("li", prose(sentence)) for sentence in sentences]
    return tag("div", tag("h2", text("Keep in mind")), tag("ul", *items), class_="warnings")


def quality_line(points: Points3D | None) -> tuple[tuple[str, str], ...]:
    """Return what the keypoints say about the take: reprojection, filled share, uncertainty."""
    if points is None:
        return ()
    error, sigma = points.reprojection_error_px, 1000.0 * points.sigma_m
    filled = points.share(Source.INTERPOLATED) + points.share(Source.EXTRAPOLATED)
    return (
        ("Median reprojection error", number(_median(error), 2, "px")),
        ("Keypoints interpolated", percent(filled)),
        ("Keypoints missing", percent(points.share(Source.MISSING))),
        ("Median keypoint uncertainty", number(_median(sigma), 1, "mm")),
    )


def _median(values: FloatArray) -> float:
    known = np.asarray(values)[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def thumbnails(pictures: Sequence[Thumbnail]) -> Markup:
    """Return pictures side by side with their captions."""
    if not pictures:
        return Markup("")
    figures = [
        tag("figure", image(each.png, each.caption), tag("figcaption", text(each.caption)))
        for each in pictures
    ]
    return tag("div", *figures, class_="pictures")


_SMOOTHED = "What changes faster than the cut-off frequency is smoothed away."
_IN_PLAIN_WORDS = {
    "Filter on positions": _SMOOTHED,
    "Filter on angles and velocities": _SMOOTHED,
    "Filters": _SMOOTHED,
    "Thorax": "Which points of the body stand for the chest.",
    "Angles": "In which order a joint is taken apart into turns (ISB: the International Society of "
    "Biomechanics), so that numbers compare with other laboratories.",
    "Median reprojection error": "Half of the points lie nearer than this to where the cameras "
    "saw them in their images.",
    "Keypoints interpolated": "Seen by too few cameras then, and filled from before and after.",
    "Keypoints missing": "Neither seen nor filled.",
    "Median keypoint uncertainty": "Half of the points are known better than this.",
}


def made_with(pairs: Sequence[tuple[str, str]]) -> Markup:
    """Return how the numbers were made, and its terms in plain words."""
    entries = []
    for label, value in pairs:
        plain = _IN_PLAIN_WORDS.get(label)
        said = (tag("div", text(plain), class_="plain"),) if plain else ()
        entries.append(join([tag("dt", text(label)), tag("dd", text(value), *said)]))
    return section("How this was measured", tag("dl", *entries))


def line(x: Any, y: Any, name: str, colour: str, **more: Any) -> PlotlyJson:
    """Return a curve of a figure; `width`, `dash` and `shown` shape it."""
    style = {"color": colour, "width": more.pop("width", 2.0)}
    if "dash" in more:
        style["dash"] = more.pop("dash")
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "name": text(name),
        "line": style,
        "hovertemplate": "%{y:.1f}",
        **more,
    }


def band(x: FloatArray, low: FloatArray, high: FloatArray, name: str, rgba: str) -> PlotlyJson:
    """Return a filled band of a figure; it breaks where values are missing."""
    across: list[float] = []
    edge: list[float] = []
    for start, end in runs(np.isfinite(low) & np.isfinite(high)):
        there, back = slice(start, end), slice(end - 1, start - 1 if start else None, -1)
        across += [*x[there], *x[back], np.nan]
        edge += [*high[there], *low[back], np.nan]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": across,
        "y": edge,
        "fill": "toself",
        "fillcolor": rgba,
        "line": {"width": 0},
        "name": text(name),
        "hoverinfo": "skip",
    }


def layout(x_title: str, y_title: str, **more: Any) -> PlotlyJson:
    """Return a figure's layout with titled axes and the legend above."""
    x_axis = {"title": {"text": x_title}} | more.pop("xaxis", {})
    return {
        "xaxis": x_axis,
        "yaxis": {"title": {"text": y_title}},
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0},
        "hovermode": "x unified",
        "margin": {"l": 56, "r": 10, "t": 30, "b": 44},
        **more,
    }


def vertical(x: float, label: str, *, level: float = 1.0) -> tuple[PlotlyJson, PlotlyJson]:
    """Return a vertical line and its label for a layout's shapes and annotations."""
    shape = {
        "type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": GREY, "width": 1, "dash": "dot"},
    }  # fmt: skip
    note = {
        "x": x, "y": level, "yref": "paper", "yanchor": "top", "xanchor": "left",
        "text": text(label), "showarrow": False, "font": {"size": 10, "color": GREY},
    }  # fmt: skip
    return shape, note
