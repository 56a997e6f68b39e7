"""Triangulation and smoothing against aniposelib on data with known truth.

Eight full HD cameras round a room, an articulated chain of 26 keypoints for 1000 frames at 60 fps,
2 px noise, 10 % outliers of 40 to 300 px (half of them in bursts of ten frames), 10 % missing.
Every program runs in a process of its own with one thread; time is CPU time, the best of several
runs in that process, so that compilation does not count.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from figures import SINGLE_THREAD

from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.motion.chain import ChainMotion, articulated_chain
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import laboratory

HERE = Path(__file__).resolve().parent
PEER_SCRIPT = HERE / "aniposelib_points_peer.py"
PEER_TIMEOUT_S = 900
NOISE_PX = 2.0

# The lines that must hold.
MIN_SPEED_OVER_LINEAR = 2.0
MIN_SPEED_OVER_PYTORCH_MSAC = 25.0
MAX_ERROR_OVER_ORACLE = 1.02
MIN_SPEED_OVER_OPTIM_POINTS = 100.0
MAX_SMOOTH_MEDIAN_MM = 2.6


@dataclass(frozen=True)
class Figures:
    """One program on one problem."""

    cpu_s: float
    median_mm: float
    p95_mm: float
    max_mm: float
    solved: float


@dataclass(frozen=True, eq=False)
class Problem:
    """The motion, what the cameras saw of it, and what they would have seen without outliers."""

    motion: ChainMotion
    tracks: Tracks2D
    inliers: Tracks2D


def make_problem(frames: int = 1000, keypoints: int = 26) -> Problem:
    """Return the benchmark's problem."""
    motion = articulated_chain(frames, keypoints)
    xyz = motion.xyz[:, None]
    tracks = observe_points(
        laboratory(),
        xyz,
        motion.keypoint_names,
        noise_px=NOISE_PX,
        outliers=0.1,
        missing=0.1,
        seed=31,
    )
    # Outliers are at least 40 px off, noise of 2 px is never 15 px.
    wrong = np.linalg.norm(tracks.pixels - laboratory().project(xyz), axis=-1) > 15.0
    known = replace(tracks, pixels=np.where(wrong[..., None], np.nan, tracks.pixels))
    return Problem(motion, tracks, known)


def measure(xyz: FloatArray, truth: FloatArray, cpu_s: float) -> Figures:
    """Compare points (frame, keypoint, 3) with the truth."""
    error = 1000.0 * np.linalg.norm(xyz - truth, axis=-1).ravel()
    known = error[np.isfinite(error)]
    return Figures(
        cpu_s,
        float(np.median(known)),
        float(np.percentile(known, 95)),
        float(known.max()),
        len(known) / len(error),
    )


def timed(make: Callable[[], Points3D], repeats: int = 7) -> tuple[Points3D, float]:
    """Return the points and the least CPU time of several runs."""
    seconds, points = [], make()
    for _ in range(repeats):
        start = time.process_time()
        points = make()
        seconds.append(time.process_time() - start)
    return points, min(seconds)


def worker(result_path: Path) -> None:
    """Measure this project's programs; runs in its own process."""
    problem = make_problem()
    rig, bones = laboratory(), problem.motion.bones
    raw, raw_s = timed(lambda: triangulate(problem.tracks, rig))
    oracle, oracle_s = timed(lambda: triangulate(problem.inliers, rig, max_error_px=60.0), 1)
    final, final_s = timed(lambda: smooth(raw, problem.tracks, rig, bones=bones))
    np.savez(
        result_path,
        triangulate=raw.xyz[:, 0],
        triangulate_s=raw_s,
        oracle=oracle.xyz[:, 0],
        oracle_s=oracle_s,
        smooth=final.xyz[:, 0],
        smooth_s=final_s,
    )


