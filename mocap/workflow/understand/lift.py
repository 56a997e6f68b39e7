"""What `mocap lift` does: a preview of one person from one camera, as points and as BVH."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.capture.checks import image_maps
from mocap.capture.session import Session, Take
from mocap.capture.video import VideoInfo, probe
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Detections2D, looked_at_every
from mocap.core.errors import SessionError
from mocap.core.files.lock import alone
from mocap.core.points import Points3D
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, FloatArray
from mocap.core.store import Provenance, file_hash, load_artifact, save_artifact
from mocap.understand.lift import lift_view
from mocap.workflow.choices import Choices, DetectorChoice
from mocap.workflow.detect import LazyDetector, detect_camera_stage
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.pipeline import run_stages
from mocap.workflow.progress import Progress
from mocap.workflow.results import Results
from mocap.workflow.run import chosen_takes
from mocap.workflow.understand.lifted import LIFTED_FILE, preview_path
from mocap.workflow.version import installed_version

GUESSED_FOCAL = 1.2
"""Focal length over the longer side of the image where there is no calibration: a phone's."""
GUESSED_HEIGHT_M = 1.4

SAID = (
    "lifted from one camera: depth is guessed from what people usually do. A preview: take no "
    "angle, range of motion, score or speed from it."
)


@dataclass(frozen=True)
class Lifted:
    """A preview that was written."""

    points: Points3D
    files: tuple[Path, ...]
    warnings: tuple[str, ...]


@alone("mocap lift")
def lift(
    take: Take,
    camera: str,
    detector: DetectorChoice,
    progress: Progress,
    *,
    height_m: float | None = None,
) -> Lifted:
    """Lift one person from `camera`; write `lifted.npz` and a BVH into `export/`.

    The person is the first of the take where its cameras were associated, else the largest in
    each image of this camera, which is detected first where that was not done.

    Raises:
        InputError: the hips are never seen, or something was detected that cannot be used.
        SessionError: the take has no such camera.
        ModelError: weights are missing.
    """
    infos = take.videos()
    if camera not in infos:
        raise SessionError(f"take {take.name} has no camera '{camera}'; it has {', '.join(infos)}.")
    info = probe(infos[camera])
    chosen, warnings = _camera(take, camera, info.image_size)
    view = _tracked(take, camera) or _detected(take, info, detector, progress, chosen)
    if height_m is None and (subject := take.subject()) is not None:
        height_m = subject.height_m
    if height_m is None:
        warnings.append("the stature is not known (--height-m): the distance is +-6 %.")
    if view.stride > 1:
        warnings.append(f"one of {view.stride} images was looked at: {view.fps:g} a second.")
    points = lift_view(
        view.pixels, view.confidence, view.names, chosen, view.fps, height_m=height_m
    )
    record = Provenance(
        "lift",
        installed_version(),
        {"camera": camera, "height_m": height_m},
        {view.path.stem: file_hash(view.path)},
        (SAID, *warnings),
    )
    path = take.root / LIFTED_FILE
    save_artifact(points, path, record)
    return Lifted(points, (path, _write_bvh(take, points)), (SAID, *warnings))


def preview(
    session: Session, takes: Sequence[str], choices: Choices, progress: Progress
) -> dict[str, dict[str, object]]:
    """Lift takes that have one camera each and say what they are; files and warnings by take."""
    said: dict[str, dict[str, object]] = {}
    height_m = choices.fit.height_m if choices.fit else None
    for take in chosen_takes(session, takes):
        camera = only_camera(take, None)
        found = lift(take, camera, choices.detector, progress, height_m=height_m)
        progress.warned(*found.warnings)
        progress.finished(f"{take.name}: {found.files[-1]}")
        said[take.name] = {"files": found.files, "warnings": found.warnings}
    return said


