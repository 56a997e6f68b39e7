"""Reports of exercises (range of motion, squat, gait, jump) and of working postures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.ergonomics.alerts import ALERT_SCORE, Alert, Exposure, Moment
from mocap.measure.ergonomics.scores import (
    BORDERLINE_DEG,
    SUSTAINED_S,
    Assessment,
    Limits,
    Task,
    time_in_levels,
)
from mocap.measure.ergonomics.tables import REBA_LEVELS, RULA_LEVELS, action_level
from mocap.measure.exercises.exercise import PHASE_POINTS, Exercise
from mocap.studio.measure.parts import (
    EXERCISE_NOTE,
    TEMPLATES,
    Thumbnail,
    band,
    decimals,
    layout,
    line,
    made_with,
    metric_table,
    quality_line,
    thumbnails,
    vertical,
    warnings_box,
    words,
)
from mocap.studio.page.page import (
    Markup,
    cards,
    chart,
    number,
    percent,
    section,
    table,
    tag,
    text,
    write_page,
)
from mocap.studio.take.figures import AMBER, BLUE, PlotlyJson

_MOST_EVENT_LINES = 60
_MOST_COLUMNS = 9
_BANDS = {BLUE: "rgba(43,123,189,0.20)", AMBER: "rgba(230,159,0,0.20)"}

LEVELS = {"RULA": RULA_LEVELS, "REBA": REBA_LEVELS}


@dataclass(frozen=True, eq=False)
class TakeFacts:
    """What all reports say about the take: name, person, keypoints, warnings, how it was made."""

    take_name: str
    athlete: str = ""
    points: Points3D | None = None
    warnings: Sequence[str] = ()
    made: Sequence[tuple[str, str]] = ()


def write_exercise_report(facts: TakeFacts, found: Exercise, path: Path | str) -> None:
    """Write the report of an exercise as one self-contained page."""
    charts: dict[str, PlotlyJson] = {}
    body = [
        warnings_box((*found.warnings, *facts.warnings)),
        _form(found),
        section("Summary", metric_table(found.metrics), note=EXERCISE_NOTE),
        _cycles(found, charts),
        _over_time(found, charts),
        _rows(found),
        made_with(
            (
                ("Frame rate", f"{found.fps:g} frames per second"),
                ("Filters", found.filters),
                ("Thorax", found.thorax),
                ("Angles", "ISB sequences (Wu 2002, 2005); a left limb reads as a right one"),
                *quality_line(facts.points),
                *facts.made,
            )
        ),
    ]
    write_page(
        Path(path),
        title=f"{found.kind.replace('-', ' ').capitalize()}: {facts.take_name}",
        subtitle=" · ".join(part for part in (facts.athlete, f"{found.fps:g} fps") if part),
        body=body,
        data={"charts": charts},
        templates=TEMPLATES,
    )


def _form(found: Exercise) -> Markup:
    """Return what the person may change, in plain words."""
    if not found.feedback:
        return Markup("")
    items = [tag("li", text(each)) for each in found.feedback]
    note = "Limits are the product's own, for healthy adults; they are no diagnosis."
    return section("Form", tag("ul", *items), note=note)


def _pairs(names: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Group left_x and right_x under x; others stay alone."""
    out: dict[str, list[str]] = {}
    for name in names:
        plain = name.removeprefix("left_").removeprefix("right_")
        sided = plain != name and f"left_{plain}" in names and f"right_{plain}" in names
        out.setdefault(plain if sided else name, []).append(name)
    return [(title, tuple(members)) for title, members in out.items()]


def _colour(name: str) -> str:
    return AMBER if name.startswith("right_") else BLUE


def _cycles(found: Exercise, charts: dict[str, PlotlyJson]) -> Markup:
    reading = found.reading
    if not reading.cycles:
        return Markup("")
    phase: FloatArray = np.linspace(0.0, 100.0, PHASE_POINTS)
    places = []
    for title, names in _pairs(list(reading.cycles)):
        traces = []
        for name in names:
            stack = reading.cycles[name]
            mean = stack.mean(axis=0)
            if len(stack) > 1:
                sd, fill = stack.std(axis=0, ddof=1), _BANDS[_colour(name)]
                label = f"{words(name)} ± SD"
                traces.append(
                    band(phase, mean - sd, mean + sd, label, fill) | {"showlegend": False}
                )
            traces.append(line(phase, mean, f"{words(name)}, mean of {len(stack)}", _colour(name)))
        unit = reading.units.get(names[0], "")
        charts[f"cycle-{title}"] = {
            "data": traces,
            "layout": layout("% of the cycle", unit, showlegend=len(names) > 1),
        }
        places.append(chart(f"cycle-{title}", f"{words(title)} ({unit})", 260))
    return section(
        "Cycles",
        tag("div", *places, class_="row"),
        note="Every complete repetition or stride stretched to 0 to 100 %: mean and standard "
        "deviation.",
    )


