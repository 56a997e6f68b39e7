"""Calibrations of other tools for `fuzz_readers`: honest files to be damaged."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np

from mocap.calibrate.interchange.dlt import Seen
from mocap.calibrate.interchange.formats import (
    read_foreign,
    write_aniposelib,
    write_dlt,
    write_pose2sim,
)
from mocap.core.camera import Calibration
from mocap.core.store import write_text
from mocap.synthetic.rigs import ring

QCA = """<?xml version='1.0' encoding='ASCII'?>
<calibration><cameras><camera active="1" avg-residual="0.4" serial="left" viewrotation="0">
<fov_video bottom="719" left="0" right="1279" top="0"/>
<transform r11="1" r12="0" r13="0" r21="0" r22="0" r23="1" r31="0" r32="-1" r33="0"
 x="1000" y="-2000" z="1500"/>
<intrinsic centerPointU="41024" centerPointV="23040" focalLengthU="64000" focalLengthV="64640"
 radialDistortion1="-0.1" radialDistortion2="0.05" radialDistortion3="0" skew="0"
 tangentalDistortion1="0.001" tangentalDistortion2="-0.002"/></camera></cameras></calibration>
"""

CALIBIO = json.dumps({"Calibration": {"cameras": [{
    "model": {"polymorphic_name": "libCalib::CameraModelOpenCV", "ptr_wrapper": {"data": {
        "parameters": {key: {"state": 0, "val": value} for key, value in {
            "f": 1000.0, "ar": 1.0, "cx": 640.0, "cy": 360.0, "k1": -0.1, "k2": 0.02, "p1": 0.0,
            "p2": 0.0, "k3": 0.0, "k4": 0.0, "k5": 0.0, "k6": 0.0, "s1": 0.0}.items()},
        "CameraModelCRT": {"CameraModelBase": {"imageSize": {"width": 1280, "height": 720}}}}}},
    "transform": {"rotation": {"rx": 0.1, "ry": 0.0, "rz": 0.2},
                  "translation": {"x": 0.0, "y": 0.5, "z": 3.0}}}]}})  # fmt: skip


SURVEY = """[[points]]
name = "A"
world_m = [0.0, 0.0, 0.0]
pixels = { left = [812.5, 604.0], right = [233.0, 588.5] }
[[points]]
name = "B"
pixels = { left = [1290.0, 655.5], right = [801.5, 702.0] }
[[distances]]
between = ["A", "B"]
length_mm = 2000.0
"""


def foreign(folder: Path) -> list[Path]:
    """Write what aniposelib, Pose2Sim and caliscope write."""
    write_aniposelib(ring(2), folder / "aniposelib.toml")
    write_pose2sim(ring(2), folder / "Calib.toml")
    text = (folder / "aniposelib.toml").read_text(encoding="utf-8").replace("[cam_", "[cameras.")
    write_text(folder / "camera_array.toml", text)
    return sorted(folder.glob("*.toml"))


def dlt(folder: Path) -> list[Path]:
    """Write DLT coefficients of two cameras without lenses."""
    path = folder / "dltCoefs.csv"
    write_dlt(ring(2, distortion=(0.0,) * 5), path)
    return [path]


def read_dlt(path: Path) -> Calibration:
    """Read DLT coefficients, of the cameras of a session with two videos."""
    seen = [Seen(camera.name, camera.image_size) for camera in ring(2).cameras]
    return read_foreign(path, seen=seen)


def dlt_lenses(folder: Path) -> list[Path]:
    """Write the table of lenses beside DLT coefficients."""
    write_dlt(ring(2), folder / "dltCoefs.csv")
    return [folder / "dltCoefs_lenses.csv"]


def read_with_lenses(path: Path) -> Calibration:
    """Read sound DLT coefficients beside a table of lenses."""
    write_dlt(ring(2, distortion=(0.0,) * 5), path.with_name("other.csv"))
    coefficients = path.with_name(path.name.replace("_lenses", ""))
    coefficients.write_bytes(path.with_name("other.csv").read_bytes())
    return read_foreign(coefficients)


def opencap(folder: Path) -> list[Path]:
    """Write a camera of OpenCap in an old and in a newer kind of pickle."""
    camera = ring(2).cameras[0]
    table = {
        "distortion": camera.dist_coeffs[None, :5],
        "intrinsicMat": camera.camera_matrix,
        "imageSize": np.array([[720.0], [1280.0]]),
        "rotation": camera.camera_from_world[:3, :3],
        "translation": 1000.0 * camera.camera_from_world[:3, 3:],
    }
    for protocol in (2, 4):
        (folder / f"cam{protocol}.pickle").write_bytes(pickle.dumps(table, protocol=protocol))
    return sorted(folder.glob("*.pickle"))
