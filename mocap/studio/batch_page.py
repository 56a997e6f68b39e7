"""The page of a batch: every take, how it ended, and where its report is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mocap.core.store import write_text
from mocap.studio.page.page import (
    NO_VALUE,
    Markup,
    cards,
    join,
    link,
    number,
    prose,
    section,
    tag,
    template,
    text,
)


@dataclass(frozen=True)
class TakeLine:
    """A take in the page.

    Attributes:
        session, take: names.
        made: stages that were made now, in words; "" when none was.
        kept: how many were current.
        not_done: stages that wait for what failed.
        seconds: of all stages, wall time.
        warnings: what its stages said.
        failure: the sentence; "" when it is finished.
        report, export: places seen from the page; "" where there is none.
    """

    session: str
    take: str
    made: str
    kept: int
    not_done: str
    seconds: float
    warnings: tuple[str, ...]
    failure: str
    report: str
    export: str


_COLUMNS = ("take", "state", "made now", "kept", "seconds", "warnings", "files")


def write_batch_page(path: Path, lines: Sequence[TakeLine]) -> None:
    """Write the page; failures first, then every take by session."""
    failed = [line for line in lines if line.failure]
    sessions = list(dict.fromkeys(line.session for line in lines))
    figures = [
        ("finished", str(len(lines) - len(failed)), f"of {len(lines)} takes"),
        ("failed", str(len(failed)), "their reasons are below" if failed else "nothing to mend"),
        ("sessions", str(len(sessions)), ""),
        ("work", number(sum(line.seconds for line in lines) / 60.0, 1, "min"), "of all processes"),
    ]
    parts = [cards(figures)]
    if failed:
        entries = [
            tag("li", tag("b", text(f"{line.session}/{line.take}")), text(" "),
                prose(line.failure))
            for line in failed
        ]  # fmt: skip
        parts.append(section("What failed, and why", tag("ul", *entries, class_="findings")))
    parts += [
        section(name, _table([line for line in lines if line.session == name])) for name in sessions
    ]
    title = text("Batch")
    write_text(
        path,
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>{template('page.css')}</style></head>"
        f"<body><main><header><h1>{title}</h1></header>\n{join(parts)}\n</main></body></html>\n",
    )


def _table(lines: Sequence[TakeLine]) -> Markup:
    head = tag("tr", *(tag("th", text(column), scope="col") for column in _COLUMNS))
    body = [tag("tr", *_cells(line)) for line in lines]
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), class_="table")


def _cells(line: TakeLine) -> list[Markup]:
    name = link(line.take, line.report) if line.report else text(line.take)
    good = not line.failure
    state = tag("td", text("finished" if good else "failed"),
                class_=f"verdict-{'PASS' if good else 'FAIL'}")  # fmt: skip
    made = line.made or (f"waits: {line.not_done}" if line.not_done else NO_VALUE)
    files = link("files", line.export) if line.export else text(NO_VALUE)
    return [
        tag("th", name),
        state,
        tag("td", text(made)),
        tag("td", text(line.kept)),
        tag("td", text(number(line.seconds, 1))),
        tag("td", text(len(line.warnings)), title="\n".join(line.warnings)),
        tag("td", files),
    ]
