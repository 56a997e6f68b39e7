"""Every overwrite of a calibration keeps the one before."""

from __future__ import annotations

from mocap.capture.session import Session
from mocap.core.store import write_text


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
