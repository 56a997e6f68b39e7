"""Read keypoints, associate, triangulate and smooth in a process of its own: CPU time of each step.

Run by `peers.py` on the folder that Pose2Sim is given too. Everything runs twice: what is imported
and loaded when it is called first belongs to the start of a process, as imports do. Writes
`ours.npz`: points (frame, keypoint, 3) in metres, what was associated, and seconds.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np

from mocap.core.calibration_file import load_calibration
from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.points import Points3D
from mocap.detect.imported.cameras import camera_files
from mocap.detect.imported.detections import CameraFrame, detections_of
from mocap.detect.imported.read import read_camera
from mocap.reconstruct.associate import associate
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate


def main() -> None:
    """Run the steps twice and keep the seconds of the second time."""
    folder = Path(sys.argv[1])
    told = json.loads((folder / "take.json").read_text(encoding="utf-8"))
    rig = load_calibration(folder / "rig.toml")
    for _ in range(2):
        clock = [time.process_time()]
        detections = read(folder, rig, told["fps"], told["keypoints"])
        clock.append(time.process_time())
        tracks = associate(detections, rig, person="main")
        clock.append(time.process_time())
        points: Points3D = triangulate(tracks, rig)
        clock.append(time.process_time())
        points = smooth(points, tracks, rig)
        clock.append(time.process_time())
    np.savez(
        folder / "ours.npz", xyz=points.xyz[:, 0], pixels=tracks.pixels[:, :, 0],
        keypoints=points.keypoint_names, steps=["read", "associate", "triangulate", "smooth"],
        seconds=np.diff(clock), all_s=clock[0],
    )  # fmt: skip


def read(folder: Path, rig: Calibration, fps: float, keypoints: str) -> Detections2D:
    """Return the keypoints of Pose2Sim's files, as `mocap detections import` reads them."""
    files, _ = camera_files(folder / "pose", rig.names, {})
    frames = {camera: CameraFrame(rig[camera].image_size) for camera in files}
    people = {camera: read_camera(each) for camera, each in files.items()}
    return detections_of(people, frames, fps, keypoints=keypoints).detections


if __name__ == "__main__":
    main()
