"""The report of a take: one page that says what was measured, how well, and what to doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mocap.calibrate.verdict.report import CalibrationReport, CameraReport
from mocap.core.camera import Calibration
from mocap.core.points import Source
from mocap.studio.page.page import (
    Markup,
    cards,
    chart,
    image,
    join,
    link,
    number,
    percent,
    prose,
    section,
    table,
    tag,
    text,
    write_page,
)
from mocap.studio.player.take import PlayerTake, part_pack, still_camera, whole_pack
from mocap.studio.player.thinned import thinned
from mocap.studio.take import figures
from mocap.studio.take.body_section import BodyFigures, body_section
from mocap.studio.take.clocks_section import clocks_section
from mocap.studio.take.people_section import people_section
from mocap.studio.take.report_data import (
    ReportData,
    Residuals,
    bone_figures,
    camera_figures,
    camera_keypoint_errors_px,
    percentiles,
    residuals_px,
)
from mocap.studio.understand.actions import actions_section

__all__ = ["ReportData", "write_report"]

MAX_FRAMES = 1500
"""A page with more frames gets too large for a mail; longer takes show every n-th, and say so."""

_ROW_PX = 24
"""Height of one keypoint's row in a figure."""

# A median error this large, as a share of the longer image side, is drawn darkest: 10 px at
# 1280 px, where detectors reach 2 to 4. A fixed scale keeps the maps of two takes comparable.
_DARK_MEDIAN = 0.008


def write_report(
    data: ReportData,
    path: Path | str,
    bodies: Sequence[BodyFigures] = (),
    player: PlayerTake | None = None,
    videos: Mapping[str, bytes] | None = None,
) -> None:
    """Write the report of a take as one self-contained page that works offline and prints.

    Fitted bodies get a section of their own. `player` is what the player shows; without it the
    keypoints alone. `videos` are files that travel in the page, by camera.

    Raises:
        InputError: a camera of the tracks is not in the calibration.
    """
    seen = data.looked_at
    residuals = residuals_px(seen)
    body = [
        _back(data.whole_page),
        _key_figures(data, residuals),
        _causes(data.causes),
        _warnings(data.warnings),
        _motion(),
        people_section(data.everybody),
        _quality(data),
        _reprojection(seen, residuals),
        _time(len(seen.points.xyz)),
        _uncertainty(data),
        body_section(bodies),
        clocks_section(data.clocks, data.sync_curves),
        actions_section(data.actions),
    ]
    if data.contact_sheet_png is not None:
        description = "Frames of all cameras with the detected and the reprojected skeleton"
        body.append(section("Overlays", image(data.contact_sheet_png, description)))
    body += [_calibration(data), _provenance(data.provenance)]
    write_page(
        Path(path),
        title=data.take_name,
        subtitle=_subtitle(data),
        body=body,
        data={"charts": _charts(data, seen, residuals)},
        player={
            **_packs(player or _points_alone(data)),
            **{f"video {camera}": data for camera, data in (videos or {}).items()},
        },
    )


def _points_alone(data: ReportData) -> PlayerTake:
    return PlayerTake(
        name=data.take_name,
        points=data.points,
        cameras=[still_camera(camera, len(data.points.xyz)) for camera in data.calibration.cameras],
        tracks=data.tracks,
    )


