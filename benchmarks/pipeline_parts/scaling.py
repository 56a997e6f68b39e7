"""Pace against length: the fit with views, smoothing, and keypoints; one core, warm kernels.

Every size in a process of its own. A pace is told in person-frames a CPU second; ratios are of one
run, so that another machine changes them little.

    cd benchmarks; python -m pipeline_parts.scaling fit 300 3000 30000
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from figures import SINGLE_THREAD, Figure

HERE = str(Path(__file__).resolve().parents[1])
MYSELF = (sys.executable, "-m", "pipeline_parts.scaling")
FPS, SEED = 60.0, 811
FIT_FRAMES = (300, 3000)
"""30,000 frames take five minutes: the line above asks for them."""
LEAST_FIT = 120.0
LEAST_OF_SHORT = 0.9
SMOOTH_FRAMES, LEAST_SMOOTH = (1000, 30000), 0.8
KEYPOINTS, MOST_OF_A_KEYPOINT = ("HALPE_26", "WHOLEBODY_133"), 1.2


def fit(frames: int) -> float:
    """Return CPU seconds of the fit, on views of four cameras, of lively random motion."""
    from mocap.body.fit.fit import fit as fitted
    from mocap.body.fit.views import CameraTracks
    from mocap.body.model import load_free_body
    from mocap.core.points import Points3D
    from mocap.synthetic.motion.random_motion import (
        BODY_23,
        measured_points,
        random_motion,
        true_points,
    )
    from mocap.synthetic.observations import observe_points
    from mocap.synthetic.rigs import laboratory

    rig, model = laboratory(seed=1, count=4), load_free_body()

    def scene(count: int, seed: int) -> tuple[Points3D, CameraTracks]:
        xyz = true_points(random_motion(count, FPS, seed=seed), BODY_23)
        points = measured_points(xyz, BODY_23, FPS, sigma_m=0.01, seed=seed + 1)
        tracks = observe_points(
            rig, xyz[:, None], points.keypoint_names, fps=FPS, noise_px=3.0, outliers=0.02,
            missing=0.05, seed=seed,
        )  # fmt: skip
        return points, CameraTracks(tracks, rig)

    points, views = scene(20, 3)
    fitted(points, model, views=views)  # compiles
    points, views = scene(frames, SEED)
    began = time.process_time()
    fitted(points, model, views=views)
    return time.process_time() - began


def smooth(frames: int) -> float:
    """Return CPU seconds of smoothing what four cameras saw of a moving chain."""
    from mocap.core.detections import Tracks2D
    from mocap.core.points import Points3D
    from mocap.reconstruct.smooth import smooth as smoothed
    from mocap.reconstruct.triangulate import triangulate
    from mocap.synthetic.motion.chain import articulated_chain
    from mocap.synthetic.observations import observe_points
    from mocap.synthetic.rigs import ring

    rig = ring(4, image_size=(1280, 960), seed=2)

    def scene(count: int) -> tuple[Points3D, Tracks2D, tuple[tuple[str, str], ...]]:
        motion = articulated_chain(count, 26)
        tracks = observe_points(
            rig, motion.xyz[:, None], motion.keypoint_names, fps=motion.fps, outliers=0.02,
            missing=0.1,
        )  # fmt: skip
        return triangulate(tracks, rig), tracks, tuple(motion.bones)

    raw, tracks, bones = scene(30)
    smoothed(raw, tracks, rig, bones=bones)  # compiles
    raw, tracks, bones = scene(frames)
    began = time.process_time()
    smoothed(raw, tracks, rig, bones=bones)
    return time.process_time() - began


def keypoints(name: str) -> float:
    """Return CPU milliseconds a keypoint and frame of triangulating and smoothing a set."""
    import tempfile

    from mocap.core import keypoints as sets
    from mocap.synthetic.keypoint_session import walking_session
    from mocap.workflow.choices import choices
    from mocap.workflow.progress import Quiet
    from mocap.workflow.run import run_take

    keypoint_set, frames = getattr(sets, name), 600
    with tempfile.TemporaryDirectory() as folder:
        taken = 0.0
        for part, count in (("short", 30), ("long", frames)):
            session = walking_session(
                Path(folder) / part, 1, frames=count, cameras=4, keypoint_set=keypoint_set
            )
            take = session.take("walk_01")
            run_take(take, choices(), Quiet(), stages=("sync", "associate"))
            began = time.process_time()
            run_take(take, choices(), Quiet(), stages=("triangulate", "smooth"))
            taken = time.process_time() - began
    return 1000.0 * taken / frames / len(keypoint_set.keypoint_names)


def in_a_process(what: str, size: str) -> tuple[float, float]:
    """Return what a function tells of a size, and the peak memory (MB) of its process."""
    done = subprocess.run(
        [*MYSELF, "--one", what, size], check=True, capture_output=True, text=True,
        env={**os.environ, **SINGLE_THREAD, "PYTHONPATH": HERE},
    )  # fmt: skip
    value, memory = json.loads(done.stdout.splitlines()[-1])
    return float(value), float(memory)


def figures(fit_frames: Sequence[int] = FIT_FRAMES) -> list[Figure]:
    """Return paces, and the ratios that must hold."""
    found, paces = [], {}
    for frames in fit_frames:
        seconds, memory = in_a_process("fit", str(frames))
        paces[frames] = frames / seconds
        found.append(Figure(f"fit with views, {frames} frames", paces[frames], "frames/s",
                            LEAST_FIT, ">="))  # fmt: skip
        found.append(Figure("    peak memory", memory, "MB", 2000.0))
        if len(paces) > 1:
            share = paces[frames] / paces[fit_frames[0]]
            found.append(Figure("    of the pace of the shortest", share, "", LEAST_OF_SHORT, ">="))
    short, long = (frames / in_a_process("smooth", str(frames))[0] for frames in SMOOTH_FRAMES)
    found.append(Figure(f"smoothing, {SMOOTH_FRAMES[0]} frames", short, "frames/s"))
    found.append(Figure(f"smoothing, {SMOOTH_FRAMES[1]} frames", long, "frames/s"))
    found.append(Figure("    of the pace of the shorter", long / short, "", LEAST_SMOOTH, ">="))
    few, many = (in_a_process("keypoints", name)[0] for name in KEYPOINTS)
    found.append(Figure("a keypoint of 133 beside one of 26", many / few, "times",
                        MOST_OF_A_KEYPOINT))  # fmt: skip
    return found


def main() -> None:
    """Measure what the command line says."""
    if sys.argv[1] == "--one":
        what, size = sys.argv[2:]
        value = (
            {"fit": fit, "smooth": smooth}[what](int(size))
            if what != "keypoints"
            else (keypoints(size))
        )
        print(json.dumps([value, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0]))
        return
    for size in sys.argv[2:]:
        value, memory = in_a_process(sys.argv[1], size)
        print(f"{sys.argv[1]} {size}: {value:.4g} (peak {memory:.0f} MB)", flush=True)


if __name__ == "__main__":
    main()
