"""Kill, starve and crowd every stage: results stay whole, errors are one sentence, runs resume.

A small session (three cameras, 14 frames; for calibrate and world the board recordings of the
sample session) is finished once. Then each stage is run again from what lies before it, in forked
processes, with one fault each:

  kill      SIGKILL at each opening for writing, rename, removal and fsync; run again: same bytes
  errors    ENOSPC, EIO, EROFS and EACCES at each of them, EFBIG for all that follows an opening:
            one sentence and exit status 1 (or nothing lost at all), run again: same bytes
  together  two and four at once: all succeed, same bytes

Detection replays the people that the networks found once: what is tested is what it writes.

    python benchmarks/faults.py [--check] [--stages detect,fit] [--parts kill,errors,together]
"""

from __future__ import annotations

import argparse
import errno
import os
import resource
import runpy
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, exit_code, print_figures

import mocap.detect.detectors
import mocap.export.bvh.writer
import mocap.workflow.associate
import mocap.workflow.export.stage
import mocap.workflow.fit.stage
import mocap.workflow.report
import mocap.workflow.rig.calibrate
import mocap.workflow.run
import mocap.workflow.smooth
import mocap.workflow.triangulate  # noqa: F401 (loaded before the children fork)
from mocap.capture.video import read_frames
from mocap.core.detections import Detections2D
from mocap.core.store import file_hash, load_artifact
from mocap.detect.people import Detection
from mocap.workflow.graph import GRAPH

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "studio"
SMALL = ROOT / "tests" / "old_session"
TAKE = "dance"
ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES)
RIG = ("calibrate", "world")
STAGES = (*RIG, *(row.name for row in GRAPH))
PARTS = ("kill", "errors", "together")
# Files that tell when they were made, and what only helps to be fast.
TIMED = (".html", ".json", ".lock")
LONGEST_S = 300


@dataclass(frozen=True)
class Fault:
    """What happens at the event of a number: a signal, an error, or files that may not grow."""

    at: int
    kill: bool = False
    error: int = 0


