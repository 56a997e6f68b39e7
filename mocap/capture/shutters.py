"""The rolling shutters of a session's cameras, as far as somebody said how long they take."""

from __future__ import annotations

import math

from mocap.capture.session import Session
from mocap.capture.video import VideoInfo
from mocap.core.clocks import row_lateness
from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray


def readouts(session: Session) -> dict[str, float]:
    """Return the seconds that the rig gives for its cameras; nothing without a rig."""
    if session.config.rig is None:
        return {}
    return {each.name: each.readout_s for each in session.rig().cameras if each.readout_s}


def shutter_of(readout_s: float, info: VideoInfo) -> float:
    """Return the readout of a camera.

    Raises:
        InputError: it is longer than the time between two frames.
    """
    if math.isfinite(info.fps) and readout_s * info.fps > 1.0:
        raise InputError(
            f"camera '{info.camera}' takes an image every {1e3 / info.fps:.1f} ms, but its "
            f"'readout_ms' is {1e3 * readout_s:g}: no shutter reads longer than a frame. Correct "
            "it in the rig, or in take.toml."
        )
    return readout_s


def rows_of(readout_s: float, info: VideoInfo) -> FloatArray:
    """Return (3,) how much later than its image a pixel of a video was taken."""
    return row_lateness(readout_s, info.image_size, info.rotation_deg)
