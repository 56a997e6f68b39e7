"""Read and write the TOML calibrations of other tools: aniposelib, Pose2Sim, caliscope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.calibration_file import camera_from_table
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.files.reading import read_text as text_of
from mocap.core.files.reading import read_toml, reading
from mocap.core.rotation import rotvec_from_matrix
from mocap.core.shapes import FloatArray
from mocap.core.store import atomic_write

UNITS_M = {"m": 1.0, "cm": 0.01, "mm": 0.001}
# No rig is wider: a larger distance between cameras means another unit of length.
WIDEST_RIG_M = 100.0
# A calibration file of a hundred cameras has some hundred kilobytes.
MAX_FILE_BYTES = 10_000_000
# A lens written with fewer coefficients may move pixels by so much (rms over the image): a tenth of
# the scatter of a keypoint detector. Most of it lies in the corners of wide images.
MAX_REFIT_PX = 0.3


def read_text(path: Path) -> str:
    """Return the text of a small foreign file.

    Raises:
        InputError: missing, too large or no text.
    """
    with reading(path, "a camera calibration"):
        if path.stat().st_size > MAX_FILE_BYTES:
            raise InputError(f"{path} is too large for a camera calibration.")
    return text_of(path, "a camera calibration")


def read_aniposelib(path: Path, *, unit: str = "m") -> Calibration:
    """Read a calibration of aniposelib or Pose2Sim (one table per camera).

    Args:
        path: the TOML file.
        unit: length unit of its translations, "m", "cm" or "mm": the unit in which the board was
            given to that tool. `length_unit` in the file's [metadata] wins.

    Raises:
        InputError: no such file, no cameras, values missing or wrong, or distances
            between cameras that the unit makes impossible.
    """
    document = _document(path)
    tables = {k: t for k, t in document.items() if isinstance(t, dict) and "rotation" in t}
    metadata = document.get("metadata", {})
    if isinstance(metadata, dict):
        unit = str(metadata.get("length_unit", unit))
    return _calibration(path, tables, unit, "aniposelib")


def read_caliscope(path: Path) -> Calibration:
    """Read `camera_array.toml` of caliscope; camera 3 becomes `cam_3`, as its videos are called.

    Raises:
        InputError: no such file, no posed camera, values missing or wrong.
    """
    cameras = _document(path).get("cameras")
    if not isinstance(cameras, dict):
        raise InputError(f"{path} has no table [cameras]; it is no camera array of caliscope.")
    tables = {}
    for key, table in cameras.items():
        if not isinstance(table, dict) or "rotation" not in table:
            raise InputError(f"{path}: camera {key} has no pose. Calibrate it in caliscope first.")
        if table.get("ignore"):
            continue
        try:
            rotation = np.asarray(table["rotation"], dtype=np.float64)
            if rotation.shape == (3, 3):
                rotation = _rotvec(rotation)
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}: camera {key}: {error}.") from error
        tables[key] = {**table, "name": f"cam_{key}", "rotation": rotation.tolist()}
    return _calibration(path, tables, "m", "caliscope")


def _rotvec(matrix: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the rotation vector of a matrix that is a rotation."""
    if np.abs(matrix @ matrix.T - np.eye(3)).max() > 1e-3 or np.linalg.det(matrix) < 0:
        raise ValueError("its rotation is no rotation matrix")
    return rotvec_from_matrix(matrix)


def _document(path: Path) -> dict[str, Any]:
    """Return a TOML file as a dictionary."""
    return read_toml(path)


def _calibration(
    path: Path, tables: Mapping[str, Mapping[str, Any]], unit: str, source: str
) -> Calibration:
    """Return the cameras of the tables, in metres."""
    if not tables:
        raise InputError(f"{path} has no camera with a rotation; it is no camera calibration.")
    if unit not in UNITS_M:
        raise InputError(f"{path}: unit '{unit}' is not known; use m, cm or mm.")
    cameras = []
    for key, table in tables.items():
        try:
            translation = np.asarray(table["translation"], dtype=np.float64) * UNITS_M[unit]
            cameras.append(camera_from_table({**table, "translation": translation}))
        except KeyError as error:
            raise InputError(f"{path}: camera '{key}' has no value for {error}.") from error
        except (TypeError, ValueError, OverflowError) as error:
            raise InputError(f"{path}: camera '{key}': {error}.") from error
    try:
        calibration = Calibration(tuple(cameras), metadata={"source": f"{source} {path.name}"})
    except ValueError as error:
        raise InputError(f"{path}: {error}.") from error
    check_width(calibration, path, unit)
    return calibration


def check_width(calibration: Calibration, path: Path, unit: str) -> None:
    """Refuse a rig as wide as a village: its unit of length is another one."""
    centers = np.stack([camera.center for camera in calibration.cameras])
    width = float(np.ptp(centers, axis=0).max())
    if width > WIDEST_RIG_M:
        raise InputError(
            f"{path}: the cameras stand {width:.0f} m apart if its lengths are in {unit}. "
            "Give the unit of the file, most likely mm."
        )