def main() -> int:
    """Run all faults of the stages asked for and print how many held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--every", type=int, default=1, help="take every so many events only")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        stages = asked.stages.split(",")
        finished = finished_session(place / "finished", bool({*RIG} & {*stages}))
        figures = []
        for stage in stages:
            figures += stage_figures(place, finished, stage, asked.parts.split(","), asked.every)
    print_figures("faults", figures)
    return exit_code(figures, check=asked.check)


def finished_session(folder: Path, rig: bool) -> Path:
    """Make the session once, in processes of their own; `rig`: from board recordings."""
    (folder / "takes" / TAKE).mkdir(parents=True)
    for video in (SMALL / "takes" / TAKE).glob("*.mp4"):
        shutil.copyfile(video, folder / "takes" / TAKE / video.name)
    shutil.copyfile((SAMPLE if rig else SMALL) / "session.toml", folder / "session.toml")
    commands = [[row.name, str(folder), TAKE] for row in GRAPH]
    if rig:
        shutil.copytree(SAMPLE / "calibration", folder / "calibration")
        commands = [["calibrate", str(folder)], ["world", str(folder)]]
    else:
        shutil.copyfile(SMALL / "calibration.toml", folder / "calibration.toml")
    for command in commands:
        code, said = ran(command, None)
        if code:
            raise SystemExit(f"mocap {' '.join(command)} failed:\n{said}")
    return folder


def stage_figures(
    place: Path, finished: Path, stage: str, parts: Sequence[str], every: int
) -> list[Figure]:
    """Return how many faults of one stage did not end as they should."""
    start = place / "start"
    shutil.rmtree(start, ignore_errors=True)
    shutil.copytree(finished, start)
    forget(start, stage)
    session = place / "session"
    command = [stage, str(session)] + ([] if stage in RIG else [TAKE])

    def fresh() -> None:
        shutil.rmtree(session, ignore_errors=True)
        shutil.copytree(start, session)

    fresh()
    code, said = ran(command, None)
    if code:
        raise SystemExit(f"mocap {' '.join(command)} failed:\n{said}")
    wanted = results(session)
    fresh()
    count = events_of(command)
    faults = {
        "kill": [Fault(at, kill=True) for at in range(0, count, every)],
        "errors": [
            Fault(at, error=each)
            for at in range(0, count, every)
            for each in (*ERRORS, errno.EFBIG)
        ],
    }
    figures = []
    for part in ("kill", "errors"):
        if part in parts:
            bad = 0
            for fault in faults[part]:
                fresh()
                bad += not _held(command, fault, session, wanted)
            name = f"{stage}, {part} at {len(faults[part])} points: not whole"
            figures.append(Figure(name, bad, "", 0))
    if "together" in parts:
        bad = 0
        for many in (2, 4):
            fresh()
            ended = together([command] * many)
            if any(code for code, _ in ended) or results(session) != wanted:
                bad += 1
                print(f"  {stage}, {many} at once: {ended}", flush=True)
        figures.append(Figure(f"{stage}, two and four at once: not equal", bad, "", 0))
    print(f"  {stage}: {count} events", flush=True)
    return figures


def _held(command: Sequence[str], fault: Fault, session: Path, wanted: dict[str, str]) -> bool:
    """Tell whether a fault ended as it should and a second run gave the same."""
    code, said = ran(command, fault)
    lines = [line for line in said.splitlines() if line.startswith("Error: ")]
    said_so = code == 0 or (code == 1 and len(lines) == 1)
    well = code == -signal.SIGKILL if fault.kill else said_so
    well = well and "Traceback" not in said
    again, said_again = ran(command, None)
    left = [path.name for path in session.rglob(".*-????????.*")]
    same = results(session) == wanted
    if well and again == 0 and same and not left:
        return True
    print(f"  {command[0]}, {fault}: status {code}, then {again}, same {same}, left {left}\n"
          f"    {said[-400:]!r}\n    {said_again[-300:]!r}", flush=True)  # fmt: skip
    return False


def forget(session: Path, stage: str) -> None:
    """Remove what a stage and those after it made."""
    take = session / "takes" / TAKE
    if stage in RIG:
        names = ["calibration.toml", "calibration_report.json", "calibration_report.html"]
        for path in [session / name for name in names] if stage == "calibrate" else ():
            path.unlink(missing_ok=True)
        return
    later = GRAPH[[row.name for row in GRAPH].index(stage) :]
    for row in later:
        (take / row.file).unlink(missing_ok=True)
    for path in take.glob("body_*.npz") if "fit" in [row.name for row in later] else ():
        path.unlink()
    shutil.rmtree(take / "export", ignore_errors=True)


def results(session: Path) -> dict[str, str]:
    """Return the hash of every file that does not tell a time."""
    paths = [path for path in session.rglob("*") if path.is_file() and path.suffix not in TIMED]
    kept = [path for path in paths if path.name != ".lock" and "_before_" not in path.name]
    return {str(path.relative_to(session)): file_hash(path) for path in sorted(kept)}


def events_of(command: Sequence[str]) -> int:
    """Return how many events a command has."""
    with tempfile.NamedTemporaryFile("r") as file:
        ran(command, None, count=Path(file.name))
        return int(file.read())


def ran(
    command: Sequence[str], fault: Fault | None, *, count: Path | None = None
) -> tuple[int, str]:
    """Run a command in a forked process; return its exit status and all it said."""
    return together([command], fault, count=count)[0]


def together(
    commands: Sequence[Sequence[str]],
    fault: Fault | None = None,
    *,
    count: Path | None = None,
) -> list[tuple[int, str]]:
    """Run commands at once, each in a forked process."""
    running = []
    for command in commands:
        # A pipe, not a file: a limit on the size of files must not silence what is said.
        listening, speaking = os.pipe()
        sys.stdout.flush()
        process = os.fork()
        if process == 0:
            os.dup2(speaking, 1)
            os.dup2(speaking, 2)
            _child(command, fault, count)
        os.close(speaking)
        running.append((process, listening))
    ended = []
    for process, listening in running:
        with os.fdopen(listening, encoding="utf-8", errors="replace") as pipe:
            said = pipe.read()
        _, status = os.waitpid(process, 0)
        ended.append((os.waitstatus_to_exitcode(status), said))
    return ended


def _child(command: Sequence[str], fault: Fault | None, count: Path | None) -> None:
    code = 99
    try:
        signal.alarm(LONGEST_S)
        if command[0] == "detect":
            detectors = sys.modules["mocap.detect.detectors"]
            vars(detectors)["open_detector"] = replaying()
            vars(detectors)["default_workers"] = lambda: 1
        seen = watch(Path(command[1]).resolve(), fault)
        sys.argv = ["mocap", *command]
        runpy.run_module("mocap", run_name="__main__")
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # whatever the command lets through is what is looked for
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        if count is not None:
            number = seen()
            count.write_text(str(number))
        os._exit(code)


def watch(root: Path, fault: Fault | None) -> Callable[[], int]:
    """Count what changes files below `root`, and let the fault happen; return the counter."""
    seen = 0
    over = False
    fsync = os.fsync

    def event() -> None:
        nonlocal seen, over
        number, seen = seen, seen + 1
        if over or fault is None or number != fault.at:
            return
        over = True
        if fault.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        if fault.error == errno.EFBIG:
            resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
            return
        raise OSError(fault.error, os.strerror(fault.error))

    def audit(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR)
            if not writes:
                return
        elif name in ("os.rename", "os.remove", "os.mkdir", "os.chmod"):
            path = arguments[0]
        else:
            return
        if isinstance(path, str | Path) and str(Path(path).absolute()).startswith(f"{root}/"):
            event()

    def flushed(handle: int) -> None:
        event()
        fsync(handle)

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    vars(os)["fsync"] = flushed
    sys.addaudithook(audit)
    return lambda: seen


def replaying() -> Callable[..., Any]:
    """Return an `open_detector` whose people are those that the networks found once."""
    folder = SMALL / "takes" / TAKE
    found = load_artifact(folder / "detections.npz", Detections2D)
    known = {
        image.tobytes(): _people(found, view, frame)
        for view, camera in enumerate(found.camera_names)
        for frame, image in read_frames(folder / f"{camera}.mp4")
    }

    class Replay:
        keypoint_names = found.keypoint_names

        def __call__(self, image: np.ndarray) -> list[Detection]:
            return known[image.tobytes()]

    return lambda *_, **__: Replay()


def _people(found: Detections2D, view: int, frame: int) -> list[Detection]:
    slots = range(found.pixels.shape[2])
    seen = [slot for slot in slots if np.isfinite(found.boxes[view, frame, slot]).all()]
    return [
        Detection(
            found.pixels[view, frame, slot].astype(np.float64),
            found.confidence[view, frame, slot].astype(np.float64),
            found.boxes[view, frame, slot].astype(np.float64),
        )
        for slot in seen
    ]


if __name__ == "__main__":
    sys.exit(main())
