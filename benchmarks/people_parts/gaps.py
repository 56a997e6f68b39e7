"""What a gap does to the smoothing of the rest of the take."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from figures import Figure

from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.keypoints import COCO_17
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.reconstruct.smooth import SmoothingReport, smooth_with_report
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.crowd import crossing
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring

FRAME_RATES = (30.0, 60.0, 240.0)
NOISE_PX = (1.0, 2.0, 3.0, 5.0)
GAPS_S = (1.0, 2.0, 3.0, 5.0, 10.0)
SECONDS = 15.0
GAP_START_S = 3.0
ANKLE = COCO_17.keypoint_names.index("left_ankle")


@dataclass(frozen=True)
class _Result:
    jitter: float
    error: float
    settled: bool


def gap_figures(_seeds: int) -> list[Figure]:
    """Return the worst ratios over all gaps, noises and frame rates."""
    rig = ring(4, image_size=(1280, 960), radius_m=4.5, jitter=1.0, seed=51)
    figures = []
    for fps in FRAME_RATES:
        for what, keypoints in (("everything", slice(None)), ("one ankle", ANKLE)):
            jitter, error, settled = [], [], []
            for noise_px in NOISE_PX:
                for ratio in _ratios(rig, fps, noise_px, keypoints):
                    jitter.append(ratio.jitter)
                    error.append(ratio.error)
                    settled.append(ratio.settled)
            name = f"{fps:.0f} fps, {what} unseen for {GAPS_S[0]:.0f}-{GAPS_S[-1]:.0f} s"
            figures += [
                Figure(f"{name}: jitter", max(jitter), "x", 1.2),
                Figure(f"{name}: median error", max(error), "x", 1.2),
                Figure(f"{name}: not settled and so said", float(np.sum(~np.array(settled))), ""),
            ]
    return figures


def _ratios(rig: Calibration, fps: float, noise_px: float, keypoints: slice | int) -> list[_Result]:
    """Return the figures of every gap, as multiples of the take without one."""
    xyz = crossing(1, seconds=SECONDS, fps=fps, seed=51)
    tracks = observe_points(
        rig, xyz, COCO_17.keypoint_names, fps=fps, noise_px=noise_px, missing=0.05, seed=1
    )
    whole = smooth_with_report(triangulate(tracks, rig), tracks, rig)[0]
    out = []
    for gap_s in GAPS_S:
        gap = slice(round(GAP_START_S * fps), round((GAP_START_S + gap_s) * fps))
        points, report = _with_gap(tracks, rig, gap, keypoints)
        seen = np.ones(len(xyz), dtype=bool)
        seen[gap] = False
        own, before = (_figures(each, xyz, seen) for each in (points, whole))
        out.append(_Result(own[0] / before[0], own[1] / before[1], all(report.converged.values())))
    return out


def _with_gap(
    tracks: Tracks2D, rig: Calibration, gap: slice, keypoints: slice | int
) -> tuple[Points3D, SmoothingReport]:
    pixels, confidence = tracks.pixels.copy(), tracks.confidence.copy()
    pixels[:, gap, :, keypoints] = np.nan
    confidence[:, gap, :, keypoints] = 0.0
    tracks = replace(tracks, pixels=pixels, confidence=confidence)
    return smooth_with_report(triangulate(tracks, rig), tracks, rig)


def _figures(points: Points3D, xyz: FloatArray, seen: FloatArray) -> tuple[float, float]:
    """Return jitter and median error in the frames outside the gap."""
    position = np.where(seen[:, None, None], points.xyz[:, 0], np.nan)
    second = np.linalg.norm(np.diff(position, 2, axis=0), axis=-1)
    error = np.linalg.norm(position - xyz[:, 0], axis=-1)
    return float(np.nanmedian(second)), float(np.nanmedian(error))
