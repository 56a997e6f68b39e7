"""Every overwrite of a calibration keeps the one before."""

from __future__ import annotations

from mocap.capture.session import Session
from mocap.core.camera import Calibration
from mocap.core.files.lock import alone
from mocap.core.store import write_text
from mocap.studio.calibration.report import write_calibration_report
from mocap.workflow.rig.board_pictures import load_pictures
from mocap.workflow.rig.calibration_report import load_calibration_report


def keep_before(session: Session, deed: str) -> str | None:
    """Keep calibration and report as they are before a deed; return the file name kept.

    `deed` is a word such as "calibrate". None when there is no calibration yet.
    """
    if not session.calibration_path.is_file():
        return None
    number = 1
    while (kept := session.root / f"calibration_before_{deed}_{number}.toml").exists():
        number += 1
    write_text(kept, session.calibration_path.read_text(encoding="utf-8"))
    if session.calibration_report_path.is_file():
        report = session.root / f"calibration_report_before_{deed}_{number}.json"
        write_text(report, session.calibration_report_path.read_text(encoding="utf-8"))
    return kept.name


@alone("mocap calibration restore")
def settle(session: Session) -> str | None:
    """Finish what a refinement, or a way back, left that was killed; return the file it came from.

    A rig that is kept and in use at the same time: either the corrected one was never written, or
    the one before was put back already. Its report is put back, and what was kept goes, the rig
    last: it says that there is something to finish.
    """
    if not session.calibration_path.is_file():
        return None
    settled, now = None, session.calibration_path.read_bytes()
    for number in session.refinements():
        kept = session.kept_calibration_path(number)
        if kept.read_bytes() != now:
            continue
        report = session.kept_report_path(number)
        if report.is_file():
            write_text(session.calibration_report_path, report.read_text(encoding="utf-8"))
        write_page(session, session.calibration())
        for path in (report, session.refinement_path(number), kept):
            path.unlink(missing_ok=True)
        settled = kept.name
    return settled


def write_page(session: Session, calibration: Calibration) -> None:
    """Write the page of the calibration report again, where there is a report."""
    report = load_calibration_report(session)
    if report is not None:
        title = session.root.resolve().name
        pictures = load_pictures(session, report)
        page = session.calibration_page_path
        write_calibration_report(report, calibration, page, title=title, pictures=pictures)
