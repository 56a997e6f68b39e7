"""A session whose videos tell a detector which frame of which camera an image is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from clips import write_clip

from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import Array, FloatArray
from mocap.detect.people import Detection
from mocap.synthetic.motion.motion import body_keypoints, walk
from mocap.synthetic.rigs import ring

FRAMES, FPS, SIZE = 36, 30, (320, 240)
# Grey levels from one frame or camera to the next: H.264 moves a plain surface by 2 at most.
FRAME_STEP, CAMERA_STEP, DARKEST = 6, 40, 16


class KnownPeople:
    """Finds the person of a known motion, 0.3 px off, in the images of `known_session`."""

    keypoint_names = COCO_17_FEET.keypoint_names

    def __init__(self, pixels: FloatArray) -> None:
        self.pixels = pixels

    def __call__(self, image: Array) -> list[Detection]:
        half = image.shape[1] // 2
        grey = [float(image[:, part].mean()) for part in (slice(half - 8), slice(half + 8, None))]
        frame = round((grey[0] - DARKEST) / FRAME_STEP)
        camera = round((grey[1] - DARKEST) / CAMERA_STEP)
        pixels = self.pixels[camera, frame]
        return [Detection(pixels, np.full(len(pixels), 0.9), np.r_[pixels.min(0), pixels.max(0)])]


def known_session(root: Path, take: str) -> tuple[Calibration, FloatArray]:
    """Make a calibrated session with one take; return the cameras and the keypoints (f, k, 3)."""
    session = Session.create(root, rig="four_corner", board="a1_5x7")
    names = session.rig().camera_names
    cameras = ring(len(names), image_size=SIZE, focal_px=260.0).cameras
    rig = Calibration(tuple(replace(c, name=n) for c, n in zip(cameras, names, strict=True)))
    save_calibration(rig, session.calibration_path)
    for number, name in enumerate(names):
        images = [_coded(number, frame) for frame in range(FRAMES)]
        path = root / "takes" / take / f"{name}.mp4"
        write_clip(path, frames=FRAMES, size=SIZE, fps=FPS, images=images)
    return rig, body_keypoints(walk(FRAMES / FPS, float(FPS), seed=1))


def _coded(camera: int, frame: int) -> Array:
    image = np.full((SIZE[1], SIZE[0], 3), DARKEST + FRAME_STEP * frame, np.uint8)
    image[:, SIZE[0] // 2 :] = DARKEST + CAMERA_STEP * camera
    return image


@contextmanager
def known_people(rig: Calibration, xyz: FloatArray) -> Iterator[None]:
    """Give every detector that is opened the known people."""
    noise = np.random.default_rng(0).normal(0.0, 0.3, (len(rig.cameras), *xyz.shape[:2], 2))
    pixels = rig.project(xyz) + noise

    def opened(*_args: Any, **_options: Any) -> KnownPeople:
        return KnownPeople(pixels)

    with (
        mock.patch("mocap.detect.videos.open_detector", opened),
        mock.patch("mocap.detect.detectors.open_detector", opened),
        mock.patch("mocap.detect.detectors.weight_hashes", lambda *a, **k: {}),
    ):
        yield
