"""Cameras that stand at one place: one video, or one calibration, under two names."""

from __future__ import annotations

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.rotation import angle_between_deg

# Two real cameras cannot stand nearer than their housings are wide; the estimates of one camera
# from two encodings of its video differ by some millimetres at most.
SAME_PLACE_MM = 12.0
SAME_DIRECTION_DEG = 1.0


def same_places(calibration: Calibration) -> list[tuple[str, str, float]]:
    """Return every two cameras at one place that look the same way: names and distance in mm."""
    found = []
    cameras = calibration.cameras
    for index, first in enumerate(cameras):
        for second in cameras[index + 1 :]:
            apart_mm = 1000.0 * float(np.linalg.norm(first.center - second.center))
            turned = angle_between_deg(
                first.camera_from_world[:3, :3], second.camera_from_world[:3, :3]
            )
            if apart_mm < SAME_PLACE_MM and float(turned) < SAME_DIRECTION_DEG:
                found.append((first.name, second.name, apart_mm))
    return found
