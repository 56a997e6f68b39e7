"""What each stage costs from video to motion, and what detection over time saves and changes.

The sample session is run at every pace of `--detect` in one process: CPU seconds of each stage, and
joints against the truth beside those of `thorough`. Ratios are taken within this one run, so that
another machine, or a busy one, changes them little. Takes are few and single ones scatter by some
per cent in both directions: the lines are about the mean over the takes, and every take is told.
The real take (MOCAP_REAL_DATA) tells cost and who is found. Then all that follows the detection
runs in a new process, once with no compiled kernels and once with them.

Apart from that: how long a first run waits for compilation (`--part cold`); without any detection,
pace against length, what one more take costs in a session, and batches on several processes and
machines (`--part scale`); Pose2Sim beside ours on the same 2D points, and MediaPipe Pose beside
`balanced` on the same videos (`--part peers`; `--setup` makes their environments).

    python benchmarks/pipeline.py [--check] [--part detection|cold|scale|peers|all] [--setup]
                                  [--keep FOLDER] [--paces thorough,balanced,fast]
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from figures import SINGLE_THREAD, Figure, exit_code, print_figures
from pipeline_parts import (
    batch,
    cold_start,
    many_takes,
    peers,
    precision,
    scaling,
    single_person,
    sizes,
)

from mocap.capture.session import Session
from mocap.capture.video import probe
from mocap.workflow.choices import choices
from mocap.workflow.graph import STAGES
from mocap.workflow.progress import Quiet
from mocap.workflow.results import Results
from mocap.workflow.rig.calibrate import ensure_calibration
from mocap.workflow.run import run_take, run_takes
from mocap.workflow.sample.demonstration import copy_sample, session_figures

REFERENCE = "thorough"
OF_WHAT = ("joints as detected", "joints of the fitted body")
HOW_FAR = ("median", "p95", "worst")

FASTER = {"balanced": 4.0, "fast": 7.5}
"""Times fewer CPU seconds an image than `thorough`."""

WORSE_PERCENT = {
    "balanced": {"joints as detected": 2.0, "joints of the fitted body": 2.0},
    "fast": {"joints as detected": 5.0, "joints of the fitted body": 8.0},
}


@dataclass
class Cost:
    """CPU seconds of each stage, and wall seconds of the detection."""

    stages: dict[str, float] = field(default_factory=dict)
    images: int = 0
    busy: float = 0.0

    @property
    def ms_an_image(self) -> float:
        """CPU milliseconds of the detection for each image."""
        return 1000 * self.stages["detect"] / self.images


class Timed(Quiet):
    """Counts the CPU seconds between the beginning and the end of every stage."""

    def __init__(self) -> None:
        """Begin to count."""
        self.seconds: dict[str, float] = {}
        self._began = cpu_s()

    def started(self, what: str) -> None:
        """Hear "take: stage (reason)"."""
        self._began = cpu_s()

    def finished(self, what: str, details: Sequence[str] = ()) -> None:
        """Hear "take: stage done in …"."""
        stage, _, rest = what.partition(": ")[2].partition(" ")
        if stage in STAGES and rest.startswith("done"):
            self.seconds[stage] = self.seconds.get(stage, 0.0) + cpu_s() - self._began


def cpu_s() -> float:
    """Return the CPU seconds of this process and its children."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def run_pace(session: Session, pace: str) -> Cost:
    """Detect every take at a pace and make all that follows again."""
    chosen, told = choices(detect=pace, to="bvh,trc,csv"), Timed()
    takes = [session.take(name) for name in session.takes()]
    began_s = os.times().elapsed
    for take in takes:
        run_take(take, chosen, told, stages=("detect",), from_stage="detect")
    wall_s = os.times().elapsed - began_s
    run_takes(takes, chosen, told)
    images = sum(probe(path).frame_count for take in takes for path in take.videos().values())
    return Cost(told.seconds, images, told.seconds["detect"] / wall_s / (os.cpu_count() or 1))


def errors_of(session: Session) -> dict[tuple[str, str, str], float]:
    """Return errors (mm) by take, what, and how far."""
    found = {}
    for figure in session_figures(session):
        take, _, rest = figure.name.partition(": ")
        what, _, how = rest.rpartition(", ")
        if what in OF_WHAT:
            found[take, what, how] = figure.value
    return found


def compared(
    pace: str,
    cost: Cost,
    errors: dict[tuple[str, str, str], float],
    reference: Cost,
    reference_errors: dict[tuple[str, str, str], float],
) -> list[Figure]:
    """Return what a pace saves and how much worse it is than `thorough`."""
    figures = [
        Figure(f"{pace}: CPU of detection, times fewer", reference.ms_an_image / cost.ms_an_image,
               "", FASTER[pace], ">="),
    ]  # fmt: skip
    takes = list(dict.fromkeys(take for take, _, _ in errors))
    for what in OF_WHAT:
        for how in HOW_FAR:
            ratios = [100 * (errors[take, what, how] / reference_errors[take, what, how] - 1)
                      for take in takes]  # fmt: skip
            line = WORSE_PERCENT[pace][what] if how != "worst" else None
            name = f"{pace}: {what}, {how}"
            figures.append(Figure(f"{name}, worse by", sum(ratios) / len(takes), "%", line))
            figures += [Figure(f"    {take} ({errors[take, what, how]:.1f} mm)", ratio, "%")
                        for take, ratio in zip(takes, ratios, strict=True)]  # fmt: skip
        highest = max(reference_errors[take, what, "worst"] for take in takes)
        worst = max(errors[take, what, "worst"] for take in takes)
        line = highest if pace == "balanced" else None
        figures.append(Figure(f"{pace}: {what}, worst single point", worst, "mm", line))
    return figures


