"""Figures of a solved rig for its report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mocap.calibrate.adjust import residuals
from mocap.calibrate.cause.explain import Cause
from mocap.calibrate.covariance import Uncertainty
from mocap.calibrate.graph import Pair
from mocap.calibrate.refine import Refined
from mocap.calibrate.verdict.closer import (
    board_tilts_deg,
    board_views,
    over_time,
    view_medians,
)
from mocap.calibrate.verdict.error_map import (
    predicted_errors,
    predicted_lengths_mm,
    volume_grid,
)
from mocap.calibrate.verdict.held_out import HeldOut
from mocap.calibrate.verdict.report import GRID, CameraReport, ErrorMapReport, PairReport
from mocap.calibrate.verdict.shifted import DroppedView, moved_at_frame
from mocap.calibrate.views import BoardViews
from mocap.core.camera import Calibration, Camera
from mocap.core.shapes import FloatArray, IntArray

# The mean residual of a cell with fewer corners is noise.
MIN_CORNERS_PER_CELL = 30


def calibration_of(
    views: BoardViews, refined: Refined, rms_px: Sequence[float], board: str
) -> Calibration:
    """Return the cameras of a refined state as a calibration."""
    cameras = []
    for index, (name, size) in enumerate(zip(views.camera_names, views.image_sizes, strict=True)):
        pose = refined.state.camera_from_world[index].copy()
        cameras.append(Camera.from_lens(name, size, refined.state.lens[index], pose))
    rms = dict(zip(views.camera_names, (float(value) for value in rms_px), strict=True))
    return Calibration(tuple(cameras), rms, {"board": board})


def camera_reports(
    views: BoardViews,
    refined: Refined,
    sd: Uncertainty,
    time_offsets: FloatArray,
    dropped: Sequence[DroppedView],
    cause: Cause | None,
) -> tuple[CameraReport, ...]:
    """Return the figures of every camera."""
    errors = residuals(views, refined.state)
    camera_of = views.arrays.view_camera[views.observation_view]
    frames, medians = views.frames_per_camera(), view_medians(views, errors)
    reports = []
    for index, name in enumerate(views.camera_names):
        mine = camera_of == index
        pixels, error = views.arrays.pixels[mine], errors[mine]
        length = np.nan_to_num(np.hypot(error[:, 0], error[:, 1]), nan=np.inf)
        inlying = length < refined.loss.scale_px
        counts, means = _cells(pixels, error, inlying, views.image_sizes[index])
        lens = refined.state.lens[index]
        pose = refined.state.camera_from_world[index]
        center = -pose[:3, :3].T @ pose[:3, 3]
        middle = (np.array(views.image_sizes[index]) - 1.0) / 2.0
        offset = float(time_offsets[index])
        reports.append(
            CameraReport(
                name=name,
                image_size=views.image_sizes[index],
                frames=int(frames[index]),
                corners=int(mine.sum()),
                coverage=float((counts > 0).mean()),
                coverage_grid=tuple(tuple(int(n) for n in row) for row in counts),
                rejected=float(1.0 - inlying.mean()),
                rms_px=_rms(length[inlying]),
                median_px=float(np.median(length)),
                residual_grid_px=tuple(
                    tuple((float(x), float(y)) for x, y in row) for row in means
                ),
                focal_px=float(lens[:2].mean()),
                focal_sd_px=float(sd.focal_px[index]),
                principal_point_shift_px=float(np.linalg.norm(lens[2:4] - middle)),
                principal_point_sd_px=float(sd.principal_point_px[index]),
                center_m=(float(center[0]), float(center[1]), float(center[2])),
                center_sd_mm=float(1000.0 * sd.center_m[index]),
                rotation_sd_deg=float(sd.rotation_deg[index]),
                time_offset_frames=offset if np.isfinite(offset) else None,
                moved_at_frame=_moved(views, index, dropped, cause),
                over_time=over_time(views, errors, index),
                views=board_views(views, errors, medians, index),
                tilts_deg=board_tilts_deg(views, refined.state, index),
            )
        )
    return tuple(reports)


def _moved(
    views: BoardViews,
    index: int,
    dropped: Sequence[DroppedView],
    cause: Cause | None,
) -> int | None:
    """Return from which frame on a camera disagrees with the others, if it does."""
    name = views.camera_names[index]
    if cause is not None:
        named = cause.kind == "moved" and cause.cameras[0] == name
        return cause.frame if named else None
    shared = np.diff(views.arrays.frame_start)[views.view_frame] > 1
    mine = shared & (views.arrays.view_camera == index)
    gone = np.array([view.frame for view in dropped if view.camera == name], dtype=np.int64)
    return moved_at_frame(views.frames[views.view_frame[mine]], gone)


def _rms(values: FloatArray) -> float:
    """Return the root mean square; NaN of nothing."""
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


def _cells(
    pixels: FloatArray, errors: FloatArray, inlying: FloatArray, image_size: tuple[int, int]
) -> tuple[IntArray, FloatArray]:
    """Return corners per image cell (5, 5) and the mean residual (5, 5, 2) of full cells."""
    size = np.array(image_size, dtype=np.float64)
    cell = np.clip((pixels / size * GRID).astype(np.int64), 0, GRID - 1)
    index = cell[:, 1] * GRID + cell[:, 0]
    counts = np.bincount(index, minlength=GRID * GRID)
    good = np.bincount(index[inlying], minlength=GRID * GRID)
    sums = [
        np.bincount(index[inlying], weights=errors[inlying, axis], minlength=GRID * GRID)
        for axis in range(2)
    ]
    means = np.stack(sums, axis=1) / np.maximum(good, 1)[:, None]
    means[good < MIN_CORNERS_PER_CELL] = 0.0
    return counts.reshape(GRID, GRID), means.reshape(GRID, GRID, 2)


def pair_reports(
    pairs: Sequence[Pair], tree: Sequence[Pair], calibration: Calibration, views: BoardViews
) -> tuple[PairReport, ...]:
    """Return the figures of every pair; tree pairs know what holds the rig together there."""
    names = calibration.names
    reports = []
    for pair in pairs:
        a, b = calibration.cameras[pair.first], calibration.cameras[pair.second]
        reports.append(
            PairReport(
                first=names[pair.first],
                second=names[pair.second],
                distance_m=float(np.linalg.norm(a.center - b.center)),
                shared_frames=pair.shared,
                agreeing_frames=pair.support,
                bridge=_bridge(pair, pairs, tree, views) if pair in tree else None,
            )
        )
    return tuple(reports)


def _bridge(pair: Pair, pairs: Sequence[Pair], tree: Sequence[Pair], views: BoardViews) -> int:
    """Return the frames that hold the rig together across the cut that a tree pair makes.

    A frame seen by two cameras of one side and one of the other counts once.
    """
    side = {pair.first}
    grown = True
    while grown:
        grown = False
        for other in tree:
            if other is not pair and (other.first in side) != (other.second in side):
                side |= {other.first, other.second}
                grown = True
    agreeing = sum(p.support for p in pairs if (p.first in side) != (p.second in side))
    here = np.isin(views.arrays.view_camera, list(side))
    both = [np.unique(views.view_frame[mine]) for mine in (here, ~here)]
    return min(agreeing, len(np.intersect1d(both[0], both[1])))


# Along each axis a length of half a metre is laid through the middle of a part of the volume.
HALF_LENGTH_M = 0.25


def with_predicted_lengths(
    held_out: HeldOut | None, views: BoardViews, refined: Refined, covariance: FloatArray
) -> HeldOut | None:
    """Return the figures with what must be expected of a length in each part of the volume."""
    if held_out is None or not held_out.cells:
        return held_out
    middle = np.array([cell.center_m for cell in held_out.cells])
    step = HALF_LENGTH_M * np.eye(3)
    ends = np.stack([middle[:, None] - step, middle[:, None] + step], axis=2).reshape(-1, 2, 3)
    sd = predicted_lengths_mm(refined.state, views.image_sizes, covariance, ends)
    predicted = np.sqrt((sd.reshape(-1, 3) ** 2).mean(axis=1))
    cells = tuple(
        replace(cell, predicted_mm=float(value) if np.isfinite(value) else None)
        for cell, value in zip(held_out.cells, predicted, strict=True)
    )
    return replace(held_out, cells=cells)


def error_map_report(
    views: BoardViews, refined: Refined, covariance: FloatArray
) -> ErrorMapReport | None:
    """Return the predicted error of points where the board was."""
    points = volume_grid(refined.state.world_from_board[:, :3, 3])
    found = predicted_errors(refined.state, views.image_sizes, covariance, points)
    seen = np.isfinite(found.sd_mm)
    if not seen.any():
        return None
    places = tuple((float(x), float(y), float(z)) for x, y, z in found.points[seen])
    sd = tuple(float(value) for value in found.sd_mm[seen])
    return ErrorMapReport(places, sd, found.median_mm, found.worst_mm)
