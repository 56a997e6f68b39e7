"""Clocks of cameras from a moving board with nothing calibrated, and inside the calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from figures import Figure
from scipy.interpolate import CubicSpline
from scipy.spatial.transform import Rotation, Slerp

from mocap.calibrate.solve import calibrate
from mocap.capture.boards import load_board
from mocap.capture.video import VideoInfo
from mocap.core.clocks import Clocks
from mocap.core.detections import Corners
from mocap.core.shapes import FloatArray
from mocap.synthetic.boards import observe_board, wave_board
from mocap.synthetic.rigs import ring
from mocap.workflow.rig.board_clocks import board_clocks, on_one_clock, sharpened

BOARD = load_board("a1_5x7")
# Not the seeds on which thresholds were set (11-19).
SEEDS = range(8100, 8108)
PLANS: tuple[tuple[float, ...], ...] = ((30.0,) * 3, (30.0, 60.0, 30000 / 1001), (15.0,) * 3)
SOURCE_HZ, LENGTH_S, SPREAD_S = 240.0, 40.0, 10.0
# Three cameras started as far apart as is looked for, and what they recorded.
FAR_START_S, FAR_LENGTH_S = (0.0, 14.3, 29.0), 50.0


def recorded(
    seed: int,
    rates: Sequence[float],
    start_s: Sequence[float] | None = None,
    length_s: float = LENGTH_S,
) -> tuple[list[Corners], dict[str, VideoInfo], FloatArray]:
    """Return corners and videos of cameras that start when they like, and their starts (s)."""
    rng = np.random.default_rng(seed)
    count = len(rates)
    rig = ring(count, arc_deg=50.0 * (count - 1), image_size=(1280, 960), focal_px=1000.0,
               jitter=0.3, seed=seed)  # fmt: skip
    spread_s = SPREAD_S if start_s is None else max(start_s)
    frames = int((length_s + spread_s + 1.0) * SOURCE_HZ)
    poses = wave_board(rig, BOARD, frames, fps=SOURCE_HZ, seed=seed)
    time = np.arange(frames) / SOURCE_HZ
    turn, shift = (
        Slerp(time, Rotation.from_matrix(poses[:, :3, :3])),
        CubicSpline(time, poses[:, :3, 3]),
    )
    drawn = rng.uniform(0.0, SPREAD_S, count)
    start = drawn if start_s is None else np.array(start_s)
    corners, infos = [], {}
    for index, (name, fps) in enumerate(zip(rig.names, rates, strict=True)):
        local = np.arange(int(length_s * fps)) / fps
        seen = np.tile(np.eye(4), (len(local), 1, 1))
        seen[:, :3, :3] = turn(start[index] + local).as_matrix()
        seen[:, :3, 3] = shift(start[index] + local)
        one = rig.subset([name])
        corners.append(observe_board(one, BOARD, seen, noise_px=0.3, seed=10 * seed + index)[0])
        infos[name] = VideoInfo(
            Path(name), name, (1280, 960), fps, len(local), "h264", 0, False, local
        )
    return corners, infos, start


def _errors_s(clocks: Clocks, start: FloatArray) -> FloatArray:
    zero = start[clocks.names.index(clocks.reference)]
    return np.array([c.offset_s - (s - zero) for c, s in zip(clocks.cameras, start, strict=True)])


def far_board_figures(seeds: Sequence[int] = range(8150, 8152)) -> list[Figure]:
    """Starts nearly 30 s apart, from the board alone."""
    off = []
    for seed in seeds:
        corners, infos, start = recorded(seed, PLANS[0], FAR_START_S, FAR_LENGTH_S)
        clocks = board_clocks(corners, BOARD, infos, {})
        off += [e for e, c in zip(_errors_s(clocks, start), clocks.cameras, strict=True)
                if c.camera != clocks.reference]  # fmt: skip
    return [Figure("board alone: offset, worst", 1e3 * float(np.abs(off).max()), "ms", 12.0)]


def board_figures(seeds: Sequence[int] = SEEDS) -> list[Figure]:
    """Gate 6: offsets from the board alone and after the adjustment."""
    alone, after, sigmas, wrong, total = [], [], [], 0, 0
    for number, seed in enumerate(seeds):
        corners, infos, start = recorded(seed, PLANS[number % len(PLANS)])
        clocks = board_clocks(corners, BOARD, infos, {})
        rough = _errors_s(clocks, start)
        result = calibrate(on_one_clock(corners, clocks, infos), BOARD)
        sharp = sharpened(corners, clocks, infos, BOARD, result)
        others = [k for k, name in enumerate(clocks.names) if name != clocks.reference]
        total += len(others)
        wrong += int(np.sum(np.abs(rough[others]) > 0.1))
        alone += list(rough[others])
        after += list(_errors_s(sharp, start)[others])
        sigmas += [sharp.cameras[k].sigma_s for k in others]
    size = 1e3 * np.abs(after)
    within = np.abs(after) <= 3.0 * np.array(sigmas)
    return [
        Figure("board alone: cameras wrong or not found", wrong, f"of {total}", 0.0),
        Figure("board alone: offset, worst", 1e3 * float(np.abs(alone).max()), "ms", 12.0),
        Figure("in the adjustment: offset, median", float(np.median(size)), "ms"),
        Figure("in the adjustment: offset, worst", float(size.max()), "ms", 1.0),
        Figure(
            "in the adjustment: within 3 sigma", 100.0 * float(np.mean(within)), "%", 95.0, ">="
        ),
    ]
