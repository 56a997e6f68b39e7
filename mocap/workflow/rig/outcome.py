"""What comes of a calibration: files, what is said, and whether it may be used."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from mocap.calibrate.solve import CalibrationResult
from mocap.calibrate.verdict.report import CalibrationReport, FloorReport, Verdict, known_to_mm
from mocap.calibrate.world import FloorWorld
from mocap.capture.checks import Recording
from mocap.capture.session import Session
from mocap.core.board import Board
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError
from mocap.core.store import Provenance, save_artifact
from mocap.core.transform import apply
from mocap.studio.calibration.report import write_calibration_report
from mocap.workflow.progress import Progress, table_lines
from mocap.workflow.rig.board_pictures import load_pictures, make_pictures
from mocap.workflow.rig.board_poses import BoardPoses
from mocap.workflow.rig.calibration_report import load_calibration_report, save_calibration_report
from mocap.workflow.rig.keep import keep_before
from mocap.workflow.rig.made_from import MADE_AS
from mocap.workflow.rig.world import on_floor
from mocap.workflow.version import installed_version


def goes_beside(session: Session, report: CalibrationReport) -> bool:
    """Return whether a calibration failed where there is one that did not: that one stays."""
    if report.verdict != Verdict.FAIL or not session.calibration_path.is_file():
        return False
    before = load_calibration_report(session)
    return before is None or before.verdict != Verdict.FAIL


def written(session: Session, report: CalibrationReport) -> tuple[Path, Path]:
    """Return where the calibration just made and its page are."""
    if report.verdict == Verdict.FAIL and session.failed_path().is_file():
        return session.failed_path(), session.failed_path("_report.html")
    return session.calibration_path, session.calibration_page_path


def require_pass(
    session: Session, report: CalibrationReport, accepted_by: Progress | None = None
) -> None:
    """Raise CalibrationError when the verdict of a calibration is FAIL.

    Where somebody accepted it all the same, `accepted_by` is told.
    """
    if report.verdict != Verdict.FAIL:
        return
    path, page = written(session, report)
    where = f"see {page}"
    if path != session.calibration_path:
        raise CalibrationError(
            f"the calibration of {session.root} FAILED its checks: {where}. Mend what the reasons "
            f"name and calibrate again. It is kept in {path.name}; the one before stays in "
            "use."
        )
    if accepted_by is not None:
        accepted_by.warned(f"the calibration in use FAILED its checks and was accepted: {where}.")
        return
    raise CalibrationError(
        f"the calibration of {session.root} FAILED its checks: {where}. Mend what the reasons name "
        "and calibrate again, or go on with it by `mocap run --accept-calibration`."
    )


def store(
    session: Session,
    result: CalibrationResult,
    recording: Recording,
    board: Board,
    progress: Progress,
) -> None:
    """Store poses, report and calibration, with the world on the floor where the board lay.

    A calibration that failed is written beside the one in use; one that is replaced is kept.
    """
    poses = BoardPoses.from_world(
        result.calibration, result.world_from_board, result.frames, recording.fps
    )
    calibration, floor = result.calibration, None
    try:
        floor = on_floor(calibration, poses, board, None)
    except CalibrationError as error:
        progress.warned(
            f"the world stands at the first camera, not on the floor: {error} See `mocap world`."
        )
    else:
        calibration = floor.calibration
        for note in floor.notes:
            progress.finished(f"World: {note}")
    report = _in_world(result.report, calibration, floor)
    title = session.root.resolve().name
    make_pictures(session, report, recording)
    pictures = load_pictures(session, report)
    if goes_beside(session, report):
        save_calibration_report(report, session.failed_path("_report.json"))
        page = session.failed_path("_report.html")
        write_calibration_report(report, calibration, page, title=title, pictures=pictures)
        save_calibration(calibration, session.failed_path())
        return
    kept = keep_before(session, "calibrate")
    if kept is not None:
        progress.finished(f"The calibration before is kept as {kept}.")
    for old in (
        session.failed_path(),
        session.failed_path("_report.json"),
        session.failed_path("_report.html"),
    ):
        old.unlink(missing_ok=True)
    made_as = {MADE_AS: calibration.metadata[MADE_AS]}
    record = Provenance("calibrate", installed_version(), {"board": asdict(board)}, notes=made_as)
    save_artifact(poses, session.board_poses_path, record)
    save_calibration_report(report, session.calibration_report_path)
    page = session.calibration_page_path
    write_calibration_report(report, calibration, page, title=title, pictures=pictures)
    # Last: whoever finds calibration.toml finds the rest as well.
    save_calibration(calibration, session.calibration_path)


def _in_world(
    report: CalibrationReport, calibration: Calibration, floor: FloorWorld | None
) -> CalibrationReport:
    """Return the report with the cameras where they are in the world that is stored."""
    cameras = []
    for camera in report.cameras:
        x, y, z = (float(value) for value in calibration[camera.name].center)
        cameras.append(replace(camera, center_m=(x, y, z)))
    found, error_map, held_out = None, report.error_map, report.held_out
    if floor is not None and held_out is not None:
        cells = []
        for cell in held_out.cells:
            x, y, z = (float(v) for v in apply(floor.new_from_old, np.array(cell.center_m)))
            cells.append(replace(cell, center_m=(x, y, z)))
        held_out = replace(held_out, cells=tuple(cells))
    if floor is not None and error_map is not None:
        places = apply(floor.new_from_old, np.array(error_map.points_m))
        points_m = tuple((float(x), float(y), float(z)) for x, y, z in places)
        error_map = replace(error_map, points_m=points_m)
    if floor is not None:
        first, last = int(floor.frames[0]), int(floor.frames[-1])
        found = FloorReport("board lying still", first, last, floor.tilt_deg)
    now = datetime.now(UTC).astimezone().isoformat(sep=" ", timespec="minutes")
    made = f"{now} with mocap-studio {installed_version()}, OpenCV {cv2.__version__}"
    return replace(
        report,
        cameras=tuple(cameras),
        floor=found,
        made=made,
        error_map=error_map,
        held_out=held_out,
    )


def say_report(progress: Progress, report: CalibrationReport) -> None:
    """Say the table of cameras, the verdict, and each finding with what to do about it."""
    rows = [
        (
            camera.name,
            str(camera.frames),
            str(camera.corners),
            f"{100 * camera.coverage:.0f} %",
            f"{camera.rms_px:.2f}",
            f"{camera.focal_px:.1f} ± {camera.focal_sd_px:.1f}",
            f"± {known_to_mm(camera.center_sd_mm)}",
        )
        for camera in report.cameras
    ]
    header = ("camera", "frames", "corners", "coverage", "rms px", "focal px", "position mm")
    for line in table_lines(header, rows):
        progress.finished(line)
    if report.error_map is not None:
        progress.finished(
            "Predicted error of measured points by the calibration: "
            f"{report.error_map.median_mm:.1f} mm in the middle, 95 % below "
            f"{report.error_map.worst_mm:.1f} mm"
        )
    for note in report.notes:
        progress.finished(f"Note: {note}")
    for finding in report.findings:
        progress.finished(f"{finding.level}: {finding.text} {finding.remedy}")
    progress.finished(f"Verdict: {report.verdict}")
