"""Pace and memory of every stage against frames, cameras, keypoints and people of a take.

Each stage in a process of its own, its kernels compiled before on a short take: CPU seconds, and
the largest memory the process ever held.

    cd benchmarks; python -m pipeline_parts.long_takes FRAMES CAMERAS KEYPOINT_SET [STAGE]...
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from figures import SINGLE_THREAD

HERE = str(Path(__file__).resolve().parents[1])
MYSELF = (sys.executable, "-m", "pipeline_parts.long_takes")
ENVIRONMENT = {**os.environ, **SINGLE_THREAD, "PYTHONPATH": HERE}
STAGES = ("sync", "associate", "triangulate", "smooth", "fit", "report", "export")


def measure(root: Path, take: str, stage: str) -> dict[str, float]:
    """Return CPU seconds and the peak memory (MB) of a stage of a take, and what it warned of."""
    from mocap.capture.session import Session
    from mocap.workflow.choices import choices
    from mocap.workflow.progress import Quiet
    from mocap.workflow.run import run_take

    chosen = choices(to="npz,trc")
    short = Session.open(root.parent / "short").take("walk_01")
    for each in STAGES[: STAGES.index(stage) + 1]:
        run_take(short, chosen, Quiet(), stages=(each,))  # compiles
    run_take(short, chosen, Quiet(), stages=(stage,), from_stage=stage)
    session = Session.open(root)
    began = time.process_time()
    run_take(session.take(take), chosen, Quiet(), stages=(stage,), from_stage=stage)
    taken = time.process_time() - began
    return {"cpu_s": taken, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0}


def prepare(folder: Path, frames: int, cameras: int, keypoints: str) -> None:
    """Write a session of a take of so many frames, and one of a short take."""
    from mocap.core import keypoints as sets
    from mocap.synthetic.keypoint_session import walking_session

    keypoint_set = getattr(sets, keypoints)
    for name, count in (("long", frames), ("short", 30)):
        walking_session(folder / name, 1, frames=count, cameras=cameras, keypoint_set=keypoint_set)


def table(
    frames: int, cameras: int, keypoints: str, stages: Sequence[str] = STAGES
) -> dict[str, dict[str, float]]:
    """Return cost and memory by stage."""
    with tempfile.TemporaryDirectory() as folder:
        line = [
            sys.executable,
            "-m",
            "pipeline_parts.long_takes",
            "--prepare",
            folder,
            str(frames),
            str(cameras),
            keypoints,
        ]
        subprocess.run(line, check=True, env=ENVIRONMENT)
        found = {}
        for stage in STAGES[: STAGES.index(stages[-1]) + 1]:
            line = [
                sys.executable,
                "-m",
                "pipeline_parts.long_takes",
                "--one",
                f"{folder}/long",
                "walk_01",
                stage,
            ]
            done = subprocess.run(line, capture_output=True, text=True, env=ENVIRONMENT)
            if done.returncode:
                raise RuntimeError(f"{stage}: {done.stderr[-2000:]}")
            found[stage] = json.loads(done.stdout.splitlines()[-1])
            each = found[stage]
            print(
                f"  {frames} frames, {cameras} cameras, {keypoints}: {stage:12s}"
                f"{each['cpu_s']:8.1f} CPU s {frames / each['cpu_s']:8.0f} frames/s"
                f"{each['mb']:8.0f} MB", flush=True,
            )  # fmt: skip
        return {stage: found[stage] for stage in stages}


def main() -> None:
    """Measure what the command line says."""
    if sys.argv[1] == "--one":
        print(json.dumps(measure(Path(sys.argv[2]), sys.argv[3], sys.argv[4])))
    elif sys.argv[1] == "--prepare":
        prepare(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        frames, cameras, keypoints, *stages = sys.argv[1:]
        table(int(frames), int(cameras), keypoints, stages or STAGES)


if __name__ == "__main__":
    main()
