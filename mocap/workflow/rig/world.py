"""Move a session's world onto the floor, or bring in a calibration of another tool."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap.calibrate.interchange.dlt import Seen, lens_file
from mocap.calibrate.interchange.formats import (
    DLT_SUFFIX,
    read_foreign,
    write_aniposelib,
    write_calibio,
    write_dlt,
    write_opencap,
    write_pose2sim,
)
from mocap.calibrate.world import FloorWorld, world_from_board_on_floor
from mocap.capture.session import CONFIG_FILE, Session
from mocap.capture.session_file import imported_config_text
from mocap.capture.video import probe
from mocap.core.board import Board
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError, InputError, SessionError
from mocap.core.files.lock import alone
from mocap.core.points import Points3D
from mocap.core.rotation import angle_between_deg
from mocap.core.same_place import same_places
from mocap.core.shapes import FloatArray
from mocap.core.store import load_artifact, write_text
from mocap.core.transform import rigid
from mocap.reconstruct.boardless.walk import JOINTS
from mocap.reconstruct.boardless.world import world_of
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.progress import Progress
from mocap.workflow.results import Results
from mocap.workflow.rig.board_poses import BoardPoses
from mocap.workflow.rig.keep import keep_before
from mocap.workflow.rig.made_from import WORLD_AT, require_whole, signed

WORLD_FROM = "world_from"
"""In the metadata of a calibration: what floor and up come from, when it is not the board."""
EARS = ("left_ear", "right_ear")
LEAST_FRAMES = 30


@alone("mocap world")
def set_world_on_floor(session: Session, instant: str) -> tuple[str, ...]:
    """Move the world of a session to the board lying on the floor; return what was chosen.

    Args:
        session: calibrated from its own board recordings.
        instant: "auto", a time such as "12.4s", or a frame such as "186".

    Raises:
        SessionError: the poses of the board are not known.
        InputError: the instant cannot be understood.
        CalibrationError: the board did not lie still, or a camera would be under the floor.
    """
    calibration = session.calibration()
    if not session.board_poses_path.is_file():
        raise SessionError(
            f"where the board was is not known: {session.calibration_path} was imported or made "
            "elsewhere. Run `mocap calibrate` first."
        )
    require_whole(session, calibration)
    poses = load_artifact(session.board_poses_path, BoardPoses)
    found = on_floor(calibration, poses, session.board(), at_frame(instant, poses.fps))
    chosen = {**found.calibration.metadata, WORLD_AT: instant}
    save_calibration(replace(found.calibration, metadata=chosen), session.calibration_path)
    return found.notes


@alone("mocap world")
def set_world_under_people(session: Session, name: str) -> tuple[str, ...]:
    """Move the world of a session under the people of a take who stand and walk on its floor.

    Up comes from their trunks and from the plane of their standing feet, the origin lies in the
    middle of these, the scale stays. Return what was found.

    Raises:
        SessionError: no such take, or it has no points yet.
        InputError: its points do not belong to this calibration any more.
        CalibrationError: too little was seen of anybody, or a camera would be under the floor.
    """
    take = session.take(name)
    results = Results(take)
    if not results.has("points"):
        raise SessionError(
            f"take '{name}' has no points yet. Run `mocap run {session.root} {name}` first."
        )
    points, calibration = results.points, session.calibration()
    found = world_of(*joints_of(points), None)
    rotation, translation = found.rotation, found.translation
    moved = calibration.transformed(rigid(rotation, translation))
    low = [camera.name for camera in moved.cameras if camera.center[2] < 0.0]
    if low:
        raise CalibrationError(
            f"camera '{low[0]}' would be under the floor: people do not stand upright in take "
            f"'{name}'. Choose one in which somebody walks about."
        )
    notes = (
        f"Up from {found.up_from}, ± {found.up_sd_deg:.1f} deg: the world turned by "
        f"{float(angle_between_deg(rotation, np.eye(3))):.1f} deg",
        f"Floor under standing feet, which spread by {found.stance_m:.1f} m; it is known to about "
        "2 cm (soles are not seen)",
    )
    kept = keep_before(session, "world")
    metadata = {**calibration.metadata, WORLD_FROM: f"people in {name}"}
    save_calibration(replace(moved, metadata=metadata), session.calibration_path)
    return (*notes, f"The calibration before is kept as {kept}")


def joints_of(points: Points3D) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the joints (frame, joint, 3) of everybody one after the other, times, and who.

    Raises:
        CalibrationError: keypoints that do not name the joints.
    """
    names = points.keypoint_names
    sources = [(joint,) if joint != "head" else EARS for joint in JOINTS]
    missing = sorted({each for source in sources for each in source if each not in names})
    if missing:
        raise CalibrationError(f"the keypoints of this take have no '{missing[0]}'.")
    at = [[names.index(each) for each in source] for source in sources]
    xyz = np.stack([points.xyz[:, :, columns].mean(axis=2) for columns in at], axis=2)
    frames, people = xyz.shape[:2]
    joints = xyz.transpose(1, 0, 2, 3).reshape(people * frames, len(JOINTS), 3)
    if np.isfinite(joints[..., 0]).all(axis=1).sum() < LEAST_FRAMES:
        raise CalibrationError(
            f"somebody was seen whole in fewer than {LEAST_FRAMES} frames; choose a take in which "
            "somebody walks about."
        )
    time_s = np.tile(np.arange(frames) / points.fps, people)
    return joints, time_s, np.repeat(np.arange(people, dtype=np.float64), frames)


