"""Takes without videos: what is known of cameras whose keypoints were imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mocap.capture.video import KEYPOINTS_ONLY, VideoInfo
from mocap.core.files.reading import finite, reading
from mocap.core.store import HIGHEST_FPS, load_provenance

if TYPE_CHECKING:
    from mocap.capture.session import Take

IMAGES, FRAMES, FPS = "images", "frames", "fps"
"""Notes of imported detections: (width, height) by camera, frames of the take, and their rate."""


def keypoint_infos(take: Take) -> dict[str, VideoInfo]:
    """Return what stands for the videos of a take that has keypoints only; empty for all others.

    Raises:
        InputError: the detections are damaged.
    """
    path = take.artifact("detections")
    if take.videos() or not path.is_file():
        return {}
    notes = load_provenance(path).notes
    with reading(path, "an artifact of this tool"):
        fps, count = finite(notes.get(FPS, 0.0), FPS), int(notes.get(FRAMES, 0))
        if IMAGES not in notes or not 0.0 < fps <= HIGHEST_FPS:
            return {}
        return {
            str(camera): VideoInfo(
                path=path,
                camera=str(camera),
                image_size=(int(size[0]), int(size[1])),
                fps=fps,
                frame_count=count,
                codec=KEYPOINTS_ONLY,
                rotation_deg=0,
                variable_frame_rate=False,
                times_s=np.arange(count) / fps,
            )
            for camera, size in notes[IMAGES].items()
        }
