"""The small sessions that faults are tried on, and detection that needs no networks."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import mocap.detect.detectors  # noqa: F401 (its names are replaced in the children)
from mocap.capture.video import probe, read_frames
from mocap.core.calibration_file import save_calibration
from mocap.core.detections import Detections2D
from mocap.core.keypoints import COCO_17, COCO_17_FEET
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.store import load_artifact
from mocap.core.transform import rigid
from mocap.detect.people import Detection
from mocap.synthetic.footage.encode import VideoWriter
from mocap.synthetic.keypoint_files import openpose
from mocap.synthetic.keypoint_session import walking_session
from mocap.synthetic.motion.gait import walk
from mocap.synthetic.motion.motion import body_keypoints

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "studio"
SMALL = ROOT / "tests" / "old_session"
FILMED, WALKED = "dance", "walk_01"
"""The take of the filmed session, and of the session of keypoints."""

EVERY = 2
"""Board recordings keep every so manieth image: the board is seen as long, in fewer images."""


def filmed(folder: Path) -> None:
    """Three cameras, 14 frames: videos and a calibration."""
    take = folder / "takes" / FILMED
    take.mkdir(parents=True)
    for video in (SMALL / "takes" / FILMED).glob("*.mp4"):
        shutil.copyfile(video, take / video.name)
    for name in ("session.toml", "calibration.toml"):
        shutil.copyfile(SMALL / name, folder / name)


def boards(folder: Path) -> None:
    """The board recordings of the sample session with fewer images."""
    (folder / "calibration").mkdir(parents=True)
    shutil.copyfile(SAMPLE / "session.toml", folder / "session.toml")
    for video in sorted((SAMPLE / "calibration").glob("*.mp4")):
        info = probe(video)
        place = folder / "calibration" / video.name
        with VideoWriter(place, info.image_size, info.fps / EVERY) as writer:
            for _, image in read_frames(video, step=EVERY):
                writer.write(image)


def walked(folder: Path) -> None:
    """A walk as keypoints of four cameras; beside it what imports and a refinement begin from.

    `files` holds the same keypoints as those of another tool, `joints.csv` joints in space, and
    `bumped.toml` the rig with one camera turned by a degree and a half.
    """
    session = walking_session(folder, 1, frames=150, cameras=4)
    rig = session.calibration()
    seen = load_artifact(session.take(WALKED).artifact("detections"), Detections2D)
    order = [seen.keypoint_names.index(name) for name in COCO_17.keypoint_names]
    (folder / "files").mkdir()
    for camera, pixels in zip(rig.cameras, seen.pixels[:, :10], strict=True):
        body = pixels[:, :, order]
        people = np.concatenate([body, np.full((*body.shape[:3], 1), 0.9)], axis=-1)
        openpose(folder / "files", camera.name, people, COCO_17, camera.image_size)
    _joints(folder / "joints.csv")
    turn = rigid(matrix_from_rotvec(np.radians([1.0, 1.0, 0.5])), np.zeros(3))
    cameras = list(rig.cameras)
    pose = turn @ cameras[1].camera_from_world
    cameras[1] = replace(cameras[1], camera_from_world=pose)
    save_calibration(replace(rig, cameras=tuple(cameras)), folder / "bumped.toml")


def _joints(path: Path) -> None:
    xyz, names = body_keypoints(walk(1.0, 30.0, seed=1)), COCO_17_FEET.keypoint_names
    head = ["time", *(f"{name}_{axis}" for name in names for axis in "xyz")]
    rows = [[k / 30.0, *frame.ravel()] for k, frame in enumerate(xyz)]
    lines = [",".join(head), *(",".join(f"{value:.6f}" for value in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def replay_detection() -> None:
    """Let detection find the people that the networks found once, without networks."""
    detectors = sys.modules["mocap.detect.detectors"]
    vars(detectors)["open_detector"] = _replaying()
    vars(detectors)["default_workers"] = lambda: 1


def _replaying() -> Callable[..., Any]:
    folder = SMALL / "takes" / FILMED
    found = load_artifact(folder / "detections.npz", Detections2D)
    known = {
        image.tobytes(): _people(found, view, frame)
        for view, camera in enumerate(found.camera_names)
        for frame, image in read_frames(folder / f"{camera}.mp4")
    }

    class Replay:
        keypoint_names = found.keypoint_names

        def __call__(self, image: np.ndarray) -> list[Detection]:
            return known[image.tobytes()]

    return lambda *_, **__: Replay()


def _people(found: Detections2D, view: int, frame: int) -> list[Detection]:
    slots = range(found.pixels.shape[2])
    seen = [slot for slot in slots if np.isfinite(found.boxes[view, frame, slot]).all()]
    return [
        Detection(
            found.pixels[view, frame, slot].astype(np.float64),
            found.confidence[view, frame, slot].astype(np.float64),
            found.boxes[view, frame, slot].astype(np.float64),
        )
        for slot in seen
    ]
