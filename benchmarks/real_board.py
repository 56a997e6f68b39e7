"""Real webcams and a real board, from the videos through `mocap calibrate`.

Needs the recordings: MOCAP_REAL_DATA names the folder that holds `caliscope_charuco`: four USB
webcams without a common clock, a board of 4 x 5 squares printed white on black. In the first set
one camera runs a whole frame late (the board tells, no option is needed); in the second one
camera sees the board from behind. And `gopro15`: fifteen action cameras with one wide lens, six
small boards on one body. And `pose2sim_single`: photos of a plain checkerboard for four lenses.
Corners are found in the webcams' videos and in those of the sample session with OpenCV's own
detector too: CPU time is compared within the run.

    python benchmarks/real_board.py [--check]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from calibration_parts.corner_pace import corner_figures
from calibration_parts.fifteen_cameras import fifteen_cameras
from calibration_parts.photo_lenses import photo_lenses
from calibration_parts.their_lenses import their_lenses
from figures import Figure, exit_code, print_figures

from mocap.capture.session import Session

SAMPLE = Path(__file__).parents[1] / "samples" / "studio"

BOARD = """
description = "webcam recordings, printed white on black"
page = "A4"
columns = 4
rows = 5
square_mm = 54.0
marker_mm = 40.5
dictionary = "DICT_4X4_1000"
inverted = true
"""


@dataclass(frozen=True)
class Recording:
    """One set: its folder, options of `mocap calibrate`, and the lines its figures must hold.

    The lines are what the best adjustment of these recordings reached elsewhere after dropping
    the same kind of views; aniposelib leaves corner distances of 1.03 and 0.87 mm. `late` are
    cameras of which caliscope did not know that they run a frame late: its poses of them are off.
    """

    folder: str
    options: tuple[str, ...]
    rms_px: float
    corner_distance_mm: float
    late: tuple[str, ...] = ()


RECORDINGS = (
    Recording("charuco_calibration", (), 0.74, 0.59, ("cam_1",)),
    Recording("4_cam_recording", (), 0.44, 0.35),
)


def mocap(*arguments: str | Path) -> None:
    """Run a command as a user would; stop with what it said when it fails."""
    line = [sys.executable, "-m", "mocap", *map(str, arguments)]
    run = subprocess.run(line, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(line[2:])} failed:\n{run.stdout}{run.stderr}")


def measure(recording: Recording, data: Path, folder: Path) -> list[Figure]:
    """Calibrate one set in `folder` and return its figures."""
    board = folder / "webcam_board.toml"
    board.write_text(BOARD)
    session = folder / recording.folder
    mocap("new", session, "--rig", "four_corner", "--board", board)
    source = data / "caliscope_charuco" / recording.folder / "calibration" / "extrinsic"
    (session / "calibration").mkdir(exist_ok=True)
    for video in sorted(source.glob("*.mp4")):
        shutil.copy(video, session / "calibration")
    mocap("calibrate", session, *recording.options)
    pace = corner_figures(Session.open(session).board(), sorted(source.glob("*.mp4")))
    report = json.loads((session / "calibration_report.json").read_text())
    cameras = report["cameras"]
    weight = np.array([camera["corners"] for camera in cameras])
    rms = np.array([camera["rms_px"] for camera in cameras])
    median = np.array([camera["median_px"] for camera in cameras])
    held_out = report["held_out"]
    return [
        Figure("reprojection rms, all corners", float(np.sqrt(np.average(rms**2, weights=weight))),
               "px", recording.rms_px),
        Figure("reprojection median, worst camera", float(median.max()), "px"),
        Figure("views dropped as of another instant", len(report["dropped_views"]), ""),
        Figure("corner distances in unseen frames, rms", float(held_out["length_rms_mm"]), "mm",
               recording.corner_distance_mm),
        *pace,
    ]  # fmt: skip


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    options = parser.parse_args()
    data = os.environ.get("MOCAP_REAL_DATA")
    if not data:
        print("MOCAP_REAL_DATA is not set: the real recordings are not on this machine; skipped.")
        return 0
    everything: list[Figure] = []
    with tempfile.TemporaryDirectory() as temporary:
        for recording in RECORDINGS:
            figures = measure(recording, Path(data), Path(temporary))
            array = Path(data) / "caliscope_charuco" / recording.folder / "camera_array.toml"
            figures += their_lenses(Path(temporary) / recording.folder, array, recording.late)
            print_figures(f"Real board: {recording.folder}", figures)
            everything += figures
        figures = fifteen_cameras(Path(data) / "gopro15", Path(temporary))
        print_figures("Fifteen wide cameras, six boards on one body", figures)
        everything += figures
    sample = Session.open(SAMPLE)
    figures = corner_figures(sample.board(), list(sample.calibration_videos().values()))
    print_figures("The sample session", figures)
    everything += figures
    figures = photo_lenses(Path(data) / "pose2sim_single" / "calibration" / "intrinsics")
    print_figures("Lenses from photos of a checkerboard", figures)
    everything += figures
    return exit_code(everything, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
