"""Closer looks at a calibration: the graph of pairs, residuals over time, pictures of boards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from mocap.calibrate.verdict.report import BoardView, CalibrationReport, PairReport
from mocap.calibrate.verdict.rules import BRIDGE_WARN
from mocap.core.camera import Calibration
from mocap.core.shapes import Array, FloatArray
from mocap.studio.calibration.board_shown import colour
from mocap.studio.page.page import Markup, chart, image, section, tag, text
from mocap.studio.pictures.cells import box_around, cell, encode_jpeg, placed
from mocap.studio.take.figures import BLUE, GREY, PlotlyJson

RED = "#c8372d"
# A residual of a third of a pixel is drawn seven pixels long.
STROKE_TIMES = 20.0
PICTURE_PX = 420
# RGB.
_FOUND, _STROKE = (60, 200, 120), (240, 170, 40)
_FRACTION = 4


def charts(report: CalibrationReport, shown: Calibration) -> dict[str, PlotlyJson]:
    """Return the charts of these sections by the places that they have on the page."""
    found = {}
    if report.pairs:
        found["pair-graph"] = pair_graph(report, shown)
    if any(camera.over_time for camera in report.cameras):
        found["residuals-over-time"] = residuals_over_time(report)
    return found


def graph_section(report: CalibrationReport) -> Markup:
    """Return the place of the graph of pairs."""
    if not report.pairs:
        return Markup("")
    return section(
        "What ties the cameras together",
        chart("pair-graph", "Pairs from above", 420),
        note=f"The thicker a line, the more frames agree on how two cameras stand to each other; "
        f"red: fewer than {BRIDGE_WARN}; dotted grey: none. Show the board to both cameras of a "
        "red line where it is the only one between two parts of the rig.",
    )


def time_section(report: CalibrationReport) -> Markup:
    """Return the place of the residuals over the recording."""
    if not any(camera.over_time for camera in report.cameras):
        return Markup("")
    return section(
        "Residuals over the recording",
        chart("residuals-over-time", "Residuals (px)", 420),
        note="Above the median length, below the length of the median vector: noise has none. A "
        "step that stays is a camera that was moved then, a spike one bad part, a slow rise a "
        "clock that drifts.",
    )


def picture_section(report: CalibrationReport, pictures: Mapping[str, Sequence[bytes]]) -> Markup:
    """Return the pictures of single views, a usual and the worst one of each camera."""
    shown = [
        tag("figure", tag("figcaption", text(f"{camera.name}: {view.what}")),
            image(data, f"The board in camera {camera.name}, frame {view.frame}"))
        for camera in report.cameras
        for view, data in zip(camera.views, pictures.get(camera.name, ()), strict=False)
    ]  # fmt: skip
    if not shown:
        return Markup("")
    return section(
        "The board as the cameras saw it",
        tag("div", *shown, class_="maps"),
        note=f"Circles: corners found. Strokes lead to where the calibration puts them, "
        f"{STROKE_TIMES:.0f} times as long. All strokes one way: an image of another instant, or "
        "a board that moved fast; single long ones: a reflection or a hand.",
    )


def pair_graph(report: CalibrationReport, shown: Calibration) -> PlotlyJson:
    """Return the cameras from above, and a line for every pair, as thick as it is sure.

    Args:
        report: figures of the pairs.
        shown: the cameras, upright.
    """
    place = {camera.name: camera.center[:2] for camera in shown.cameras}
    pairs = [pair for pair in report.pairs if {pair.first, pair.second} <= set(place)]
    data: list[PlotlyJson] = [
        _line(pair, place) for pair in sorted(pairs, key=lambda pair: pair.agreeing_frames)
    ]
    data.append(
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [float(place[camera.name][0]) for camera in report.cameras],
            "y": [float(place[camera.name][1]) for camera in report.cameras],
            "text": [camera.name for camera in report.cameras],
            "textposition": "top center",
            "marker": {"size": 12, "color": BLUE},
            "hoverinfo": "text",
        }
    )
    axis = {"zeroline": False, "title": {"text": "m"}}
    return {
        "data": data,
        "layout": {
            "showlegend": False,
            "xaxis": axis,
            "yaxis": {**axis, "scaleanchor": "x"},
            "margin": {"l": 50, "r": 10, "t": 20, "b": 44},
        },
    }


def _line(pair: PairReport, place: dict[str, FloatArray]) -> PlotlyJson:
    """Return the line of a pair: red when it is weak, grey when nothing of it agrees."""
    ends = np.stack([place[pair.first], place[pair.second]])
    middle = ends.mean(axis=0)
    weak = pair.agreeing_frames < BRIDGE_WARN
    colour = GREY if pair.agreeing_frames == 0 else RED if weak else BLUE
    said = (
        f"{pair.first} and {pair.second}: {pair.agreeing_frames} of {pair.shared_frames} shared "
        f"frames agree, {pair.distance_m:.2f} m apart"
    )
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [float(ends[0, 0]), float(middle[0]), float(ends[1, 0])],
        "y": [float(ends[0, 1]), float(middle[1]), float(ends[1, 1])],
        "line": {
            "color": colour,
            "width": 1.0 + 1.5 * float(np.log1p(pair.agreeing_frames / 10.0)),
            "dash": "dot" if pair.agreeing_frames == 0 else "solid",
        },
        "text": [said] * 3,
        "hoverinfo": "text",
    }


def residuals_over_time(report: CalibrationReport) -> PlotlyJson:
    """Return a curve of the median residual of each camera, and of its median with sign."""
    data: list[PlotlyJson] = []
    for index, camera in enumerate(report.cameras):
        if camera.over_time is None:
            continue
        tint = colour(index, len(report.cameras))
        for axis, values, dash in (
            ("y", camera.over_time.median_px, "solid"),
            ("y2", camera.over_time.shift_px, "solid"),
        ):
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers",
                    "name": camera.name,
                    "legendgroup": camera.name,
                    "showlegend": axis == "y",
                    "x": list(camera.over_time.frame),
                    "y": list(values),
                    "yaxis": axis,
                    "line": {"color": tint, "width": 1.5, "dash": dash},
                    "marker": {"size": 3, "color": tint},
                    "hovertemplate": f"{camera.name}: %{{y:.2f}} px at frame %{{x}}<extra></extra>",
                }
            )
    return {
        "data": data,
        "layout": {
            "xaxis": {"title": {"text": "frame"}, "anchor": "y2"},
            "yaxis": {"title": {"text": "median (px)"}, "rangemode": "tozero", "domain": [0.54, 1]},
            "yaxis2": {"title": {"text": "shift (px)"}, "rangemode": "tozero", "domain": [0, 0.44]},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
            "margin": {"l": 56, "r": 10, "t": 30, "b": 44},
        },
    }


def board_picture(image: Array, view: BoardView, camera: str) -> bytes:
    """Return a part of a frame (h, w, 3) RGB with the corners found and their residuals, as JPEG.

    Circles are where corners were found, strokes lead to where the calibration puts them, twenty
    times as long as they are.
    """
    pixels = np.array(view.pixels, dtype=np.float64).reshape(-1, 2)
    residual = np.array(view.residual_px, dtype=np.float64).reshape(-1, 2)
    box = box_around(pixels, (image.shape[1], image.shape[0]))

    def draw(canvas: Array, origin: FloatArray, scale: float) -> None:
        at = placed(pixels, origin, scale)
        # Residuals are found minus projected.
        to = at - STROKE_TIMES * scale * np.nan_to_num(residual)
        for start, end in zip(at, to, strict=True):
            first, second = _fixed(start), _fixed(np.clip(end, -2000.0, 4000.0))
            cv2.line(canvas, first, second, _STROKE, 1, cv2.LINE_AA, _FRACTION)
            cv2.circle(canvas, first, 3 * 2**_FRACTION, _FOUND, 1, cv2.LINE_AA, _FRACTION)

    label = f"{camera}, frame {view.frame}: {view.median_px:.2f} px"
    return encode_jpeg(cell(image, box, PICTURE_PX, label, draw))


def _fixed(at: Sequence[float] | FloatArray) -> tuple[int, int]:
    return round(float(at[0]) * 2**_FRACTION), round(float(at[1]) * 2**_FRACTION)
