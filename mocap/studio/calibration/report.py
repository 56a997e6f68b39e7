"""The report of a calibration: verdict and reasons first, then every camera's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mocap.calibrate.verdict.report import (
    CalibrationReport,
    CameraReport,
    ErrorMapReport,
    known_to_mm,
)
from mocap.core.camera import Calibration
from mocap.core.rotation import rotation_between
from mocap.core.shapes import FloatArray
from mocap.core.transform import apply, invert, rigid
from mocap.studio.calibration import board_shown, closer
from mocap.studio.page.page import (
    NO_VALUE,
    Markup,
    cards,
    chart,
    number,
    percent,
    prose,
    section,
    table,
    tag,
    write_page,
)
from mocap.studio.take.figures import AMBER, PlotlyJson
from mocap.studio.take.report import verdict, with_deviation
from mocap.studio.take.scene import rig_scene

# A residual this long (pixels) is drawn as long as a cell is wide: well calibrated cameras have
# mean residuals of a few hundredths, and a tenth must be visible.
_CELL_RESIDUAL_PX = 0.4

_MAP_WIDTH_PX = 300


def write_calibration_report(
    report: CalibrationReport,
    calibration: Calibration,
    path: Path | str,
    *,
    title: str,
    pictures: Mapping[str, Sequence[bytes]] | None = None,
) -> None:
    """Write the report of a calibration as one self-contained page.

    Args:
        report: the calibration's figures.
        calibration: the cameras it describes.
        path: page to write; replaced as a whole or not at all.
        title: name of the session.
        pictures: by camera, of the views of the board that the report names.
    """
    shown, axes = _upright(calibration)
    shown_from_world = invert(shown.cameras[0].camera_from_world)
    shown_from_world = shown_from_world @ calibration.cameras[0].camera_from_world
    body = [
        section("Verdict", verdict(report)),
        _key_figures(report),
        section(
            "Rig",
            tag("div", id="scene", class_="plot", style="height:520px"),
            note=f"Metres. {axes} Drag to turn, scroll to zoom.",
        ),
        _cameras(report),
        _clocks(report),
        _maps(report),
        board_shown.tilt_section(report),
        closer.time_section(report),
        closer.picture_section(report, pictures or {}),
        _error_map(report),
        board_shown.length_section(report, shown_from_world),
        closer.graph_section(report),
        _pairs(report),
        _dropped(report),
        _notes(report),
    ]
    charts = {f"map-{k}": _map(each) for k, each in enumerate(report.cameras)}
    charts |= closer.charts(report, shown)
    if any(camera.tilts_deg for camera in report.cameras):
        charts[board_shown.TILTS] = board_shown.tilt_chart(report)
    if report.error_map is not None:
        charts["error-map"] = _error_chart(report.error_map, shown_from_world)
    write_page(
        Path(path),
        title=f"Calibration of {title}",
        subtitle=f"{len(report.cameras)} cameras · board {report.board} · {report.frames} frames",
        body=body,
        data={"charts": charts, "scene": rig_scene(shown)},
    )


def _upright(calibration: Calibration) -> tuple[Calibration, str]:
    """Return the rig with its cameras upright, and a sentence about its axes.

    Before the floor is set, the world is the first camera's: y down, z forward.
    """
    # A camera's up is minus its y axis in the world.
    ups = np.array([-camera.camera_from_world[1, :3] for camera in calibration.cameras])
    # The camera nearest to most others: one that hangs upside down does not turn the picture.
    up = ups[np.argmax(np.sum(np.clip(ups @ ups.T, 0.0, None), axis=1))]
    agreeing = ups[ups @ up > 0.3]
    up = agreeing.mean(axis=0)
    if up[2] > 0.5 or np.linalg.norm(up) < 0.1:
        return calibration, "Z is up."
    shown_from_world = rigid(rotation_between(up, np.array([0.0, 0.0, 1.0])), np.zeros(3))
    return (
        calibration.transformed(shown_from_world),
        "The floor is not set yet (`mocap world`): the rig is only turned upright here.",
    )


def _key_figures(report: CalibrationReport) -> Markup:
    cameras = report.cameras
    rms = [camera.rms_px for camera in cameras]
    position = [camera.center_sd_mm for camera in cameras]
    figures = [
        ("Worst camera", number(max(rms), 2, "px"), "RMS reprojection error"),
        ("Corner noise", number(report.sigma_px, 3, "px"), "per axis"),
        ("Worst position", f"± {number(max(position), 1, 'mm')}", "standard deviation"),
    ]
    held_out = report.held_out
    if held_out is not None:
        bias, rms_mm = held_out.length_bias_mm, held_out.length_rms_mm
        figures += [
            (
                "Unseen frames",
                number(held_out.error_px, 3, "px"),
                f"{number(held_out.training_px, 3, 'px')} in the frames used",
            ),
            (
                "Board lengths",
                number(rms_mm, 2, "mm"),
                f"RMS error in unseen frames; bias {number(bias, 2, 'mm')}",
            ),
        ]
    return cards(figures)


def _cameras(report: CalibrationReport) -> Markup:
    rows, poses = [], []
    for camera in report.cameras:
        width, height = camera.image_size
        rows.append(
            (
                camera.name,
                f"{width} × {height}",
                str(camera.frames),
                str(camera.corners),
                percent(camera.coverage),
                percent(camera.edge_coverage),
                percent(camera.rejected),
                number(camera.rms_px, 3),
                number(camera.median_px, 3),
            )
        )
        late = camera.time_offset_frames
        poses.append(
            (
                camera.name,
                with_deviation(camera.focal_px, camera.focal_sd_px, 1),
                with_deviation(
                    camera.principal_point_shift_px,
                    camera.principal_point_sd_px,
                    1,
                ),
                ", ".join(number(value, 3) for value in camera.center_m),
                known_to_mm(camera.center_sd_mm),
                number(camera.rotation_sd_deg, 3),
                NO_VALUE if late is None else number(late, 2),
            )
        )
    seen = (
        "Camera",
        "Image (px)",
        "Frames",
        "Corners",
        "Coverage",
        "Of the edge",
        "Rejected",
        "RMS (px)",
        "Median (px)",
    )
    solved = (
        "Camera",
        "Focal length (px)",
        "Principal point off centre (px)",
        "Position x, y, z (m)",
        "± (mm)",
        "Rotation ± (°)",
        "Late by (frames)",
    )
    return section(
        "Cameras",
        table(seen, rows),
        table(solved, poses),
        note="Coverage: share of 25 image cells that hold a corner; of the edge: of the 16 along "
        "it, where lenses bend most. ± is one standard deviation, predicted from corner noise and "
        "geometry.",
    )


def _clocks(report: CalibrationReport) -> Markup:
    if report.clocks is None:
        return Markup("")
    reference = report.clocks.reference
    rows = [
        (
            clock.camera,
            number(clock.offset_s, 4),
            number(1e3 * clock.sigma_s, 1),
            number(clock.drift_ppm, 0),
            clock.method,
            number(clock.said.get("board", float("nan")), 4),
            number(clock.said.get("calibration", float("nan")), 4),
            str(clock.verdict),
        )
        for clock in report.clocks.cameras
    ]
    columns = (
        "Camera",
        f"Starts after {reference} (s)",
        "± (ms)",
        "Drift (ppm)",
        "Used",
        "The board alone (s)",
        "The calibration (s)",
        "Verdict",
    )
    return section(
        "Clocks",
        table(columns, rows),
        note="The board alone proposes; the calibration then solves the offsets together with the "
        "cameras. A recorded time stays unless both say that it is wrong.",
    )


def _maps(report: CalibrationReport) -> Markup:
    places = []
    for index, camera in enumerate(report.cameras):
        width, height = camera.image_size
        height_px = round(_MAP_WIDTH_PX * min(height / width, 1.6)) + 20
        places.append(chart(f"map-{index}", camera.name, height_px))
    return section(
        "Where the board was seen",
        tag("div", *places, class_="maps"),
        note="Corners per image cell. Strokes are the mean residual of a cell, a cell's width for "
        f"{_CELL_RESIDUAL_PX:g} px: a pattern of them is a lens that the model does not fit.",
    )


def _map(camera: CameraReport) -> PlotlyJson:
    """Return corner counts and mean residuals by cell of one image, rows from the top."""
    counts = np.array(camera.coverage_grid, dtype=np.float64)
    arrows = np.array(camera.residual_grid_px, dtype=np.float64)
    width, height = camera.image_size
    rows, columns = counts.shape
    x = (np.arange(columns) + 0.5) * width / columns
    y = (np.arange(rows) + 0.5) * height / rows
    centres = np.stack(np.meshgrid(x, y), axis=-1)
    tips = centres + width / columns / _CELL_RESIDUAL_PX * arrows
    gap = np.full_like(centres, np.nan)
    strokes = np.stack([centres, tips, gap], axis=2).reshape(-1, 2)
    hidden = {"visible": False, "fixedrange": True}
    return {
        "data": [
            {
                "type": "heatmap",
                "z": counts,
                "x": x,
                "y": y,
                "zmin": 0,
                "colorscale": [[0.0, "rgba(128,136,146,0.12)"], [1.0, "#2b7bbd"]],
                "showscale": False,
                "xgap": 1,
                "ygap": 1,
                "texttemplate": "%{z}",
                "hovertemplate": "%{z} corners<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "lines",
                "x": strokes[:, 0],
                "y": strokes[:, 1],
                "line": {"color": AMBER, "width": 2},
                "hoverinfo": "skip",
            },
        ],
        "layout": {
            "showlegend": False,
            "xaxis": {**hidden, "range": [0, width]},
            "yaxis": {**hidden, "range": [height, 0]},
            "margin": {"l": 0, "r": 0, "t": 4, "b": 0},
        },
    }


def _error_map(report: CalibrationReport) -> Markup:
    found = report.error_map
    if found is None:
        return Markup("")
    return section(
        "Predicted error of measured points",
        chart("error-map", "Predicted error (mm)", 460),
        note=f"What the calibration alone adds to a point, one standard deviation, where the board "
        f"was: {found.median_mm:.1f} mm in the middle, 95 % below {found.worst_mm:.1f} mm. A place "
        "that is red, or has no points, needs the board in front of two cameras there.",
    )


def _error_chart(found: ErrorMapReport, shown_from_world: FloatArray) -> PlotlyJson:
    """Return the points of the error map in space, coloured by their predicted error."""
    x, y, z = apply(shown_from_world, np.array(found.points_m)).T
    return {
        "data": [
            {
                "type": "scatter3d",
                "mode": "markers",
                "x": x,
                "y": y,
                "z": z,
                "marker": {
                    "size": 5,
                    "color": list(found.sd_mm),
                    "cmin": 0.0,
                    "colorscale": [[0.0, "#2a9d6f"], [0.5, "#e0a030"], [1.0, "#c8372d"]],
                    "colorbar": {"title": {"text": "mm"}, "thickness": 12},
                },
                "hovertemplate": "%{marker.color:.1f} mm<extra></extra>",
            }
        ],
        "layout": {
            "showlegend": False,
            "scene": {"aspectmode": "data", "camera": {"eye": {"x": 1.6, "y": 1.6, "z": 1.0}}},
            "margin": {"l": 0, "r": 0, "t": 4, "b": 0},
        },
    }


def _pairs(report: CalibrationReport) -> Markup:
    rows = [
        (
            f"{pair.first} – {pair.second}",
            number(pair.distance_m, 3),
            str(pair.shared_frames),
            str(pair.agreeing_frames),
            NO_VALUE if pair.bridge is None else f"{pair.bridge} frames",
        )
        for pair in report.pairs
    ]
    columns = ("Pair", "Distance (m)", "Shared frames", "Agreeing frames", "Hold the parts")
    return section(
        "Pairs of cameras",
        table(columns, rows),
        note="Hold the parts: a pair that was used to join the rig cuts it into two parts when "
        "taken away; so many frames, of this pair and others, hold these parts together.",
    )


def _dropped(report: CalibrationReport) -> Markup:
    views = report.dropped_views
    if not views:
        return Markup("")
    rows = [(each.camera, str(each.frame), number(each.shift_px, 1), each.reason) for each in views]
    return section(
        "Views left out",
        table(("Camera", "Frame", "Shift (px)", "Reason"), rows),
        note="In these the whole board is displaced in one camera: an image of another instant.",
    )


def _notes(report: CalibrationReport) -> Markup:
    state = "converged" if report.converged else "did not converge"
    floor = report.floor
    lines = [
        f"The adjustment {state} after {report.iterations} iterations.",
        *([f"Board: {report.board_print}."] if report.board_print else []),
        "Floor: not set; the world stands at the first camera."
        if floor is None
        else f"Floor: {floor.source} in frames {floor.first_frame} to {floor.last_frame}; cameras "
        f"tilted by {floor.camera_tilt_deg:.0f} deg in the middle.",
        *([f"Made {report.made}."] if report.made else []),
        *report.notes,
    ]
    return section("Notes", tag("ul", *(tag("li", prose(line)) for line in lines)))
