"""Arms or legs exchanged in single views: what is left of it after repair, and what it costs."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
from figures import Figure

from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import FloatArray
from mocap.reconstruct.associate import associate
from mocap.reconstruct.people.limbs import repair_limbs
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.crowd import crossing
from mocap.synthetic.crowd_detector import DetectorFaults, detect_crowd
from people_parts.identities import FPS, known_tracks, rig

_PAIRS = (
    ([13, 14, 15, 16], [14, 13, 16, 15]),
    ([7, 8, 9, 10], [8, 7, 10, 9]),
)
_LIMB_KEYPOINTS = [k for pair, _ in _PAIRS for k in pair]
assert [COCO_17.keypoint_names[k] for k in (7, 13)] == ["left_elbow", "left_knee"]

FAR_M = 0.1


def limb_figures(seeds: int) -> list[Figure]:
    """Return limb keypoints that are far off with a share of limb pairs exchanged."""
    seeds = max(1, seeds // 4)
    four = np.mean([_percent(4, seed, 0.2, far=True) for seed in range(seeds)], axis=0)
    missing = {
        cameras: np.mean([_percent(cameras, seed, 0.0, far=False) for seed in range(seeds)], axis=0)
        for cameras in (4, 3)
    }
    return [
        Figure(f"4 cameras, 20 % exchanged: > 100 mm off (unrepaired {four[1]:.1f} %)",
               four[0], "%", 1.0),
        Figure("4 cameras, none exchanged: missing added", missing[4][0] - missing[4][1],
               "points", 0.5),
        Figure("3 cameras, none exchanged: missing added", missing[3][0] - missing[3][1],
               "points", 0.5),
        Figure("cost", _ms_per_frame(), "ms/frame", 0.2),
    ]  # fmt: skip


def exchange_limbs(detections: Detections2D, share: float, seed: int) -> Detections2D:
    """Return detections in which arms and legs are exchanged in bursts of 0.4 s."""
    random = np.random.default_rng(seed)
    pixels = np.array(detections.pixels)
    cameras, frames = pixels.shape[:2]
    for here, other in _PAIRS:
        for camera in range(cameras):
            frame = 0
            while frame < frames:
                frame += int(random.exponential(13.0 * (1.0 - share) / share)) + 1
                length = int(random.exponential(10.0)) + 3
                part = pixels[camera, frame : frame + length]
                part[:, :, here] = part[:, :, other]
                frame += length
    return replace(detections, pixels=pixels)


def _scene(
    cameras: int, seed: int, share: float
) -> tuple[Tracks2D, Tracks2D, Calibration, FloatArray]:
    """Return the tracks of a take with and without repair, the rig and the truth."""
    xyz = crossing(1, seconds=15.0, seed=seed)
    calibration = rig(cameras, seed)
    faults = DetectorFaults(missed=0.05, exchanged=0.0, invented=0.0, ghosts=0)
    detections, who = detect_crowd(calibration, xyz, fps=FPS, faults=faults, seed=seed)
    if share:
        detections = exchange_limbs(detections, share, seed)
    plain = known_tracks(detections, who, calibration, xyz)
    return associate(detections, calibration, person="main"), plain, calibration, xyz[:, 0]


def _percent(cameras: int, seed: int, share: float, *, far: bool) -> FloatArray:
    """Return the percentage of limb keypoints far off, or missing: repaired and as they were."""
    repaired, plain, calibration, truth = _scene(cameras, seed, share)
    out = []
    for tracks in (repaired, plain):
        found = triangulate(tracks, calibration).xyz[:, 0]
        error = np.linalg.norm(found - truth, axis=-1)[:, _LIMB_KEYPOINTS]
        out.append(100.0 * float(np.mean(error > FAR_M if far else np.isnan(error))))
    return np.array(out)


def _ms_per_frame() -> float:
    _, tracks, calibration, _ = _scene(4, 1, 0.2)
    vectors = calibration.subset(tracks.camera_names).vectors()
    best = float("inf")
    for _ in range(4):
        pixels, confidence = tracks.pixels[:, :, 0].copy(), tracks.confidence[:, :, 0].copy()
        start = time.process_time()
        repair_limbs(pixels, confidence, tracks.keypoint_names, vectors, FPS)
        best = min(best, time.process_time() - start)
    return 1e3 * best / float(tracks.pixels.shape[1])
