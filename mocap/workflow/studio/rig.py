"""The calibration room: the rig, what the cameras saw of the board, and what is said of it."""

from __future__ import annotations

import threading
from functools import lru_cache
from pathlib import Path

from mocap.capture.edits import board_edits_path, edits_told
from mocap.capture.session import Session
from mocap.capture.video import read_frames
from mocap.core.detections import Corners
from mocap.core.errors import InputError
from mocap.core.plain import plain
from mocap.core.store import load_artifact
from mocap.studio.player.rig import RigRoom, room
from mocap.workflow.rig.calibration_report import load_calibration_report

_PICTURE_PX = 960
_reading = threading.Lock()


def rig_room(session: Session) -> object:
    """Return the calibration room as JSON.

    Raises:
        InputError: there is no calibration, or a file of it is damaged.
    """
    corners = {}
    for camera in session.calibration_videos():
        path = session.calibration_corners_path(camera)
        if path.is_file():
            corners[camera] = load_artifact(path, Corners)
    found = RigRoom(session.calibration(), load_calibration_report(session), corners)
    edits = edits_told(board_edits_path(session.root), ("ignore",))
    return plain({**room(found), "left_out": edits})


def board_image(session: Session, path: Path, frame: int) -> bytes:
    """Return a frame of a calibration video as JPEG.

    Raises:
        InputError: the video has no such frame.
    """
    with _reading:
        return _jpeg(path, frame)


@lru_cache(maxsize=64)
def _jpeg(path: Path, frame: int) -> bytes:
    import cv2
    import numpy as np

    for index, image in read_frames(path, step=max(frame, 1)):
        if index == frame:
            height, width = image.shape[:2]
            scale = min(1.0, _PICTURE_PX / max(width, height))
            size = (round(width * scale), round(height * scale))
            small = cv2.resize(image[..., ::-1], size, interpolation=cv2.INTER_AREA)
            _, data = cv2.imencode(".jpg", np.ascontiguousarray(small))
            return bytes(data.tobytes())
    raise InputError(f"{path} has no frame {frame}.")
