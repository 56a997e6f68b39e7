"""Frames of the board that a person does not believe: blurred, out of step, the wrong board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mocap.capture.edits import Edit
from mocap.core.detections import Corners


def without_frames(corners: Corners, edits: Sequence[Edit]) -> Corners:
    """Return the corners of a camera without the frames that edits ignore, and say how many.

    Frames are those of the camera's own recording.
    """
    kept = np.ones(len(corners.frame), dtype=bool)
    for edit in edits:
        if edit.camera == corners.camera:
            span = edit.slice_of(corners.frame_count)
            kept &= (corners.frame < span.start) | (corners.frame >= span.stop)
    gone = len(np.unique(corners.frame[~kept]))
    if not gone:
        return corners
    note = f"camera '{corners.camera}': {gone} frames of the board were left out by hand."
    return replace(
        corners,
        frame=corners.frame[kept],
        corner_id=corners.corner_id[kept],
        pixels=corners.pixels[kept],
        notes=(*corners.notes, note),
    )
