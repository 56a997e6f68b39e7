"""Has a camera of a session moved since it was calibrated? Told, and a turn is mended."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from mocap.calibrate.background.moved import (
    BLANK,
    CARRIED,
    LOST,
    STILL,
    TURNED,
    WITHIN,
    ZOOMED,
    CameraCheck,
    check_camera,
    turned_camera_from_world,
)
from mocap.calibrate.background.pictures import StillPictures, still_pictures
from mocap.capture.checks import image_maps
from mocap.capture.footage import Footage
from mocap.capture.session import Session, Take
from mocap.capture.video import probe
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import CalibrationError, SessionError
from mocap.core.files.lock import alone
from mocap.core.files.reading import parse_object, read_json, reading
from mocap.workflow.progress import Progress
from mocap.workflow.rig.made_from import BEFORE
from mocap.workflow.rig.refine import store_corrected

BACKGROUNDS = "backgrounds"
"""In the metadata of a calibration: by camera the take since which it stands as it does now."""

BY_PEOPLE = "people in "
"""How the source of a calibration from people begins, before the names of the takes."""

# Turns of one camera in several takes are one when they agree to this.
SAME_DEG = 0.05
# At this distance millimetres are said.
DISTANCE_M = 3.0


@dataclass(frozen=True)
class TakeCheck:
    """What was found of the cameras of a take.

    Attributes:
        session: folder of the session.
        take: its name.
        cameras: what was found, by camera.
        against: with what each was compared, in words.
        rig: the calibration that was in use.
    """

    session: Path
    take: str
    cameras: tuple[CameraCheck, ...]
    against: Mapping[str, str]
    rig: Calibration

    def lines(self) -> list[str]:
        """Return a sentence for each camera."""
        return [_sentence(self, each) for each in self.cameras]


def check_take_cameras(take: Take, progress: Progress) -> TakeCheck:
    """Compare the background of every camera of a take with that of its calibration.

    Raises:
        SessionError: the take has no images.
        InputError: no calibration, or a video that cannot be read.
    """
    footage = Footage(take)
    if not footage.videos:
        raise SessionError(
            f"take '{take.name}' has keypoints only: without images nothing tells whether a camera "
            "has moved."
        )
    session, rig = take.session, footage.calibration
    found, against = [], {}
    for name, info in footage.recording.infos.items():
        if not info.has_images:
            continue
        progress.started(f"{take.name} {name}: comparing what stands still …")
        own = still_pictures(info, footage.maps[name].matrix, rig[name].image_size)
        before, said = _reference(session, take, rig, name)
        against[name] = said
        found.append(check_camera(before or own, own, rig[name]))
    return TakeCheck(session.root, take.name, tuple(found), against, rig)


def _reference(
    session: Session, take: Take, rig: Calibration, name: str
) -> tuple[StillPictures | None, str]:
    """Return the pictures that a camera stood at when its pose was told, and what they are of."""
    since = _take_of_pose(session, rig, name)
    videos = {} if since else session.calibration_videos()
    if name in videos:
        return _pictures(session, rig, name, videos[name]), "the calibration videos"
    others = [since] if since else [each for each in session.takes() if each != take.name]
    for other in others:
        if other != take.name and name in (videos := session.take(other).videos()):
            return _pictures(session, rig, name, videos[name]), f"take '{other}'"
    if since == take.name:
        return None, "its own beginning; the rig is of this take"
    return None, "its own beginning, for want of another recording"


def _backgrounds(session: Session, rig: Calibration) -> Mapping[str, object]:
    """Return by camera the take whose background it is known to have."""
    path = session.calibration_path
    with reading(path, "a calibration of this tool", "Run `mocap calibrate` again."):
        return parse_object(rig.metadata.get(BACKGROUNDS, "{}"), path)


def _take_of_pose(session: Session, rig: Calibration, name: str) -> str | None:
    """Return the take that told where a camera stands; None where the calibration videos did."""
    told = _backgrounds(session, rig).get(name)
    if told is not None:
        return str(told)
    if BEFORE in rig.metadata and (numbers := session.refinements()):
        path = session.refinement_path(max(numbers))
        with reading(path, "what a refinement says"):
            return str(read_json(path)["takes"][0])
    source = rig.metadata.get("source", "")
    return source.removeprefix(BY_PEOPLE).split(", ")[0] if source.startswith(BY_PEOPLE) else None


def _pictures(session: Session, rig: Calibration, name: str, path: Path) -> StillPictures:
    info = probe(path, name)
    matrix = image_maps(session, {name: info}, rig)[name].matrix
    return still_pictures(info, matrix, rig[name].image_size)


def _sentence(found: TakeCheck, check: CameraCheck) -> str:
    """Return what was found of a camera, and what to do."""
    who, since = f"camera '{check.camera}'", f"since {found.against[check.camera]}"
    turn = f"{check.turn_deg:.2f} ± {check.turn_sd_deg:.2f} deg"
    off_mm = 1000.0 * DISTANCE_M * np.deg2rad(check.turn_deg)
    wrong = f"points it sees are wrong by about {off_mm:.0f} mm at {DISTANCE_M:.0f} m"
    if check.kind == STILL:
        return f"{who}: where it was ({turn} {since})"
    if check.kind == TURNED:
        return (
            f"{who} turned by {turn} {since}: {wrong}. `mocap check {found.session} "
            f"{found.take} --fix` turns it in the calibration."
        )
    if check.kind == CARRIED:
        return (
            f"{who} was moved {since}, not only turned (as if by {turn}; parts of the picture are "
            f"still {check.left_px:.1f} px off): {wrong}. Calibrate again, or try `mocap "
            f"calibration refine {found.session} {found.take}`."
        )
    if check.kind == ZOOMED:
        return (
            f"{who}: its picture is {100 * abs(check.zoom - 1):.1f} % "
            f"{'larger' if check.zoom > 1 else 'smaller'} than in {found.against[check.camera]}: "
            "zoom, focus or crop was changed, or it was moved nearer. Calibrate it again."
        )
    if check.kind == WITHIN:
        return (
            f"{who} was moved during the take, at about {check.at_s:.1f} s, by "
            f"{check.within_deg:.2f} deg: use the part before or after (`mocap edit`, trim) or "
            "leave the camera out."
        )
    if check.kind == LOST:
        return (
            f"{who} shows another background than {found.against[check.camera]}: it was moved far, "
            "or the video is of another camera. Compare both, then calibrate again."
        )
    assert check.kind == BLANK
    return f"{who}: its background shows too little to tell whether it moved"


def turned_rig(session: Session, checks: Sequence[TakeCheck]) -> tuple[Calibration, str]:
    """Return the session's rig with every camera turned that only turned, and a summary.

    Raises:
        CalibrationError: nothing turned, or something happened to a camera that a turn cannot
            mend.
    """
    rig = session.calibration()
    moved = [(check, each) for check in checks for each in check.cameras if each.moved]
    if not moved:
        raise CalibrationError("no camera has moved: there is nothing to mend.")
    for check, each in moved:
        if each.kind != TURNED:
            raise CalibrationError(f"nothing was changed: {_sentence(check, each)}")
    turns: dict[str, CameraCheck] = {}
    for check in checks:
        for each in check.cameras:
            first = turns.setdefault(each.camera, each) if each.kind != BLANK else each
            apart = np.rad2deg(np.linalg.norm(np.subtract(first.rotvec, each.rotvec)))
            if apart > SAME_DEG + 4.0 * (first.turn_sd_deg + each.turn_sd_deg):
                raise CalibrationError(
                    f"nothing was changed: camera '{each.camera}' stands otherwise in take "
                    f"'{check.take}' than in take '{checks[0].take}'. Mend them one by one, each "
                    "in a session of its own."
                )
    turned = {name: each for name, each in turns.items() if each.kind == TURNED}
    since = {**_backgrounds(session, rig)}
    # From now on all of them are known to stand as in this take.
    since |= dict.fromkeys(turns, checks[0].take)
    cameras = tuple(_turned(camera, turned.get(camera.name)) for camera in rig.cameras)
    said = ", ".join(f"'{name}' by {each.turn_deg:.2f} deg" for name, each in turned.items())
    metadata = {**rig.metadata, BACKGROUNDS: json.dumps(since, ensure_ascii=False)}
    return (
        replace(rig, cameras=cameras, metadata=metadata),
        f"turned since the calibration, by the background of {checks[0].take}: {said}",
    )


def _turned(camera: Camera, check: CameraCheck | None) -> Camera:
    if check is None:
        return camera
    pose = turned_camera_from_world(camera, np.array(check.rotvec))
    return replace(camera, camera_from_world=pose)


@alone("mocap check --fix")
def mend(session: Session, checks: Sequence[TakeCheck]) -> tuple[str, str]:
    """Turn the cameras of a session's calibration that turned; return the file kept and a summary.

    Raises:
        CalibrationError: see `turned_rig`; or the calibration is another one by now.
    """
    now = session.calibration().vectors()
    if any(not np.array_equal(now, check.rig.vectors()) for check in checks):
        raise CalibrationError(
            "nothing was changed: another program changed the calibration meanwhile. Check again."
        )
    rig, summary = turned_rig(session, checks)
    names = [check.take for check in checks]
    return store_corrected(session, names, rig, summary, figures(checks)), summary


def figures(checks: Sequence[TakeCheck]) -> dict[str, object]:
    """Return what was found, for machines."""
    return {
        "takes_checked": {
            check.take: {each.camera: asdict(each) for each in check.cameras} for check in checks
        }
    }
