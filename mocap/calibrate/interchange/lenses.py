"""Read lenses that were calibrated elsewhere: what `mocap calibrate --intrinsics` takes.

Files of OpenCV (YAML, XML, JSON: `camera_matrix`, `distortion_coefficients`, `image_width`,
`image_height` and their usual other names), EasyMocap (`intri.yml`), NumPy (`.npz` with the same
names), and any calibration this tool imports. A folder holds one such file per camera, named by the
camera; a file with one nameless lens is the lens of all cameras.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mocap.calibrate.interchange.storage import opencv_values
from mocap.core.calibration_file import lens_of_coefficients
from mocap.core.camera import Camera
from mocap.core.errors import InputError
from mocap.core.files.npz import read_npz
from mocap.core.files.reading import read_toml, reading
from mocap.core.shapes import FloatArray

MATRIX_KEYS = ("camera_matrix", "cameraMatrix", "K", "mtx", "matrix", "intrinsic", "intrinsics")
DISTORTION_KEYS = (
    "distortion_coefficients",
    "distCoeffs",
    "dist_coeffs",
    "dist_coeff",
    "dist",
    "D",
    "distortions",
)
SIZE_KEYS = (("image_width", "image_height"), ("width", "height"))
# A principal point this far from the middle belongs to an image of another size.
MIDDLE_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Lens:
    """A lens as `Camera` has it: matrix, coefficients, model; the image size if it is known."""

    camera_matrix: FloatArray
    dist_coeffs: FloatArray
    image_size: tuple[int, int] | None
    model: str = "standard"


def read_lenses(path: Path) -> dict[str, Lens]:
    """Read lenses by camera name; the key "" is the lens of every camera.

    Raises:
        InputError: nothing readable there, a value is missing or wrong, or a lens model with more
            than eight coefficients.
    """
    if path.is_dir():
        files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        if not files:
            raise InputError(f"{path} is empty; put one lens file per camera there, CAMERA.yml.")
        return {file.stem: _only(read_lenses(file), file) for file in files}
    if not path.is_file():
        raise InputError(f"{path} does not exist. Give a lens file, or a folder of them.")
    with reading(path, "a file of lenses"):
        if path.suffix == ".npz":
            return {"": _lens(_npz(path), path)}
        if path.suffix == ".toml":
            return _toml(path)
        return _opencv(path)


def lenses_for(
    lenses: Mapping[str, Lens], cameras: Sequence[tuple[str, tuple[int, int]]]
) -> tuple[Camera, ...]:
    """Return the given lenses as cameras, matched by name; cameras without one are left out.

    Args:
        lenses: as `read_lenses` returns them.
        cameras: name and image size of each camera.

    Raises:
        InputError: no camera gets a lens, or a lens belongs to another image size.
    """
    found = []
    for name, size in cameras:
        lens = lenses.get(name, lenses.get(""))
        if lens is None:
            continue
        _check_size(name, size, lens)
        pose = np.eye(4)
        found.append(Camera(name, size, lens.camera_matrix, lens.dist_coeffs, pose, lens.model))
    if not found:
        raise InputError(
            f"the lenses given are of {', '.join(lenses) or 'no camera'}; the cameras here are "
            f"{', '.join(name for name, _ in cameras)}. Name the lenses by the cameras."
        )
    return tuple(found)


def _check_size(name: str, size: tuple[int, int], lens: Lens) -> None:
    """Refuse a lens that was calibrated at another image size."""
    if lens.image_size is not None and lens.image_size != size:
        old = lens.image_size
        raise InputError(
            f"the lens of camera '{name}' was calibrated at {old[0]} x {old[1]} px, its video has "
            f"{size[0]} x {size[1]}. Record at the same size or calibrate the lens anew."
        )
    middle = (np.array(size) - 1.0) / 2.0
    off = np.abs(lens.camera_matrix[:2, 2] - middle) / np.array(size)
    if off.max() > MIDDLE_SHARE:
        x, y = lens.camera_matrix[:2, 2]
        raise InputError(
            f"the lens of camera '{name}' has its principal point at {x:.0f}, {y:.0f} px, far from "
            f"the middle of an image of {size[0]} x {size[1]}: it was calibrated at another size."
        )


def _only(lenses: dict[str, Lens], file: Path) -> Lens:
    """Return the one lens of a file in a folder."""
    if len(lenses) != 1:
        raise InputError(f"{file} holds {len(lenses)} lenses; a folder takes one per file.")
    return next(iter(lenses.values()))


def _lens(values: Mapping[str, Any], path: Path) -> Lens:
    """Return the lens of a table of named values.

    Raises:
        KeyError, TypeError, ValueError: a value is missing or wrong.
    """
    matrix = np.asarray(_first(values, MATRIX_KEYS, "camera matrix"), dtype=np.float64)
    given = np.asarray(_first(values, DISTORTION_KEYS, "distortion"), dtype=np.float64).ravel()
    if matrix.shape != (3, 3) or not np.isfinite(matrix).all():
        raise ValueError(f"its camera matrix has shape {matrix.shape}; 3 x 3 numbers are needed")
    if abs(matrix[0, 1]) > 1e-6 * matrix[0, 0]:
        raise ValueError("its camera matrix has a skew, which this tool does not know")
    model, distortion = lens_of_coefficients(given, fisheye=_is_fisheye(values), of="it")
    size = None
    for width, height in SIZE_KEYS:
        if width in values and height in values:
            size = (int(values[width]), int(values[height]))
    if "size" in values or "image_size" in values:
        pair = np.asarray(values.get("size", values.get("image_size"))).ravel()
        size = (int(pair[0]), int(pair[1]))
    return Lens(matrix, distortion, size, model)


def _is_fisheye(values: Mapping[str, Any]) -> bool:
    """Return whether a file says that its coefficients are those of OpenCV's fisheye model."""
    said = values.get("fisheye", values.get("distortion_model", values.get("camera_model", "")))
    return said is True or said == 1 or "fisheye" in str(said) or "equidistant" in str(said)


