"""Refine a session's rig from the people of its takes, keep the old one, and find the way back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace

from mocap.calibrate.verdict.report import RefinementNote
from mocap.capture.checks import check_take, image_maps
from mocap.capture.session import Session, Take
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.clocks import recorded_clocks
from mocap.core.detections import looked_at_every
from mocap.core.errors import CalibrationError, SessionError
from mocap.core.files.lock import alone
from mocap.core.store import write_text
from mocap.reconstruct.common_clock import on_common_clock
from mocap.reconstruct.rig.anchor import Floor
from mocap.reconstruct.rig.refine import RigRefinement, refine_rig
from mocap.reconstruct.rig.views import MAX_FRAMES, PeopleTake
from mocap.workflow.detect import load_detections
from mocap.workflow.graph import path_of, row_of
from mocap.workflow.progress import Progress, table_lines
from mocap.workflow.rig.calibration_report import (
    load_calibration_report,
    save_calibration_report,
)
from mocap.workflow.rig.keep import settle, write_page
from mocap.workflow.rig.made_from import BEFORE
from mocap.workflow.version import installed_version


@alone("mocap calibration refine")
def refine_calibration(
    session: Session,
    names: Sequence[str],
    floor: Floor,
    progress: Progress,
    *,
    dry_run: bool = False,
) -> tuple[RigRefinement, str | None]:
    """Refine the rig of a session from the named takes and store it where it is accepted.

    Returns:
        What came out, and the file that keeps the rig before; None where nothing was stored.

    Raises:
        SessionError, ReconstructionError: see `refine_session`.
    """
    refinement = refine_session(session, names, floor, progress)
    if not refinement.accepted:
        return refinement, None
    progress.finished(f"Better: {' '.join(refinement.reasons)}")
    if dry_run:
        return refinement, None
    kept = store_refinement(session, names, refinement)
    progress.finished(
        f"Wrote {session.calibration_path}; the rig before is {kept}. Run the takes again: "
        f"mocap run {session.root}. Undo: mocap calibration restore {session.root}"
    )
    return refinement, kept


def refine_session(
    session: Session, names: Sequence[str], floor: Floor, progress: Progress
) -> RigRefinement:
    """Refine the rig of a session from the named takes and say what came out; store nothing.

    Raises:
        SessionError: a take does not exist or has no detections.
        ReconstructionError: nobody is seen by two cameras.
    """
    calibration = session.calibration()
    takes = [people_of(session.take(name), calibration) for name in names]
    progress.started(f"Refining the cameras from people in {', '.join(names)} …")
    refinement = refine_rig(calibration, takes, floor=floor)
    _say(progress, refinement)
    return refinement


def require_accepted(session: Session, refinement: RigRefinement) -> None:
    """Raise CalibrationError when the refined rig was refused."""
    if not refinement.accepted:
        raise CalibrationError(
            f"{session.calibration_path} was left as it is: {' '.join(refinement.reasons)}"
        )


def store_refinement(session: Session, names: Sequence[str], refinement: RigRefinement) -> str:
    """Store an accepted rig, the one before beside it, and the figures; return the file kept."""
    return store_corrected(
        session, names, refinement.calibration, _summary(names, refinement), figures(refinement)
    )


@alone("mocap calibration refine")
def store_corrected(
    session: Session,
    names: Sequence[str],
    rig: Calibration,
    summary: str,
    told: Mapping[str, object],
) -> str:
    """Store a rig with corrected poses, the one before beside it; return the file kept.

    Args:
        session: whose calibration it is.
        names: of the takes that told the poses.
        rig: the cameras; what its metadata says is added to what was known.
        summary: a sentence for people.
        told: figures for machines.
    """
    settle(session)
    number = session.next_refinement()
    kept = session.kept_calibration_path(number)
    write_text(kept, session.calibration_path.read_text(encoding="utf-8"))
    if session.calibration_report_path.is_file():
        text = session.calibration_report_path.read_text(encoding="utf-8")
        write_text(session.kept_report_path(number), text)
    metadata = {
        **session.calibration().metadata,
        **rig.metadata,
        "refined": summary,
        "refined_by": f"mocap-studio {installed_version()}",
        BEFORE: kept.name,
    }
    refined = replace(rig, metadata=metadata)
    document = {"takes": list(names), "summary": summary, **told}
    write_text(session.refinement_path(number), _json(document))
    _store_report(session, refined, RefinementNote(tuple(names), summary))
    # Last: whoever finds the new rig finds where it comes from.
    save_calibration(refined, session.calibration_path)
    return kept.name


@alone("mocap calibration restore")
def restore_calibration(session: Session) -> str:
    """Put back the rig from before the last refinement; return the file it came from.

    A way back that was killed is gone to its end.

    Raises:
        SessionError: the calibration in use was not refined, or the file kept is gone.
    """
    settled = settle(session)
    if settled is not None:
        return settled
    name = session.calibration().metadata.get(BEFORE)
    if name is None:
        raise SessionError(
            f"{session.calibration_path} was not refined from people: there is nothing to restore."
        )
    numbers = [n for n in session.refinements() if session.kept_calibration_path(n).name == name]
    if not numbers:
        raise SessionError(
            f"{session.root / name}, the calibration before the refinement, is gone. Calibrate "
            "again, or import the calibration again."
        )
    kept = session.kept_calibration_path(numbers[0])
    report = session.kept_report_path(numbers[0])
    text = kept.read_text(encoding="utf-8")
    if report.is_file():
        write_text(session.calibration_report_path, report.read_text(encoding="utf-8"))
    write_text(session.calibration_path, text)
    settle(session)
    return kept.name


def people_of(take: Take, calibration: Calibration) -> PeopleTake:
    """Return the detections of a take with the maps of its pixels."""
    path = path_of(take, "detections")
    synced = path.is_file()
    if not synced:
        # A rig too wrong to be synchronised with is what this command mends.
        path = take.root / row_of("detect").file
    if not path.is_file():
        raise SessionError(
            f"take '{take.name}' has no detections yet. Run `mocap detect {take.session.root} "
            f"{take.name}`, or `mocap run`, first."
        )
    recording = check_take(take, calibration)
    detections = load_detections(path, take, recording)
    if not synced:
        clocks = recorded_clocks(detections.camera_names)
        detections, _ = on_common_clock(detections, clocks)
    detections = detections.every(looked_at_every(detections.times_s))
    infos = {name: recording.infos[name] for name in detections.camera_names}
    maps = image_maps(take.session, infos, calibration)
    return PeopleTake(take.name, detections, {name: each.matrix for name, each in maps.items()})


def _say(progress: Progress, refinement: RigRefinement) -> None:
    if refinement.cameras:
        header = ("camera", "frames", "coverage", "turned deg", "moved mm")
        rows = [
            (
                each.name,
                str(each.frames),
                f"{100 * each.coverage:.0f} %",
                f"{each.turn_deg:.2f} ± {each.turn_sd_deg:.2f}",
                f"{each.move_mm:.0f} ± {each.move_sd_mm:.0f}",
            )
            for each in refinement.cameras
        ]
        for line in table_lines(header, rows):
            progress.finished(line)
    if refinement.before is not None and refinement.after is not None:
        for word, error in (("before", refinement.before), ("after", refinement.after)):
            progress.finished(
                f"Frames not solved from, {word}: median {error.median_px:.1f} px, "
                f"95 % below {error.p95_px:.1f} px, {100 * error.agreeing:.0f} % of views agree"
            )
    if refinement.floor is not None:
        floor = refinement.floor
        progress.finished(
            f"Floor from {floor.samples} sightings of feet: rig moved by "
            f"{1000 * floor.lift_m:+.0f} mm in height and tilted by {floor.tilt_deg:.2f} degrees"
        )
    if refinement.cameras:
        progress.finished(
            f"Points will be wrong by about {refinement.predicted_mm:.0f} mm where people were "
            "(solved again without half of the frames and without a third of the joints)"
        )
    progress.finished(f"{refinement.frames} frames used (at most {MAX_FRAMES}, evenly spread)")
    progress.warned(*refinement.warnings)


def _summary(names: Sequence[str], refinement: RigRefinement) -> str:
    assert refinement.before is not None and refinement.after is not None
    return (
        f"camera poses from people in {', '.join(names)} ({refinement.frames} frames), lenses "
        f"unchanged; held-out median {refinement.before.median_px:.1f} -> "
        f"{refinement.after.median_px:.1f} px, 95 % below {refinement.before.p95_px:.1f} -> "
        f"{refinement.after.p95_px:.1f} px"
    )


def figures(refinement: RigRefinement) -> dict[str, object]:
    """Return the outcome for machines."""
    floor = refinement.floor
    return {
        "accepted": refinement.accepted,
        "reasons": list(refinement.reasons),
        "warnings": list(refinement.warnings),
        "frames": refinement.frames,
        "parallax_deg": refinement.parallax_deg,
        "scale_sd": refinement.scale_sd,
        "predicted_mm": refinement.predicted_mm,
        "cameras": [asdict(each) for each in refinement.cameras],
        "before": None if refinement.before is None else asdict(refinement.before),
        "after": None if refinement.after is None else asdict(refinement.after),
        "floor_lift_mm": None if floor is None else 1000.0 * floor.lift_m,
        "floor_tilt_deg": None if floor is None else floor.tilt_deg,
    }


def _store_report(session: Session, refined: Calibration, note: RefinementNote) -> None:
    """Add the refinement to the report of the board calibration, where there is one."""
    report = load_calibration_report(session)
    if report is None:
        return
    cameras = []
    for camera in report.cameras:
        if camera.name in refined.names:
            x, y, z = (float(value) for value in refined[camera.name].center)
            camera = replace(camera, center_m=(x, y, z))
        cameras.append(camera)
    said = f"Refined after this calibration: {note.summary}. Positions are the refined ones."
    moved = replace(report, cameras=tuple(cameras), refinement=note, notes=(*report.notes, said))
    save_calibration_report(moved, session.calibration_report_path)
    write_page(session, refined)


def _json(document: dict[str, object]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