def our_figures(problem: Problem) -> tuple[dict[str, Figures], FloatArray]:
    """Run this project in its own process; return its figures and its triangulated points."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "ours.npz"
        command = [sys.executable, "-m", "geometry_parts.reconstruction", "--worker", str(result)]
        subprocess.run(
            command,
            cwd=HERE.parent,
            env=os.environ | SINGLE_THREAD,
            check=True,
            timeout=PEER_TIMEOUT_S,
        )
        with np.load(result) as data:
            figures = {
                name: measure(data[name], problem.motion.xyz, float(data[f"{name}_s"]))
                for name in ("triangulate", "oracle", "smooth")
            }
            return figures, np.array(data["triangulate"])


def peer_figures(
    interpreter: Path, problem: Problem, method: str, repeats: int, start: FloatArray
) -> Figures:
    """Run a peer in its own process and environment."""
    names = problem.motion.keypoint_names
    with tempfile.TemporaryDirectory() as folder:
        given, result = Path(folder) / "problem.npz", Path(folder) / "result.npz"
        np.savez(
            given,
            vectors=laboratory().vectors(),
            image_size=laboratory().cameras[0].image_size,
            pixels=problem.tracks.pixels[:, :, 0],
            bones=[(names.index(a), names.index(b)) for a, b in problem.motion.bones],
            truth=problem.motion.xyz,
            start=start,
        )
        command = [
            str(interpreter),
            str(PEER_SCRIPT),
            str(given),
            method,
            str(repeats),
            str(result),
        ]
        environment = os.environ | SINGLE_THREAD
        environment.pop("PYTHONPATH", None)
        subprocess.run(
            command, env=environment, check=True, timeout=PEER_TIMEOUT_S, capture_output=True
        )
        with np.load(result) as data:
            return measure(data["xyz"], problem.motion.xyz, float(data["cpu_s"]))


def interpreter_of(variable: str, folder: str) -> Path | None:
    """Return the interpreter named by an environment variable or inside an environment here."""
    named = os.environ.get(variable)
    candidate = Path(named) if named else HERE.parent / folder / "bin" / "python"
    return candidate if candidate.is_file() else None


def run(check: bool) -> list[str]:
    """Print the table; return the lines that were missed (empty when `check` is False)."""
    problem = make_problem()
    ours, start = our_figures(problem)
    print(
        f"{'reconstruction, 1000 x 26 x 8':34s} {'CPU s':>8s} {'median mm':>10s} {'p95 mm':>8s} "
        f"{'max mm':>8s} {'solved':>7s}"
    )
    for name in ("oracle", "triangulate", "smooth"):
        label = {"oracle": "known inliers", "triangulate": "triangulate"}.get(name, "smooth")
        _print_row(f"mocap-studio {label}", ours[name])
    misses = _own_lines(ours)
    misses += _against_aniposelib(problem, ours, start)
    misses += _against_pytorch(problem, ours, start)
    return misses if check else []


def _own_lines(ours: dict[str, Figures]) -> list[str]:
    """Return the missed lines that need no peer."""
    raw, oracle, final = ours["triangulate"], ours["oracle"], ours["smooth"]
    misses = []
    for name, mine, best in (
        ("median", raw.median_mm, oracle.median_mm),
        ("p95", raw.p95_mm, oracle.p95_mm),
    ):
        if mine > MAX_ERROR_OVER_ORACLE * best:
            misses.append(
                f"triangulation {name} {mine:.2f} mm is {mine / best:.3f} times that of known "
                f"inliers, at most {MAX_ERROR_OVER_ORACLE}"
            )
    if final.median_mm > MAX_SMOOTH_MEDIAN_MM:
        misses.append(
            f"smoothing median {final.median_mm:.2f} mm with outliers left in, at most "
            f"{MAX_SMOOTH_MEDIAN_MM}"
        )
    return misses


def _against_aniposelib(problem: Problem, ours: dict[str, Figures], start: FloatArray) -> list[str]:
    """Run aniposelib 0.8, print its rows, return what was missed."""
    interpreter = interpreter_of("ANIPOSELIB_PYTHON", ".aniposelib-venv")
    if interpreter is None:
        print("aniposelib 0.8: not installed (run geometry.py --setup, or set ANIPOSELIB_PYTHON)")
        return ["aniposelib 0.8 was not measured: run geometry.py --setup or set ANIPOSELIB_PYTHON"]
    linear = peer_figures(interpreter, problem, "linear", 7, start)
    _print_row("aniposelib triangulate (linear)", linear)
    smoothed = peer_figures(interpreter, problem, "smooth", 1, start)
    _print_row("aniposelib optim_points", smoothed)
    return [
        *_faster("triangulation", linear, ours["triangulate"], MIN_SPEED_OVER_LINEAR),
        *_faster("smoothing", smoothed, ours["smooth"], MIN_SPEED_OVER_OPTIM_POINTS),
    ]


def _against_pytorch(problem: Problem, ours: dict[str, Figures], start: FloatArray) -> list[str]:
    """Run aniposelib-pytorch where its interpreter is named by APT_PYTHON."""
    interpreter = interpreter_of("APT_PYTHON", ".aniposelib-pytorch-venv")
    if interpreter is None:
        print("aniposelib-pytorch: not installed (optional: set APT_PYTHON)")
        return []
    msac = peer_figures(interpreter, problem, "msac", 3, start)
    _print_row("aniposelib-pytorch msac", msac)
    return _faster("triangulation", msac, ours["triangulate"], MIN_SPEED_OVER_PYTORCH_MSAC)


def _faster(what: str, theirs: Figures, ours: Figures, line: float) -> list[str]:
    """Print how many times faster we are; return the line if it is missed."""
    ratio, error = theirs.cpu_s / ours.cpu_s, theirs.median_mm / ours.median_mm
    print(f"{'  ratio':34s} {ratio:7.1f}x faster, median error 1/{error:.1f}")
    return [] if ratio >= line else [f"{what} is {ratio:.1f}x faster, at least {line:g}x"]


def _print_row(label: str, figures: Figures) -> None:
    """Print one row of the table."""
    print(
        f"{label:34s} {figures.cpu_s:8.3f} {figures.median_mm:10.2f} {figures.p95_mm:8.2f} "
        f"{figures.max_mm:8.1f} {figures.solved:7.4f}",
        flush=True,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(Path(sys.argv[2]))
    else:
        for miss in run(check=True):
            print(f"MISSED {miss}")
