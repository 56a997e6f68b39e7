"""Figures of a take's report as plotly descriptions: plain dictionaries, no plotly needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.studio.page.page import text
from mocap.studio.take.report_data import (
    ReportData,
    Residuals,
    percentile,
    percentiles,
    sigmas_mm,
    source_shares,
    view_counts,
)
from mocap.studio.take.scene import SOURCE_COLOURS

PlotlyJson = dict[str, Any]
"""A figure, or a trace or the layout of one, in Plotly's own JSON."""

MOST_MOMENTS = 3000
"""Of a figure over time: twice what a screen is wide."""

BLUE, AMBER, GREY = "#2b7bbd", "#e69f00", "#8a8f96"

# Light to dark blue: more error is more ink, on white and on black alike.
_ERROR_SCALE = [[0.0, "#dfeaf5"], [0.35, "#7fb2dd"], [0.7, "#2b7bbd"], [1.0, "#0b3c68"]]


def readable(keypoint: str) -> str:
    """Return a name for people, escaped for the labels of a figure: left_big_toe, left big toe."""
    return text(keypoint.replace("_", " "))


def error_map(
    values_px: FloatArray, cameras: Sequence[str], keypoints: Sequence[str], top_px: float
) -> PlotlyJson:
    """Return a heat map (camera, keypoint) of pixel errors with the numbers in it."""
    return {
        "data": [
            {
                "type": "heatmap",
                "z": values_px.T,
                "x": [text(name) for name in cameras],
                "y": [readable(name) for name in keypoints],
                "zmin": 0.0,
                "zmax": top_px,
                "colorscale": _ERROR_SCALE,
                "texttemplate": "%{z:.1f}",
                "hovertemplate": "%{y}, %{x}: %{z:.2f} px<extra></extra>",
                "xgap": 1,
                "ygap": 1,
                "colorbar": {"title": {"text": "px"}, "thickness": 10, "outlinewidth": 0},
            }
        ],
        "layout": {
            "yaxis": {"autorange": "reversed", "showgrid": False, "ticks": ""},
            "xaxis": {"side": "top", "showgrid": False, "type": "category"},
            "margin": {"l": 110, "r": 10, "t": 28, "b": 10},
        },
    }


def source_bars(points: Points3D) -> PlotlyJson:
    """Return one bar per keypoint: measured, interpolated, extrapolated, missing."""
    shares = source_shares(points)
    order = [
        source
        for source in (Source.MEASURED, Source.INTERPOLATED, Source.EXTRAPOLATED, Source.MISSING)
        if source == Source.MEASURED or shares[source].any()
    ]
    names = [readable(name) for name in points.keypoint_names]
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": source.name.lower(),
                "x": 100.0 * shares[source],
                "y": names,
                "marker": {"color": SOURCE_COLOURS[source]},
                "hovertemplate": "%{y}: %{x:.1f} % " + source.name.lower() + "<extra></extra>",
            }
            for source in order
        ],
        "layout": {
            "barmode": "stack",
            "bargap": 0.25,
            "xaxis": {"range": [0, 100], "title": {"text": "% of frames"}},
            "yaxis": {"autorange": "reversed", "showgrid": False},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "traceorder": "normal"},
            "margin": {"l": 110, "r": 10, "t": 30, "b": 44},
        },
    }


def view_histogram(points: Points3D) -> PlotlyJson:
    """Return how many keypoints were seen by how many cameras."""
    counts = view_counts(points)
    share = 100.0 * counts / max(counts.sum(), 1.0)
    views = list(range(len(counts)))
    return {
        "data": [
            {
                "type": "bar",
                "x": views,
                "y": share,
                "marker": {"color": [GREY if each < 2 else BLUE for each in views]},
                "texttemplate": "%{y:.0f} %",
                "textposition": "outside",
                "cliponaxis": False,
                "hovertemplate": "%{x} cameras: %{y:.1f} %<extra></extra>",
            }
        ],
        "layout": {
            "xaxis": {"title": {"text": "agreeing cameras"}, "dtick": 1, "showgrid": False},
            "yaxis": {"title": {"text": "% of keypoints"}, "rangemode": "tozero"},
            "margin": {"l": 56, "r": 10, "t": 20, "b": 44},
        },
    }


