"""Calibrate a session without a board, from one person who walks: lenses known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from mocap.calibrate.interchange.lenses import lenses_for, read_lenses
from mocap.capture.checks import check_take
from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError, SessionError
from mocap.core.files.lock import locked
from mocap.core.store import write_text
from mocap.core.transform import rigid
from mocap.reconstruct.boardless.solve import Solved, solve, with_poses
from mocap.reconstruct.boardless.trust import Trust, judge
from mocap.reconstruct.boardless.walk import BONE_SHARE, MEAN_STATURE_M, walk_of
from mocap.reconstruct.boardless.world import World, world_of
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.progress import Progress, table_lines
from mocap.workflow.rig.keep import keep_before
from mocap.workflow.rig.made_from import signed
from mocap.workflow.rig.refine import people_of

FIGURES_FILE = "calibration_from_people.json"
# Feet that stand this far apart on the floor, both ways, tell its tilt.
MIN_STANCE_M = 0.3


@dataclass(frozen=True, eq=False)
class FromPeople:
    """A rig from people: cameras in metres, Z up, and what is known about them."""

    calibration: Calibration
    trust: Trust
    world: World


def calibrate_from_people(
    session: Session,
    names: Sequence[str],
    progress: Progress,
    intrinsics: Path | None = None,
    height_m: float | None = None,
    dry_run: bool = False,
    force: bool = False,
) -> dict[str, object]:
    """Calibrate from the person in takes, say what came out, and store it unless it is refused.

    Returns its figures, for machines.

    Args:
        session: whose takes have been detected.
        names: of the takes.
        progress: told what happens.
        intrinsics: file or folder of lenses; None: those of the calibration that there is.
        height_m: of the person; without it the scale is known to 5 %.
        dry_run: store nothing.
        force: replace a calibration that there is.

    Raises:
        SessionError: there is a calibration already, or no lenses, or a take is not detected.
        ReconstructionError: no two cameras agree on one person.
        CalibrationError: the rig cannot be trusted; nothing was stored.
    """
    with locked(session.root, "mocap calibrate --from-people", waiting=progress.warned):
        if session.calibration_path.is_file() and not (force or dry_run):
            raise SessionError(
                f"{session.calibration_path} exists. A rig from people is less certain than one "
                "from a board: give --force to replace it (it is kept beside), or --dry-run to see."
            )
        lenses = _lenses(session, names, intrinsics)
        takes = [people_of(session.take(name), lenses) for name in names]
        progress.started(f"Placing the cameras by the person in {', '.join(names)} …")
        bones_m = BONE_SHARE * (height_m or MEAN_STATURE_M)
        solved = solve(walk_of(takes, lenses), bones_m)
        found = _in_world(solved, judge(solved, bones_m), height_m)
        _say(progress, found, height_m)
        if not found.trust.accepted:
            raise CalibrationError(
                f"the rig from people was refused and nothing was written: "
                f"{' '.join(found.trust.reasons)}"
            )
        if dry_run:
            progress.finished("Nothing was written (--dry-run)")
        else:
            _store(session, names, found)
            progress.finished(f"Wrote {session.calibration_path}")
        return figures(found)


def _lenses(session: Session, names: Sequence[str], intrinsics: Path | None) -> Calibration:
    """Return the cameras whose lenses are known, without poses that count.

    Raises:
        SessionError: no lenses anywhere.
        InputError: the lenses given are of other cameras or another image size.
    """
    if intrinsics is None:
        if not session.calibration_path.is_file():
            raise SessionError(
                f"session {session.root} has no lenses: give --intrinsics FILE. Lenses can be "
                "calibrated once, with any board, and kept; a person does not tell focal lengths."
            )
        return session.calibration()
    infos = check_take(session.take(names[0]), None).infos
    cameras = [(name, info.image_size) for name, info in infos.items()]
    found = lenses_for(read_lenses(intrinsics), cameras)
    missing = sorted({name for name, _ in cameras} - {camera.name for camera in found})
    if missing:
        raise SessionError(
            f"{intrinsics} has no lens for camera '{missing[0]}'. Give the lenses of all cameras."
        )
    return Calibration(found)


def _in_world(solved: Solved, trust: Trust, height_m: float | None) -> FromPeople:
    """Return the rig in metres with its floor at z = 0."""
    walk = solved.walk
    world = world_of(solved.scene.points, walk.time_s, walk.run, height_m)
    rig = with_poses(solved.rig, solved.scene.camera_from_world)
    placed = rig.transformed(rigid(world.rotation, world.translation), world.scale)
    return FromPeople(placed, trust, world)


def _say(progress: Progress, found: FromPeople, height_m: float | None) -> None:
    """Say the figures."""
    trust, world = found.trust, found.world
    rows = [
        (
            camera.name,
            f"{100 * trust.agreeing[camera.name]:.0f} %",
            f"{trust.lag_ms[camera.name]:+.1f}",
            "  ".join(f"{value:.2f}" for value in camera.center),
        )
        for camera in found.calibration.cameras
    ]
    for line in table_lines(("camera", "views agree", "late ms", "position m"), rows):
        progress.finished(line)
    progress.finished(
        f"Points will be wrong by about {trust.predicted_mm:.0f} mm where the person was, "
        f"{trust.beside_mm:.0f} mm a metre beside (frames {trust.frames_mm:.1f}, joints "
        f"{trust.joints_mm:.1f} mm)"
    )
    progress.finished(
        f"Scale from {world.scale_from}, ± {100 * world.scale_sd:.1f} %; up from {world.up_from}, "
        f"± {world.up_sd_deg:.1f} deg"
    )
    if height_m is None:
        progress.warned(
            f"the height of the person is not known: all lengths may be wrong by "
            f"{100 * world.scale_sd:.0f} %. Give --height-m."
        )
    if world.stance_m < MIN_STANCE_M:
        progress.warned(
            f"standing feet spread by {world.stance_m:.1f} m only: the floor may be tilted by "
            f"{world.up_sd_deg:.0f} degrees. Walk a circle, or lay the board on the floor."
        )
    progress.warned(*trust.warnings)


def _store(session: Session, names: Sequence[str], found: FromPeople) -> None:
    """Store an accepted rig and its figures; what was there is kept beside."""
    trust, world = found.trust, found.world
    keep_before(session, "from_people")
    for stale in (
        session.board_poses_path,
        session.calibration_report_path,
        session.calibration_page_path,
    ):
        stale.unlink(missing_ok=True)
    text = json.dumps({"takes": list(names), **figures(found)}, indent=1, ensure_ascii=False) + "\n"
    write_text(session.root / FIGURES_FILE, text)
    metadata = {
        "source": f"people in {', '.join(names)}",
        "predicted_mm": f"{trust.predicted_mm:.1f}",
        "scale_sd": f"{world.scale_sd:.4f}",
    }
    hashes = FileHashes(session.hash_cache_path, session.root)
    rig = signed(session, replace(found.calibration, metadata=metadata), hashes, by="import")
    save_calibration(rig, session.calibration_path)


def figures(found: FromPeople) -> dict[str, object]:
    """Return what is known about a rig from people, for machines."""
    world = found.world
    return {
        **asdict(found.trust),
        "accepted": found.trust.accepted,
        "scale_sd": world.scale_sd,
        "scale_from": world.scale_from,
        "up_sd_deg": world.up_sd_deg,
        "up_from": world.up_from,
    }
