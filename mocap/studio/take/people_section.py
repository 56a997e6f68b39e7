"""The part of the report that shows everybody who was found in a take."""

from __future__ import annotations

from collections.abc import Sequence

from mocap.studio.page.page import Markup, image, number, section, table, tag, text
from mocap.studio.take.report_data import PersonCard


def people_section(people: Sequence[PersonCard]) -> Markup:
    """Return who was found: a picture, when they were seen, by how many cameras, how tall."""
    if not people:
        return Markup("")
    pictures = [
        tag(
            "figure",
            image(card.picture_png, f"{card.name} in the view that shows them best"),
            tag("figcaption", text(_caption(card))),
        )
        for card in people
        if card.picture_png is not None
    ]
    rows = [
        (
            card.name,
            str(card.person_id),
            f"{card.seconds[0]:.1f} to {card.seconds[1]:.1f} s",
            f"{card.frames} of {card.frame_count}",
            number(card.views, 1),
            number(float("nan") if card.height_m is None else card.height_m, 2, "m"),
            "yes" if card.chosen else "left out",
        )
        for card in people
    ]
    head = ("who", "number", "seen", "frames", "cameras", "height, about", "in this result")
    return section(
        "People",
        tag("div", *pictures, class_="people") if pictures else Markup(""),
        table(head, rows, [card.page for card in people]),
        note="Everybody whom two cameras saw; a name that is a link leads to their report. Who is "
        "wrong here can be put right: `mocap people SESSION TAKE` swaps, merges, splits, drops and "
        "names people.",
    )


def _caption(card: PersonCard) -> str:
    return card.name if card.chosen else f"{card.name}, left out"
