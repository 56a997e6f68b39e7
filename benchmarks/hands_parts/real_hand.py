"""A real hand before two calibrated cameras: detected, triangulated, smoothed, and held out.

No person is in the images, so that no wrist says where to look: the hand is searched for, and then
followed from frame to frame, each square around what the frame before showed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mocap.capture.video import read_frames
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Tracks2D
from mocap.core.keypoint_names import RIGHT_HAND
from mocap.core.shapes import Array, FloatArray
from mocap.core.transform import rigid
from mocap.detect import registry
from mocap.detect.hands import LEAST_PRESENCE, HandFinder, second_square
from mocap.detect.runtime import load_network
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate

FPS = 30.0
SURE = 0.9
"""Presence at which a hand that was searched for is followed."""
SEARCH_EVERY = 5
SEARCH_SIDES_PX = (200.0, 300.0)
HELD_OUT_EVERY = 5
_NAMES = RIGHT_HAND
_CM = 0.01


@dataclass(frozen=True)
class RealHand:
    """How well a real hand was followed.

    Attributes:
        seen_share: of frames in which both cameras see it.
        held_out_px: median distance, in frames left out, of smoothed points to the detected ones.
        wrist_px, joints_px: the same for the wrist alone and for the joints of the fingers.
    """

    seen_share: float
    held_out_px: float
    wrist_px: float
    joints_px: float


def real_hand(folder: Path) -> RealHand:
    """Follow the hand of a folder of handpose3d."""
    calibration = read_calibration(folder / "camera_parameters")
    hand = HandFinder(load_network(registry.network_path("hands", "full")))
    parts = [
        followed(hand, folder / "media" / f"cam{k}_test.mp4") for k in range(len(calibration.names))
    ]
    frames = min(len(pixels) for pixels, _ in parts)
    tracks = Tracks2D(
        calibration.names,
        _NAMES,
        (0,),
        FPS,
        np.stack([pixels[:frames, None] for pixels, _ in parts]),
        np.stack([confidence[:frames, None] for _, confidence in parts]),
    )
    away = held_out(tracks, calibration)
    tips = [name.endswith("_4") for name in _NAMES]
    joints = [not tip and k > 0 for k, tip in enumerate(tips)]
    both = np.asarray((np.asarray(tracks.confidence)[:, :, 0, 0] > 0).all(axis=0))
    return RealHand(
        float(both.mean()),
        float(np.nanmedian(away)),
        float(np.nanmedian(away[..., 0])),
        float(np.nanmedian(away[..., joints])),
    )


def held_out(tracks: Tracks2D, calibration: Calibration) -> FloatArray:
    """Return distances (camera, frame, keypoint) px of detections that the smoother did not get.

    Every fifth frame is left out; only frames that both cameras see are compared.
    """
    pixels = np.array(tracks.pixels, dtype=np.float64)
    confidence = np.array(tracks.confidence, dtype=np.float64)
    both = np.asarray((confidence[:, :, 0, 0] > 0).all(axis=0))
    out = np.zeros(len(both), dtype=bool)
    out[HELD_OUT_EVERY // 2 :: HELD_OUT_EVERY] = True
    pixels[:, out], confidence[:, out] = np.nan, 0.0
    given = replace(tracks, pixels=pixels, confidence=confidence)
    points = smooth(triangulate(given, calibration), given, calibration, bones=())
    compared = np.flatnonzero(out & both)
    return np.stack(
        [
            np.linalg.norm(
                camera.project(points.xyz[compared, 0].reshape(-1, 3)).reshape(-1, 21, 2)
                - tracks.pixels[k, compared, 0],
                axis=-1,
            )
            for k, camera in enumerate(calibration.cameras)
        ]
    )


def followed(hand: HandFinder, video: Path) -> tuple[FloatArray, FloatArray]:
    """Return pixels (frame, 21, 2) and confidences (frame, 21) of one hand in a video."""
    pixels, confidence = [], []
    previous: FloatArray | None = None
    for frame, image in read_frames(video):
        if previous is None and frame % SEARCH_EVERY == 0:
            previous = searched(hand, image)
        found, presence = (np.full((21, 2), np.nan), 0.0)
        if previous is not None:
            found, presence = hand.look(image, *second_square(previous))
        seen = presence >= LEAST_PRESENCE
        previous = found if seen else None
        pixels.append(found if seen else np.full((21, 2), np.nan))
        confidence.append(np.full(21, presence if seen else 0.0))
    return np.stack(pixels), np.stack(confidence)


def searched(hand: HandFinder, image: Array) -> FloatArray | None:
    """Return the points of a hand anywhere in an image, None when none is surely there."""
    for square in squares(image):
        look, presence = hand.look(image, *square)
        if presence >= LEAST_PRESENCE:
            look, presence = hand.look(image, *second_square(look))
            if presence >= SURE:
                return look
    return None


def squares(image: Array) -> Iterator[tuple[FloatArray, float, float]]:
    """Yield centre, side and rotation of squares that overlap by half over an image."""
    height, width = image.shape[:2]
    for side in SEARCH_SIDES_PX:
        for x in np.arange(side / 2, width, side / 2):
            for y in np.arange(side / 2, height, side / 2):
                for rotation in (np.pi, 0.5 * np.pi, -0.5 * np.pi, 0.0):
                    yield np.array([x, y]), side, rotation


def read_calibration(folder: Path) -> Calibration:
    """Read the cameras of handpose3d; lengths are in units of 1 cm there."""
    cameras = []
    for k in (0, 1):
        lens = numbers(folder / f"c{k}.dat")
        pose = numbers(folder / f"rot_trans_c{k}.dat")
        cameras.append(
            Camera(
                f"cam{k}",
                (720, 720),
                np.array(lens["intrinsic"]),
                np.array(lens["distortion"][0]),
                rigid(np.array(pose["R"]), _CM * np.array(pose["T"]).ravel()),
            )
        )
    return Calibration(tuple(cameras), metadata={"source": str(folder)})


def numbers(path: Path) -> dict[str, list[list[float]]]:
    """Return the blocks of a file of handpose3d by their headings; the first of each counts."""
    blocks: dict[str, list[list[float]]] = {}
    current: list[list[float]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.endswith(":"):
            current = []
            blocks.setdefault(line[:-1], current)
        elif line.strip() and not line.startswith("#"):
            current.append([float(each) for each in line.split()])
    return blocks
