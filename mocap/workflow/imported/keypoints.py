"""Import keypoints that another tool found as the detections of a take, with videos or without."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mocap.capture.checks import MIN_CAMERAS
from mocap.capture.footage import Footage
from mocap.capture.keypoints_only import FPS, FRAMES, IMAGES
from mocap.capture.session import Session, Take
from mocap.core.detections import Detections2D
from mocap.core.errors import InputError
from mocap.core.files.lock import locked
from mocap.core.store import HIGHEST_FPS, Provenance, file_hash, save_artifact
from mocap.detect.imported.cameras import CameraFiles, camera_files
from mocap.detect.imported.detections import CameraFrame, ImportedDetections, detections_of
from mocap.detect.imported.read import read_camera
from mocap.workflow.graph import row_of
from mocap.workflow.imported.choices import KeypointsChoice
from mocap.workflow.measure.importing import IMPORT, is_imported, read_names
from mocap.workflow.progress import Progress
from mocap.workflow.version import installed_version


def import_keypoints(
    session: Session, name: str, folder: Path, choice: KeypointsChoice, progress: Progress
) -> tuple[Take, ImportedDetections]:
    """Write the keypoints in a folder as the detections of a take; return both.

    Raises:
        InputError: they cannot be used, the session has no calibration, or the take has keypoints.
        SessionError: the take's videos cannot be used.
    """
    if not re.fullmatch(r"[\w][\w.-]*", name):
        raise InputError(f"'{name}' is no name of a take: letters, digits, _ - and . only.")
    take = Take(name, session.root / "takes" / name, session)
    _refuse_other_results(take, choice.force)
    calibrated = session.calibration()
    filmed = Footage(take).recording if take.videos() else None
    known = tuple(filmed.infos) if filmed else calibrated.names
    files, said = camera_files(folder, known, _pairs(choice.cameras, "--camera"))
    if len(files) < MIN_CAMERAS:
        raise InputError(
            f"{folder} has keypoints of {len(files)} camera ({', '.join(files)}); at least "
            f"{MIN_CAMERAS} are needed. Cameras are {', '.join(known)}; name files with --camera."
        )
    ordered = {camera: files[camera] for camera in known if camera in files}
    missing = [camera for camera in known if camera not in files]
    if missing:
        said.append(f"no keypoints of camera {', '.join(missing)}; the other {len(files)} are used")
    sizes = _sizes(choice.image_size, known)
    frames = {}
    for camera in ordered:
        if filmed:
            info = filmed.infos[camera]
            frames[camera] = CameraFrame(info.image_size, info.frame_count, info.times_s)
        elif camera in sizes:
            frames[camera] = CameraFrame(sizes[camera])
        else:
            own = calibrated[camera].image_size
            frames[camera] = CameraFrame(own, assumed="as it was calibrated")
    found = detections_of(
        {camera: read_camera(each) for camera, each in ordered.items()},
        frames,
        filmed.fps if filmed else _fps(choice.fps),
        keypoints=choice.keypoints,
        names=read_names(choice.names),
    )
    warnings = (f"keypoints of {found.format} in {folder.name}, not of a detector here",
                *said, *found.said)  # fmt: skip
    take.root.mkdir(parents=True, exist_ok=True)
    with locked(take.root, "mocap, detections import", waiting=progress.warned):
        # Another program may have imported meanwhile.
        _refuse_other_results(take, choice.force)
        _save(take, found, ordered, folder, warnings)
    progress.warned(*warnings)
    return take, found


def _refuse_other_results(take: Take, force: bool) -> None:
    if is_imported(take):
        raise InputError(
            f"take {take.name} has points in space of another system; its keypoints would not be "
            "theirs. Import into a take of its own."
        )
    path = take.root / row_of("detect").file
    if path.is_file() and not force:
        raise InputError(
            f"take {take.name} has keypoints already ({path}). --force replaces them; what was "
            "made of them is made again by the next run."
        )


def _save(
    take: Take,
    found: ImportedDetections,
    files: Mapping[str, CameraFiles],
    folder: Path,
    warnings: Sequence[str],
) -> None:
    row = row_of("detect")
    detections: Detections2D = found.detections
    record = Provenance(
        stage=IMPORT,
        version=installed_version(),
        options={"folder": folder.name, "detector": found.format, "sha256": _content(files),
                 "keypoints": found.layout.keypoint_set.name, "fps": detections.fps},
        warnings=tuple(warnings),
        notes={IMAGES: {camera: list(size) for camera, size in found.image_sizes.items()},
               FRAMES: int(detections.pixels.shape[1]), FPS: detections.fps},
        revision=row.revision,
    )  # fmt: skip
    save_artifact(detections, take.root / row.file, record)


def _content(files: Mapping[str, CameraFiles]) -> str:
    """Return one hash of all files that were read."""
    digest = hashlib.sha256()
    for camera, each in files.items():
        paths = [each.whole] if each.whole else [path for _, path in sorted(each.frames.items())]
        for path in paths:
            digest.update(f"{camera}/{path.name}:{file_hash(path)}\n".encode())
    return digest.hexdigest()


def _fps(given: float | None) -> float:
    if given is None:
        raise InputError(
            "keypoints do not say how many frames a second they were recorded at, and the take has "
            "no videos. Give --fps."
        )
    if not 0.0 < given <= HIGHEST_FPS or not math.isfinite(given):
        raise InputError(f"--fps {given} is no frame rate; give 0 to {HIGHEST_FPS:g}.")
    return given


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    pairs = {}
    for each in given:
        camera, sign, value = each.partition("=")
        if not sign or not camera or not value:
            raise InputError(f"{option} {each} is no CAMERA=VALUE.")
        pairs[camera] = value
    return pairs


def _sizes(given: Sequence[str], cameras: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Return the image sizes that a person says, by camera; one without a name is of all."""
    sizes: dict[str, tuple[int, int]] = {}
    for each in sorted(given, key=lambda text: "=" in text):
        camera, _, size = each.rpartition("=")
        match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", size)
        if match is None or (camera and camera not in cameras):
            raise InputError(
                f"--image-size {each} is no WIDTHxHEIGHT or CAMERA=WIDTHxHEIGHT of the cameras "
                f"{', '.join(cameras)}."
            )
        for name in [camera] if camera else cameras:
            sizes[name] = (int(match[1]), int(match[2]))
    return sizes
