"""What exact times are worth: a take of cameras out of step against the same in step."""

from __future__ import annotations

import numpy as np
from figures import Figure

from mocap.core.clocks import CameraClock, Clocks
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.shapes import FloatArray
from mocap.reconstruct.common_clock import on_common_clock
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.hand_started import HandStarted, hand_started, script
from mocap.synthetic.rigs import laboratory

LENGTH_S, FPS, SEED = 12.0, 60.0, 8400
OUT_OF_STEP_S = (0.0, 0.007, -0.005, 0.003)
MARGIN_FRAMES = 30


def exact_figures() -> list[Figure]:
    """Gate 8: the median error and that of the fastest 2 %, over those of a take in step."""
    xyz = script("walk", LENGTH_S + 4.0, SEED)
    rig = laboratory(seed=SEED, count=4)
    errors = {}
    for name, offsets in (("in step", (0.0,) * 4), ("exact", OUT_OF_STEP_S)):
        start = tuple(1.0 + each for each in offsets)
        take = hand_started(xyz, rig, fps=FPS, length_s=LENGTH_S, start_s=start, seed=SEED)
        errors[name] = _errors_mm(take, offsets)
    late = tuple(1.0 + each for each in OUT_OF_STEP_S)
    take = hand_started(xyz, rig, fps=FPS, length_s=LENGTH_S, start_s=late, seed=SEED)
    errors["ignored"] = _errors_mm(take, (0.0,) * 4)
    middle, fast = errors["in step"]
    return [
        Figure("in step: error, median", middle, "mm"),
        Figure("in step: error, fastest 2 %", fast, "mm"),
        Figure("exact times: median over that in step", errors["exact"][0] / middle, "x", 1.03),
        Figure("exact times: fastest 2 %, the same", errors["exact"][1] / fast, "x", 1.25),
        Figure("times ignored: fastest 2 %, the same", errors["ignored"][1] / fast, "x"),
    ]


def _errors_mm(take: HandStarted, offsets_s: tuple[float, ...]) -> tuple[float, float]:
    names = take.detections.camera_names
    clocks = Clocks(
        names[0], tuple(CameraClock(n, o) for n, o in zip(names, offsets_s, strict=True))
    )
    synced, frames = on_common_clock(take.detections, clocks)
    tracks = tracks_of(synced)
    points = smooth(triangulate(tracks, take.calibration), tracks, take.calibration).xyz[:, 0]
    true_s = float(take.start_s[0]) + frames.origin_s + np.arange(len(points)) / FPS
    inner = slice(MARGIN_FRAMES, len(points) - MARGIN_FRAMES)
    error: FloatArray = 1e3 * np.linalg.norm(points - take.motion(true_s), axis=-1)[inner]
    speed = np.linalg.norm(take.motion(true_s, 1), axis=-1)[inner]
    return float(np.nanmedian(error)), float(
        np.nanmedian(error[speed >= np.percentile(speed, 98.0)])
    )


def tracks_of(seen: Detections2D) -> Tracks2D:
    """Return the tracks of the first detection of every image, of footage of one person."""
    return Tracks2D(
        seen.camera_names,
        seen.keypoint_names,
        (0,),
        seen.fps,
        seen.pixels[:, :, :1],
        seen.confidence[:, :, :1],
        seen.times_s,
        seen.row_lateness,
    )
