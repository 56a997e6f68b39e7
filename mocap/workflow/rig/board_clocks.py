"""The clocks of cameras while they saw the board, and corners brought to one clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mocap.calibrate import planar
from mocap.calibrate.retime import corners_at
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
# An offset that the calibration corrects by less than this share of a frame is settled.
SETTLED_FRAMES = 0.02


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
            noticeable = abs(offset) * infos[name].fps >= LEAST_FRAMES
            clock = replace(
                clock,
                offset_s=float(offset) if noticeable else 0.0,
                sigma_s=float(sigma),
                method="board" if noticeable else "recorded",
                verdict=Verdict.SURE,
                said={"board": float(offset)},
            )
        if name in late_frames:
            late = -late_frames[name] / infos[name].fps
            clock = replace(clock, offset_s=late, method="given", verdict=Verdict.GIVEN)
        if name == reference:
            clock = replace(clock, verdict=Verdict.REFERENCE)
        clocks.append(clock)
    residuals = {f"{names[i]}-{names[j]}": r for (i, j), r in found.residual_s.items()}
    return Clocks(reference, tuple(clocks), 0.0, residuals)


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


def corrected(clocks: Clocks, result: CalibrationResult, fps: float) -> tuple[Clocks, bool]:
    """Return the clocks with what the calibration found left of each offset, and whether any was.

    The calibration tells by how many of the reference's frames each camera is still late.
    """
    left = {c.name: c.time_offset_frames or 0.0 for c in result.report.cameras}
    zero = left[clocks.reference]
    cameras, any_left = [], False
    for clock in clocks.cameras:
        rest = left[clock.camera] - zero
        if clock.method == "board" and abs(rest) > SETTLED_FRAMES:
            any_left = True
            moved = clock.offset_s - rest / fps
            said = {**clock.said, "calibration": moved}
            clock = replace(clock, offset_s=moved, said=said)
        cameras.append(clock)
    return replace(clocks, cameras=tuple(cameras)), any_left


def sentences(clocks: Clocks, infos: Mapping[str, VideoInfo]) -> list[str]:
    """Return a sentence for every camera that is moved."""
    out = []
    for clock in clocks.cameras:
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
