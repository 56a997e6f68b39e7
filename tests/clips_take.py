"""A take of two short clips with a fake detector, for tests that need a real detect stage."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import numpy as np
from clips import write_clip

from mocap.capture.session import Session, Take
from mocap.cli.console import Console
from mocap.core.keypoints import COCO_17
from mocap.detect.people import Detection
from mocap.workflow.choices import choices
from mocap.workflow.run import run_take

FAKE_FRAMES = 6


class FakeDetector:
    """Finds one person in the middle of every image, or nobody; may be slow."""

    keypoint_names = COCO_17.keypoint_names

    def __init__(self, people: int = 1, seconds: float = 0.0) -> None:
        self.people = people
        self.seconds = seconds

    def __call__(self, image: np.ndarray) -> list[Detection]:
        time.sleep(self.seconds)
        height, width = image.shape[:2]
        spread = np.linspace(-0.2, 0.2, len(self.keypoint_names))
        pixels = np.stack([width * (0.5 + spread), height * (0.5 + spread[::-1])], axis=1)
        box = np.array([0.2 * width, 0.2 * height, 0.8 * width, 0.8 * height])
        return [Detection(pixels, np.full(len(pixels), 0.9), box)] * self.people


def fake_take(root: Path) -> Take:
    """Make a session with one take of two cameras."""
    session = Session.create(root, rig="four_corner", board="a1_5x7")
    for name in ("left", "right"):
        write_clip(root / "takes" / "a" / f"{name}.mp4", frames=FAKE_FRAMES)
    return session.take("a")


def run_fake_take(
    root: Path,
    slow_camera: str = "",
    people: int = 1,
    weights: Mapping[str, str] | None = None,
    pace: str = "thorough",
) -> list[str]:
    """Run the detect stage with the fake detector, by default one camera after the other; return
    the cameras it looked at."""
    from mocap.detect import detect as stage

    looked_at: list[str] = []
    real = stage.detect

    def recorded(frames: object, detector: FakeDetector, **options: object) -> object:
        looked_at.append(str(options["camera"]))
        seconds = 10.0 if options["camera"] == slow_camera else 0.0
        own = FakeDetector(detector.people, seconds)  # cameras are looked at side by side
        return real(frames, own, **options)  # type: ignore[arg-type]

    with (
        mock.patch("mocap.detect.detect.detect", recorded),
        mock.patch("mocap.detect.detectors.open_detector", lambda *a, **k: FakeDetector(people)),
        mock.patch("mocap.detect.detectors.weight_hashes", lambda *a, **k: dict(weights or {})),
    ):
        take = Session.open(root).take("a")
        run_take(take, choices(detect=pace), Console(), stages=("detect",))
    return looked_at
