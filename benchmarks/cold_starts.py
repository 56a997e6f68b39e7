"""Cold starts of `mocap detect` on a busy machine: none may hang.

Two threads that use the networks for the first time at the same moment once blocked each other for
ever, in 5 of 20 starts under load. Each start here is a process of its own that looks at a few
frames of the sample session; beside it, busy processes keep the machine's load up. A start that
takes longer than the limit counts as a stall and is ended; one that ends with anything but exit
status 0 counts as a failure, and what it said is printed.

    python benchmarks/cold_starts.py [--starts 200] [--load 8] [--limit 60] [--check]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, exit_code, print_figures

from mocap.capture.video import probe, read_frames
from mocap.detect.detectors import default_workers
from mocap.synthetic.footage.encode import VideoWriter

SAMPLE = Path(__file__).parents[1] / "samples" / "studio"
TAKE = "throw"
CAMERAS = ("front_left", "back_right", "front_right", "back_left")
FRAMES = 6
"""Of each camera: all of them are looked at at once where there are two processors or more."""

# They end with this program, however it ends.
_BUSY = "import os; mine = os.getppid()\nwhile os.getppid() == mine: sum(range(10**6))"


def main() -> int:
    """Start detection again and again; print how many stalled and how long they took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--load", type=int, default=8, help="busy processes beside it")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds until it is a stall")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, busy(asked.load):
        session = short_session(Path(folder) / "session")
        seconds, stalls, failures = [], 0, 0
        for index in range(asked.starts):
            started = time.monotonic()
            said = one_start(session, asked.limit)
            stalls += said is None
            failures += bool(said)
            seconds += [] if said is None else [time.monotonic() - started]
            if said:
                print(said, flush=True)
            if (index + 1) % 10 == 0:
                load = os.getloadavg()[0]
                counts = f"{index + 1} starts, {stalls} stalls, {failures} failures"
                print(f"  {counts}, load {load:.1f}", flush=True)
        load = os.getloadavg()[0]
    figures = [
        Figure("stalls", stalls, "", 0),
        Figure("failures", failures, "", 0),
        Figure("slowest start", max(seconds, default=float("nan")), "s"),
        Figure("mean start", sum(seconds) / max(len(seconds), 1), "s"),
        Figure("load at the end", load, ""),
    ]
    print_figures(f"{asked.starts} cold starts of detection, {default_workers()} workers", figures)
    return exit_code(figures, check=asked.check)


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep `count` processes computing beside the block."""
    others = [subprocess.Popen([sys.executable, "-S", "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for each in others:
            each.kill()
        for each in others:
            each.wait()


def short_session(folder: Path) -> Path:
    """Write the sample session with one take of a few frames of two cameras."""
    take = folder / "takes" / TAKE
    take.mkdir(parents=True)
    text = (SAMPLE / "session.toml").read_text(encoding="utf-8")
    names = ", ".join(f'"{each}"' for each in CAMERAS)
    (folder / "session.toml").write_text(f"cameras = [{names}]\n{text}", encoding="utf-8")
    for camera in CAMERAS:
        source = SAMPLE / "takes" / TAKE / f"{camera}.mp4"
        info = probe(source)
        with VideoWriter(take / source.name, info.image_size, info.fps) as writer:
            for index, image in read_frames(source):
                if index == FRAMES:
                    break
                writer.write(image)
    return folder


def one_start(session: Path, limit_s: float) -> str | None:
    """Detect in a new process; return what it said if it failed, None when it stalled."""
    shutil.rmtree(session / "takes" / TAKE / ".partial", ignore_errors=True)
    command = [sys.executable, "-m", "mocap", "detect", str(session), TAKE, "--force"]
    # Where every thread is when native code ends the process.
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    try:
        run = subprocess.run(
            command, capture_output=True, text=True, timeout=limit_s, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        return None
    return f"status {run.returncode}:\n{run.stdout}{run.stderr}" if run.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