def _packs(take: PlayerTake) -> dict[str, bytes]:
    """Return what the player shows: the take, thinned when it is long, and its frames in parts."""
    take = thinned(take, max(1, -(-take.frame_count // MAX_FRAMES)))
    parts = {f"part{k}": part_pack(take, frames) for k, frames in enumerate(take.parts())}
    return {"take": whole_pack(take), **parts}


def _charts(
    data: ReportData, seen: ReportData, residuals: Residuals
) -> dict[str, figures.PlotlyJson]:
    cameras, keypoints = data.tracks.camera_names, data.tracks.keypoint_names
    charts = {
        "sources": figures.source_bars(data.points),
        "views": figures.view_histogram(seen.points),
        "time": figures.over_time(seen, residuals),
        "sigma": figures.sigma_bars(data.points),
    }
    width_px = max(max(camera.image_size) for camera in data.calibration.cameras)
    median_px, p95_px = camera_keypoint_errors_px(residuals, 50.0, 95.0)
    for identifier, errors, dark in (
        ("error-median", median_px, _DARK_MEDIAN),
        ("error-p95", p95_px, 3.0 * _DARK_MEDIAN),
    ):
        charts[identifier] = figures.error_map(errors, cameras, keypoints, dark * width_px)
    return charts


def _back(whole_page: str) -> Markup:
    """Return the way back from the report of one person."""
    if not whole_page:
        return Markup("")
    return tag("p", link("Everybody in the take", whole_page), class_="note")


def _subtitle(data: ReportData) -> str:
    frames, people = data.points.xyz.shape[:2]
    fps = data.points.fps
    return (
        f"{_count(len(data.tracks.camera_names), 'camera')} · "
        f"{_count(people, 'person', 'people')} · {_count(frames, 'frame')} at {fps:g} fps "
        f"({frames / fps:.1f} s) · {_count(len(data.points.keypoint_names), 'keypoint')}"
    )


def _count(amount: int, one: str, many: str = "") -> str:
    return f"{amount} {one if amount == 1 else many or one + 's'}"


def _key_figures(data: ReportData, residuals: Residuals) -> Markup:
    points = data.points
    error_px = [float(each) for each in percentiles(residuals.length, (50.0, 95.0))]
    sigma_mm = [float(each) for each in percentiles(1000.0 * points.sigma_m, (50.0, 95.0))]
    filled = points.share(Source.INTERPOLATED) + points.share(Source.EXTRAPOLATED)
    missing = points.share(Source.MISSING)
    counts = points.view_count[:: data.stride]
    (views,) = percentiles(np.asarray(counts, dtype=np.float64), (50.0,))
    return cards(
        [
            (
                "Measured",
                percent(points.share(Source.MEASURED)),
                f"{percent(filled)} filled, {percent(missing)} missing",
            ),
            (
                "Reprojection error",
                number(error_px[0], 1, "px"),
                f"median; 95 % below {number(error_px[1], 1, 'px')}",
            ),
            (
                "Uncertainty from noise",
                number(sigma_mm[0], 1, "mm"),
                f"median per axis; 95 % below {number(sigma_mm[1], 1, 'mm')}; "
                "where the detector puts a joint on the body comes on top",
            ),
            (
                "Cameras per keypoint",
                number(float(views), 0),
                f"median, of {len(data.tracks.camera_names)}",
            ),
        ]
    )


def _causes(causes: Sequence[str]) -> Markup:
    """Return what is wrong with the take, where something is: what warnings are symptoms of."""
    if not causes:
        return Markup("")
    items = [tag("li", prose(cause)) for cause in causes]
    title = tag("h2", text("What is wrong, the first cause first"))
    return tag("div", title, tag("ol", *items), class_="warnings")


def _warnings(warnings: Sequence[str]) -> Markup:
    if not warnings:
        return tag("p", text("No warnings from any stage."), class_="calm")
    items = [tag("li", prose(warning)) for warning in warnings]
    title = tag("h2", text(_count(len(warnings), "warning")))
    return tag("div", title, tag("ul", *items), class_="warnings")


def _motion() -> Markup:
    return section(
        "Motion",
        tag("div", id="player", class_="player"),
        note="Metres; Z is up, the floor is Z = 0. Drag to turn, scroll to zoom; press ? for keys.",
    )


def _quality(data: ReportData) -> Markup:
    height = 80 + _ROW_PX * len(data.points.keypoint_names)
    row = tag(
        "div",
        chart("sources", "Where each keypoint comes from", height),
        chart("views", "Cameras that agree on a keypoint", min(height, 380)),
        class_="row",
    )
    return section(
        "What was seen",
        row,
        note="Measured: at least two cameras agree in this frame. Interpolated and extrapolated "
        "values come from the motion around the frame, and are marked in every CSV export.",
    )


def _reprojection(data: ReportData, residuals: Residuals) -> Markup:
    height = 60 + _ROW_PX * len(data.tracks.keypoint_names)
    maps = tag(
        "div",
        chart("error-median", "Median error (px)", height),
        chart("error-p95", "95th percentile (px)", height),
        class_="row",
    )
    rows = [
        (
            camera.name,
            f"{camera.image_size[0]} × {camera.image_size[1]}",
            percent(camera.seen),
            number(camera.median_px, 2),
            number(camera.p95_px, 2),
            f"{number(float(camera.bias_px[0]), 2)}, {number(float(camera.bias_px[1]), 2)}",
        )
        for camera in camera_figures(data, residuals)
    ]
    columns = (
        "Camera",
        "Image (px)",
        "Keypoints seen",
        "Median (px)",
        "95th percentile (px)",
        "Offset x, y (px)",
    )
    return section(
        "Agreement between cameras and 3D",
        maps,
        table(columns, rows),
        note="Distance between each detection and the 3D point seen from the same camera. The "
        "offset is the median with its sign: a camera that was moved after calibration shows "
        "here first, long before its error grows.",
    )


def _time(frames: int) -> Markup:
    step = figures.frames_a_moment(frames)
    note = "Click on a moment to see it in the motion view."
    if step > 1:
        note += f" Each stands for {step} frames, the 95th percentile for the worst of them."
    return section("Over time", chart("time", "", 340), note=note)


def _uncertainty(data: ReportData) -> Markup:
    people = len(data.points.person_ids) > 1
    rows = [
        (
            (f"person {bone.person_id}: " if people else "")
            + " – ".join(end.replace("_", " ") for end in bone.bone),
            number(bone.median_mm, 0),
            number(bone.spread_mm, 1),
            percent(bone.spread_mm / bone.median_mm) if bone.median_mm > 0 else "",
            f"{number(bone.p5_mm, 0)} to {number(bone.p95_mm, 0)}",
        )
        for bone in bone_figures(data.points)
    ]
    columns = ("Bone", "Median (mm)", "Spread (mm)", "Spread", "5 % to 95 % (mm)")
    bones = table(columns, rows) if rows else Markup("")
    height = 80 + _ROW_PX * len(data.points.keypoint_names)
    return section(
        "Uncertainty and bone lengths",
        chart("sigma", "Predicted uncertainty", height),
        bones,
        note="Uncertainty follows from camera geometry and detector noise; it does not include "
        "where a detector puts a joint on the body. Real bones do not change length: their "
        "spread is an independent check.",
    )


def _calibration(data: ReportData) -> Markup:
    known: dict[str, CameraReport] = {}
    parts: list[Markup] = []
    if data.calibration_report is not None:
        known = {each.name: each for each in data.calibration_report.cameras}
        parts.append(verdict(data.calibration_report))
    rows = []
    for camera in data.calibration.cameras:
        told = known.get(camera.name)
        rms = told.rms_px if told else data.calibration.rms_px.get(camera.name, np.nan)
        position = ", ".join(number(float(value), 2) for value in camera.center)
        focal = 0.5 * float(camera.camera_matrix[0, 0] + camera.camera_matrix[1, 1])
        rows.append(
            (
                camera.name,
                f"{camera.image_size[0]} × {camera.image_size[1]}",
                number(rms, 2),
                with_deviation(focal, told.focal_sd_px if told else None, 1),
                position,
                number(told.center_sd_mm if told else np.nan, 1),
            )
        )
    columns = (
        "Camera",
        "Image (px)",
        "RMS (px)",
        "Focal length (px)",
        "Position x, y, z (m)",
        "Position ± (mm)",
    )
    parts.append(table(columns, rows))
    parts.append(definitions(_said_of(data.calibration)))
    return section("Calibration", *parts)


def _said_of(calibration: Calibration) -> tuple[tuple[str, str], ...]:
    """Return what a calibration says of itself to people; `made_…` is for the computer."""
    return tuple(each for each in calibration.metadata.items() if not each[0].startswith("made_"))


def verdict(report: CalibrationReport) -> Markup:
    """Return a calibration's verdict with its reasons and what to do."""
    level = str(report.verdict)
    findings = []
    for each in report.findings:
        label = tag("b", text(each.level), class_=f"verdict-{each.level}")
        findings.append(tag("li", label, prose(f" {each.text} "), tag("span", prose(each.remedy))))
    title = tag("p", text("Verdict: "), tag("strong", text(level), class_=f"verdict-{level}"))
    return join([title, tag("ul", *findings, class_="findings")])


def with_deviation(value: float, deviation: float | None, decimals: int) -> str:
    """Return `value ± deviation`, or the value alone."""
    written = number(value, decimals)
    if deviation is None or not np.isfinite(deviation):
        return written
    return f"{written} ± {number(deviation, decimals)}"


def definitions(pairs: Sequence[tuple[str, str]]) -> Markup:
    """Return labels with their texts; nothing when there are none."""
    if not pairs:
        return Markup("")
    entries = [join([tag("dt", text(label)), tag("dd", text(value))]) for label, value in pairs]
    return tag("dl", *entries)


def _provenance(pairs: Sequence[tuple[str, str]]) -> Markup:
    if not pairs:
        return Markup("")
    return section("How this was made", definitions(pairs))
