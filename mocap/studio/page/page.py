"""A self-contained page: HTML from escaped parts, with styles, scripts and data inside.

Names of cameras, takes and files come from outside. Text becomes `Markup` only through `text` (or
from our own tags), so that nothing reaches a page unescaped.
"""

from __future__ import annotations

import base64
import html
import json
import math
import re
import string
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import zip_longest
from pathlib import Path
from string import Template
from typing import Any, NewType
from urllib.parse import quote

import numpy as np

from mocap.core.plain import plain
from mocap.core.store import write_text
from mocap.studio.player.page import CLIENT, PLAYER_MODULES, three_js

Markup = NewType("Markup", str)

NO_VALUE = "–"
# Significant digits of the numbers behind figures: 0.01 mm of a place in a room.
_DIGITS = 5
# zlib writes gzip (RFC 1952), which browsers unpack, without a time: the same page, the same bytes.
_GZIP = 31
_HTML_SAFE = str.maketrans("<&", ",.")
# Of RFC 1924.
_LETTERS = np.frombuffer(
    f"{string.digits}{string.ascii_uppercase}{string.ascii_lowercase}!#$%&()*+-;<=>?@^_`{{|}}~".encode(),
    dtype=np.uint8,
)


def text(value: object) -> Markup:
    """Return text as HTML (and as the HTML-like labels of plotly)."""
    return Markup(html.escape(str(value), quote=True))


def prose(sentence: str) -> Markup:
    """Return a sentence as HTML, with commands between back quotes set as code."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", text(sentence)))


def tag(name: str, *children: Markup, **attributes: str) -> Markup:
    """Return an element; attribute names may end in `_` (class_) and use `_` for `-`."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"' for key, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{''.join(children)}</{name}>")


def join(parts: Sequence[Markup]) -> Markup:
    """Return elements one after the other."""
    return Markup("\n".join(parts))


def section(title: str, *parts: Markup, note: str = "") -> Markup:
    """Return a titled section; `note` explains in a sentence how to read it."""
    explained = (tag("p", prose(note), class_="note"),) if note else ()
    return tag("section", tag("h2", text(title)), *explained, *parts)


def link(words: str, place: str) -> Markup:
    """Return a link to a file beside the page."""
    return tag("a", text(words), href=quote(place))


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], places: Sequence[str] = ()
) -> Markup:
    """Return a table of texts: the first column are names, the others are numbers.

    `places` are files beside the page to which the names lead, "" for none.
    """
    head = tag("tr", *(tag("th", text(column), scope="col") for column in columns))
    body = []
    for row, place in zip_longest(rows, places[: len(rows)], fillvalue=""):
        name = link(row[0], place) if place else text(row[0])
        body.append(tag("tr", tag("th", name), *(tag("td", text(cell)) for cell in row[1:])))
    inner = tag("table", tag("thead", head), tag("tbody", *body))
    return tag("div", inner, class_="table")


def cards(figures: Sequence[tuple[str, str, str]]) -> Markup:
    """Return key figures: label, value with unit, and a word of explanation."""
    return tag(
        "div",
        *(
            tag(
                "div",
                tag("span", text(label), class_="label"),
                tag("strong", text(value)),
                tag("small", text(remark)),
                class_="card",
            )
            for label, value, remark in figures
        ),
        class_="cards",
    )


def chart(identifier: str, title: str, height_px: int) -> Markup:
    """Return the place of a figure; the page's script draws it."""
    caption = tag("figcaption", text(title)) if title else Markup("")
    place = tag("div", id=identifier, class_="plot", style=f"height:{height_px}px")
    return tag("figure", caption, place)