def _over_time(found: Exercise, charts: dict[str, PlotlyJson]) -> Markup:
    reading = found.reading
    events = [event.frame / found.fps for event in reading.events][:_MOST_EVENT_LINES]
    places: list[Markup] = []
    seen = [name for name, curve in reading.curves.items() if np.isfinite(curve).any()]
    for title, names in _pairs(seen):
        traces = []
        for name in names:
            curve = reading.curves[name]
            traces.append(
                line(np.arange(len(curve)) / found.fps, curve, words(name), _colour(name))
            )
        unit = reading.units.get(names[0], "")
        shapes = [] if len(places) else [vertical(at, "")[0] for at in events]
        charts[f"time-{title}"] = {
            "data": traces,
            "layout": layout("time (s)", unit, showlegend=len(names) > 1, shapes=shapes),
        }
        places.append(chart(f"time-{title}", f"{words(title)} ({unit})", 240))
    note = "Gaps are where an angle was not measured."
    if events:
        note += " Dotted lines in the first figure are the events."
    return section("Over time", *places, note=note)


def _rows(found: Exercise) -> Markup:
    rows = found.reading.rows
    if not rows:
        return Markup("")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    units = found.reading.units

    def cell(value: float | str, name: str) -> str:
        if isinstance(value, str):
            return words(value) if name == "movement" else value
        places = 0 if name == "repetition" else decimals(units.get(name, ""))
        return number(value, places)

    head = [words(name) + (f" ({units[name]})" if units.get(name) else "") for name in columns]
    body = [[cell(row.get(name, ""), name) for name in columns] for row in rows]
    if len(columns) <= _MOST_COLUMNS:
        return section("One by one", table(head, body))
    # Too wide for paper: repetitions side by side instead, some at a time.
    parts = []
    for start in range(0, len(body), _MOST_COLUMNS):
        some = body[start : start + _MOST_COLUMNS]
        turned = [list(each) for each in zip(head, *some, strict=True)]
        parts.append(table(turned[0], turned[1:]))
    return section("One by one", *parts)


@dataclass(frozen=True, eq=False)
class Ergonomics:
    """Scores of both methods and both arms.

    Attributes:
        assessments: (method, side) -> assessment; methods "RULA" and "REBA".
        fps: frames per second.
        thorax: convention of the thorax.
        task, limits: as used.
        notes: sentences for people.
        alerts, worst, exposure: what a safety officer asks.
        pictures: of the worst moments.
    """

    assessments: Mapping[tuple[str, str], Assessment]
    fps: float
    thorax: str
    task: Task
    limits: Limits
    notes: Sequence[str] = ()
    alerts: Sequence[Alert] = ()
    worst: Sequence[Moment] = ()
    exposure: Exposure | None = None
    pictures: Sequence[Thumbnail] = ()


def write_ergonomics_report(facts: TakeFacts, found: Ergonomics, path: Path | str) -> None:
    """Write the report of working postures as one self-contained page."""
    charts: dict[str, PlotlyJson] = {}
    shown = []
    for (method, side), each in found.assessments.items():
        known = np.asarray(each.scores.final)[each.known]
        worst = str(int(known.max())) if len(known) else "–"
        level = (
            LEVELS[method][int(action_level(known.max(), LEVELS[method]))][1] if len(known) else ""
        )
        shown.append((f"{method}, {side} arm", worst, f"worst; {level}"))
    body = [
        cards(shown),
        warnings_box((*found.notes, *facts.warnings)),
        _level_times(found),
        _worst(found),
        _exposure(found),
        _scores(found, charts),
        _alerts(found),
        _inputs(found),
        made_with((("Thorax", found.thorax), *quality_line(facts.points), *facts.made)),
    ]
    write_page(
        Path(path),
        title=f"Working postures: {facts.take_name}",
        subtitle=" · ".join(part for part in (facts.athlete, f"{found.fps:g} fps") if part),
        body=body,
        data={"charts": charts},
        templates=TEMPLATES,
    )


