"""Move a session's world onto the floor, or bring in a calibration of another tool."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

from mocap.calibrate.interchange.formats import read_foreign, write_aniposelib, write_pose2sim
from mocap.calibrate.world import FloorWorld, world_from_board_on_floor
from mocap.capture.session import CONFIG_FILE, Session
from mocap.capture.session_file import imported_config_text
from mocap.core.board import Board
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.errors import InputError, SessionError
from mocap.core.same_place import same_places
from mocap.core.store import load_artifact, write_text
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.progress import Progress
from mocap.workflow.rig.board_poses import BoardPoses
from mocap.workflow.rig.keep import keep_before
from mocap.workflow.rig.made_from import WORLD_AT, require_whole, signed


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
    imported = signed(session, read_foreign(file, unit=unit), hashes, by="import")
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


def export_calibration(session: Session, to: str, output: Path | None) -> tuple[Path, str]:
    """Write the calibration for another tool ("anipose" or "pose2sim").

    Returns:
        The file, and what to say about it: by how much lenses changed that it cannot hold whole.

    Raises:
        InputError: there is no calibration, or the file cannot hold a lens.
    """
    path = output or session.root / f"calibration_{to}.toml"
    calibration = session.calibration()
    if to == "anipose":
        write_aniposelib(calibration, path)
        return path, ""
    off = [f"{e:.3f} px ('{n}')" for n, e in write_pose2sim(calibration, path).items() if e > 0.0]
    if not off:
        return path, ""
    return path, f"; lenses were fitted again without k3, pixels move by (rms) {', '.join(off)}"
