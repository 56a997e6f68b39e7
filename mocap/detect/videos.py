"""Find people in the videos of a take with a detector chosen by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mocap.capture.decoding.playback import Playback
from mocap.capture.footage import Footage
from mocap.capture.video import VideoInfo, probe
from mocap.core.detections import Detections2D
from mocap.detect.detect import detect, join_cameras
from mocap.detect.detectors import default_workers, open_detector, views_at_once
from mocap.detect.following.pace import THOROUGH, pace_named
from mocap.detect.threads import Threads, wait_for_all


def detect_videos(
    videos: Footage | Mapping[str, Path],
    model: str = "movenet",
    *,
    weights: Path | None = None,
    feet: bool = True,
    pace: str = THOROUGH.name,
) -> Detections2D:
    """Find people's keypoints in the videos of a take.

    Args:
        videos: the footage of a take, whose cameras are known to belong together, or videos by
            camera name.
        model: "movenet" or "hrnet".
        weights: checkpoint file for "hrnet".
        feet: also find heels and toes.
        pace: how thoroughly images are looked at: "thorough", "careful", "balanced" or "fast".

    Raises:
        InputError: a video is unreadable, or there is no such pace.
        DetectionError: frame rates differ, or there is no video.
        ModelError: the weights are missing; the message says what to run.
    """
    workers, chosen = default_workers(), pace_named(pace)
    detector = open_detector(model, weights=weights, feet=feet, workers=workers, pace=chosen)
    if isinstance(videos, Footage):
        infos, fps = list(videos.recording.infos.values()), videos.fps
    else:
        infos, fps = [probe(Path(path), camera) for camera, path in videos.items()], None

    def look(number: int, info: VideoInfo) -> Detections2D:
        return detect(
            Playback(info.path, every=chosen.stride),
            detector,
            camera=info.camera,
            fps=info.fps if fps is None else fps,
            workers=workers,
            frame_count=info.frame_count,
            times_s=info.times_s,
            pace=chosen,
            mirrored_first=bool(number % 2),
        )

    with Threads(1 if chosen.every_image else views_at_once(len(infos))) as threads:
        results = [threads.start(look, number, info) for number, info in enumerate(infos)]
        return join_cameras(wait_for_all(results))
