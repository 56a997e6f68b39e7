"""A real take, from its four videos and its foreign calibration, through the command line.

Needs the recordings: MOCAP_REAL_DATA names the folder that holds `pose2sim_single` (one person
balancing on a beam, a bystander in two views, four cameras, a Qualisys calibration). There is no
marker truth: distance to another tool's result is a gate for units, axes and names only.

    python benchmarks/real_footage.py [--check] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, exit_code, print_figures

import mocap
from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.core.store import load_artifact, load_provenance

# Keypoints that both results have; the reference calls them by OpenSim-like names.
REFERENCE_NAMES = {
    "left_shoulder": "LShoulder", "right_shoulder": "RShoulder", "left_elbow": "LElbow",
    "right_elbow": "RElbow", "left_wrist": "LWrist", "right_wrist": "RWrist",
    "left_hip": "LHip", "right_hip": "RHip", "left_knee": "LKnee", "right_knee": "RKnee",
    "left_ankle": "LAnkle", "right_ankle": "RAnkle", "left_big_toe": "LBigToe",
    "left_heel": "LHeel", "right_big_toe": "RBigToe", "right_heel": "RHeel",
}  # fmt: skip
BODY = tuple(name for name in REFERENCE_NAMES if "toe" not in name and "heel" not in name)
# The man is about 800 px tall; a bystander's keypoints are hundreds of pixels away.
SAME_PERSON_PX = 100.0


def command(*arguments: str | Path) -> str:
    """Run `mocap` as a user would; return what it printed."""
    line = [sys.executable, "-m", "mocap", *map(str, arguments)]
    run = subprocess.run(line, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(line[2:])} failed:\n{run.stdout}{run.stderr}")
    return run.stdout + run.stderr


def process(data: Path, folder: Path) -> Any:
    """Make the session, import the rig, run the take; return the take."""
    source = data / "pose2sim_single"
    session = folder / "balancing"
    if not session.exists():
        command("new", session, "--rig", "four_corner", "--board", "a3_7x10")
        take = session / "takes" / "beam"
        take.mkdir(parents=True)
        for video in sorted((source / "videos").glob("*.mp4")):
            shutil.copy(video, take / video.name)
        command("calibration", "import", session, source / "calibration" / "Calib.qca.txt")
    print(command("run", session, "beam", "--to", "bvh,trc,csv"))
    return mocap.Session.open(session).take("beam")


def read_reference(path: Path) -> dict[str, FloatArray]:
    """Return marker name -> (frame, 3) in metres of the reference TRC, world Z up.

    The file's axes are (y, z, x) of the calibration's world.
    """
    lines = path.read_text().splitlines()
    names = [name for name in lines[3].split("\t")[2:] if name.strip()]
    rows = [[float(cell) if cell.strip() else np.nan for cell in line.split("\t")]
            for line in lines[5:] if line.strip()]  # fmt: skip
    table = np.array([row[2 : 2 + 3 * len(names)] for row in rows]).reshape(-1, len(names), 3)
    world = table[:, :, [2, 0, 1]]
    return {name: world[:, index] for index, name in enumerate(names)}


def tracked_frames(
    tracks: Tracks2D, calibration: Calibration, reference: dict[str, FloatArray]
) -> FloatArray:
    """Return per camera the share of frames in which the reference's person is tracked."""
    names = [name for name in BODY if name in tracks.keypoint_names]
    indices = [tracks.keypoint_names.index(name) for name in names]
    expected = np.stack([reference[REFERENCE_NAMES[name]] for name in names], axis=1)
    shares = []
    for index, camera in enumerate(tracks.camera_names):
        pixels = calibration[camera].project(expected)
        distance = np.linalg.norm(tracks.pixels[index, :, 0][:, indices] - pixels, axis=-1)
        seen = np.isfinite(distance).any(axis=1)
        near = np.nanmedian(np.where(seen[:, None], distance, np.inf), axis=1) < SAME_PERSON_PX
        shares.append(float(np.mean(near)))
    return np.array(shares)


def measure(take: Any, data: Path) -> list[Figure]:
    """Return the figures of the processed take."""
    tracks = load_artifact(take.artifact("tracks"), Tracks2D)
    points = load_artifact(take.artifact("points3d"), Points3D)
    smoothed = load_artifact(take.artifact("smoothed"), Points3D)
    folder = data / "pose2sim_single" / "reference" / "trc"
    reference = read_reference(folder / "S00_P00_T01_BalancingTrial_0-100.trc")
    calibration = take.session.calibration()
    body = [points.keypoint_names.index(name) for name in BODY]
    solved = (points.source == Source.MEASURED) & (points.view_count >= 2)
    distances = {
        name: 1000 * np.linalg.norm(smoothed.xyz[:, 0, index] - reference[other], axis=-1)
        for name, other in REFERENCE_NAMES.items()
        if name in smoothed.keypoint_names
        for index in [smoothed.keypoint_names.index(name)]
    }
    warnings = " ".join(
        warning
        for stage in ("tracks", "points3d", "smoothed")
        for warning in load_provenance(take.artifact(stage)).warnings
    )
    tracked = tracked_frames(tracks, calibration, reference)
    figures = [
        Figure("frames", len(points.xyz), "", 100, ">="),
        Figure("man tracked, worst view", 100 * tracked.min(),
               "%", 100, ">="),
        Figure("body joints from >= 2 views, worst joint",
               100 * float(solved[:, 0][:, body].mean(axis=0).min()), "%", 99, ">="),
        Figure("cameras named in the rig warning",
               sum(f"'{name}'" in warnings for name in calibration.names), "", 4, ">="),
        Figure("distance to the other tool, median",
               float(np.nanmedian([distances[name] for name in BODY])), "mm", 45),
        Figure("reprojection, median",
               float(np.nanmedian(smoothed.reprojection_error_px[:, 0][:, body])), "px"),
    ]  # fmt: skip
    figures += [Figure(f"  {name}", float(np.nanmedian(distance)), "mm")
                for name, distance in distances.items()]  # fmt: skip
    return figures


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--keep", type=Path, help="work in this folder and leave it there")
    options = parser.parse_args()
    data = os.environ.get("MOCAP_REAL_DATA")
    if not data:
        print("MOCAP_REAL_DATA is not set: the real recordings are not on this machine; skipped.")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        take = process(Path(data), options.keep or Path(temporary))
        figures = measure(take, Path(data))
    print_figures("Real footage: pose2sim_single with its shipped rig", figures)
    return exit_code(figures, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
