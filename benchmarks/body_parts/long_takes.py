"""Time and memory of the body fit against the length of a take.

Lively random motion at 60 frames per second, 23 keypoints with 10 mm of noise per axis, one core;
every length in a process of its own, since memory that was taken once is not given back.

    python benchmarks/body_parts/long_takes.py 300 3000 30000
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

FPS = 60.0
SEED = 811
DEFAULT_FRAMES = ("300", "3000")


def measure(frames: int) -> dict[str, float]:
    """Return seconds and megabytes of the fit of a take of this length, and its error in mm."""
    import numpy as np

    from mocap.body.body_skeleton import skeleton_of
    from mocap.body.fit.fit import fit
    from mocap.body.model import load_free_body
    from mocap.synthetic.motion.random_motion import (
        BODY_23,
        measured_points,
        random_motion,
        true_points,
    )

    def points_of(count: int, seed: int):  # type: ignore[no-untyped-def]
        motion = random_motion(count, FPS, seed=seed)
        points = true_points(motion, BODY_23)
        return motion, measured_points(points, BODY_23, FPS, sigma_m=0.01, seed=seed + 1)

    model = load_free_body()
    fit(points_of(20, SEED + 5)[1], model)  # compiles
    motion, points = points_of(frames, SEED)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    result = fit(points, model)
    seconds = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    there = motion.skeleton.forward_kinematics()[0][:, :22]
    found = skeleton_of(result.motion, model).forward_kinematics()[0][:, :22]
    return {
        "frames": frames,
        "seconds": seconds,
        "before_mb": before / 1024.0,
        "peak_mb": peak / 1024.0,
        "joint_error_mm": 1000.0 * float(np.linalg.norm(found - there, axis=-1).mean()),
        "iterations": result.status.iterations,
        "converged": result.status.converged,
    }


def main() -> None:
    """Measure every length given."""
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return
    print("frames   CPU s   frames/s   memory before, peak (MB)   joints (mm)   iterations")
    for frames in sys.argv[1:] or DEFAULT_FRAMES:
        done = subprocess.run(
            [sys.executable, __file__, "--one", frames], check=True, capture_output=True, text=True
        )
        each = json.loads(done.stdout)
        print(
            f"{each['frames']:6d} {each['seconds']:7.1f} {each['frames'] / each['seconds']:8.0f}"
            f" {each['before_mb']:15.0f} {each['peak_mb']:8.0f} {each['joint_error_mm']:16.2f}"
            f" {each['iterations']:10d}{'' if each['converged'] else ' (not converged)'}",
            flush=True,
        )


if __name__ == "__main__":
    main()
