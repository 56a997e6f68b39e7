"""How the board was shown to the cameras, and which lengths come out where in the volume."""

from __future__ import annotations

import numpy as np

from mocap.calibrate.verdict.length_cells import LengthCell
from mocap.calibrate.verdict.report import TILTED_DEG, CalibrationReport
from mocap.core.shapes import FloatArray
from mocap.core.transform import apply
from mocap.studio.page.page import NO_VALUE, Markup, chart, number, section, table
from mocap.studio.take.figures import GREY, PlotlyJson

TILTS = "board-tilts"
_RING_DEG = (TILTED_DEG, 30.0, 45.0)


def colour(index: int, count: int) -> str:
    """Return the colour of a camera."""
    return f"hsl({(210 + 360 * index // max(count, 1)) % 360}, 60%, 45%)"


def tilt_section(report: CalibrationReport) -> Markup:
    """Return the place of the tilts of the board."""
    if not any(camera.tilts_deg for camera in report.cameras):
        return Markup("")
    lacking = [
        f"{camera.name} hardly saw it turned {' and '.join(camera.missing_tilts)}"
        for camera in report.cameras
        if camera.missing_tilts
    ]
    return section(
        "How the board was tilted",
        chart(TILTS, "Tilt to each camera (degrees)", 420),
        note=f"A point for every view; the middle faces the camera, rings at "
        f"{', '.join(f'{deg:.0f}' for deg in _RING_DEG)} degrees. Tilts tell how far the board was "
        "from how large it is: points should lie on all four sides beyond the first ring."
        + (f" Missing: {'; '.join(lacking)}." if lacking else ""),
    )


def tilt_chart(report: CalibrationReport) -> PlotlyJson:
    """Return how the board stood to the cameras, a point for every view."""
    round_ = np.deg2rad(np.linspace(0.0, 360.0, 73))
    data: list[PlotlyJson] = [
        {
            "type": "scatter",
            "mode": "lines",
            "x": deg * np.cos(round_),
            "y": deg * np.sin(round_),
            "line": {"color": GREY, "width": 1, "dash": "dot"},
            "hoverinfo": "skip",
            "showlegend": False,
        }
        for deg in _RING_DEG
    ]
    for index, camera in enumerate(report.cameras):
        right, up = np.array(camera.tilts_deg, dtype=np.float64).reshape(-1, 2).T
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": camera.name,
                "x": right,
                "y": up,
                "marker": {"size": 5, "color": colour(index, len(report.cameras))},
                "hovertemplate": f"{camera.name}: %{{x:.0f}}°, %{{y:.0f}}°<extra></extra>",
            }
        )
    axis = {"zeroline": True, "range": [-75, 75], "constrain": "domain"}
    return {
        "data": data,
        "layout": {
            "xaxis": {**axis, "title": {"text": "looks left … right (°)"}},
            "yaxis": {**axis, "title": {"text": "looks down … up (°)"}, "scaleanchor": "x"},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
            "margin": {"l": 56, "r": 10, "t": 30, "b": 44},
        },
    }


def length_section(report: CalibrationReport, shown_from_world: FloatArray) -> Markup:
    """Return the table of lengths by part of the volume, the worst first."""
    held_out = report.held_out
    if held_out is None or not held_out.cells:
        return Markup("")
    worst_first = sorted(held_out.cells, key=lambda cell: -abs(cell.bias_mm))
    return section(
        "Lengths by place",
        table(
            (
                "Where (x, y, z m)",
                "Sides measured",
                "Off on average (mm)",
                "RMS (mm)",
                "Half a metre ± (mm)",
            ),
            [_row(cell, shown_from_world) for cell in worst_first],
        ),
        note="Sides of the board's squares in frames that the calibration has not seen, by part of "
        "the volume. The last column is what the calibration alone leaves open of a length of half "
        "a metre there, one standard deviation. A part that is off by more than the others was "
        "hardly recorded, or a lens bends there.",
    )


def _row(cell: LengthCell, shown_from_world: FloatArray) -> tuple[str, ...]:
    place = apply(shown_from_world, np.array(cell.center_m))
    predicted = NO_VALUE if cell.predicted_mm is None else number(cell.predicted_mm, 2)
    return (
        ", ".join(number(float(value), 2) for value in place),
        f"{cell.lengths} in {cell.frames} frames",
        f"{cell.bias_mm:+.2f}",
        number(cell.rms_mm, 2),
        predicted,
    )
