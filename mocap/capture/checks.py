"""Compare the recordings of a take with each other, with the rig and with the calibration."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mocap.capture.image_map import ImageMap, estimate_image_map
from mocap.capture.keypoints_only import keypoint_infos
from mocap.capture.session import Session, Take
from mocap.capture.toml_tables import suggest
from mocap.capture.video import IMAGE_FOLDER_FILE, VideoInfo, probe, read_frames
from mocap.core.camera import Calibration
from mocap.core.errors import InputError, SessionError
from mocap.core.files.names import portable, unportable
from mocap.core.rig import Rig
from mocap.core.shapes import Array

MIN_CAMERAS = 2
# Cameras that stop one after another differ by a few frames at the end; more hints at lost ones.
FRAME_COUNT_TOLERANCE = 2
# Phones begin with up to a fifth of a second of sound; a second is a cut.
LATE_START_S = 0.25
# Black bars are looked for in this many frames, spread over the first seconds.
BAR_FRAMES = 5
BAR_FRAME_STEP = 15


@dataclass(frozen=True, eq=False)
class Recording:
    """The videos of all cameras that will be used, and what a person should know about them.

    Attributes:
        infos: what each video is, by camera.
        fps: frames per second of most cameras.
        warnings: sentences for people.
    """

    infos: Mapping[str, VideoInfo]
    fps: float
    warnings: tuple[str, ...]

    @property
    def videos(self) -> dict[str, Path]:
        """The video of each camera that has one."""
        return {camera: info.path for camera, info in self.infos.items() if info.has_images}


def check_take(take: Take, calibration: Calibration | None = None) -> Recording:
    """Probe the videos of a take and compare them with each other and with the calibration.

    Raises:
        SessionError: no videos, fewer than two calibrated cameras, or a camera that was not
            calibrated.
        InputError: a video is unreadable or cut short.
    """
    without_images = keypoint_infos(take)
    videos = take.videos() or {camera: info.path for camera, info in without_images.items()}
    warnings = _unportable_name(take)
    if calibration is not None:
        warnings += _match_cameras(videos, calibration, take)
    if len(videos) < MIN_CAMERAS:
        raise SessionError(
            f"take '{take.name}' has {len(videos)} video(s) in {take.root}; at least {MIN_CAMERAS} "
            "cameras are needed. Copy the others there, each named by its camera."
        )
    infos = without_images or {camera: probe(path, camera) for camera, path in videos.items()}
    return Recording(infos, _common_fps(infos), tuple(warnings))


def check_calibration_videos(session: Session) -> Recording:
    """Probe the calibration videos and compare them with each other and with the rig.

    Raises:
        SessionError: fewer than two cameras.
        InputError: a video is unreadable or cut short.
    """
    videos = session.calibration_videos()
    if len(videos) < MIN_CAMERAS:
        folder = session.root / "calibration"
        raise SessionError(
            f"{folder} has videos of {len(videos)} camera(s); at least {MIN_CAMERAS} are needed. "
            f"Copy the board recordings there, each named by its camera: {folder}/left.mp4."
        )
    infos = {camera: probe(path, camera) for camera, path in videos.items()}
    warnings = _match_rig(videos, session.rig())
    rates = [info.fps for info in infos.values() if math.isfinite(info.fps)]
    if rates:
        warnings += _frame_counts(infos)
        warnings += _variable_rates(infos)
        warnings += _late_starts(infos)
    return Recording(infos, rates[0] if rates else math.nan, tuple(warnings))


def image_maps(
    session: Session, infos: Mapping[str, VideoInfo], calibration: Calibration
) -> dict[str, ImageMap]:
    """Return how each camera's video pixels relate to the pixels of its calibration.

    `session.toml` wins; otherwise sizes and black bars decide, see `estimate_image_map`.

    Raises:
        SessionError: the sizes of a camera do not fit together, or `session.toml` has a map of a
            camera that is none.
    """
    known = list(dict.fromkeys((*calibration.names, *infos)))
    for camera in session.config.image_maps:
        if camera not in known:
            raise SessionError(
                f"session.toml has [image_map.{camera}], but there is no camera '{camera}'. "
                f"{suggest(camera, known)}"
            )
    maps: dict[str, ImageMap] = {}
    for camera, info in infos.items():
        given = session.image_map_override(camera)
        size = calibration[camera].image_size
        maps[camera] = given or estimate_image_map(
            camera, info.image_size, size, _bar_frames(info.path) if info.has_images else ()
        )
    return maps


def image_map_warnings(maps: Mapping[str, ImageMap]) -> list[str]:
    """Say what was done to the pixels of cameras whose images differ from the calibration's."""
    return [
        f"camera '{camera}': images are {each.description} to reach the calibration's pixels."
        for camera, each in maps.items()
        if not each.is_identity
    ]


