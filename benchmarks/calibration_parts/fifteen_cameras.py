"""Fifteen action cameras, one wide lens, six small boards on a half dodecahedron.

Needs the recordings: MOCAP_REAL_DATA names the folder that holds `gopro15`: twelve pictures of the
body for each camera, one of an ArUco marker on the floor, halved to 2656 x 1494, and another tool's
solution of the same pictures at full size. How the boards stand on the body is not given. The size
of a square is not known either: the marker on the floor gives the scale.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
from figures import Figure

from mocap.core.calibration_file import load_calibration
from mocap.core.camera import Calibration, Camera
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import FloatArray
from mocap.core.transform import similarity

CAMERAS = tuple(f"camera_{number:02d}" for number in range(1, 16))
PICTURES = 12
# The pictures were halved: a pixel of them is two of the camera.
FULL_SIZE = 2.0
BOARD = """
description = "a face of the half dodecahedron"
columns = 4
rows = 3
square_mm = 30.0
marker_mm = 22.5
dictionary = "DICT_4X4_250"
count = 6
marker_step = 12
"""
FLOOR_DICTIONARY = cv2.aruco.DICT_4X4_250
# Cauchy-like reweighting of rays: a corner in a picture of the floor is found to half a pixel.
ROUNDS = 10


def calibrated(data: Path, folder: Path) -> tuple[Calibration, dict[str, object]]:
    """Calibrate by the command line; return the rig and its report."""
    (folder / "half_dodecahedron.toml").write_text(BOARD)
    rig = 'sync = "genlock"\n' + "".join(f'[[cameras]]\nname = "{name}"\n' for name in CAMERAS)
    (folder / "fifteen.toml").write_text(rig)
    session = folder / "session"
    mocap("new", session, "--rig", folder / "fifteen.toml", "--board",
          folder / "half_dodecahedron.toml")  # fmt: skip
    for name in CAMERAS:
        target = session / "calibration" / name
        target.mkdir(parents=True)
        for number in range(PICTURES):
            shutil.copy(data / "kp" / f"{name}_{number:04d}.jpg", target / f"{number:04d}.jpg")
    mocap("calibrate", session, "--lens", "rational", "--one-lens")
    report = json.loads((session / "calibration_report.json").read_text())
    return load_calibration(session / "calibration.toml"), report


def mocap(*arguments: str | Path) -> None:
    """Run a command as a user would; stop with what it said when it fails."""
    line = [sys.executable, "-m", "mocap", *map(str, arguments)]
    run = subprocess.run(line, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(line[2:])} failed:\n{run.stdout}{run.stderr}")


def reference(path: Path) -> Calibration:
    """Return the other tool's cameras; their unit of length is arbitrary."""
    table = json.loads(path.read_text())
    width, height = table["image_size"]
    cameras = []
    for name, k, d, rotation, shift in zip(
        CAMERAS, table["K"], table["d"], table["R"], table["t"], strict=True
    ):
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation, np.ravel(shift)
        cameras.append(Camera(name, (width, height), np.array(k), np.array(d), pose, "rational"))
    return Calibration(tuple(cameras))


def floor_corners(data: Path) -> dict[str, FloatArray]:
    """Return by camera the four corners (4, 2) px of the marker on the floor."""
    parameters = cv2.aruco.DetectorParameters()
    parameters.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    dictionary = cv2.aruco.getPredefinedDictionary(FLOOR_DICTIONARY)
    detector = cv2.aruco.ArucoDetector(dictionary, parameters)
    found = {}
    for name in CAMERAS:
        image = cv2.imread(str(data / "floor" / f"{name}.jpg"), cv2.IMREAD_GRAYSCALE)
        quads, ids, _ = detector.detectMarkers(image)
        if ids is not None and len(ids) == 1:
            found[name] = quads[0].reshape(4, 2).astype(np.float64)
    return found


def marker_side(rig: Calibration, seen: dict[str, FloatArray]) -> float:
    """Return the mean side of the marker in the rig's unit: its corners where rays come closest."""
    corners = []
    for corner in range(4):
        origin = np.stack([rig[name].center for name in seen])
        flat = np.stack([rig[name].undistort(pixels[corner]) for name, pixels in seen.items()])
        turns = np.stack([rig[name].camera_from_world[:3, :3] for name in seen])
        rays = np.einsum("nji,nj->ni", turns, np.column_stack([flat, np.ones(len(flat))]))
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        across, weight = np.eye(3) - rays[:, :, None] * rays[:, None, :], np.ones(len(rays))
        point = np.zeros(3)
        for _ in range(ROUNDS):
            weighted = weight[:, None, None] * across
            point = np.linalg.solve(weighted.sum(axis=0), np.einsum("nij,nj->i", weighted, origin))
            off = np.linalg.norm(np.einsum("nij,nj->ni", across, point - origin), axis=1)
            weight = 1.0 / (1.0 + (off / np.median(off)) ** 2)
        corners.append(point)
    return float(np.mean([np.linalg.norm(corners[k] - corners[k - 1]) for k in range(4)]))


def figures_of(rig: Calibration, report: dict[str, object], data: Path) -> list[Figure]:
    """Compare with the other tool's solution."""
    other = reference(data / "reference.json")
    cameras = report["cameras"]
    assert isinstance(cameras, list)
    corners = np.array([camera["corners"] for camera in cameras])
    rms = np.array([camera["rms_px"] for camera in cameras])
    overall = FULL_SIZE * float(np.sqrt(np.average(rms**2, weights=corners)))
    ours, theirs = (
        np.stack([camera.camera_from_world[:3, :3] for camera in each.cameras])
        for each in (rig, other)
    )
    turned = [
        float(angle_between_deg(ours[a] @ ours[b].T, theirs[a] @ theirs[b].T))
        for a in range(len(ours))
        for b in range(a)
    ]
    centers = [np.stack([camera.center for camera in each.cameras]) for each in (rig, other)]
    scale, rotation, shift = similarity(centers[0], centers[1])
    off = np.linalg.norm(scale * centers[0] @ rotation.T + shift - centers[1], axis=1)
    width = float(np.linalg.norm(np.ptp(centers[1], axis=0)))
    seen = floor_corners(data)
    sides = [marker_side(each, seen) for each in (rig, other)]
    lenses = np.stack([camera.lens for camera in rig.cameras])
    return [
        Figure("cameras solved", len(rig.cameras), "", 15, ">="),
        Figure("lenses that differ", float(len(np.unique(lenses, axis=0)) - 1), "", 0),
        Figure("reprojection rms at full size, inlying corners", overall, "px", 1.0),
        Figure("corners left out as wrong", 100 * float(np.average(
            [camera["rejected"] for camera in cameras], weights=corners)), "%", 5.0),
        Figure("relative rotations against the other tool, worst", max(turned), "deg", 0.2),
        Figure("focal length against the other tool", abs(lenses[0, 0] - other.cameras[0].lens[0]),
               "px", 5.0),
        Figure("positions against it, share of the rig's width", 100 * float(off.max()) / width,
               "%", 1.0),
        Figure("cameras that see the marker on the floor", len(seen), "", 15, ">="),
        Figure("scale by the marker against scale by positions",
               100 * abs(scale * sides[0] / sides[1] - 1.0), "%", 0.5),
    ]  # fmt: skip


def fifteen_cameras(data: Path, folder: Path) -> list[Figure]:
    """Calibrate the recordings below `data` in an empty folder and return the figures."""
    rig, report = calibrated(data, folder)
    return figures_of(rig, report, data)