def _level_times(found: Ergonomics) -> Markup:
    parts = []
    for method, levels in LEVELS.items():
        sides = [side for name, side in found.assessments if name == method]
        times = {
            side: time_in_levels(
                found.assessments[method, side].scores.final,
                found.assessments[method, side].known, levels, found.fps,
            )
            for side in sides
        }  # fmt: skip
        rows = []
        for k, (least, meaning) in enumerate(levels):
            top = levels[k + 1][0] - 1 if k + 1 < len(levels) else None
            name = f"{least}" if top == least else f"{least}–{top}" if top else f"{least} and more"
            cells = [number(float(times[side][k]), 1, "s") for side in sides]
            rows.append((f"{method} {name}: {meaning}", *cells))
        certain = [found.assessments[method, side].borderline.mean() for side in sides]
        rows.append(("Borderline, share of frames", *(percent(v) for v in certain)))
        parts.append(table((method, *(f"{side} arm" for side in sides)), rows))
    return section(
        "Time in each action level",
        *parts,
        note="Frames in which an angle is missing are left out. A score is borderline when an "
        f"error of {BORDERLINE_DEG:g} deg in one angle would change it.",
    )


def _scores(found: Ergonomics, charts: dict[str, PlotlyJson]) -> Markup:
    places = []
    for method in LEVELS:
        traces = []
        for (name, side), each in found.assessments.items():
            if name != method:
                continue
            score = np.where(each.known, each.scores.final, np.nan)
            time_s = np.arange(len(score)) / found.fps
            colour = AMBER if side == "right" else BLUE
            traces.append(line(time_s, score, f"{side} arm", colour, hovertemplate="%{y:.0f}"))
        charts[f"score-{method}"] = {
            "data": traces,
            "layout": layout("time (s)", "score") | {
                "yaxis": {"title": {"text": "score"}, "rangemode": "tozero", "dtick": 2}},
        }  # fmt: skip
        places.append(chart(f"score-{method}", f"{method} score", 240))
    return section("Scores over time", *places)


def _worst(found: Ergonomics) -> Markup:
    """Return the worst moments with what drives them, and their pictures."""
    if not found.worst:
        return Markup("")
    rows = [
        (number(each.time_s, 1, "s"), f"{each.method} {each.score}", f"{each.side} arm",
         words(each.part))
        for each in found.worst
    ]  # fmt: skip
    return section(
        "Worst moments",
        thumbnails(found.pictures),
        table(("At", "Score", "Arm", "Driven by"), rows),
        note="The part whose best posture would lower the score most. Moments are a second apart.",
    )


def _exposure(found: Ergonomics) -> Markup:
    """Return times overhead and asymmetric, and lifts per hour."""
    seen = found.exposure
    if seen is None:
        return Markup("")
    rows = [
        ("A hand above its shoulder", number(seen.overhead_s, 1, "s")),
        ("Trunk twisted or bent sideways", number(seen.asymmetric_s, 1, "s")),
        ("Both hands come up from below the hips", f"{seen.lifts} times"),
        ("The same per hour", number(seen.lifts_per_hour, 0)),
    ]
    return section(
        "Exposure",
        table(("What", f"In {seen.seconds:.1f} s"), rows),
        note="What hands carry is not seen: times they come up are candidates for lifts.",
    )


def _alerts(found: Ergonomics) -> Markup:
    rows = [
        (f"{each.method}, {each.side} arm", number(each.start_s, 1, "s"),
         number(each.end_s - each.start_s, 1, "s"), f"{each.score} or more", words(each.part))
        for each in found.alerts
    ]  # fmt: skip
    note = (
        f"Stretches of at least {SUSTAINED_S:g} s at RULA {ALERT_SCORE['RULA']} or REBA "
        f"{ALERT_SCORE['REBA']} and above; also in alerts.csv and alerts.json."
    )
    if not rows:
        return section("Sustained postures", tag("p", text("None."), class_="calm"), note=note)
    head = ("Score", "From", "For", "At", "Driven by")
    return section("Sustained postures", table(head, rows), note=note)


_LIMITS = {
    "neutral_deg": "Counts as neutral up to",
    "twist_deg": "Neck and trunk count as twisted from",
    "side_bend_deg": "Neck and trunk count as bent sideways from",
    "abduction_deg": "Upper arm counts as abducted from",
    "deviation_deg": "Wrist counts as bent sideways from",
    "across_deg": "Forearm counts as across or out to the side from",
}


def _inputs(found: Ergonomics) -> Markup:
    rows = [(words(name), _plain(value)) for name, value in asdict(found.task).items()]
    rows += [
        (_LIMITS[name], number(value, 0, "deg")) for name, value in asdict(found.limits).items()
    ]
    return section(
        "What the scores assume",
        table(("Input", "Value"), rows),
        note="Load, grip, muscle use and support cannot be seen in a pose: they are what was told. "
        "The worksheets say neutral, twisted or abducted without a number: these limits were used.",
    )


def _plain(value: object) -> str:
    if value is None:
        return "from the feet"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