def sigma_bars(points: Points3D) -> PlotlyJson:
    """Return the uncertainty per keypoint: median as a bar, 95th percentile as a tick."""
    names = [readable(name) for name in points.keypoint_names]
    median_mm, p95_mm = sigmas_mm(points, 50.0, 95.0)
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": "median",
                "x": median_mm,
                "y": names,
                "marker": {"color": BLUE},
                "hovertemplate": "%{y}: median %{x:.1f} mm<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "markers",
                "name": "95 % of frames are below",
                "x": p95_mm,
                "y": names,
                "marker": {
                    "symbol": "line-ns-open",
                    "size": 13,
                    "color": AMBER,
                    "line": {"width": 2},
                },
                "hovertemplate": "%{y}: 95th percentile %{x:.1f} mm<extra></extra>",
            },
        ],
        "layout": {
            "bargap": 0.25,
            "xaxis": {"title": {"text": "standard deviation per axis (mm)"}, "rangemode": "tozero"},
            "yaxis": {"autorange": "reversed", "showgrid": False},
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
            "margin": {"l": 110, "r": 10, "t": 30, "b": 44},
        },
    }


def frames_a_moment(frames: int) -> int:
    """Return how many frames a moment of the figures over time stands for."""
    return max(1, -(-frames // MOST_MOMENTS))


def over_time(data: ReportData, residuals: Residuals) -> PlotlyJson:
    """Return reprojection error and unmeasured share by time: where the take is weak.

    A moment of a long take stands for several frames: for the worst of them by its 95th percentile,
    for their median and their mean by the two other curves.
    """
    by_frame = np.moveaxis(residuals.length, 1, 0).reshape(residuals.length.shape[1], -1)
    measured = (data.points.source == Source.MEASURED).reshape(len(by_frame), -1)
    share = measured.mean(axis=1) if measured.size else np.zeros(len(measured))
    time_s = np.arange(len(by_frame)) / data.points.fps
    median_px, p95_px = percentiles(by_frame, (50.0, 95.0), axis=1)
    step = frames_a_moment(len(by_frame))
    if step > 1:
        p95_px = percentile(_by_moments(p95_px, step), 100.0, axis=1)
        median_px = percentile(_by_moments(median_px, step), 50.0, axis=1)
        share, time_s = (np.nanmean(_by_moments(each, step), axis=1) for each in (share, time_s))
    return {
        "data": [
            _curve(time_s, p95_px, "95th percentile", AMBER, "px"),
            _curve(time_s, median_px, "median", BLUE, "px"),
            {
                **_curve(time_s, 100.0 * (1.0 - share), "not measured", GREY, "%"),
                "yaxis": "y2",
                "fill": "tozeroy",
            },
        ],
        "layout": {
            "xaxis": {"title": {"text": "time (s)"}, "anchor": "y2"},
            "yaxis": {"title": {"text": "error (px)"}, "rangemode": "tozero", "domain": [0.36, 1]},
            "yaxis2": {
                "title": {"text": "not measured (%)"},
                "range": [0, 100],
                "domain": [0, 0.26],
            },
            "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom"},
            "hovermode": "x unified",
            "margin": {"l": 56, "r": 10, "t": 30, "b": 44},
        },
    }


def _by_moments(values: FloatArray, step: int) -> FloatArray:
    """Return values (frame,) by moments (moment, frame); NaN where the last has fewer."""
    filled = np.full(-(-len(values) // step) * step, np.nan)
    filled[: len(values)] = values
    return filled.reshape(-1, step)


def _curve(x: FloatArray, y: FloatArray, name: str, colour: str, unit: str) -> PlotlyJson:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": y,
        "line": {"color": colour, "width": 1.5},
        "hovertemplate": f"%{{y:.1f}} {unit}",
    }
