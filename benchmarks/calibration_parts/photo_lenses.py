"""Lenses from photos of a plain checkerboard, beside OpenCV's calibration of the same corners.

Needs the recordings: MOCAP_REAL_DATA names the folder that holds `pose2sim_single`: seven photos
for each of four cameras, a checkerboard of 4 x 7 inner corners, 60 mm.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from figures import Figure

from mocap.calibrate.board.checkerboard import detect_checkerboard
from mocap.calibrate.lenses.alone import lens_alone
from mocap.capture.video import probe, read_frames
from mocap.core.board import NO_MARKERS, Board

BOARD = Board("photos", 8, 5, 0.06, 0.0, NO_MARKERS)


def photo_lenses(folder: Path) -> list[Figure]:
    """Return how lenses of photos agree with OpenCV's, in what both leave open and in pixels."""
    focal, middle, sd, used, photos = [], [], [], 0, 0
    for path in sorted(folder.glob("int_cam*_img")):
        info = probe(path, path.name)
        corners = detect_checkerboard(
            read_frames(path, gray=True), BOARD, path.name, info.image_size
        )
        found = lens_alone(corners, BOARD)
        views = [corners.pixels[corners.frame == k] for k in np.unique(corners.frame)]
        flat = BOARD.corner_points().astype(np.float32)
        matrix = cv2.calibrateCamera(
            [flat] * len(views), [v.astype(np.float32) for v in views], info.image_size,
            np.eye(3), np.zeros(5),
        )[1]  # fmt: skip
        lens = found.camera.lens
        focal.append(abs(float(lens[:2].mean()) - 0.5 * (matrix[0, 0] + matrix[1, 1])))
        middle.append(float(np.linalg.norm(lens[2:4] - matrix[:2, 2])))
        sd.append(found.focal_sd_px)
        used, photos = used + found.views, photos + info.frame_count
    return [
        Figure(f"photos used, of {photos}", used, "", 24, ">="),
        Figure("focal length to OpenCV's, worst", max(focal), "px", 5.0),
        Figure("  standard deviation given, worst", max(sd), "px"),
        Figure("middle of the lens to OpenCV's, worst", max(middle), "px", 10.0),
    ]