def _first(values: Mapping[str, Any], keys: Sequence[str], what: str) -> Any:
    """Return the first of the named values."""
    for key in keys:
        if key in values:
            return values[key]
    raise ValueError(f"it has no {what} (looked for {', '.join(keys)})")


def _npz(path: Path) -> Mapping[str, Any]:
    """Return the arrays of a NumPy file."""
    with reading(path, "a NumPy file of lenses"):
        return read_npz(path)


def _toml(path: Path) -> dict[str, Lens]:
    """Return the lenses of a calibration of ours, aniposelib, Pose2Sim or caliscope."""
    document = read_toml(path)
    cameras = document.get("cameras")
    if isinstance(cameras, dict):  # caliscope: camera 3 is cam_3
        return {f"cam_{key}": _lens(t, path) for key, t in cameras.items() if isinstance(t, dict)}
    tables = [t for t in document.values() if isinstance(t, dict) and "matrix" in t]
    return {str(table.get("name", "")): _lens(table, path) for table in tables}


def _opencv(path: Path) -> dict[str, Lens]:
    """Return the lenses of a file of OpenCV's FileStorage or of EasyMocap."""
    values = opencv_values(path)
    names = values.get("names")
    if isinstance(names, list) and any(f"K_{name}" in values for name in names):
        return {str(name): _lens(_of_camera(values, str(name)), path) for name in names}
    return {"": _lens(values, path)}


def _of_camera(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return EasyMocap's values of one camera: K_1, dist_1 or D_1, H_1, W_1."""
    own = {key.removesuffix(f"_{name}"): v for key, v in values.items() if key.endswith(f"_{name}")}
    if "W" in own and "H" in own:
        own["size"] = (own["W"], own["H"])
    return own
