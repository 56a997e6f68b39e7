"""Pictures of single views of the board, kept beside the corners for the report's page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mocap.calibrate.verdict.report import CalibrationReport
from mocap.capture.checks import Recording
from mocap.capture.session import Session
from mocap.capture.video import read_frames
from mocap.core.store import atomic_write
from mocap.studio.calibration.closer import board_picture

FOLDER = ".pictures"


def make_pictures(session: Session, report: CalibrationReport, recording: Recording) -> None:
    """Write a picture of each view that the report shows; those of before go.

    Each video is decoded up to the last of its views. Where clocks differ the image nearest to the
    common instant is taken, at which corners were interpolated.
    """
    folder = _folder(session)
    for old in folder.glob("*.jpg"):
        old.unlink()
    videos = recording.videos
    for camera in report.cameras:
        wanted = {_image_number(report, recording, camera.name, v.frame): v for v in camera.views}
        if camera.name not in videos or not wanted:
            continue
        for number, image in read_frames(videos[camera.name], gray=True, only=wanted.keys()):
            view = wanted[number]
            data = board_picture(np.repeat(image[..., None], 3, axis=2), view, camera.name)
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_write(_path(session, camera.name, camera.views.index(view))) as part:
                part.write_bytes(data)


def load_pictures(session: Session, report: CalibrationReport) -> Mapping[str, list[bytes]]:
    """Return the pictures of each camera that are there, in the order of its views."""
    out: dict[str, list[bytes]] = {}
    for camera in report.cameras:
        paths = [_path(session, camera.name, index) for index in range(len(camera.views))]
        out[camera.name] = [path.read_bytes() for path in paths if path.is_file()]
    return out


def _folder(session: Session) -> Path:
    return session.root / "calibration" / FOLDER


def _path(session: Session, camera: str, index: int) -> Path:
    return _folder(session) / f"{camera}_{index}.jpg"


def _image_number(report: CalibrationReport, recording: Recording, camera: str, frame: int) -> int:
    """Return the number of the image that a camera took at a frame of the common clock."""
    if report.clocks is None:
        return frame
    clocks = {clock.camera: clock for clock in report.clocks.cameras}
    own, reference = clocks.get(camera), clocks.get(report.clocks.reference)
    fps = recording.infos[report.clocks.reference].fps if reference else float("nan")
    if own is None or reference is None or not np.isfinite(fps):
        return frame
    local_s = float(own.local(reference.common(np.array(frame / fps))))
    times = recording.infos[camera].times_s
    return int(np.argmin(np.abs(np.asarray(times) - local_s)))