def write_aniposelib(calibration: Calibration, path: Path, *, unit: str = "m") -> None:
    """Write a calibration as aniposelib reads it, lengths in `unit` (m, cm or mm).

    Fisheye lenses are its own fisheye cameras; the eight coefficients of a rational lens are handed
    to OpenCV by it as they are.

    Raises:
        InputError: an unknown unit.
    """
    if unit not in UNITS_M:
        raise InputError(f"unit '{unit}' is not known; use m, cm or mm.")
    tables = {f"cam_{i}": _table(c, UNITS_M[unit]) for i, c in enumerate(calibration.cameras)}
    _write(path, {**tables, "metadata": {"adjusted": False, "error": 0.0, "length_unit": unit}})


def write_pose2sim(calibration: Calibration, path: Path) -> dict[str, float]:
    """Write `Calib.toml` as Pose2Sim reads it: tables by camera name, four lens coefficients.

    Any other lens (k3, rational, fisheye) is fitted again with the four that file can hold.

    Returns:
        By camera name, by how much pixels of the image move by that (rms, px); 0 without k3.

    Raises:
        InputError: four coefficients cannot stand for a lens.
    """
    tables, errors = {}, {}
    for camera in calibration.cameras:
        four, errors[camera.name] = with_four_coefficients(camera)
        if errors[camera.name] > MAX_REFIT_PX:
            raise InputError(
                f"the {camera.lens_model} lens of camera '{camera.name}' needs more than the four "
                f"coefficients that Calib.toml can hold: they are {errors[camera.name]:.2f} px rms "
                f"off (at most {MAX_REFIT_PX:g} px). Export to anipose instead."
            )
        table = _table(four, 1.0)
        table["distortions"] = table["distortions"][:4]
        tables[camera.name] = {**table, "fisheye": False}
    _write(path, {**tables, "metadata": {"adjusted": False, "error": 0.0}})
    return errors


def with_four_coefficients(camera: Camera) -> tuple[Camera, float]:
    """Return the camera with k1 k2 p1 p2 only, and by how much pixels move by that (rms, px).

    Focal lengths, principal point and coefficients are fitted to where the lens puts a grid of rays
    that fills the image; the pose stays.
    """
    from scipy.optimize import least_squares

    if camera.lens_model == "standard" and abs(camera.dist_coeffs[4]) < 1e-12:
        return camera, 0.0
    width, height = camera.image_size
    x, y = np.meshgrid(np.linspace(0, width - 1, 25), np.linspace(0, height - 1, 19))
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    flat = camera.undistort(pixels)
    seen = np.isfinite(flat).all(axis=1)
    if not seen.all() and camera.lens_model != "standard":
        return camera, float("inf")  # a lens that wide has no standard twin
    rays, pixels = np.column_stack([flat[seen], np.ones(int(seen.sum()))]), pixels[seen]
    still = replace(
        camera, camera_from_world=np.eye(4), dist_coeffs=np.zeros(5), lens_model="standard"
    )

    def fitted(values: FloatArray) -> Camera:
        matrix = np.array([[values[0], 0, values[2]], [0, values[1], values[3]], [0, 0, 1.0]])
        return replace(still, camera_matrix=matrix, dist_coeffs=np.append(values[4:], 0.0))

    def misfit(values: FloatArray) -> FloatArray:
        # A trial whose polynomial turns back within the image is as bad as can be.
        off = np.nan_to_num(fitted(values).project(rays) - pixels, nan=float(width))
        return np.asarray(off.ravel())

    first = camera.dist_coeffs[:4] if camera.lens_model == "standard" else np.zeros(4)
    start = np.concatenate([camera.lens[:4], first])
    found = least_squares(misfit, start, x_scale=np.maximum(np.abs(start), 1e-3))
    off = misfit(found.x).reshape(-1, 2)
    rms_px = float(np.sqrt(np.mean(np.sum(off**2, axis=1))))
    return replace(fitted(found.x), camera_from_world=camera.camera_from_world), rms_px


def _table(camera: Any, unit_m: float) -> dict[str, Any]:
    """Return the table of one camera."""
    vector = camera.vector()
    return {
        "name": camera.name,
        "size": list(camera.image_size),
        "matrix": camera.camera_matrix.tolist(),
        "distortions": camera.dist_coeffs.tolist(),
        **({"fisheye": True} if camera.lens_model == "fisheye" else {}),
        "rotation": vector[:3].tolist(),
        "translation": (vector[3:6] / unit_m).tolist(),
    }


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """Write a TOML file atomically."""
    import tomli_w

    with atomic_write(path) as temporary:
        temporary.write_text(tomli_w.dumps(document), encoding="utf-8")
