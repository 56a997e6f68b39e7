"""Find people in the videos of a take with a detector chosen by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mocap.capture.footage import Footage
from mocap.capture.video import probe, read_frames
from mocap.core.detections import Detections2D
from mocap.detect.detect import detect, join_cameras
from mocap.detect.detectors import default_workers, open_detector


def detect_videos(
    videos: Footage | Mapping[str, Path],
    model: str = "movenet",
    *,
    weights: Path | None = None,
    feet: bool = True,
) -> Detections2D:
    """Find people's keypoints in the videos of a take.

    Args:
        videos: the footage of a take, whose cameras are known to belong together, or videos by
            camera name.
        model: "movenet" or "hrnet".
        weights: checkpoint file for "hrnet".
        feet: also find heels and toes.

    Raises:
        InputError: a video is unreadable.
        DetectionError: frame rates differ, or there is no video.
        ModelError: the weights are missing; the message says what to run.
    """
    workers = default_workers()
    detector = open_detector(model, weights=weights, feet=feet, workers=workers)
    if isinstance(videos, Footage):
        infos, fps = list(videos.recording.infos.values()), videos.fps
    else:
        infos, fps = [probe(Path(path), camera) for camera, path in videos.items()], None
    return join_cameras(
        [
            detect(
                read_frames(info.path),
                detector,
                camera=info.camera,
                fps=info.fps if fps is None else fps,
                workers=workers,
                frame_count=info.frame_count,
                times_s=info.times_s,
            )
            for info in infos
        ]
    )