def real_figures(data: Path, folder: Path, paces: Sequence[str]) -> list[Figure]:
    """Return cost and people of the real take at every pace."""
    session = _real_session(data, folder)
    take = session.take("beam")
    figures, reference = [], None
    for pace in paces:
        cost = run_pace(session, pace)
        reference = reference or cost
        results = Results(take)
        people = len(results.tracks.person_ids)
        figures += [
            Figure(f"real take, {pace}: CPU an image", cost.ms_an_image, "ms"),
            Figure(f"real take, {pace}: times fewer", reference.ms_an_image / cost.ms_an_image, ""),
            Figure(f"real take, {pace}: people followed", people, ""),
        ]
    return figures


def _real_session(data: Path, folder: Path) -> Session:
    source, root = data / "pose2sim_single", folder / "beam"
    if not root.exists():
        for line in (
            ["new", str(root), "--rig", "four_corner", "--board", "a3_7x10"],
            ["calibration", "import", str(root), str(source / "calibration" / "Calib.qca.txt")],
        ):
            subprocess.run([sys.executable, "-m", "mocap", *line], check=True, capture_output=True)
        for video in sorted((source / "videos").glob("*.mp4")):
            place = root / "takes" / "beam" / video.name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(video, place)
    return Session.open(root)


def cold_figures(session: Session, folder: Path) -> list[Figure]:
    """Return CPU seconds from the detections to the motion, with and without compiled kernels."""
    kernels = folder / "kernels"
    take = session.takes()[0]
    line = [sys.executable, "-m", "mocap", "run", str(session.root), take, "--from", "sync"]
    taken = []
    for _ in range(2):
        before = cpu_s()
        environment = {**os.environ, **SINGLE_THREAD, "NUMBA_CACHE_DIR": str(kernels)}
        subprocess.run(line, check=True, capture_output=True, env=environment)
        taken.append(cpu_s() - before)
    cold, warm = taken
    return [
        Figure("detections to motion, nothing compiled", cold, "CPU s"),
        Figure("detections to motion, everything compiled", warm, "CPU s"),
        Figure("compilation", cold - warm, "CPU s"),
    ]


def scale_figures() -> list[Figure]:
    """Return what lengths, takes and processes do to the cost of all that follows detection."""
    found = []
    for title, measured in (
        ("Pace against length", scaling.figures),
        ("Cameras, people, frames", sizes.figures),
        ("One more take", many_takes.figures),
        ("Batches", batch.figures),
    ):
        figures = measured()
        print_figures(title, figures)
        found += figures
    return found


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    parser.add_argument("--paces", default="thorough,balanced,fast")
    parser.add_argument("--part", choices=("detection", "cold", "scale", "peers", "all"),
                        default="all")  # fmt: skip
    parser.add_argument("--setup", action="store_true", help="install the peers first")
    options = parser.parse_args()
    if options.setup:
        peers.POSE2SIM.set_up()
        single_person.MEDIAPIPE.set_up()
    parts = ("scale", "cold", "detection", "peers") if options.part == "all" else (options.part,)
    figures = scale_figures() if "scale" in parts else []
    if "cold" in parts:
        figures += _told("A first run", cold_start.figures())
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        session = None
        if "detection" in parts:
            session = copy_sample(folder / "sample")
            figures += detection_figures(session, folder, options.paces.split(","))
        if "peers" in parts:
            figures += _told("Pose2Sim beside ours", peers.figures(session))
            figures += _told("MediaPipe beside ours", single_person.figures())
    return exit_code(figures, check=options.check)


def _told(title: str, figures: list[Figure]) -> list[Figure]:
    print_figures(title, figures)
    return figures


def detection_figures(session: Session, folder: Path, paces: Sequence[str]) -> list[Figure]:
    """Return what the paces of detection cost and change, and what a new machine compiles."""
    paces = [REFERENCE, *(pace for pace in paces if pace != REFERENCE)]
    ensure_calibration(session, Quiet())
    costs, errors, briefly = {}, {}, []
    for pace in paces:
        costs[pace] = run_pace(session, pace)
        errors[pace] = errors_of(session)
        if pace == REFERENCE:  # on crops of the same people, whatever paces follow
            briefly = precision.figures(session)
    stages = [
        Figure(f"{pace}: {stage}", seconds, "CPU s")
        for pace in paces
        for stage, seconds in costs[pace].stages.items()
    ]
    stages += [Figure(f"{pace}: cores busy in detection", 100 * costs[pace].busy, "%")
               for pace in paces]  # fmt: skip
    stages += [Figure(f"{pace}: detection, an image", costs[pace].ms_an_image, "CPU ms")
               for pace in paces]  # fmt: skip
    print_figures(f"Sample session, {len(session.takes())} takes", stages)
    figures = [
        figure
        for pace in paces[1:]
        for figure in compared(pace, costs[pace], errors[pace], costs[REFERENCE], errors[REFERENCE])
    ]
    print_figures("Beside thorough", figures)
    data = os.environ.get("MOCAP_REAL_DATA")
    if data:
        print_figures("Real take", real_figures(Path(data), folder, paces))
    figures += _told("bfloat16 beside float32", briefly)
    return figures + _told("A new machine", cold_figures(session, folder))


if __name__ == "__main__":
    raise SystemExit(main())
