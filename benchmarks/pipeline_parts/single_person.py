"""One person in a video: MediaPipe Pose with its own tracking beside `--detect balanced`.

MediaPipe 0.10.21 (Apache-2.0), the model "full", follows one person from image to image by itself.
Both look at the same videos of the sample session, each in a process of its own with one thread:
CPU milliseconds an image, from the file of the video to the keypoints, without imports and without
loading networks. Then both go the same way: MediaPipe's landmarks come in through `mocap detections
import`, and what follows (clocks, association, triangulation, smoothing) is ours for both. Joints
against the truth are the limb joints that both networks name. MediaPipe filters its landmarks over
time unless it is told not to: both ways are run. Lines are about the mean over the takes, beside
the cheaper and the nearer of its two ways. Its networks count in float32, those of `balanced` in
bfloat16 where the processor has it.

    cd benchmarks; python -m pipeline_parts.single_person [--setup] [--check] [--pace balanced]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from figures import SINGLE_THREAD, Figure

from mocap.capture.session import Session
from mocap.capture.video import probe
from mocap.core.points import Points3D
from mocap.workflow.choices import choices
from mocap.workflow.imported.choices import KeypointsChoice
from mocap.workflow.imported.keypoints import import_keypoints
from mocap.workflow.progress import Quiet
from mocap.workflow.results import Results
from mocap.workflow.rig.calibrate import ensure_calibration
from mocap.workflow.run import run_take
from mocap.workflow.sample.accuracy import limb_joints
from mocap.workflow.sample.demonstration import copy_sample, session_figures
from pipeline_parts.environments import PeerEnvironment

HERE = Path(__file__).resolve().parent
MEDIAPIPE = PeerEnvironment(
    "MediaPipe",
    ".mediapipe-venv",
    "MEDIAPIPE_PYTHON",
    "mediapipe==0.10.21",
    ("numpy<2", "opencv-contrib-python-headless<4.12", "absl-py", "attrs", "flatbuffers",
     "protobuf<5", "matplotlib", "sounddevice"),
)  # fmt: skip
TAKES = ("dance", "throw")
"""Takes of one person whose cameras run at one clock; MediaPipe's solution sees one person."""

WAYS = ("filtered", "unfiltered")
AFTER = ("sync", "associate", "triangulate", "smooth")
MOST_COST, LEAST_NEARER = 2.5, 30.0
"""Times MediaPipe's CPU an image, for a median error that is lower by so many per cent."""

TIMEOUT_S = 600


def figures(pace: str = "balanced") -> list[Figure]:
    """Return cost and errors of both; nothing without MediaPipe's environment."""
    peer = MEDIAPIPE.interpreter()
    if peer is None:
        print(MEDIAPIPE.how_to_get_it("single_person"))
        return []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bare = _calibrated(folder / "bare")
        found = {way: _mediapipe(bare, folder / way, peer, way) for way in WAYS}
        found["ours"] = _ours(bare, folder / "ours", pace)
    names = {"ours": f"{pace}, ours", "filtered": "MediaPipe full",
             "unfiltered": "MediaPipe full, without its filter"}  # fmt: skip
    rows = [row for who in found for row in _told(names[who], found[who])]
    return rows + _beside(found)


_TIMES, _LOWER = "times MediaPipe's CPU an image", "median error lower by"
_HOW = (("median", "mm"), ("p95", "mm"), ("worst", "mm"), ("not given", "%"))
Told = tuple[dict[str, float], dict[str, dict[str, float]]]
"""CPU milliseconds an image by take; errors by take and how."""


def _told(who: str, told: Told) -> list[Figure]:
    costs, errors = told
    return [
        row
        for take in TAKES
        for row in (
            Figure(f"{take}, {who}: an image", costs[take], "CPU ms"),
            *(Figure(f"{take}, {who}: joints, {how}", errors[take][how], unit)
              for how, unit in _HOW),
        )
    ]  # fmt: skip


