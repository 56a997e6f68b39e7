"""The clocks of cameras while they saw the board, and corners brought to one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate import planar
from mocap.calibrate.retime import MAX_INTERPOLATED_S, corners_at
from mocap.calibrate.solve import CalibrationResult
from mocap.calibrate.views import pack_views
from mocap.capture.video import VideoInfo
from mocap.core.board import Board
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
# An offset that the calibration corrects by less than this share of a frame is settled.
SETTLED_FRAMES = 0.005
# A calibration that shows less of a lateness than this share says nothing about it.
LEAST_SHOWN = 0.15


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


@dataclass(frozen=True)
class Correction:
    """One round of the search for the offsets at which the calibration calls no camera late.

    Attributes:
        clocks: to calibrate with next.
        left_s: by camera, how late the calibration still calls it at `tried_s`.
        tried_s: by camera, the offset it was calibrated with.
        settled: nothing is left that counts.
    """

    clocks: Clocks
    left_s: Mapping[str, float]
    tried_s: Mapping[str, float]
    settled: bool


def corrected(
    clocks: Clocks, result: CalibrationResult, fps: float, before: Correction | None = None
) -> Correction:
    """Return clocks nearer to those at which no camera is late.

    The poses take up a part of every lateness, so that the calibration shows a third of it or
    less: the second round on knows how much by the first (secant method).
    """
    late = {c.name: (c.time_offset_frames or 0.0) / fps for c in result.report.cameras}
    left = {name: value - late[clocks.reference] for name, value in late.items()}
    tried = {clock.camera: clock.offset_s for clock in clocks.cameras}
    cameras, settled = [], True
    for clock in clocks.cameras:
        name = clock.camera
        # Whole frames are taken where frames are far apart: a smaller correction does nothing.
        if (
            clock.method == "board"
            and fps * MAX_INTERPOLATED_S >= 1.0
            and abs(left[name]) * fps > SETTLED_FRAMES
        ):
            settled = False
            moved = clock.offset_s - left[name] / _shown(name, left, tried, before)
            clock = replace(clock, offset_s=moved, said={**clock.said, "calibration": moved})
        cameras.append(clock)
    return Correction(replace(clocks, cameras=tuple(cameras)), left, tried, settled)


def _shown(
    name: str, left: Mapping[str, float], tried: Mapping[str, float], before: Correction | None
) -> float:
    """Return the part of a lateness that the calibration shows."""
    if before is None or tried[name] == before.tried_s[name]:
        return 1.0
    slope = (left[name] - before.left_s[name]) / (tried[name] - before.tried_s[name])
    return float(np.clip(slope, LEAST_SHOWN, 1.0))


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
            f"frames), {how}."
        )
    return out
