"""Calibration against aniposelib 0.8 on data with known truth.

Eight full HD cameras round a room, a 10 x 7 ChArUco board of 80 mm squares in 300 (or 100) frames,
0.3 px noise, 2 % wrong corners of 3 to 40 px. Time is CPU time of one single-threaded process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import SINGLE_THREAD

from mocap.calibrate.solve import calibrate
from mocap.core.board import Board
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Corners
from mocap.core.errors import MocapError
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import FloatArray
from mocap.core.transform import similarity
from mocap.synthetic.boards import observe_board, scatter_board
from mocap.synthetic.rigs import laboratory

HERE = Path(__file__).resolve().parent
PEER_ENVIRONMENT = HERE.parent / ".aniposelib-venv"
PEER_REQUIREMENT = "aniposelib==0.8.0"
PEER_TIMEOUT_S = 900

BOARD = Board("benchmark", 10, 7, 0.08, 0.06, "DICT_4X4_50")
NOISE_PX = 0.3

# The lines the calibration must hold.
MIN_SPEED_RATIO = 40.0
MAX_CENTER_MM = 0.7
# A seed converges when no camera and no part of the volume is lost.
CONVERGED_CENTER_MM, CONVERGED_VOLUME_MM = 8.0, 1.0


@dataclass(frozen=True)
class Figures:
    """One calibration measured against the truth."""

    cpu_s: float
    center_mm: float
    rotation_deg: float
    focal_px: float
    volume_mm: float

    @property
    def converged(self) -> bool:
        """Whether no camera and no part of the volume is lost."""
        return self.center_mm < CONVERGED_CENTER_MM and self.volume_mm < CONVERGED_VOLUME_MM


LOST = Figures(float("nan"), float("inf"), float("inf"), float("inf"), float("inf"))


def problem(
    rig: Calibration, frames: int, seed: int, outliers: float = 0.02
) -> tuple[Corners, ...]:
    """Return the corners of one seed."""
    poses = scatter_board(rig, BOARD, frames, seed=seed)
    return observe_board(rig, BOARD, poses, noise_px=NOISE_PX, outliers=outliers, seed=seed + 1000)


def measure(estimate: Calibration, truth: Calibration, cpu_s: float) -> Figures:
    """Compare a rig with the truth: cameras after a similarity, the volume after a rigid motion."""
    ours = np.stack([camera.center for camera in estimate.cameras])
    true = np.stack([camera.center for camera in truth.cameras])
    scale, rotation, shift = similarity(ours, true)
    off = scale * ours @ rotation.T + shift - true
    turned = [
        angle_between_deg(a.camera_from_world[:3, :3] @ rotation.T, b.camera_from_world[:3, :3])
        for a, b in zip(estimate.cameras, truth.cameras, strict=True)
    ]
    focal = np.abs(estimate.vectors()[:, 6:8] - truth.vectors()[:, 6:8])
    return Figures(
        cpu_s=cpu_s,
        center_mm=1000.0 * float(np.sqrt(np.mean(np.sum(off**2, axis=1)))),
        rotation_deg=float(np.mean(turned)),
        focal_px=float(focal.mean()),
        volume_mm=volume_error_mm(estimate, truth),
    )


def volume_error_mm(estimate: Calibration, truth: Calibration) -> float:
    """Return the median 3D error of clean points of the volume seen with the estimated rig."""
    random = np.random.default_rng(5)
    points = random.uniform([-2.0, -2.0, 0.0], [2.0, 2.0, 2.5], (2000, 3))
    pixels = truth.project(points)
    normal, right = np.zeros((len(points), 3, 3)), np.zeros((len(points), 3))
    views = np.zeros(len(points), dtype=np.int64)
    for camera, seen in zip(estimate.cameras, pixels, strict=True):
        limit = np.array(camera.image_size)
        with np.errstate(invalid="ignore"):
            visible = ((seen > 0) & (seen < limit)).all(axis=1)
        flat = np.ones((int(visible.sum()), 3))
        flat[:, :2] = camera.undistort(seen[visible])
        ray = flat @ camera.camera_from_world[:3, :3]
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        lost = ~np.isfinite(ray).all(axis=1)
        across = np.eye(3) - ray[:, :, None] * ray[:, None, :]
        across[lost] = 0.0
        normal[visible] += across
        right[visible] += across @ camera.center
        views[visible] += ~lost
    good = views >= 2
    found = np.linalg.solve(normal[good], right[good][..., None])[..., 0]
    _, rotation, shift = similarity(found, points[good], with_scale=False)
    return 1000.0 * float(
        np.median(np.linalg.norm(found @ rotation.T + shift - points[good], axis=1))
    )


def our_figures(rig: Calibration, frames: int, seed: int, repeats: int = 1) -> Figures:
    """Calibrate one seed with this project; the least CPU time of the repeats counts."""
    corners = problem(rig, frames, seed)
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        try:
            result = calibrate(corners, BOARD)
        except MocapError:
            return LOST
        seconds.append(time.process_time() - start)
    return measure(result.calibration, rig, min(seconds))


def peer_interpreter() -> Path | None:
    """Return the interpreter of the environment with aniposelib, if there is one."""
    named = os.environ.get("ANIPOSELIB_PYTHON")
    candidate = Path(named) if named else PEER_ENVIRONMENT / "bin" / "python"
    return candidate if candidate.is_file() else None


def set_up_peer() -> None:
    """Create the environment of the peer; it needs other versions than this project."""
    if peer_interpreter() is not None:
        return
    subprocess.run([sys.executable, "-m", "venv", str(PEER_ENVIRONMENT)], check=True)
    pip = [str(PEER_ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, PEER_REQUIREMENT], check=True)


def peer_figures(interpreter: Path, rig: Calibration, frames: int, seed: int) -> Figures:
    """Calibrate one seed with aniposelib's default recipe in a process of its own."""
    corners = problem(rig, frames, seed)
    with tempfile.TemporaryDirectory() as folder:
        given, answer = Path(folder) / "problem.npz", Path(folder) / "answer.json"
        np.savez(
            given,
            cameras=len(corners),
            camera=np.repeat(np.arange(len(corners)), [len(c.frame) for c in corners]),
            frame=np.concatenate([c.frame for c in corners]),
            corner_id=np.concatenate([c.corner_id for c in corners]),
            pixels=np.concatenate([c.pixels for c in corners]),
            image_size=np.array(corners[0].image_size),
            columns=BOARD.columns,
            rows=BOARD.rows,
            square_length_m=BOARD.square_length_m,
        )
        command = [str(interpreter), str(HERE / "aniposelib_peer.py"), str(given), str(answer)]
        done = subprocess.run(
            command,
            env={**os.environ, **SINGLE_THREAD, "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=PEER_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"aniposelib failed:\n{done.stderr[-2000:]}")
        result = json.loads(answer.read_text())
    cameras = tuple(
        Camera.from_vector(camera.name, camera.image_size, np.array(vector))
        for camera, vector in zip(rig.cameras, result["vectors"], strict=True)
    )
    return measure(Calibration(cameras), rig, float(result["cpu_s"]))


def run(
    check: bool, *, seeds: int = 50, frames: Sequence[int] = (300, 100), peer_seeds: int = 1
) -> list[str]:
    """Print the table; return the lines that were missed (empty when `check` is False)."""
    import cv2

    cv2.setNumThreads(1)
    rig = laboratory()
    our_figures(rig, 30, seed=1)  # compiles the kernels
    misses: list[str] = []
    print(f"{'calibration':34s} {'CPU s':>8s} {'centre mm':>10s} {'rot deg':>8s} {'f px':>7s} "
          f"{'volume mm':>10s} {'converged':>10s}")  # fmt: skip
    ours: dict[int, list[Figures]] = {}
    for count in frames:
        ours[count] = [
            our_figures(rig, count, 11 + i, repeats=3 if i < peer_seeds else 1)
            for i in range(seeds)
        ]
        converged = sum(figures.converged for figures in ours[count])
        _print_row(f"mocap-studio, {count} frames", ours[count], f"{converged}/{seeds}")
        if converged < seeds:
            misses.append(f"{count} frames: {converged} of {seeds} seeds converge, all must")
    center = float(np.median([figures.center_mm for figures in ours[frames[0]]]))
    if center > MAX_CENTER_MM:
        misses.append(
            f"{frames[0]} frames: centre error {center:.2f} mm (median), at most {MAX_CENTER_MM}"
        )
    misses += _against_peer(rig, ours[frames[0]], frames[0], peer_seeds)
    return misses if check else []


def _against_peer(
    rig: Calibration, ours: Sequence[Figures], frames: int, peer_seeds: int
) -> list[str]:
    """Run aniposelib on the first seeds, print the ratio, return what was missed."""
    interpreter = peer_interpreter()
    if interpreter is None:
        print("aniposelib 0.8: not installed (run with --setup, or set ANIPOSELIB_PYTHON)")
        return ["aniposelib 0.8 was not measured: run with --setup or set ANIPOSELIB_PYTHON"]
    theirs = [peer_figures(interpreter, rig, frames, 11 + i) for i in range(peer_seeds)]
    _print_row(f"aniposelib 0.8, {frames} frames", theirs, "")
    mine = ours[:peer_seeds]
    speed = _median(theirs, "cpu_s") / _median(mine, "cpu_s")
    error = _median(theirs, "center_mm") / _median(mine, "center_mm")
    volume = _median(theirs, "volume_mm") / _median(mine, "volume_mm")
    print(
        f"{'ratio (same seeds)':34s} {speed:7.0f}x faster, centre error 1/{error:.0f}, "
        f"volume error 1/{volume:.0f}"
    )
    if speed < MIN_SPEED_RATIO:
        return [f"{speed:.0f} times faster than aniposelib 0.8, at least {MIN_SPEED_RATIO:.0f}"]
    return []


def _median(figures: Sequence[Figures], field: str) -> float:
    """Return the median of one figure."""
    return float(np.median([getattr(item, field) for item in figures]))


def _print_row(name: str, figures: Sequence[Figures], converged: str) -> None:
    """Print the medians of one method."""
    row: FloatArray = np.array(
        [_median(figures, f) for f in ("cpu_s", "center_mm", "rotation_deg", "focal_px")]
    )
    print(
        f"{name:34s} {row[0]:8.2f} {row[1]:10.2f} {row[2]:8.3f} {row[3]:7.2f} "
        f"{_median(figures, 'volume_mm'):10.3f} {converged:>10s}",
        flush=True,
    )
