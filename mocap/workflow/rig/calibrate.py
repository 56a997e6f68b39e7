"""Calibrate a session: read the board recordings, solve, store the result and say what it is."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from mocap.calibrate.board.corners import detect_corners
from mocap.calibrate.board.left_out import without_frames
from mocap.calibrate.interchange.lenses import lenses_for, read_lenses
from mocap.calibrate.lag import shift_frames
from mocap.calibrate.lenses.choice import AUTO, best_model, compare_models
from mocap.calibrate.lenses.plan import LensWish
from mocap.calibrate.solve import CalibrationResult, calibrate
from mocap.capture.checks import Recording, check_calibration_videos
from mocap.capture.decoding.order import left_out_words
from mocap.capture.edits import board_edits_path, edits_of
from mocap.capture.session import Session
from mocap.capture.shutters import readouts
from mocap.capture.video import VideoInfo, read_frames
from mocap.core.board import Board
from mocap.core.camera import Camera
from mocap.core.clocks import Clocks, save_clocks
from mocap.core.detections import Corners
from mocap.core.errors import CalibrationError, InputError, SessionError
from mocap.core.files.lock import alone, locked
from mocap.core.shapes import Array
from mocap.core.store import load_artifact
from mocap.workflow.checks.mixed_up import refuse_copies
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.pipeline import Made, artifact_stage, run_stages
from mocap.workflow.progress import Progress, Together
from mocap.workflow.rig.board_clocks import (
    at_instants,
    board_clocks,
    in_step,
    moved_cameras,
    on_one_clock,
    sentences,
    sharpened,
)
from mocap.workflow.rig.calibration_report import (
    load_calibration_report,
)
from mocap.workflow.rig.keep import settle
from mocap.workflow.rig.made_from import Repeat, signed, to_repeat
from mocap.workflow.rig.outcome import require_pass, say_report, store
from mocap.workflow.rig.world import set_world_on_floor
from mocap.workflow.version import installed_version

# A waved board hardly moves in a fifteenth of a second: more frames cost time and add nothing.
LOOKS_PER_SECOND = 15.0
# Cameras whose clocks are compared, at least.
MIN_TIED = 2


def calibrate_session(
    session: Session,
    progress: Progress,
    *,
    step: int | None = None,
    late_frames: Mapping[str, int] | None = None,
    intrinsics: Path | None = None,
    lenses: Sequence[Camera] = (),
    lens: str = "standard",
    one_lens: bool = False,
    refine_lenses: bool = False,
    force: bool = False,
) -> CalibrationResult:
    """Calibrate the rig of a session and store calibration, board poses and report.

    Corners already found in unchanged videos are used again unless `force`. `late_frames` says
    by camera how many frames its board recording runs late. `intrinsics` is a file or folder of
    lenses that are kept as they are, or where `refine_lenses` may move by percents; `lenses` are
    such lenses themselves. `lens` is the model of all others ("auto": the one that predicts frames
    held out best); with `one_lens` they are all one.

    Raises:
        SessionError, InputError: the recordings are incomplete or unreadable.
        CalibrationError: they cannot be solved.
    """
    with locked(session.root, "mocap calibrate", waiting=progress.warned):
        wish = LensWish(lens, one_lens, refine_lenses)
        return _calibrate(session, progress, step, late_frames, intrinsics, lenses, wish, force)


def _calibrate(
    session: Session,
    progress: Progress,
    step: int | None,
    late_frames: Mapping[str, int] | None,
    intrinsics: Path | None,
    lenses: Sequence[Camera],
    wish: LensWish,
    force: bool,
) -> CalibrationResult:
    _require_own(session, force)
    recording = check_calibration_videos(session)
    progress.warned(*recording.warnings)
    hashes = FileHashes(session.hash_cache_path, session.root)
    refuse_copies(recording.videos, hashes, "the calibration")
    board = session.board()
    late = dict(late_frames or {})
    corners, clocks = find_board(
        session, recording, progress, step=step, late_frames=late, force=force
    )
    infos = recording.infos
    lenses = (*lenses, *_lenses(intrinsics, corners, progress))
    if wish.model == AUTO:
        wish = _chosen_model(corners, board, lenses, wish, progress)
    if clocks is None:
        result = calibrate(corners, board, lenses=lenses, lens=wish)
    else:

        def solved(at: Clocks) -> CalibrationResult:
            seen = on_one_clock(corners, at, infos) if not _by_number(at, infos) else corners
            return calibrate(seen, board, lenses=lenses, lens=wish)

        result = solved(clocks)
        sharp = sharpened(corners, clocks, infos, board, result, lenses=lenses, lens=wish)
        if [c.offset_s for c in sharp.cameras] != [c.offset_s for c in clocks.cameras]:
            result = solved(sharp)
        clocks = sharp
        if not _by_number(clocks, infos):
            recording = replace(recording, fps=infos[clocks.reference].fps)
        notes = tuple(sentences(clocks, infos))
        noted = (*notes, *result.report.notes)
        report = replace(result.report, notes=noted, clocks=clocks)
        result = replace(result, report=report)
        save_clocks(clocks, session.calibration_clocks_path)
    own = signed(
        session,
        result.calibration,
        hashes,
        by="calibrate",
        step=step,
        late_frames=late,
        lenses=[camera.name for camera in lenses],
        wish=wish,
    )
    result = replace(result, calibration=own)
    say_report(progress, result.report)
    store(session, result, recording, board, progress)
    return result


@alone("mocap calibrate, clocks only")
def sync_calibration(session: Session, progress: Progress, *, force: bool = False) -> Path:
    """Find the clocks of the cameras while they saw the board; return the file they are in.

    Raises:
        SessionError, InputError: the recordings are incomplete or unreadable.
        CalibrationError: no camera saw the board move together with another.
    """
    recording = check_calibration_videos(session)
    corners, clocks = find_board(session, recording, progress, force=force)
    if clocks is None:
        clocks = board_clocks(corners, session.board(), recording.infos, {})
    tied = [each for each in clocks.cameras if each.said]
    if len(tied) < MIN_TIED:
        raise CalibrationError(
            "no two cameras saw the board move at one time: their clocks cannot be compared. Wave "
            "the board, turning it, where two cameras see it; or clap once in view of all."
        )
    for clock in clocks.cameras:
        if not clock.said and clock.camera != clocks.reference:
            progress.warned(
                f"camera '{clock.camera}': nothing ties its clock to the others; its recorded time "
                "is kept. Wave the board, turning it, where it and another camera see it."
            )
    save_clocks(clocks, session.calibration_clocks_path)
    for sentence in sentences(clocks, recording.infos):
        progress.finished(sentence)
    progress.finished(f"Wrote {session.calibration_clocks_path}")
    return session.calibration_clocks_path


def find_board(
    session: Session,
    recording: Recording,
    progress: Progress,
    *,
    step: int | None = None,
    late_frames: Mapping[str, int] | None = None,
    force: bool = False,
) -> tuple[list[Corners], Clocks | None]:
    """Return the corners all cameras found, and their clocks by the board.

    The clocks are None for a rig that is synchronised by hardware, unless a camera was said to be
    late. When clocks differ, every frame is looked at: those stepped over would be missed.

    Raises:
        SessionError, InputError: the recordings are incomplete or unreadable.
    """
    late = dict(late_frames or {})
    if session.board().plain:
        raise CalibrationError(
            f"board '{session.board().name}' is a plain checkerboard: it tells a lens (`mocap "
            "lens`), but not which of its corners is which, and so not where cameras stand. "
            "Print a board with markers (`mocap boards`)."
        )
    board, hashes = session.board(), FileHashes(session.hash_cache_path, session.root)
    unknown = sorted(set(late) - set(recording.infos))
    if unknown:
        raise InputError(
            f"there is no camera '{unknown[0]}' to shift; the calibration folder has "
            f"{', '.join(recording.infos)}."
        )

    bad = edits_of(board_edits_path(session.root), "ignore")

    def looked_at(every: int, again: bool) -> list[Corners]:
        found = _looked_at(session, recording, board, every, hashes, progress, again)
        return at_instants([without_frames(each, bad) for each in found], recording.infos, rolling)

    rolling = readouts(session)
    # How corners move while rows are read is seen from frame to frame.
    whole = bool(late) or not rolling.keys().isdisjoint(recording.infos)
    every = step if step is not None else (1 if whole else _step(recording.fps))
    corners = looked_at(every, force)
    by_hardware = session.rig().sync == "genlock"
    photos = not all(math.isfinite(info.fps) for info in recording.infos.values())
    several = board.count > 1
    if several and not (by_hardware or photos):
        progress.warned(
            "clocks are not compared with several boards on one body: the recorded times are taken "
            "as they are. Start the cameras together, or give --late CAMERA=FRAMES."
        )
    if (by_hardware and not late) or photos or several:
        return [shift_frames(each, late.get(each.camera, 0)) for each in corners], None
    clocks = board_clocks(corners, board, recording.infos, late)
    if not _by_number(clocks, recording.infos) and every > 1 and step is None:
        corners = looked_at(1, False)
        clocks = board_clocks(corners, board, recording.infos, late)
    return corners, clocks


def _by_number(clocks: Clocks, infos: Mapping[str, VideoInfo]) -> bool:
    """Tell whether frames of one number are of one instant in all cameras."""
    return not moved_cameras(clocks) and in_step(infos)


def _lenses(
    path: Path | None, corners: Sequence[Corners], progress: Progress
) -> tuple[Camera, ...]:
    """Return the lenses that were given, and say which cameras get one."""
    if path is None:
        return ()
    found = lenses_for(read_lenses(path), [(c.camera, c.image_size) for c in corners])
    progress.finished(f"Lenses from {path}: {', '.join(c.name for c in found)}")
    return found


def _chosen_model(
    corners: Sequence[Corners],
    board: Board,
    lenses: Sequence[Camera],
    wish: LensWish,
    progress: Progress,
) -> LensWish:
    """Return the wish with the lens model that predicts held-out views best."""
    tried = compare_models(corners, board, lenses, wish)
    best = best_model(tried)
    said = ", ".join(f"{model} {error:.2f} px" for model, error in tried.items())
    progress.finished(f"Lens model {best} (held-out views: {said})")
    return replace(wish, model=best)


def _require_own(session: Session, force: bool) -> None:
    """Refuse to replace a calibration that was imported, unless asked to.

    Raises:
        SessionError: says where it comes from.
    """
    if force or not session.calibration_path.is_file():
        return
    source = session.calibration().metadata.get("source")
    if source:
        raise SessionError(
            f"{session.calibration_path} was imported ({source}). Give --force to replace it by "
            "one from the board recordings; it will be kept beside."
        )


def ensure_calibration(session: Session, progress: Progress, *, accept: bool = False) -> bool:
    """Calibrate a session that has no calibration yet, or whose board or board recordings changed
    since; tell whether that was needed.

    `accept`: go on with a calibration that failed its own verdict, and say so.

    Raises:
        SessionError: there is neither a calibration nor a board recording, or an imported
            calibration is of another board.
        CalibrationError: the calibration failed its own verdict.
    """
    again = None
    settle(session)
    if session.calibration_path.is_file():
        again = to_repeat(session, progress)
        if again is None:
            report = load_calibration_report(session)
            if report is not None:
                require_pass(session, report, progress if accept else None)
            return False
    if not session.calibration_videos():
        raise SessionError(
            f"session {session.root} has no calibration. Copy the board recordings to "
            f"{session.root}/calibration/CAMERA.mp4, or `mocap calibration import FILE`."
        )
    again = again or Repeat()
    result = calibrate_session(
        session,
        progress,
        step=again.step,
        late_frames=again.late_frames,
        lenses=again.lenses,
        lens=again.wish.model,
        one_lens=again.wish.shared,
        refine_lenses=again.wish.refine,
    )
    require_pass(session, result.report, progress if accept else None)
    if again.world_at is not None:
        for note in set_world_on_floor(session, again.world_at):
            progress.finished(f"World: {note}")
    return True


def _step(fps: float) -> int:
    """Return how many frames to step over; a folder of photos has no rate and loses none."""
    return max(1, round(fps / LOOKS_PER_SECOND)) if math.isfinite(fps) else 1


def _looked_at(
    session: Session,
    recording: Recording,
    board: Board,
    step: int,
    hashes: FileHashes,
    progress: Progress,
    force: bool,
) -> list[Corners]:
    """Return the corners of every camera, as many cameras at once as there are processors."""
    from mocap.detect.detectors import default_workers
    from mocap.detect.threads import Threads, wait_for_all

    infos, shared = recording.infos.values(), Together(progress)
    for info in infos:
        hashes(info.path)
    with Threads(min(len(infos), default_workers())) as threads:
        return wait_for_all(
            [
                threads.start(_corners, session, info, board, step, hashes, shared, force)
                for info in infos
            ]
        )


def _corners(
    session: Session,
    info: VideoInfo,
    board: Board,
    step: int,
    hashes: FileHashes,
    progress: Progress,
    force: bool,
) -> Corners:
    """Return the corners one camera saw, from the earlier run when nothing has changed."""
    path, left_out = session.calibration_corners_path(info.camera), list[int]()

    def frames() -> Iterator[tuple[int, Array]]:
        for index, image in read_frames(info.path, gray=True, step=step, left_out=left_out):
            yield index, image
            progress.advanced(info.camera, min(index + step, info.frame_count), info.frame_count)

    def make() -> Made:
        corners = detect_corners(frames(), board, info.camera, info.image_size)
        return Made(corners, left_out_words(info.camera, left_out, info.times_s))

    stage = artifact_stage(
        "corners", path, Corners, revision=2,
        inputs={"video": info.path},
        options={"board": asdict(board), "step": step},
        make=make,
    )  # fmt: skip
    (outcome,) = run_stages(
        [stage],
        version=installed_version(),
        hash_of=hashes,
        from_stage="corners" if force else None,
        started=lambda _, reason: progress.started(f"{info.camera}: looking for the board"),
    )
    progress.warned(*outcome.warnings)
    found = load_artifact(path, Corners)
    kept = " (from the earlier run)" if outcome.status == "current" else ""
    of = f" of every {step} (--step 1: of all)" if step > 1 else ""
    views, corners = len(set(found.frame.tolist())), len(found.corner_id)
    progress.finished(f"{info.camera}: board in {views} frames{of}, {corners} corners{kept}")
    return found