def _beside(found: Mapping[str, Told]) -> list[Figure]:
    """Return ours beside the cheaper and the nearer of MediaPipe's two ways; lines for the mean."""
    rows, every = [], []
    for take in TAKES:
        costs = {who: cost[take] for who, (cost, _) in found.items()}
        medians = {who: errors[take]["median"] for who, (_, errors) in found.items()}
        cheapest, nearest = (min(each[way] for way in WAYS) for each in (costs, medians))
        every.append((costs["ours"] / cheapest, 100 * (1 - medians["ours"] / nearest)))
        rows += [Figure(f"{take}: {_TIMES}", every[-1][0], ""),
                 Figure(f"{take}: {_LOWER}", every[-1][1], "%")]  # fmt: skip
    times, lower = np.mean(every, axis=0)
    return [
        *rows,
        Figure(f"mean: {_TIMES}", float(times), "", MOST_COST),
        Figure(f"mean: {_LOWER}", float(lower), "%", LEAST_NEARER, ">="),
    ]


def _calibrated(folder: Path) -> Session:
    """Return the sample session with its rig calibrated, and only the takes that are looked at."""
    session = copy_sample(folder)
    for name in session.takes():
        if name not in TAKES:
            shutil.rmtree(session.take(name).root)
    ensure_calibration(session, Quiet())
    return session


def _mediapipe(bare: Session, root: Path, peer: Path, way: str) -> Told:
    shutil.copytree(bare.root, root)
    session = Session.open(root)
    costs: dict[str, float] = {}
    for name in TAKES:
        take, folder = session.take(name), root.parent / f"{way}_{name}"
        folder.mkdir()
        videos = map(str, take.videos().values())
        _in_a_process([str(peer), "mediapipe_peer.py", str(folder), way, *videos], HERE)
        cost = json.loads((folder / "cost.json").read_text(encoding="utf-8"))
        (folder / "cost.json").unlink()
        costs[name] = 1000 * cost["cpu_s"] / cost["images"]
        import_keypoints(session, name, folder, KeypointsChoice(), Quiet())
        run_take(take, choices(), Quiet(), stages=AFTER)
    return costs, _errors(session)


def _ours(bare: Session, root: Path, pace: str) -> Told:
    shutil.copytree(bare.root, root)
    line = [sys.executable, "-m", "pipeline_parts.single_person", "--ours", str(root)]
    told = _in_a_process([*line, "--pace", pace], HERE.parent)
    session = Session.open(root)
    for name in TAKES:
        run_take(session.take(name), choices(detect=pace), Quiet(), stages=AFTER)
    costs: dict[str, float] = json.loads(told.splitlines()[-1])
    return costs, _errors(session)


def _in_a_process(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **SINGLE_THREAD, "MOCAP_PROCESSORS": "1"},
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def detect_ours(session: Session, pace: str) -> dict[str, float]:
    """Detect every take in this process; return CPU milliseconds an image by take."""
    from mocap.detect.detectors import open_detector
    from mocap.detect.following.pace import pace_named

    open_detector(pace=pace_named(pace))  # networks stay loaded in this process
    costs = {}
    for name in TAKES:
        take = session.take(name)
        began = time.process_time()
        run_take(take, choices(detect=pace), Quiet(), stages=("detect",))
        spent_s = time.process_time() - began
        images = sum(probe(path).frame_count for path in take.videos().values())
        costs[name] = 1000 * spent_s / images
    return costs


def _errors(session: Session) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {name: {} for name in TAKES}
    for figure in session_figures(session):
        take, _, rest = figure.name.partition(": ")
        what, _, how = rest.rpartition(", ")
        if what == "joints as detected":
            found[take][how] = figure.value
    for name in TAKES:
        found[name]["not given"] = _not_given(Results(session.take(name)).points)
    return found


def _not_given(points: Points3D) -> float:
    """Return the share (%) of limb joints that have no point."""
    at = [points.keypoint_names.index(name) for name in limb_joints(points.keypoint_names)]
    return 100 * float(np.isnan(points.xyz[:, 0, at, 0]).mean())


def main() -> int:
    """Run this part alone."""
    import argparse

    from figures import exit_code, print_figures

    parser = argparse.ArgumentParser(description="MediaPipe Pose beside ours on the same videos.")
    parser.add_argument(
        "--setup", action="store_true", help=f"install {MEDIAPIPE.requirement} first"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--pace", default="balanced", help="of ours")
    parser.add_argument("--ours", type=Path, help="only look at this session, and tell the cost")
    options = parser.parse_args()
    if options.ours:
        print(json.dumps(detect_ours(Session.open(options.ours), options.pace)))
        return 0
    if options.setup:
        MEDIAPIPE.set_up()
    measured = figures(options.pace)
    print_figures("MediaPipe beside ours", measured)
    return exit_code(measured, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
