"""What the report says of the cameras' clocks: when each started, how surely, and the scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mocap.core.clocks import CameraClock, Clocks
from mocap.studio.page.page import Markup, number, section, table, tag, text

_WIDTH, _HEIGHT = 170, 34


def clocks_section(clocks: Clocks | None, curves: Mapping[str, Sequence[float]]) -> Markup:
    """Return the section about clocks; nothing for a take that was never synchronised.

    `curves` holds "lags_s" and for each camera its agreement with the others at those offsets
    from the recorded time.
    """
    if clocks is None:
        return Markup("")
    columns = (
        "Camera",
        f"Starts after {clocks.reference} (s)",
        "± (ms)",
        "Drift (ppm)",
        "Found by",
        "Agreement",
        "Evidence",
        "Verdict",
    )
    rows = [_row(clock) for clock in clocks.cameras]
    pictures = [
        tag(
            "figure",
            tag("figcaption", text(clock.camera)),
            _curve(curves["lags_s"], curves[clock.camera], clock.offset_s),
        )
        for clock in clocks.cameras
        if clock.camera in curves and len(curves.get("lags_s", ())) > 1
    ]
    return section(
        "Clocks",
        table(columns, rows),
        tag("div", *pictures, style="display:flex;flex-wrap:wrap;gap:1em"),
        note="Images count at the time they were taken. Agreement is how well a camera's keypoints "
        "meet those of the others at its offset (1 is perfect, 0.2 chance); evidence is by how "
        "many standard errors the best other offset is worse: 3 and more is SURE. The curves show "
        "the agreement over all offsets that were tried; the line marks the one that is used.",
    )


def _row(clock: CameraClock) -> tuple[str, ...]:
    others = [f"{name} {value:.3f} s" for name, value in clock.said.items() if name != clock.method]
    return (
        clock.camera,
        number(clock.offset_s, 4),
        number(1e3 * clock.sigma_s, 1),
        number(clock.drift_ppm, 0),
        clock.method + (f" ({', '.join(others)})" if others else ""),
        number(clock.agreement, 2),
        number(clock.evidence_t, 1),
        str(clock.verdict),
    )


def _curve(lags_s: Sequence[float], values: Sequence[float], offset_s: float) -> Markup:
    """Return a small drawing of agreement over offsets, with the offset that is used."""
    lags, curve = np.asarray(lags_s, dtype=np.float64), np.asarray(values, dtype=np.float64)
    count = min(len(lags), len(curve))
    lags, curve = lags[:count], np.clip(curve[:count], -0.2, 1.0)
    x = (lags - lags[0]) / max(float(np.ptp(lags)), 1e-9) * _WIDTH
    y = _HEIGHT - (curve + 0.2) / 1.2 * _HEIGHT
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    at = (offset_s - lags[0]) / max(float(np.ptp(lags)), 1e-9) * _WIDTH
    line = tag("polyline", points=points, fill="none", stroke="#2b7bbd", stroke_width="1")
    mark = tag(
        "line",
        x1=f"{at:.1f}",
        x2=f"{at:.1f}",
        y1="0",
        y2=str(_HEIGHT),
        stroke="#e69f00",
        stroke_width="1",
    )
    ends = f"{lags[0]:.0f} s to {lags[-1]:.0f} s"
    return tag(
        "svg",
        tag("title", text(f"agreement at offsets from {ends}")),
        mark,
        line,
        width=str(_WIDTH),
        height=str(_HEIGHT),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        role="img",
    )