def only_camera(take: Take, named: str | None) -> str:
    """Return the camera that was named, or the only one of the take.

    Raises:
        SessionError: the take has several and none was named.
    """
    cameras = list(take.videos())
    if named is None and len(cameras) != 1:
        raise SessionError(
            f"take {take.name} has the cameras {', '.join(cameras) or 'none'}; choose one with "
            "--camera."
        )
    return named or cameras[0]


@dataclass(frozen=True, eq=False)
class _View:
    """Keypoints of one person in one camera, in the pixels of its calibration: of the frames that
    were looked at, one of so many, for a guess is not filled with another."""

    pixels: FloatArray
    confidence: Array
    names: tuple[str, ...]
    fps: float
    stride: int
    path: Path


def _tracked(take: Take, camera: str) -> _View | None:
    """Return the first person of the tracks, when the take has tracks with this camera."""
    results = Results(take)
    if not results.has("tracks") or camera not in results.tracks.camera_names:
        return None
    tracks = results.tracks
    stride = looked_at_every(tracks.times_s)
    tracks = tracks.every(stride)
    index, path = tracks.camera_names.index(camera), results.path("tracks")
    pixels, confidence = tracks.pixels[index, :, 0], tracks.confidence[index, :, 0]
    return _View(pixels, confidence, tracks.keypoint_names, tracks.fps, stride, path)


def _detected(
    take: Take, info: VideoInfo, choice: DetectorChoice, progress: Progress, chosen: Camera
) -> _View:
    """Return the largest person of every image; the camera is detected where it was not yet."""
    path = take.root / ".partial" / f"lift_{info.camera}.npz"
    stage = detect_camera_stage(path, info, info.fps, LazyDetector(choice), progress)
    hashes = FileHashes(take.session.hash_cache_path, take.session.root)
    run_stages([stage], version=installed_version(), hash_of=hashes)
    found = load_artifact(path, Detections2D)
    stride = looked_at_every(found.times_s)
    found = found.every(stride)
    boxes = found.boxes[0]
    area = np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0), axis=-1)
    slot = np.where(np.isfinite(area), area, -1.0).argmax(axis=1)
    frames = np.arange(len(slot))
    pixels = found.pixels[0][frames, slot].astype(np.float64)
    if take.session.calibration_path.is_file():
        rig = Calibration((chosen,))
        pixels = image_maps(take.session, {info.camera: info}, rig)[info.camera].apply(pixels)
    confidence = found.confidence[0][frames, slot]
    return _View(pixels, confidence, found.keypoint_names, found.fps, stride, path)


def _camera(take: Take, name: str, image_size: tuple[int, int]) -> tuple[Camera, list[str]]:
    """Return the calibrated camera, or a level one with a phone's lens, and what to say."""
    if take.session.calibration_path.is_file():
        return take.session.calibration()[name], []
    width, height = image_size
    focal = GUESSED_FOCAL * max(width, height)
    matrix = np.array(
        [[focal, 0.0, 0.5 * (width - 1)], [0.0, focal, 0.5 * (height - 1)], [0.0, 0.0, 1.0]]
    )
    # Level, at chest height, looking along the world's Y.
    pose = np.eye(4)
    pose[:3, :3] = matrix_from_rotvec(np.array([np.pi / 2.0, 0.0, 0.0]))
    pose[:3, 3] = -pose[:3, :3] @ np.array([0.0, 0.0, GUESSED_HEIGHT_M])
    said = [
        f"camera '{name}' is not calibrated: a level phone at {GUESSED_HEIGHT_M:g} m is assumed, "
        "so place and size of the room are guesses too."
    ]
    return Camera(name, (width, height), matrix, np.zeros(5), pose), said


def _write_bvh(take: Take, points: Points3D) -> Path:
    """Write the preview as a skeleton."""
    from mocap.body.skeleton.build import skeleton_from_points
    from mocap.export import bvh

    path = preview_path(take)
    path.parent.mkdir(exist_ok=True)
    bvh.write(skeleton_from_points(points, points.person_ids[0]), path)
    return path