def on_floor(
    calibration: Calibration, poses: BoardPoses, board: Board, frame: int | None
) -> FloorWorld:
    """Return the rig with its floor under the board, at a frame or where it lay still longest."""
    return world_from_board_on_floor(
        calibration, poses.in_world(calibration), poses.frame, board, at_frame=frame, fps=poses.fps
    )


def at_frame(instant: str, fps: float) -> int | None:
    """Return the frame number of "12.4s" or "186"; None for "auto".

    Raises:
        InputError: neither of these, or a time where the recordings have no frame rate.
    """
    if instant == "auto":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(s?)", instant.strip())
    if match is None or ("." in match[1] and not match[2]):
        raise InputError(
            f"'{instant}' is no instant. Give seconds such as 12.4s, a frame such as 186, or auto."
        )
    if not match[2]:
        return int(match[1])
    if not math.isfinite(fps):
        raise InputError("the calibration images have no frame rate: give a frame, not seconds.")
    return round(float(match[1]) * fps)


@alone("mocap calibration import")
def import_calibration(session: Session, file: Path, unit: str, force: bool) -> Calibration:
    """Store a calibration of another tool as the session's own.

    Raises:
        SessionError: there is a calibration already and `force` is not given.
        InputError: the file cannot be read as one of the known kinds.
    """
    if session.calibration_path.exists() and not force:
        raise SessionError(
            f"{session.calibration_path} exists. Give --force to replace it, or move it away."
        )
    hashes = FileHashes(session.hash_cache_path, session.root)
    seen = _seen(session) if file.suffix.lower() == DLT_SUFFIX else ()
    imported = signed(session, read_foreign(file, unit=unit, seen=seen), hashes, by="import")
    same = same_places(imported)
    if same:
        first, second, apart_mm = same[0]
        raise InputError(
            f"{file}: cameras '{first}' and '{second}' stand at one place ({apart_mm:.1f} mm "
            "apart): one camera was written twice. Export the calibration again."
        )
    keep_before(session, "import")
    # Poses and report belong to the calibration that goes.
    for stale in (
        session.board_poses_path,
        session.calibration_report_path,
        session.calibration_page_path,
    ):
        stale.unlink(missing_ok=True)
    save_calibration(imported, session.calibration_path)
    return imported


def new_calibrated(root: Path, file: Path, unit: str, notes: str, progress: Progress) -> Session:
    """Make a session with the calibration of another tool instead of rig and board.

    Raises:
        SessionError: the folder is a session already.
        InputError: the file cannot be read as one of the known kinds; no folder is made then.
    """
    read_foreign(file, unit=unit)
    path = root / CONFIG_FILE
    if path.exists():
        raise SessionError(f"{root} is a session already. Edit {path}, or choose another name.")
    (root / "takes").mkdir(parents=True, exist_ok=True)
    write_text(path, imported_config_text(file.name, notes))
    made = Session.open(root)
    imported = import_calibration(made, file, unit, force=False)
    progress.finished(
        f"Made {root}, calibrated by {file.name}: cameras "
        f"{', '.join(imported.names)}. Copy the takes "
        f"to {root}/takes/NAME/{imported.names[0]}.mp4 …"
    )
    return made


def _seen(session: Session) -> tuple[Seen, ...]:
    """Return the cameras of which there are videos, in the order of their names, with sizes."""
    videos = session.calibration_videos()
    for name in session.takes():
        videos = videos or session.take(name).videos()
    return tuple(Seen(name, probe(videos[name], name).image_size) for name in sorted(videos))


EXPORTS = {
    "anipose": "calibration_anipose.toml",
    "pose2sim": "calibration_pose2sim.toml",
    "calibio": "calibration_calibio.json",
    "opencap": "calibration_opencap",
    "dlt": "calibration_dlt.csv",
}
"""What a calibration can be written as, and the file or folder of the session it becomes."""


@alone("mocap calibration export")
def export_calibration(session: Session, to: str, output: Path | None) -> tuple[Path, str]:
    """Write the calibration for another tool, one of `EXPORTS`.

    Returns:
        The file, and what to say about it: what it cannot hold, and by how much that matters.

    Raises:
        InputError: there is no calibration, or the file cannot hold a lens.
    """
    path = output or session.root / EXPORTS[to]
    calibration = session.calibration()
    if to == "pose2sim":
        moved = write_pose2sim(calibration, path).items()
        off = [f"{error:.3f} px ('{name}')" for name, error in moved if error > 0.0]
        fitted = "; lenses were fitted again without k3, pixels move by (rms) "
        return path, fitted + ", ".join(off) if off else ""
    if to == "dlt":
        return path, _said_of_dlt(path, write_dlt(calibration, path))
    if to == "opencap":
        write_opencap(calibration, path)
        return path, "; lengths in mm, the world upright as their board on a wall"
    (write_calibio if to == "calibio" else write_aniposelib)(calibration, path)
    return path, f"; cameras in the order {', '.join(calibration.names)}" * (to == "calibio")


def _said_of_dlt(path: Path, moved: Mapping[str, float]) -> str:
    """Return what DLT coefficients cannot say: names always, lenses where there are some."""
    said = f"; a column each for {', '.join(moved)}, in metres, pixels from 1 at the lower left"
    if not lens_file(path).is_file():
        return said
    worst = max(moved, key=lambda name: moved[name])
    return (
        f"{said}. They hold for pixels WITHOUT the lens, which moves them by up to "
        f"{moved[worst]:.0f} px ('{worst}'): take it out first, with {lens_file(path)}"
    )
