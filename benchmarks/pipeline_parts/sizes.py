"""What each stage costs against cameras, people and frames of a take; one core, warm kernels.

People walk beside and behind each other, eight views of each by default, 26 keypoints. Every size
in a process of its own; CPU milliseconds a frame. Whoever doubles the cameras or the people should
pay twice: the largest size is held to the one before it, not to the smallest, much of whose cost is
reading and writing files.

    cd benchmarks; python -m pipeline_parts.sizes [cameras|people|frames]...
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from figures import SINGLE_THREAD, Figure

HERE = str(Path(__file__).resolve().parents[1])
MYSELF = (sys.executable, "-m", "pipeline_parts.sizes")
STAGES = ("associate", "triangulate", "smooth")
SIZES = {"cameras": (4, 8, 16, 32), "people": (1, 2, 4, 8), "frames": (300, 1200, 4800)}
USUAL = (8, 1, 300)
APART_M, ROWS = 0.9, 2
"""Two rows of four are wholly in all views, eight in a row are not."""

MOST = 1.3
"""Times what the cost of the size before gives in proportion."""


def measure(cameras: int, people: int, frames: int) -> dict[str, float]:
    """Return CPU milliseconds a frame by stage."""
    import numpy as np

    from mocap.core.keypoints import HALPE_26
    from mocap.synthetic.keypoint_session import keypoint_session, walking_points
    from mocap.synthetic.observations import observe_people
    from mocap.synthetic.rigs import laboratory
    from mocap.workflow.choices import choices
    from mocap.workflow.progress import Quiet
    from mocap.workflow.results import Results
    from mocap.workflow.run import run_take

    rig, taken = laboratory(seed=1, count=cameras), {}
    numbers = np.arange(people)
    behind, beside = numbers % ROWS, numbers // ROWS
    places = APART_M * np.stack([behind - behind.mean(), beside - beside.mean()], axis=-1)
    with tempfile.TemporaryDirectory() as folder:
        for name, count in (("short", 30), ("long", frames)):
            xyz = np.repeat(walking_points(count, HALPE_26)[:, None], people, axis=1)
            xyz[..., :2] += places[:, None]
            seen = observe_people(rig, xyz, HALPE_26.keypoint_names, noise_px=1.0)
            take = keypoint_session(Path(folder) / name, rig, seen).take("walk")
            run_take(take, choices(), Quiet(), stages=("sync",))
            for stage in STAGES:
                began = time.process_time()
                run_take(take, choices(), Quiet(), stages=(stage,))
                taken[stage] = 1000.0 * (time.process_time() - began) / count
            found = len(Results(take).tracks.person_ids)
            if found != people:
                raise RuntimeError(f"{found} of {people} people were followed")
    return taken


def in_a_process(size: Sequence[int]) -> dict[str, float]:
    """Return what a size (cameras, people, frames) costs."""
    done = subprocess.run(
        [*MYSELF, "--one", *map(str, size)], check=True, capture_output=True, text=True,
        env={**os.environ, **SINGLE_THREAD, "PYTHONPATH": HERE},
    )  # fmt: skip
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def figures(over: Sequence[str] = tuple(SIZES)) -> list[Figure]:
    """Return the cost of every size, and what must grow in proportion."""
    found = []
    for what in over:
        place = tuple(SIZES).index(what)
        sizes = [(*USUAL[:place], each, *USUAL[place + 1 :]) for each in SIZES[what]]
        costs = [in_a_process(size) for size in sizes]
        for size, cost in zip(sizes, costs, strict=True):
            found += [Figure(f"{size[place]} {what}: {stage}", cost[stage], "ms/frame")
                      for stage in STAGES]  # fmt: skip
        times = 1.0 if what == "frames" else sizes[-1][place] / sizes[-2][place]
        for stage in STAGES:
            grown = costs[-1][stage] / costs[-2][stage] / times
            name = f"    {stage}: {sizes[-1][place]} {what} beside {sizes[-2][place]}"
            found.append(Figure(f"{name}, of the proportion", grown, "times", MOST))
    return found


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(*map(int, sys.argv[2:]))))
    else:
        from figures import print_figures

        print_figures("Cameras, people, frames", figures(sys.argv[1:] or tuple(SIZES)))
