"""Do standard deviations and the error map of a calibration tell how wrong it is?

One recording is one draw of what they predict. A squared error over the predicted one, mean over
the volume, scatters by .8 to 1.1 of itself, for a few directions of a few cameras make most of it.
So the same board poses are seen many times with other noise, and the truth is what many recordings
scatter by: over n of them its root is known to half of that / sqrt(n).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from figures import Figure

from mocap.calibrate.adjust import RigState
from mocap.calibrate.refine import refine_final
from mocap.calibrate.solve import CalibrationResult, calibrate
from mocap.calibrate.still import merge_still
from mocap.calibrate.views import pack_views
from mocap.core.camera import Calibration, Camera
from mocap.core.shapes import FloatArray
from mocap.core.transform import similarity
from mocap.synthetic.board_faults import BOARD, random_rig, record
from mocap.synthetic.boards import observe_board
from mocap.synthetic.nearest_points import nearest_points

# The root is then known to .06 to .09: a line of 25 % is three standard deviations. With 8 draws
# one sound rig in eight would miss it by chance.
DRAWS = 40


def certainty_figures(count: int) -> list[Figure]:
    """Return how well single recordings of random rigs agree with what they claim."""
    off_sd: list[float] = []
    predicted: list[float] = []
    true: list[float] = []
    for seed in range(count):
        rig = random_rig(3000 + seed, most=10)
        result = calibrate(record(rig, seed=seed).corners, BOARD)
        for values, value in zip((true, predicted), map_error(rig, result), strict=True):
            values.append(_rms(value))
        off_sd += [*np.concatenate(in_deviations(rig, result.calibration, result))]
    ratio = _rms(np.array(true)) / _rms(np.array(predicted))
    within = 100.0 * float(np.mean(np.array(off_sd) < 3.0))
    return [
        Figure(f"error map of {count} rigs: true over predicted rms", ratio, "", 1.25),
        Figure("  the same", ratio, "", 0.75, ">="),
        Figure("true within 3 sd (positions, focal lengths)", within, "%", 95, ">="),
    ]


def map_figures(rigs: int, draws: int = DRAWS) -> list[Figure]:
    """Return how the claims of one recording agree with the scatter of many, rig by rig."""
    ratios: list[float] = []
    center: list[FloatArray] = []
    focal: list[FloatArray] = []
    lengths: list[float] = []
    for seed in range(rigs):
        rig = random_rig(4000 + seed, most=8)
        recording = record(rig, seed=seed)
        result = calibrate(recording.corners, BOARD)
        points, sd_mm = _map_in(rig, result)
        rods, rod_sd_mm = _rods_in(rig, result)
        off, off_length = [], []
        for draw in range(draws):
            other = again(rig, recording.poses, 1000 * seed + draw + 17)
            off.append(volume_error_mm(rig, other, points))
            off_length.append(length_error_mm(rig, other, rods))
            in_center, in_focal = in_deviations(rig, other, result)
            center.append(in_center)
            focal.append(in_focal)
        ratios.append(_rms(np.array(off) / sd_mm))
        lengths.append(_rms(np.array(off_length) / rod_sd_mm))
        print(f"error map of rig {seed}: true over predicted {ratios[-1]:.2f}, of lengths "
              f"{lengths[-1]:.2f}", flush=True)  # fmt: skip
    good = float(np.mean([0.75 < ratio < 1.25 for ratio in ratios]))
    # The mean of ten rigs is known to .03: a tenth is three standard deviations.
    mean = float(np.mean(ratios))
    figures = [
        Figure(f"error maps within 25 % of {draws} recordings, of {rigs} rigs", 100.0 * good, "%",
               100.0, ">="),
        Figure("  true over predicted, mean of the rigs", mean, "", 1.1),
        Figure("  the same", mean, "", 0.9, ">="),
    ]  # fmt: skip
    length = float(np.mean(lengths))
    figures += [
        Figure("lengths by part of the volume: true over predicted, mean", length, "", 1.25),
        Figure("  the same", length, "", 0.75, ">="),
    ]
    for name, values in (("positions", center), ("focal lengths", focal)):
        share = 100.0 * float(np.mean(np.concatenate(values) < 1.0))
        # 68 % of one number, 61 % of three equal ones against the root of their variances.
        figures.append(Figure(f"{name} within 1 sd", share, "%", 58, ">="))
        figures.append(Figure("  the same", share, "%", 78))
    return figures


def in_deviations(
    true: Calibration, found: Calibration, told: CalibrationResult
) -> tuple[FloatArray, FloatArray]:
    """Return by how many claimed deviations (camera,) positions and focal lengths are off."""
    _, rotation, shift = similarity(_centers(true), _centers(found), with_scale=False)
    off = np.linalg.norm(_centers(true) @ rotation.T + shift - _centers(found), axis=1)
    center = 1000.0 * off / np.array([camera.center_sd_mm for camera in told.report.cameras])
    focal = np.array([c.lens[:2].mean() for c in found.cameras])
    focal -= np.array([c.lens[:2].mean() for c in true.cameras])
    sd = np.array([camera.focal_sd_px for camera in told.report.cameras])
    return center, np.asarray(np.abs(focal) / sd)


def again(rig: Calibration, poses: FloatArray, seed: int) -> Calibration:
    """Return the rig solved from other noise on the same board poses, started at the truth.

    Where an adjustment ends does not depend on where it starts; this saves what finding a start
    costs. Twice, because the noise is told by the state before.
    """
    seen = observe_board(rig, BOARD, poses, noise_px=0.3, seed=seed)
    views = pack_views(merge_still(seen)[0], BOARD)
    state = RigState(
        np.stack([camera.lens for camera in rig.cameras]),
        np.stack([camera.camera_from_world for camera in rig.cameras]),
        poses[views.frames],
    )
    for _ in range(2):
        state = refine_final(views, state).state
    cameras = []
    for camera, lens, pose in zip(rig.cameras, state.lens, state.camera_from_world, strict=True):
        vector = np.concatenate([np.zeros(6), lens[:9]])
        solved = Camera.from_vector(camera.name, camera.image_size, vector)
        cameras.append(replace(solved, camera_from_world=pose))
    return Calibration(tuple(cameras))


def map_error(rig: Calibration, result: CalibrationResult) -> tuple[FloatArray, FloatArray]:
    """Return the true and the predicted error (point,) of points in mm, all over the volume."""
    points, sd_mm = _map_in(rig, result)
    return volume_error_mm(rig, result.calibration, points), sd_mm


def _map_in(rig: Calibration, result: CalibrationResult) -> tuple[FloatArray, FloatArray]:
    """Return the points (point, 3) of an error map in the true world, and its deviations in mm."""
    found = result.report.error_map
    assert found is not None
    _, rotation, shift = similarity(_centers(result.calibration), _centers(rig), with_scale=False)
    return np.asarray(np.array(found.points_m) @ rotation.T + shift), np.array(found.sd_mm)


def _rods_in(rig: Calibration, result: CalibrationResult) -> tuple[FloatArray, FloatArray]:
    """Return rods of half a metre (n, 2, 3) in the true world, along each axis of the calibration
    through the parts of its volume, and the deviations (n,) that are claimed of their length.
    """
    held_out = result.report.held_out
    assert held_out is not None
    told = [cell for cell in held_out.cells if cell.predicted_mm is not None]
    _, rotation, shift = similarity(_centers(result.calibration), _centers(rig), with_scale=False)
    middle, step = np.array([cell.center_m for cell in told]), 0.25 * np.eye(3)
    ends = np.stack([middle[:, None] - step, middle[:, None] + step], axis=2).reshape(-1, 2, 3)
    return ends @ rotation.T + shift, np.repeat([cell.predicted_mm or 0.0 for cell in told], 3)


def length_error_mm(true: Calibration, found: Calibration, rods: FloatArray) -> FloatArray:
    """Return how far off (n,) the length of rods (n, 2, 3) of the true world is, in mm."""
    _, rotation, shift = similarity(_centers(true), _centers(found), with_scale=False)
    ends = rods.reshape(-1, 3)
    placed = nearest_points(found, true.project(ends), ends @ rotation.T + shift).reshape(-1, 2, 3)
    off = np.linalg.norm(placed[:, 1] - placed[:, 0], axis=1)
    return np.asarray(1000.0 * (off - np.linalg.norm(rods[:, 1] - rods[:, 0], axis=1)))


def volume_error_mm(true: Calibration, found: Calibration, points: FloatArray) -> FloatArray:
    """Return how far off (point,) points of the true world are that a rig measures, in mm."""
    _, rotation, shift = similarity(_centers(true), _centers(found), with_scale=False)
    moved = points @ rotation.T + shift
    placed = nearest_points(found, true.project(points), moved)
    return np.asarray(1000.0 * np.linalg.norm(placed - moved, axis=1))


def _centers(rig: Calibration) -> FloatArray:
    return np.stack([camera.center for camera in rig.cameras])


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))
