"""The calibration room as data for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from mocap.calibrate.verdict.report import CalibrationReport
from mocap.core.camera import Calibration
from mocap.core.detections import Corners
from mocap.studio.player.lens import lens_table


@dataclass(frozen=True, eq=False)
class RigRoom:
    """What is known of a rig.

    Attributes:
        calibration: the solved cameras.
        report: figures and verdict; None for a calibration from elsewhere.
        corners: what each camera saw of the board, where that is kept.
    """

    calibration: Calibration
    report: CalibrationReport | None
    corners: Mapping[str, Corners]


def room(rig: RigRoom) -> Mapping[str, object]:
    """Return cameras with poses, frames with their corners, and the report, as JSON values."""
    cameras = []
    for camera in rig.calibration.cameras:
        table = lens_table(camera)
        cameras.append(
            {
                "name": camera.name,
                "size": camera.image_size,
                "pose": camera.camera_from_world,
                "center": camera.center,
                "low": table.low,
                "step": table.step,
                "nodes": len(table.pixels),
                "rms_px": rig.calibration.rms_px.get(camera.name),
                "frames": _frames(rig.corners[camera.name]) if camera.name in rig.corners else [],
            }
        )
    return {
        "cameras": cameras,
        "report": None if rig.report is None else asdict(rig.report),
    }


def _frames(corners: Corners) -> list[Mapping[str, object]]:
    """Return the frames in which a camera saw the board, with the pixels of its corners."""
    starts = np.flatnonzero(np.diff(corners.frame, prepend=-1))
    ends = [*starts[1:], len(corners.frame)]
    return [
        {
            "frame": int(corners.frame[start]),
            "pixels": np.round(corners.pixels[start:end], 1),
        }
        for start, end in zip(starts, ends, strict=True)
    ]