def image(data: bytes, description: str) -> Markup:
    """Return an image, PNG or JPEG, that travels inside the page."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    source = f"data:image/{kind};base64," + base64.b64encode(data).decode("ascii")
    return Markup(f'<img alt="{text(description)}" src="{source}">')


def number(value: float, decimals: int = 1, unit: str = "") -> str:
    """Return a number with its unit, or a dash when it is not known."""
    if value is None or not math.isfinite(value):
        return NO_VALUE
    written = f"{value:.{decimals}f}"
    # No negative zeros: "-0.0 px" looks like a finding.
    written = written.lstrip("-") if float(written) == 0.0 else written
    return f"{written}\N{NO-BREAK SPACE}{unit}".rstrip().replace("-", "−")


def percent(share: float) -> str:
    """Return a share in [0, 1] as a percentage that is 0 or 100 only when it is exactly that."""
    if not math.isfinite(share):
        return NO_VALUE
    if 0.0 < share < 0.001:
        return "< 0.1 %"
    if 0.999 < share < 1.0:
        return "> 99.9 %"
    return f"{100.0 * share:.1f} %"


def template(name: str) -> Markup:
    """Return a file of `templates`, which is our own HTML, style or script."""
    return Markup((files("mocap.studio.page") / "templates" / name).read_text(encoding="utf-8"))


@lru_cache(maxsize=4)
def _library(name: str, data: bytes) -> Markup:
    """Return a library that travels in every page: packing it takes a second."""
    return _packed(name, data)


def _packed(name: str, data: bytes) -> Markup:
    """Return bytes that travel inside a page, to be unpacked by its script.

    Base 85 (RFC 1924) is 6 % shorter than base 64; its letters that mean something in HTML are
    replaced by two that it does not use.
    """
    small = zlib.compress(data, 9, wbits=_GZIP)
    letters = _base85(small).translate(_HTML_SAFE)
    about = f'id="packed-{text(name)}" data-bytes="{len(small)}"'
    return Markup(f'<script type="text/plain" {about}>{letters}</script>')


def _base85(data: bytes) -> str:
    """Return what `base64.b85encode(data, pad=True)` does, which takes ten times as long."""
    words = np.frombuffer(data + bytes(-len(data) % 4), dtype=">u4").astype(np.uint32)
    digits = np.zeros((len(words), 5), dtype=np.uint8)
    for place in range(4, -1, -1):
        higher = words // np.uint32(85)
        digits[:, place], words = words - np.uint32(85) * higher, higher
    return _LETTERS[digits].tobytes().decode("ascii")


def _player_style(player: Mapping[str, bytes] | None) -> list[Markup]:
    if player is None:
        return []
    return [Markup((CLIENT / "player.css").read_text(encoding="utf-8"))]


def _player_parts(player: Mapping[str, bytes] | None) -> list[Markup]:
    """Return three.js, the modules of the player and what it shows."""
    if player is None:
        return []
    modules = {name: (CLIENT / name).read_text(encoding="utf-8") for name in PLAYER_MODULES}
    text = json.dumps(modules, separators=(",", ":")).replace("<", "\\u003c")
    return [
        _library("three", three_js()),
        Markup(f'<script type="application/json" id="player-modules">{text}</script>'),
        *(_packed(name, data) for name, data in player.items()),
    ]


def write_page(
    path: Path,
    *,
    title: str,
    subtitle: str,
    body: Sequence[Markup],
    data: Mapping[str, Any],
    templates: Sequence[str] = (),
    player: Mapping[str, bytes] | None = None,
) -> None:
    """Write a page that needs nothing but itself.

    Args:
        path: file to write; replaced as a whole or not at all.
        title, subtitle: of the page.
        body: sections.
        data: `charts` (plotly figures by the identifier of their place) and whatever else the
            page's script reads.
        templates: names of further styles and scripts: `measure` for measure.css and measure.js.
        player: what the player of a take shows: "take" and "part0", …; it stands in the place
            with the id "player".
    """
    plotly = (files("plotly") / "package_data" / "plotly.min.js").read_bytes()
    # In a script element only "<" can end the data early.
    document = json.dumps(plain(data, _DIGITS), ensure_ascii=False, separators=(",", ":"))
    page = Template(template("page.html")).substitute(
        title=text(title),
        subtitle=text(subtitle),
        body=join(body),
        style=join([*_player_style(player), *(template(f"{n}.css") for n in ("page", *templates))]),
        data=document.replace("<", "\\u003c"),
        packed=join([_library("plotly", plotly), *_player_parts(player)]),
        boot=template("boot.js"),
        script=join([template(f"{name}.js") for name in ("page", *templates)]),
    )
    write_text(path, page)
