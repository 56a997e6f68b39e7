"""EasyMocap's pair of files: `extri.yml` (poses) beside `intri.yml` (lenses), OpenCV's YAML.

For each name: `K_1`, `dist_1` (or `D_1`), `H_1`, `W_1`; `Rot_1` (3, 3) or `R_1` (rotation vector)
and `T_1` (3, 1) in metres, world to camera.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap.calibrate.interchange.lenses import read_lenses
from mocap.calibrate.interchange.storage import opencv_values
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.transform import rigid

LENS_FILE = "intri.yml"


def read_easymocap(path: Path) -> Calibration:
    """Read `extri.yml`; the lenses come from `intri.yml` beside it.

    Raises:
        InputError: one of the two is missing or damaged, a camera lacks a pose, a lens or the size
            of its image, or a rotation is none.
    """
    values = opencv_values(path)
    names = values.get("names")
    if not isinstance(names, list) or not names:
        raise InputError(f"{path} names no cameras; it is no extri.yml of EasyMocap.")
    beside = path.with_name(LENS_FILE)
    if not beside.is_file():
        raise InputError(f"{beside} is missing: EasyMocap keeps the lenses there. Copy both files.")
    lenses = read_lenses(beside)
    cameras = []
    with reading(path, "a calibration of EasyMocap"):
        for name in map(str, names):
            if name not in lenses:
                raise InputError(f"{beside} has no lens for camera '{name}'.")
            lens = lenses[name]
            if lens.image_size is None:
                raise InputError(
                    f"{beside} does not say how large the images of camera '{name}' are: add "
                    f"W_{name} and H_{name} in pixels."
                )
            if f"Rot_{name}" in values:
                turn = np.asarray(values[f"Rot_{name}"], dtype=np.float64).reshape(3, 3)
            else:
                rotvec = np.asarray(values[f"R_{name}"], dtype=np.float64).reshape(3)
                turn = matrix_from_rotvec(rotvec)
            shift = np.asarray(values[f"T_{name}"], dtype=np.float64).reshape(3)
            size, coefficients = lens.image_size, lens.dist_coeffs
            pose = rigid(turn, shift)
            cameras.append(Camera(name, size, lens.camera_matrix, coefficients, pose, lens.model))
        return Calibration(tuple(cameras), metadata={"source": f"easymocap {path.name}"})
