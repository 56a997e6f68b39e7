"""Calibrations of other tools: readers, writers, and one function that tells them apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mocap.calibrate.interchange.calibio import read_calibio, write_calibio
from mocap.calibrate.interchange.dlt import Seen, read_dlt, write_dlt
from mocap.calibrate.interchange.easymocap import read_easymocap
from mocap.calibrate.interchange.foreign_tables import (
    read_aniposelib,
    read_caliscope,
    read_text,
    write_aniposelib,
    write_pose2sim,
)
from mocap.calibrate.interchange.opencap import SUFFIX, read_opencap
from mocap.calibrate.interchange.opencap_files import write_opencap
from mocap.calibrate.interchange.qualisys import read_qualisys
from mocap.core.camera import Calibration

__all__ = [
    "read_aniposelib",
    "read_caliscope",
    "read_easymocap",
    "read_foreign",
    "read_qualisys",
    "write_aniposelib",
    "write_calibio",
    "write_dlt",
    "write_opencap",
    "write_pose2sim",
]


DLT_SUFFIX = ".csv"


def read_foreign(path: Path, *, unit: str = "m", seen: Sequence[Seen] = ()) -> Calibration:
    """Read a calibration of another tool, by content: Qualisys, caliscope, Pose2Sim, aniposelib,
    EasyMocap, calib.io, OpenCap, DLT coefficients.

    Args:
        path: the file; of OpenCap that of one camera.
        unit: length unit of a file of aniposelib, Pose2Sim, calib.io or DLT coefficients that does
            not say its own.
        seen: cameras and the sizes of their images, which DLT coefficients do not say.

    Raises:
        InputError: unreadable, or no calibration of these tools.

    >>> from mocap.synthetic.rigs import laboratory
    >>> write_aniposelib(laboratory(), Path("lab.toml"))
    >>> [camera.name for camera in read_foreign(Path("lab.toml")).cameras][:2]
    ['cam1', 'cam2']
    """
    if path.suffix == SUFFIX:
        return read_opencap(path)
    if path.suffix.lower() == DLT_SUFFIX:
        return read_dlt(path, seen, unit=unit)
    text = read_text(path)
    if text.lstrip().startswith("{"):
        return read_calibio(path, unit=unit)
    if text.lstrip().startswith("<"):
        return read_qualisys(path)
    if text.lstrip().startswith("%YAML"):
        return read_easymocap(path)
    if "[cameras" in text:
        return read_caliscope(path)
    return read_aniposelib(path, unit=unit)
