"""What the fit of one more take costs in a session of 1, 2, 4, … takes of one subject.

Every session in a process of its own, kernels compiled before; CPU seconds of the fit of its last
take, when all the others have been fitted, and how many of those have to be fitted again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import SINGLE_THREAD, Figure

HERE = str(Path(__file__).resolve().parents[1])
MYSELF = (sys.executable, "-m", "pipeline_parts.many_takes")
FRAMES, CAMERAS = 360, 4
COUNTS = (1, 2, 4, 8)
REPEATS = 2
MOST = 1.1
"""Times the cost in a session of one take."""


def measure(count: int) -> dict[str, float]:
    """Return CPU seconds of the fit of the last of so many takes, and how many go stale by it."""
    from mocap.synthetic.keypoint_session import walking_session
    from mocap.workflow.choices import choices
    from mocap.workflow.pipeline import MADE
    from mocap.workflow.progress import Quiet
    from mocap.workflow.run import run_take

    chosen, before = choices(), ("sync", "associate", "triangulate", "smooth")
    with tempfile.TemporaryDirectory() as folder:
        warm = walking_session(Path(folder) / "warm", 1, frames=30, cameras=CAMERAS)
        run_take(warm.take("walk_01"), chosen, Quiet(), stages=(*before, "fit"))
        session = walking_session(Path(folder) / "lab", count, frames=FRAMES, cameras=CAMERAS)
        names = list(session.takes())
        for name in names[:-1]:
            run_take(session.take(name), chosen, Quiet(), stages=(*before, "fit"))
        last = session.take(names[-1])
        run_take(last, chosen, Quiet(), stages=before)
        began = time.process_time()
        run_take(last, chosen, Quiet(), stages=("fit",))
        taken = time.process_time() - began
        again = [run_take(session.take(name), chosen, Quiet(), stages=("fit",))[0].status == MADE
                 for name in names[:-1]]  # fmt: skip
    return {"cpu_s": taken, "again": sum(again)}


def figures() -> list[Figure]:
    """Return the cost of one more take beside that of the only one."""
    found = []
    alone = 0.0
    for count in COUNTS:
        runs = [_in_a_process(count) for _ in range(REPEATS)]
        cost = min(each["cpu_s"] for each in runs)
        alone = alone or cost
        found.append(Figure(f"fit of the last of {count} takes", cost, "CPU s"))
        if count > 1:
            found.append(Figure("    times that of the only one", cost / alone, "", MOST))
            found.append(Figure("    others fitted again", runs[0]["again"], ""))
    return found


def _in_a_process(count: int) -> dict[str, float]:
    done = subprocess.run(
        [*MYSELF, str(count)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **SINGLE_THREAD, "PYTHONPATH": HERE},
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