def _bar_frames(path: Path) -> Iterable[Array]:
    frames = read_frames(path, gray=True, step=BAR_FRAME_STEP)
    return (image for _, image in islice(frames, BAR_FRAMES))


def _unportable_name(take: Take) -> list[str]:
    why = unportable(take.name)
    said = (
        f"take '{take.name}' cannot be copied to Windows: {why}. Files that are exported are "
        f"called '{portable(take.name)}'; rename the folder to have them called alike."
    )
    return [said] if why else []


def _match_cameras(videos: dict[str, Path], calibration: Calibration, take: Take) -> list[str]:
    """Check that every video has a calibrated camera; warn of cameras without a video."""
    for camera in videos:
        if camera not in calibration.names:
            raise SessionError(
                f"camera '{camera}' of take '{take.name}' is not in {take.session.calibration_path}"
                f", which has {', '.join(calibration.names)}. {suggest(camera, calibration.names)} "
                "Rename the video, calibrate that camera, or list the cameras to use in "
                "session.toml: cameras = [...]."
            )
    missing = [camera for camera in calibration.names if camera not in videos]
    if take.session.config.cameras is not None:
        missing = [camera for camera in missing if camera in take.session.config.cameras]
    if not missing or len(videos) < MIN_CAMERAS:
        return []
    names = ", ".join(f"'{camera}'" for camera in missing)
    return [f"take '{take.name}' has no video of camera {names}; the other {len(videos)} are used."]


def _match_rig(videos: Mapping[str, Path], rig: Rig) -> list[str]:
    """Warn when the videos are not those of the rig: a misspelt name becomes another camera."""
    missing = [camera for camera in rig.camera_names if camera not in videos]
    extra = [camera for camera in videos if camera not in rig.camera_names]
    if not missing and not extra:
        return []
    parts = []
    if missing:
        parts.append(f"no calibration video for {', '.join(missing)}")
    if extra:
        parts.append(f"videos of other cameras: {', '.join(extra)}")
    return [f"rig '{rig.name}' and the calibration folder differ: {'; '.join(parts)}."]


def _common_fps(infos: Mapping[str, VideoInfo]) -> float:
    """Return the frame rate most cameras have; the others are brought to one clock later."""
    for camera, info in infos.items():
        if not math.isfinite(info.fps):
            raise InputError(
                f"camera '{camera}': {info.path} does not say how many frames a second it has. "
                f"Write the line 'fps = 60.0' with the true rate into {info.path}/"
                f"{IMAGE_FOLDER_FILE}, or convert the recording to .mp4."
            )
    return infos[steadiest(infos)].fps


def steadiest(infos: Mapping[str, VideoInfo]) -> str:
    """Return the first camera of the commonest frame rate, of those without uneven frames."""
    steady = [info for info in infos.values() if not info.variable_frame_rate]
    candidates = steady or list(infos.values())
    common = Counter(info.fps for info in candidates).most_common(1)[0][0]
    return next(info.camera for info in candidates if info.fps == common)


def _frame_counts(infos: Mapping[str, VideoInfo]) -> list[str]:
    counts = {camera: info.frame_count for camera, info in infos.items()}
    shortest = min(counts, key=lambda camera: counts[camera])
    longest = max(counts, key=lambda camera: counts[camera])
    if counts[longest] - counts[shortest] <= FRAME_COUNT_TOLERANCE:
        return []
    listed = ", ".join(f"{camera} {count}" for camera, count in counts.items())
    return [
        f"the cameras have different numbers of frames ({listed}): '{shortest}' may have lost "
        "frames or started later."
    ]


def _late_starts(infos: Mapping[str, VideoInfo]) -> list[str]:
    """Name videos whose first image comes late on the file's own clock: an edit list cut them."""
    return [
        f"camera '{camera}': its first image comes {info.start_s:.2f} s after its file begins (cut "
        "by an edit list, or sound that was first). If the cameras were started together, it is "
        "late by that: the board or `--late` tells."
        for camera, info in infos.items()
        if abs(info.start_s) > LATE_START_S
    ]


def _variable_rates(infos: Mapping[str, VideoInfo]) -> list[str]:
    return [
        f"camera '{camera}' has an uneven frame rate (about {info.fps:.2f} per second): frames "
        "were lost or the camera slowed down, and it is out of step with the others there."
        for camera, info in infos.items()
        if info.variable_frame_rate
    ]
