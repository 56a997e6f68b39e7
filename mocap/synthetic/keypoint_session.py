"""Sessions whose takes are keypoints with known truth: no videos, written in a second."""

from __future__ import annotations

from pathlib import Path

from mocap.capture.keypoints_only import FPS, FRAMES, IMAGES
from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.store import Provenance, save_artifact, write_text

TAKE = "walk"


def keypoint_session(
    folder: Path,
    rig: Calibration,
    detections: Detections2D,
    *,
    height_m: float | None = None,
    sync: str = "genlock",
) -> Session:
    """Write a session with a calibration and one take of keypoints, `TAKE`; return it.

    Args:
        folder: an empty or missing folder.
        rig: what the session believes its cameras are.
        detections: what they saw.
        height_m: of the only subject, where it is known.
        sync: what the rig says of its clocks: "genlock", or "none" for a start by hand.
    """
    known = "" if height_m is None else f'\n[[subjects]]\nname = "walker"\nheight_m = {height_m}\n'
    folder.mkdir(parents=True, exist_ok=True)
    cameras = "".join(f'[[cameras]]\nname = "{camera.name}"\n' for camera in rig.cameras)
    write_text(folder / "rig.toml", f'sync = "{sync}"\n' + cameras)
    write_text(folder / "session.toml", 'rig = "rig.toml"\nboard = "a1_5x7"\n' + known)
    session = Session.open(folder)
    save_calibration(rig, session.calibration_path)
    take = folder / "takes" / TAKE
    take.mkdir(parents=True)
    sizes = {camera.name: list(camera.image_size) for camera in rig.cameras}
    told = {IMAGES: sizes, FRAMES: int(detections.pixels.shape[1]), FPS: detections.fps}
    save_artifact(
        detections, take / "detections.npz", Provenance("import", "synthetic", notes=told)
    )
    return session
