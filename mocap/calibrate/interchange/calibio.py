"""Read and write what Calib Camera Calibrator (calib.io) saves: a JSON with lens and pose of every
camera.

`model.ptr_wrapper.data.parameters` holds f, ar (fy = f ar), cx, cy and OpenCV's coefficients, each
as {"val": …}; `transform` the rotation vector and the translation from the rig's frame to the
camera, taken as calib.io's own reader for OpenCV takes them. Cameras have no names there: they are
called cam_0, cam_1, … in the order of the file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mocap.calibrate.interchange.foreign_tables import UNITS_M, check_width
from mocap.core.calibration_file import lens_of_coefficients
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.files.reading import finite, read_json, reading
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.store import write_text
from mocap.core.transform import rigid

MODEL = "libCalib::CameraModelOpenCV"
# OpenCV's order; a model that a file does not list has zeros there.
COEFFICIENTS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6")
# Thin prisms and a tilted sensor: no lens of ours has them.
OTHERS = ("s1", "s2", "s3", "s4", "tauX", "tauY")
WHAT = "a calibration of calib.io"


def read_calibio(path: Path, *, unit: str = "m") -> Calibration:
    """Read a calibration of calib.io.

    Args:
        path: the JSON file.
        unit: length unit of its translations: the one in which its target was given.

    Raises:
        InputError: no such file, a value missing or wrong, or a lens model that cannot be held.
    """
    document = read_json(path, WHAT)
    if unit not in UNITS_M:
        raise InputError(f"{path}: unit '{unit}' is not known; use m, cm or mm.")
    with reading(path, WHAT):
        tables = document["Calibration"]["cameras"]
        cameras = [_camera(path, f"cam_{i}", each, unit) for i, each in enumerate(tables)]
        if not cameras:
            raise InputError(f"{path} has no cameras; it is no calibration of calib.io.")
        rig = Calibration(tuple(cameras), metadata={"source": f"calib.io {path.name}"})
    check_width(rig, path, unit)
    return rig


def _camera(path: Path, name: str, table: Mapping[str, Any], unit: str) -> Camera:
    model = table["model"]
    if model["polymorphic_name"] != MODEL:
        raise InputError(
            f"{path}: camera {name} has a lens of model {model['polymorphic_name']}; only {MODEL} "
            "can be read. Calibrate it with that model."
        )
    data = model["ptr_wrapper"]["data"]
    values = {key: finite(each["val"], key) for key, each in data["parameters"].items()}
    held = [key for key in OTHERS if abs(values.get(key, 0.0)) > 1e-12]
    if held:
        raise InputError(
            f"{path}: camera {name} has {', '.join(held)} (thin prism, tilted sensor), which no "
            "lens here can hold. Calibrate it without."
        )
    base = data["CameraModelCRT"]["CameraModelBase"]
    size = base.get("imageSize") or {"width": base["imageWidth"], "height": base["imageHeight"]}
    f, aspect = values["f"], values.get("ar", 1.0)
    matrix = np.array([[f, 0.0, values["cx"]], [0.0, f * aspect, values["cy"]], [0.0, 0.0, 1.0]])
    given = np.array([values.get(key, 0.0) for key in COEFFICIENTS])
    lens, coefficients = lens_of_coefficients(given, fisheye=False, of=f"camera {name}")
    turn, shift = table["transform"]["rotation"], table["transform"]["translation"]
    pose = rigid(
        matrix_from_rotvec(np.array([finite(turn[key], key) for key in ("rx", "ry", "rz")])),
        UNITS_M[unit] * np.array([finite(shift[key], key) for key in ("x", "y", "z")]),
    )
    return Camera(name, (int(size["width"]), int(size["height"])), matrix, coefficients, pose, lens)


def write_calibio(calibration: Calibration, path: Path, *, unit: str = "m") -> None:
    """Write a calibration as calib.io saves it, translations in `unit` (m, cm or mm).

    Names of cameras have no place there: their order is that of the calibration.

    Raises:
        InputError: an unknown unit, or a fisheye lens, which OpenCV's model cannot hold.
    """
    if unit not in UNITS_M:
        raise InputError(f"unit '{unit}' is not known; use m, cm or mm.")
    wide = [camera.name for camera in calibration.cameras if camera.lens_model == "fisheye"]
    if wide:
        raise InputError(
            f"the fisheye lens of camera '{wide[0]}' cannot be held by calib.io's model of OpenCV. "
            "Export to anipose, which has fisheye cameras."
        )
    cameras = [_table(camera, UNITS_M[unit]) for camera in calibration.cameras]
    write_text(path, json.dumps({"Calibration": {"cameras": cameras}}, indent=1) + "\n")


def _table(camera: Camera, unit_m: float) -> Mapping[str, Any]:
    """Return the table of one camera."""
    matrix, coefficients = camera.camera_matrix, np.zeros(len(COEFFICIENTS))
    coefficients[: len(camera.dist_coeffs)] = camera.dist_coeffs
    width, height = camera.image_size
    values = {
        "f": matrix[0, 0],
        "ar": matrix[1, 1] / matrix[0, 0],
        "cx": matrix[0, 2],
        "cy": matrix[1, 2],
        **dict(zip(COEFFICIENTS, coefficients, strict=True)),
        **dict.fromkeys(OTHERS, 0.0),
    }
    parameters = {key: {"state": 0, "val": float(value)} for key, value in values.items()}
    vector = camera.vector()
    data = {
        "CameraModelCRT": {"CameraModelBase": {"imageSize": {"width": width, "height": height}}},
        "parameters": parameters,
    }
    return {
        "model": {"polymorphic_name": MODEL, "ptr_wrapper": {"valid": 1, "data": data}},
        "transform": {
            "rotation": dict(zip(("rx", "ry", "rz"), vector[:3].tolist(), strict=True)),
            "translation": dict(zip(("x", "y", "z"), (vector[3:6] / unit_m).tolist(), strict=True)),
        },
    }
