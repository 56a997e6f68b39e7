"""The export and report stages: files for people and other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mocap.capture.checks import Recording
from mocap.capture.session import Take
from mocap.cli.pipeline import Made, Stage, files_stage
from mocap.core.calibration_file import load_calibration
from mocap.core.detections import Tracks2D
from mocap.core.errors import ExportError
from mocap.core.points import Points3D
from mocap.core.store import load_artifact, load_provenance

DEFAULT_FORMATS = ("bvh", "trc", "csv")


@dataclass(frozen=True)
class ExportChoice:
    """What to write.

    Attributes:
        formats: suffixes without the dot.
        names: preset of joint names for BVH.
        order: order of the rotation channels of BVH.
        fill_long_gaps: bridge gaps of the skeleton of any length instead of refusing.
    """

    formats: tuple[str, ...] = DEFAULT_FORMATS
    names: str = "smplx"
    order: str = "ZXY"
    fill_long_gaps: bool = False


def export_stage(take: Take, choice: ExportChoice) -> Stage:
    """Return the stage that writes the asked formats, one file per person where a format needs it.

    Raises:
        ExportError: an unknown format.
    """
    from mocap.export import WRITERS

    for each in choice.formats:
        if f".{each}" not in WRITERS:
            known = ", ".join(suffix.removeprefix(".") for suffix in WRITERS)
            raise ExportError(f"there is no format '{each}'; known are {known}.")

    def make() -> Made:
        points = load_artifact(take.artifact("smoothed"), Points3D)
        paths: list[Path] = []
        warnings: list[str] = []
        for each in choice.formats:
            written, said = _write(take, points, each, choice)
            paths += written
            warnings += [sentence for sentence in said if sentence not in warnings]
        return Made(paths, warnings, {"files": [path.name for path in paths]})

    return files_stage(
        "export",
        take.export_manifest_path,
        inputs={"smoothed": take.artifact("smoothed")},
        options={
            "formats": choice.formats,
            "names": choice.names,
            "order": choice.order,
            "fill_long_gaps": choice.fill_long_gaps,
        },
        make=make,
    )


def _write(
    take: Take, points: Points3D, suffix: str, choice: ExportChoice
) -> tuple[list[Path], list[str]]:
    """Write one format and return files and warnings."""
    from mocap.body.skeleton import fit_skeleton
    from mocap.export import bvh, csv, trc

    if suffix == "csv":
        path = take.export_dir / f"{take.name}.csv"
        return [path], list(csv.write(points, path))
    paths: list[Path] = []
    warnings: list[str] = []
    for person in points.person_ids:
        several = f"_person{person}" if len(points.person_ids) > 1 else ""
        path = take.export_dir / f"{take.name}{several}.{suffix}"
        if suffix == "trc":
            warnings += trc.write(points, path, person_id=person)
        else:
            long_gaps: Literal["refuse", "fill"] = "fill" if choice.fill_long_gaps else "refuse"
            fit = fit_skeleton(points, person, long_gaps=long_gaps)
            warnings += [*fit.notes]
            warnings += bvh.write(fit.motion, path, order=choice.order, names=choice.names)
        paths.append(path)
    return paths, warnings


def report_stage(take: Take, recording: Recording) -> Stage:
    """Return the stage that writes the report of a take."""
    inputs = {
        "tracks": take.artifact("tracks"),
        "smoothed": take.artifact("smoothed"),
        "calibration": take.session.calibration_path,
    }
    if take.session.calibration_report_path.is_file():
        inputs["calibration_report"] = take.session.calibration_report_path

    def make() -> Made:
        from mocap.studio.report import write_report
        from mocap.studio.report_data import ReportData

        whole = load_calibration(take.session.calibration_path)
        tracks = load_artifact(take.artifact("tracks"), Tracks2D)
        data = ReportData(
            take_name=take.name,
            calibration=whole.subset(tracks.camera_names),
            tracks=tracks,
            points=load_artifact(take.artifact("smoothed"), Points3D),
            warnings=(*recording.warnings, *stage_warnings(take)),
            provenance=_made_from(take),
            calibration_report=_calibration_report(take),
        )
        write_report(data, take.report_path)
        return Made([take.report_path])

    options = {"warnings": recording.warnings}
    return files_stage(
        "report", take.report_manifest_path, inputs=inputs, options=options, make=make
    )


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
