"""The clocks of cameras while they saw the board, and corners brought to one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap.calibrate import planar
from mocap.calibrate.clocks import adjust_clocks
from mocap.calibrate.lenses.plan import OWN_LENSES, LensWish
from mocap.calibrate.retime import MAX_INTERPOLATED_S, corners_at, unrolled
from mocap.calibrate.solve import CalibrationResult
from mocap.calibrate.verdict.report import Verdict as Level
from mocap.calibrate.views import pack_views
from mocap.capture.shutters import rows_of, shutter_of
from mocap.capture.video import VideoInfo
from mocap.core.board import Board
from mocap.core.camera import Camera
from mocap.core.clocks import CameraClock, Clocks, Verdict
from mocap.core.detections import Corners
from mocap.sync.board import board_track, sync_boards
from mocap.sync.board_pairs import BoardTrack

# Less than this share of a frame is within the noise of the board's poses: the recorded time stays,
# and the calibration says what is left.
LEAST_FRAMES = 0.3
# Where frames are too far apart to interpolate only whole frames can be taken; an offset that is
# this share of a frame from the next whole one is not told well enough to take one.
WHOLE_FRAMES = 0.3
# A recorded time that the calibration calls wrong is left when it does so by more than this.
CLEAR_SIGMAS, CLEAR_FRAMES = 3.0, 0.1
# Images whose times are this near to each other, in frames, count as of one instant.
SAME_FRAME = 0.3


def board_clocks(
    corners: Sequence[Corners],
    board: Board,
    infos: Mapping[str, VideoInfo],
    late_frames: Mapping[str, int],
) -> Clocks:
    """Return the clocks of all cameras from a board they saw; what a person says wins.

    Cameras that nothing ties to the others, and those within `LEAST_FRAMES`, keep the recorded
    time. `late_frames` is by camera how many frames its recording runs late.
    """
    found = sync_boards(board_tracks(corners, board, infos))
    names = [each.camera for each in corners]
    reference = names[found.reference]
    clocks = []
    for name, offset, sigma in zip(names, found.offset_s, found.sigma_s, strict=True):
        clock = CameraClock(name, verdict=Verdict.REFUSED)
        if np.isfinite(offset):
            late, fps = float(offset) * infos[name].fps, infos[name].fps
            taken = abs(late) >= LEAST_FRAMES and not _between_frames(late, fps)
            clock = replace(
                clock,
                offset_s=float(offset) if taken else 0.0,
                sigma_s=float(sigma),
                method="board" if taken else "recorded",
                verdict=Verdict.REFUSED if _between_frames(late, fps) else Verdict.SURE,
                said={"board": float(offset)},
            )
        if name in late_frames:
            given_s = -late_frames[name] / infos[name].fps
            clock = replace(clock, offset_s=given_s, method="given", verdict=Verdict.GIVEN)
        if name == reference:
            clock = replace(clock, verdict=Verdict.REFERENCE)
        clocks.append(clock)
    residuals = {f"{names[i]}-{names[j]}": r for (i, j), r in found.residual_s.items()}
    return Clocks(reference, tuple(clocks), 0.0, residuals)


def _between_frames(frames: float, fps: float) -> bool:
    """Tell whether an offset in frames is neither a whole one nor one to interpolate at."""
    return fps * MAX_INTERPOLATED_S < 1.0 and abs(frames - round(frames)) > WHOLE_FRAMES


def board_tracks(
    corners: Sequence[Corners], board: Board, infos: Mapping[str, VideoInfo]
) -> list[BoardTrack]:
    """Return what each camera alone saw of the board: rough poses over its own time."""
    views = pack_views(corners, board)
    found = planar.homographies(views)
    lens, _ = planar.initial_lenses(views, found)
    poses = planar.planar_poses(views, lens, found)
    middle = board.corner_points().mean(axis=0)
    tracks = []
    for camera, each in enumerate(corners):
        mine = np.flatnonzero(views.arrays.view_camera[poses.view] == camera)
        frame = views.frames[views.view_frame[poses.view[mine]]]
        looked = np.unique(frame)
        options = [poses.camera_from_board[mine[frame == f]] for f in looked]
        times = infos[each.camera].times_s[looked]
        tracks.append(board_track(times, options, float(lens[camera, 0]), middle))
    return tracks


def at_instants(
    corners: Sequence[Corners], infos: Mapping[str, VideoInfo], readout_s: Mapping[str, float]
) -> list[Corners]:
    """Return the corners as a camera without a rolling shutter would have seen them.

    Pictures that were taken one by one stay: nothing moved in them, or nobody knows how.

    Raises:
        InputError: a readout is longer than a frame.
    """
    out = []
    for each in corners:
        info = infos[each.camera]
        known_s = shutter_of(readout_s.get(each.camera, 0.0), info)
        moving = known_s > 0.0 and np.isfinite(info.fps)
        out.append(unrolled(each, info.times_s, rows_of(known_s, info)) if moving else each)
    return out


def moved_cameras(clocks: Clocks) -> list[str]:
    """Return the cameras whose recorded time is not kept."""
    return [each.camera for each in clocks.cameras if each.offset_s != 0.0]


def on_one_clock(
    corners: Sequence[Corners], clocks: Clocks, infos: Mapping[str, VideoInfo]
) -> list[Corners]:
    """Return the corners of all cameras at the frames of the reference."""
    by_name = {each.camera: each for each in corners}
    reference = by_name[clocks.reference]
    instants = clocks[clocks.reference].common(infos[clocks.reference].times_s)
    frames = np.arange(len(instants))
    looked = np.unique(reference.frame)
    if len(looked) > 1:
        frames = frames[:: max(1, int(np.diff(looked).min()))]
    return [
        each
        if each.camera == clocks.reference
        else corners_at(each, infos[each.camera].times_s, clocks[each.camera], instants, frames)
        for each in corners
    ]


def sharpened(
    corners: Sequence[Corners],
    clocks: Clocks,
    infos: Mapping[str, VideoInfo],
    board: Board,
    result: CalibrationResult,
    *,
    lenses: Sequence[Camera] = (),
    lens: LensWish = OWN_LENSES,
) -> Clocks:
    """Return the clocks as unknowns of the calibration: to a fraction of a millisecond.

    Cameras whose recorded time fits keep it, with what the calibration says of it: a correction
    must stand out of its noise, and of a frame. Clocks that a person gave, that nothing ties, and
    those of cameras too slow to interpolate stay as they are.
    """
    held = [c.camera for c in clocks.cameras if not _can_move(c, infos[c.camera].fps)]
    if len(held) == len(clocks.cameras) or board.count > 1:
        return clocks
    instants = clocks[clocks.reference].common(infos[clocks.reference].times_s)
    found = adjust_clocks(
        lambda tried: on_one_clock(corners, tried, infos),
        instants,
        clocks,
        board,
        result,
        lenses=lenses,
        lens=lens,
        held=held,
    )
    if not found.converged:
        return clocks
    sound = result.report.verdict is not Level.FAIL
    return replace(
        found.clocks,
        cameras=tuple(
            new if old.camera in held else _taken(old, new, infos[old.camera].fps, sound=sound)
            for old, new in zip(clocks.cameras, found.clocks.cameras, strict=True)
        ),
    )


def _can_move(clock: CameraClock, fps: float) -> bool:
    return clock.verdict is Verdict.SURE and fps * MAX_INTERPOLATED_S >= 1.0


def _taken(old: CameraClock, new: CameraClock, fps: float, *, sound: bool) -> CameraClock:
    """Return the clock that is used; a recorded one moves only by what nothing else explains."""
    if old.method != "recorded":
        return new
    clear = abs(new.offset_s) > max(CLEAR_SIGMAS * new.sigma_s, CLEAR_FRAMES / fps)
    if clear and sound:
        return replace(new, method="board")
    return replace(old, said=new.said, sigma_s=new.sigma_s)


def sentences(clocks: Clocks, infos: Mapping[str, VideoInfo]) -> list[str]:
    """Return a sentence for every camera that is moved, or not although the board says so."""
    out = []
    for clock in clocks.cameras:
        fps = infos[clock.camera].fps
        board_s = clock.said.get("board", 0.0)
        if clock.method == "recorded" and _between_frames(board_s * fps, fps):
            out.append(
                f"camera '{clock.camera}' may have started {abs(board_s):.3f} s "
                f"{'later' if board_s > 0 else 'earlier'} than '{clocks.reference}' by the board; "
                f"at {fps:g} frames per second that is no whole frame, and the recorded times are "
                "kept."
            )
        if clock.offset_s == 0.0 or clock.camera == clocks.reference:
            continue
        way = "later" if clock.offset_s > 0 else "earlier"
        how = "as said" if clock.method == "given" else "by the board"
        out.append(
            f"camera '{clock.camera}' started {abs(clock.offset_s):.4f} s {way} than "
            f"'{clocks.reference}' ({abs(clock.offset_s) * infos[clock.camera].fps:.2f} of its "
            f"frames{_precision(clock)}), {how}."
        )
    return out


def _precision(clock: CameraClock) -> str:
    known = f"; ± {1e3 * clock.sigma_s:.1f} ms" if "calibration" in clock.said else ""
    return known + (f", drift {clock.drift_ppm:+.0f} ppm" if clock.drift_ppm else "")


def in_step(infos: Mapping[str, VideoInfo]) -> bool:
    """Tell whether frames of one number are of one instant by the times the files give."""
    every = [info.times_s for info in infos.values()]
    shortest = min(len(times) for times in every)
    frame_s = min(1.0 / info.fps for info in infos.values())
    return all(
        bool(np.all(np.abs(times[:shortest] - every[0][:shortest]) < SAME_FRAME * frame_s))
        for times in every
    )
