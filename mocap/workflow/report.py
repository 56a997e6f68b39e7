"""The report stage: one page about a take, for people."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from mocap.capture.checks import Recording
from mocap.capture.image_map import ImageMap
from mocap.capture.session import Take
from mocap.capture.video import read_frames
from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D
from mocap.core.shapes import Array
from mocap.core.store import load_artifact, load_provenance
from mocap.workflow.fit.stage import fitted_bodies
from mocap.workflow.pipeline import Made, Stage, files_stage

if TYPE_CHECKING:
    from mocap.studio.take.body_section import BodyFigures, ShapeFigures

# Enough to see whether skeleton and images agree over the take, few enough to read them quickly.
SHEET_FRAMES = 5


def report_stage(
    take: Take,
    recording: Recording,
    calibration: Calibration,
    maps: Mapping[str, ImageMap],
    *,
    with_bodies: bool = False,
) -> Stage:
    """Return the stage that writes the report of a take.

    `with_bodies`: bodies are being fitted before it; those already there are shown anyway.
    """
    inputs = {
        "tracks": take.artifact("tracks"),
        "smoothed": take.artifact("smoothed"),
        "calibration": take.session.calibration_path,
    }
    if take.session.calibration_report_path.is_file():
        inputs["calibration_report"] = take.session.calibration_report_path

    if with_bodies or take.fit_manifest_path.is_file():
        inputs["bodies"] = take.fit_manifest_path

    def make() -> Made:
        from mocap.studio.take.report import write_report
        from mocap.studio.take.report_data import ReportData

        tracks = load_artifact(take.artifact("tracks"), Tracks2D)
        points = load_artifact(take.artifact("smoothed"), Points3D)
        data = ReportData(
            take_name=take.name,
            calibration=calibration,
            tracks=tracks,
            points=points,
            warnings=(*recording.warnings, *stage_warnings(take)),
            provenance=_made_from(take),
            calibration_report=_calibration_report(take),
            contact_sheet_png=_contact_sheet(recording, calibration, tracks, points, maps),
        )
        write_report(data, take.report_path, _bodies(take))
        return Made([take.report_path])

    return files_stage(
        "report",
        take.report_manifest_path,
        inputs=inputs,
        options={"warnings": recording.warnings},
        make=make,
    )


def _bodies(take: Take) -> tuple[BodyFigures, ...]:
    """Return the bodies that were fitted to these points, with what became of their feet."""
    from mocap.studio.take.body_section import BodyFigures

    found = fitted_bodies(take, take.artifact("smoothed"))
    if not found or not take.fit_manifest_path.is_file():
        return tuple(BodyFigures(motion) for motion in found.values())
    notes = json.loads(take.fit_manifest_path.read_text(encoding="utf-8"))["notes"]
    return tuple(
        BodyFigures(
            motion,
            slide_before_mm=notes[f"person{person}"]["slide_before_mm"],
            slide_after_mm=notes[f"person{person}"]["slide_after_mm"],
            shape=_shape(notes[f"person{person}"]),
        )
        for person, motion in found.items()
    )


def _shape(notes: Mapping[str, Any]) -> ShapeFigures | None:
    """Return what the fit stage noted about a person's shape."""
    from mocap.studio.take.body_section import ShapeFigures

    if "body_height_m" not in notes:
        return None
    return ShapeFigures(
        height_m=notes["body_height_m"],
        mass_kg=notes["body_mass_kg"],
        given_height_m=notes["given_height_m"],
        given_mass_kg=notes["given_mass_kg"],
        given_sex=notes["given_sex"],
        subject=notes["subject"],
        takes=tuple(notes["shape_from"]),
    )


def _contact_sheet(
    recording: Recording,
    calibration: Calibration,
    tracks: Tracks2D,
    points: Points3D,
    maps: Mapping[str, ImageMap],
) -> bytes:
    """Return frames of every camera with detections and skeleton drawn on them, as PNG."""
    from mocap.studio.pictures.overlay import Overlay, contact_sheet, encode_png

    matrices = {camera: each.matrix for camera, each in maps.items()}
    overlay = Overlay(calibration, tracks, points, matrices)
    step = max(1, len(points.xyz) // SHEET_FRAMES)
    images: dict[str, dict[int, Array]] = {
        camera: dict(islice(read_frames(recording.infos[camera].path, step=step), SHEET_FRAMES))
        for camera in tracks.camera_names
    }
    return encode_png(contact_sheet(overlay, images))


def stage_warnings(take: Take) -> tuple[str, ...]:
    """Return the warnings kept in the artifacts of a take, each once."""
    found: dict[str, None] = {}
    for stage in ("detections", "tracks", "points3d", "smoothed"):
        if take.artifact(stage).is_file():
            found.update(dict.fromkeys(load_provenance(take.artifact(stage)).warnings))
    return tuple(found)


def _made_from(take: Take) -> tuple[tuple[str, str], ...]:
    """Return stage and options of every artifact, for the foot of the report."""
    lines = []
    for stage in ("detections", "tracks", "points3d", "smoothed"):
        if not take.artifact(stage).is_file():
            continue
        made = load_provenance(take.artifact(stage))
        shown = {key: value for key, value in made.options.items() if key != "image_maps"}
        options = ", ".join(f"{key} {value}" for key, value in shown.items())
        lines.append(
            (made.stage, f"mocap-studio {made.version}" + (f"; {options}" * bool(options)))
        )
    return tuple(lines)


def _calibration_report(take: Take) -> Mapping[str, Any] | None:
    path = take.session.calibration_report_path
    if not path.is_file():
        return None
    document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
