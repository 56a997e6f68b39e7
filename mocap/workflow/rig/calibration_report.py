"""The figures of a calibration as they are kept beside it: one loader, one writer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mocap.calibrate.verdict.report import CalibrationReport
from mocap.capture.session import Session
from mocap.core.files.reading import read_json
from mocap.core.files.typed_json import from_json
from mocap.core.store import write_text


def load_calibration_report(session: Session) -> CalibrationReport | None:
    """Return the figures of the calibration in use; None where none are kept (it was imported).

    Raises:
        InputError: the file is damaged.
    """
    path = session.calibration_report_path
    if not path.is_file():
        return None
    document = read_json(path, "the figures of a calibration")
    return from_json(CalibrationReport, _upgraded(document), str(path))


def save_calibration_report(report: CalibrationReport, path: Path) -> None:
    """Write the figures of a calibration."""
    write_text(path, json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n")


def _upgraded(document: Any) -> Any:
    """Return the document as this version writes it.

    Before, a refinement stood there with all its figures, which are in a file of their own.
    """
    refinement = document.get("refinement") if isinstance(document, dict) else None
    if not isinstance(refinement, dict):
        return document
    kept = {key: refinement.get(key) for key in ("takes", "summary")}
    return {**document, "refinement": kept}
