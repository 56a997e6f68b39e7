"""The page of actions: a strip over time for each person, spans and alerts as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap.studio.page.page import (
    Markup,
    join,
    number,
    percent,
    prose,
    section,
    table,
    tag,
    text,
    write_page,
)
from mocap.understand.actions import NONE_OF_THESE, UNSEEN, ActionSpan, ActionWindow
from mocap.understand.alerts import Alert

NEVER_CLAIMED = (
    "A label says what a motion looks like, by examples of few people. It is no diagnosis and no "
    "judgement of form; falls are not recognised; where nothing known is near, it says so."
)
# Okabe and Ito's colours: told apart by colour-blind readers.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b59f00")
_QUIET = {NONE_OF_THESE: "#c9cdd2", UNSEEN: "#eef0f2", "stand": "#9aa3ad"}
_WIDTH, _ROW, _LABEL = 1000, 34, 18


@dataclass(frozen=True)
class PersonStrip:
    """What one person did.

    Attributes:
        person_id: whose.
        name: for people: a name or "person 0".
        windows, spans, alerts: as recognised.
        untold: why nothing can be told of this person; "" where it can.
    """

    person_id: int
    name: str
    windows: Sequence[ActionWindow]
    spans: Sequence[ActionSpan]
    alerts: Sequence[Alert]
    untold: str = ""


def write_actions_page(path: Path, take_name: str, people: Sequence[PersonStrip]) -> None:
    """Write the page of a take's actions."""
    body = [tag("p", prose(NEVER_CLAIMED), class_="note")]
    colours = label_colours(people)
    body += [_person(person, colours) for person in people]
    write_page(path, title=f"Actions: {take_name}", subtitle="what people did", body=body, data={})


def actions_section(people: Sequence[PersonStrip]) -> Markup:
    """Return a strip over time for everybody, as a section of a take's report."""
    if not people:
        return join([])
    colours = label_colours(people)
    strips: list[Markup] = []
    for person in people:
        strips += [tag("p", text(person.name), class_="legend"), strip(person.spans, colours)]
    return section("Actions", tag("p", prose(NEVER_CLAIMED), class_="note"), *strips)


def _person(person: PersonStrip, colours: Mapping[str, str]) -> Markup:
    if person.untold:
        return section(person.name, tag("p", text(f"Nothing can be told: {person.untold}")))
    rows = [
        [label_words(s.label), number(s.start_s, 1, "s"), number(s.end_s, 1, "s"),
         percent(s.confidence)]
        for s in person.spans
    ]  # fmt: skip
    parts = [strip(person.spans, colours), table(("What", "From", "To", "Likeness"), rows)]
    if person.alerts:
        alerts = [
            [alert.says, number(alert.start_s, 1, "s"), number(alert.seconds, 1, "s")]
            for alert in person.alerts
        ]
        parts.append(table(("Alert", "At", "For"), alerts))
    return section(person.name, *parts)


def label_colours(people: Sequence[PersonStrip]) -> dict[str, str]:
    """Return a colour for every label, the same in everybody's strip."""
    names = sorted({span.label for person in people for span in person.spans} - set(_QUIET))
    return {name: _COLOURS[k % len(_COLOURS)] for k, name in enumerate(names)}


def strip(spans: Sequence[ActionSpan], colours: Mapping[str, str]) -> Markup:
    """Return spans as coloured stretches of one bar, each with its words where they fit."""
    if not spans:
        return tag("p", text("Too short to tell."))
    start, end = spans[0].start_s, spans[-1].end_s
    scale = _WIDTH / max(end - start, 1e-9)
    pieces = []
    for span in spans:
        x, width = (span.start_s - start) * scale, (span.end_s - span.start_s) * scale
        words = label_words(span.label)
        title = tag("title", text(f"{words}, {span.start_s:.1f} to {span.end_s:.1f} s"))
        fill = colours.get(span.label, _QUIET.get(span.label, "#c9cdd2"))
        box = {"x": f"{x:.1f}", "y": "0", "width": f"{width:.1f}", "height": str(_ROW)}
        pieces.append(tag("rect", title, fill=fill, stroke="#ffffff", **box))
        if width > 8 * len(words):
            middle = {"x": f"{x + width / 2:.1f}", "y": str(_ROW / 2 + 5)}
            style = {"text_anchor": "middle", "font_size": "13", "fill": readable_on(fill)}
            pieces.append(tag("text", text(words), **middle, **style))
    ends = [(0, "start", start), (_WIDTH, "end", end)]
    for at, anchor, seconds in ends:
        label = {"x": str(at), "y": str(_ROW + _LABEL - 3), "text_anchor": anchor}
        pieces.append(
            tag("text", text(f"{seconds:.1f} s"), font_size="12", fill="currentColor", **label)
        )
    box_text = f"0 0 {_WIDTH} {_ROW + _LABEL}"
    return tag("svg", join(pieces), viewBox=box_text, width="100%", role="img")


def timeline_rows(people: Sequence[PersonStrip]) -> list[Mapping[str, object]]:
    """Return strips for the timeline of the player: spans and alerts of each person, as JSON."""
    colours = {**label_colours(people), **_QUIET}
    return [
        {
            "person": person.person_id,
            "spans": [
                {
                    "start_s": span.start_s,
                    "end_s": span.end_s,
                    "words": label_words(span.label),
                    "confidence": span.confidence,
                    "colour": colours[span.label],
                    "ink": readable_on(colours[span.label]),
                }
                for span in person.spans
            ],
            "alerts": [
                {"start_s": alert.start_s, "seconds": alert.seconds, "says": alert.says}
                for alert in person.alerts
            ],
        }
        for person in people
    ]


def readable_on(colour: str) -> str:
    """Return the ink, dark or white, that contrasts more with a colour "#rrggbb" (WCAG 2.2)."""
    steps = [int(colour[k : k + 2], 16) / 255.0 for k in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in steps)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    # Contrast is (lighter + .05) / (darker + .05); the dark ink's own luminance is .02.
    return "#ffffff" if 1.05 / (luminance + 0.05) > (luminance + 0.05) / 0.07 else "#1d2733"


def label_words(label: str) -> str:
    """Return a label for people: "deep squat"."""
    return label.replace("_", " ")
