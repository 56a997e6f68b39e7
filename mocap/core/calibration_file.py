"""`calibration.toml`: the layout of aniposelib, so that other tools read it as it is.

One table per camera (`cam_0`, `cam_1`, …) with name, size, matrix, distortions (five numbers of the
standard lens, eight of a rational one, four and `fisheye = true` of a fisheye), rotation (vector,
radians) and translation (metres), and a table `metadata`. Cameras are matched by name, never by
the order of the tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.files.reading import read_toml
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.core.store import atomic_write
from mocap.core.transform import rigid


def save_calibration(calibration: Calibration, path: Path) -> None:
    """Write `calibration.toml` atomically; every number survives the round trip exactly."""
    import tomli_w

    document: dict[str, object] = {}
    for index, camera in enumerate(calibration.cameras):
        vector = camera.vector()
        table: dict[str, object] = {
            "name": camera.name,
            "size": list(camera.image_size),
            "matrix": camera.camera_matrix.tolist(),
            "distortions": camera.dist_coeffs.tolist(),
            **({"fisheye": True} if camera.lens_model == "fisheye" else {}),
            "rotation": vector[:3].tolist(),
            "translation": vector[3:6].tolist(),
        }
        if camera.name in calibration.rms_px:
            table["rms_px"] = float(calibration.rms_px[camera.name])
        document[f"cam_{index}"] = table
    document["metadata"] = {"length_unit": "m", **dict(calibration.metadata)}
    with atomic_write(path) as temporary:
        temporary.write_text(tomli_w.dumps(document), encoding="utf-8")


def load_calibration(path: Path) -> Calibration:
    """Read `calibration.toml`.

    Raises:
        InputError: the file is missing, no TOML, or a camera lacks a value or has a wrong one.
    """
    if not path.is_file():
        raise InputError(
            f"{path} does not exist. Run `mocap calibrate`, or `mocap calibration import FILE`."
        )
    document = read_toml(path)
    tables = {key: value for key, value in document.items() if key.startswith("cam_")}
    if not tables:
        raise InputError(f"{path} has no table [cam_0]; it is no camera calibration.")
    metadata = document.get("metadata", {})
    if not isinstance(metadata, dict):
        raise InputError(f"{path}: [metadata] must be a table.")
    try:
        cameras = tuple(camera_from_table(table) for _, table in sorted(tables.items(), key=_order))
        known = {t["name"]: float(t["rms_px"]) for t in tables.values() if "rms_px" in t}
        rms_px = {name: value for name, value in known.items() if isfinite(value)}
        return Calibration(cameras, rms_px, {key: str(value) for key, value in metadata.items()})
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"no value for {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path} is not a usable calibration: {reason}.") from error


def _order(item: tuple[str, Any]) -> tuple[int, str]:
    """Sort cam_2 before cam_10."""
    digits = item[0].removeprefix("cam_")
    short = digits.isdecimal() and len(digits) < 9
    return (int(digits) if short else 10**9, item[0])


def camera_from_table(table: Mapping[str, Any]) -> Camera:
    """Return the camera of one aniposelib table.

    Raises:
        KeyError, TypeError, ValueError: a value is missing or wrong.
    """
    size = [int(value) for value in table["size"]]
    if len(size) != 2 or min(size) <= 0:
        raise ValueError(f"size of camera {table['name']} must be [width, height] in pixels")
    model, distortion = lens_of_coefficients(
        np.asarray(table["distortions"], dtype=np.float64),
        fisheye=bool(table.get("fisheye", False)),
        of=f"camera {table['name']}",
    )
    rotation = matrix_from_rotvec(np.asarray(table["rotation"], dtype=np.float64).reshape(3))
    translation = np.asarray(table["translation"], dtype=np.float64).reshape(3)
    matrix = np.asarray(table["matrix"], dtype=np.float64)
    pose = rigid(rotation, translation)
    return Camera(str(table["name"]), (size[0], size[1]), matrix, distortion, pose, model)


def lens_of_coefficients(given: FloatArray, *, fisheye: bool, of: str) -> tuple[str, FloatArray]:
    """Return the lens model of OpenCV's distortion coefficients (n,) and those it needs.

    Fewer than five are filled with zeros, as OpenCV does. `of` names the camera in messages.

    Raises:
        ValueError: more coefficients than eight (thin prism and tilted sensors), or a fisheye lens
            with other than four.
    """
    if given.ndim != 1 or not np.isfinite(given).all():
        raise ValueError(f"{of} has distortion coefficients that are no list of numbers")
    if fisheye:
        if given.size > 4 and not np.any(given[4:]):
            given = given[:4]
        if given.size != 4:
            raise ValueError(f"{of} has {given.size} coefficients; a fisheye lens has k1 k2 k3 k4")
        return "fisheye", given.copy()
    if given.size > 8 and np.any(given[8:] != 0):
        raise ValueError(
            f"{of} has {given.size} distortion coefficients; this tool knows OpenCV's standard "
            "lens (5), rational (8) and fisheye (4), no thin prism and no tilted sensor"
        )
    model = "rational" if given.size > 5 and np.any(given[5:8] != 0) else "standard"
    out = np.zeros(8 if model == "rational" else 5)
    count = min(given.size, len(out))
    out[:count] = given[:count]
    return model, out
