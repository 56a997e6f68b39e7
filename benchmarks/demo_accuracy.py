"""The sample session against its truth, through `mocap demo`.

The lines are those a rendered session can honestly hold (the detector's own idea of a hip or a
shoulder sits some 3 cm from the joint centre); with true 2D instead of detections everything that
is left comes from the calibration and the geometry. The body is also fitted without the images, to
points in space alone: what `--refine-views` is worth; and with feet that are not held: what
`--foot-lock` is worth.

    python benchmarks/demo_accuracy.py [--check] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from calibration_parts.refined_rigs import refined, refined_figures
from figures import Figure, exit_code, print_figures

from mocap.capture.session import Session
from mocap.synthetic.sample import load_truth
from mocap.workflow.rig.refine import people_of
from mocap.workflow.sample.demonstration import TRUTH_FILE, session_figures

# End of a figure's name -> the line it must hold, in the figure's own unit.
LINES = {
    "camera centres, worst": 8.0,
    "rotations, worst": 0.2,
    "focal lengths, worst": 0.3,
    "points in the volume, rms": 0.5,
    "points in the volume, worst": 1.0,
    "joints as detected, median": 25.0,
    "joints as detected, p95": 55.0,
    "joints with true 2D, median": 2.0,
    "joints with true 2D, p95": 2.0,
    "joints of the fitted body, median": 15.0,
    "joints of the fitted body, p95": 30.0,
    # Of takes with several people.
    "people too many or too few": 0.0,
    "identity switches": 0.0,
    # The feet are right in the mean: to hold them must not displace the joints.
    "holding the feet displaces joints by, median": 0.3,
}

OF_BODY = "joints of the fitted body"


def line_of(name: str) -> float | None:
    """Return the line of a figure, or None when it is only told."""
    return next((line for ending, line in LINES.items() if name.endswith(ending)), None)


def run_demo(folder: Path) -> list[Figure]:
    """Run the demo as a user would and return its figures with their lines."""
    command = [sys.executable, "-m", "mocap", "demo", str(folder), "--json"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"mocap demo failed:\n{run.stdout}{run.stderr}")
    found = json.loads(run.stdout)["figures"]
    return [Figure(each["name"], each["value"], each["unit"], line_of(each["name"]))
            for each in found]  # fmt: skip


def variant_figures(folder: Path) -> list[Figure]:
    """Fit the bodies of a finished demo in other ways and compare with the truth."""
    session = Session.open(folder)
    held = _of_body(session, OF_BODY)
    points_only = _of_body(session, f"{OF_BODY} from points in space", "--no-refine-views")
    free = _of_body(session, f"{OF_BODY} with feet not held", "--foot-lock", "never")
    cost = [
        Figure(name, with_lock.value - without.value, "mm", line_of(name))
        for with_lock, without in zip(held, free, strict=True)
        for name in [with_lock.name.replace(OF_BODY, "holding the feet displaces joints by")]
    ]
    _fit(session)
    return [*points_only, *free, *cost]


def _of_body(session: Session, name: str, *options: str) -> list[Figure]:
    _fit(session, *options)
    return [
        Figure(each.name.replace(OF_BODY, name), each.value, each.unit)
        for each in session_figures(session)
        if OF_BODY in each.name
    ]


def _fit(session: Session, *options: str) -> None:
    for take in session.takes():
        command = [sys.executable, "-m", "mocap", "fit", str(session.root), take, *options]
        subprocess.run(command, capture_output=True, check=True)


def refinement_figures(folder: Path) -> list[Figure]:
    """Refine rigs that were knocked out of place from each take, and from all together."""
    session = Session.open(folder)
    true = load_truth(folder / TRUTH_FILE).calibration
    takes = [people_of(session.take(name), session.calibration()) for name in session.takes()]
    true = true.subset(takes[0].detections.camera_names)
    chosen = [*([take] for take in takes), takes]
    found = [refined(true, each, seed) for seed, each in enumerate(chosen)]
    for each in found:
        print(each)
    return refined_figures(found, "rendered people")


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary) / "demo"
        figures = run_demo(folder) + variant_figures(folder) + refinement_figures(folder)
    print_figures("Sample session against its truth", figures)
    without_lines = [
        ending for ending in LINES if not any(f.name.endswith(ending) for f in figures)
    ]
    if without_lines:
        raise SystemExit(f"the demo no longer tells: {', '.join(without_lines)}")
    return exit_code(figures, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
