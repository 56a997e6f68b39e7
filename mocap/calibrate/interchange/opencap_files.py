"""Write OpenCap's cameras: a folder for each, with `cameraIntrinsicsExtrinsics.pickle` in it.

What stands in it is told in `opencap`. Its world is that of a board on a wall, x to the right and y
down; so what is up here, +Z, becomes -y there.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from mocap.calibrate.interchange.opencap import FILE
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.files.outside import printable
from mocap.core.rotation import rotvec_from_matrix
from mocap.core.store import atomic_write
from mocap.core.transform import invert, rigid

THEIRS_FROM_OURS = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Their x is ours, their y points down, so their z is our y."""
# Pickles of protocol 2 spell names out, one a line.
PROTOCOL = 2
HERE, EVERYWHERE = b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n"
"""Where NumPy keeps its arrays: before 2.0 only the second is known, since then both are."""


def write_opencap(calibration: Calibration, folder: Path) -> tuple[Path, ...]:
    """Write `FOLDER/CAMERA/cameraIntrinsicsExtrinsics.pickle` of every camera; return the files.

    Raises:
        InputError: a lens with other coefficients than k1 k2 p1 p2 k3, or a name that is no folder.
    """
    for camera in calibration.cameras:
        if camera.lens_model != "standard":
            raise InputError(
                f"the {camera.lens_model} lens of camera '{camera.name}' cannot be held by a file "
                "of OpenCap, which has k1 k2 p1 p2 k3. Calibrate with --lens standard, or export "
                "to anipose."
            )
        if Path(camera.name).name != camera.name:
            raise InputError(f"camera '{printable(camera.name)}': its name cannot be a folder.")
    return tuple(_written(camera, folder / camera.name / FILE) for camera in calibration.cameras)


def _written(camera: Camera, path: Path) -> Path:
    pose = camera.camera_from_world @ invert(rigid(THEIRS_FROM_OURS, np.zeros(3)))
    width, height = camera.image_size
    table = {
        "distortion": camera.dist_coeffs[None, :].copy(),
        "intrinsicMat": camera.camera_matrix.copy(),
        "imageSize": np.array([[float(height)], [float(width)]]),
        "rotation": pose[:3, :3].copy(),
        "translation": 1000.0 * pose[:3, 3:4],
        "rotation_EulerAngles": rotvec_from_matrix(pose[:3, :3])[:, None],
    }
    data = pickle.dumps(table, protocol=PROTOCOL).replace(HERE, EVERYWHERE)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
    return path
