"""Read and write the eleven coefficients of the direct linear transformation (DLT), a column each.

u = (L1 X + L2 Y + L3 Z + L4) / (L9 X + L10 Y + L11 Z + 1) and v with L5 to L8 (Abdel-Aziz & Karara
1971), in the pixels of DLTdv and easyWand: u from 1 at the left, v from 1 at the bottom. Such a
file knows neither names, nor the size of images, nor lenses. The lens goes into a table beside it
(`…_lenses.csv`, its middle from 1 at the top left), and the coefficients then hold for pixels from
which the lens has been taken out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.calibrate.interchange.foreign_tables import (
    MAX_REFIT_PX,
    UNITS_M,
    check_width,
    read_text,
)
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.shapes import FloatArray
from mocap.core.store import write_text

COEFFICIENTS = 11
WHAT = "DLT coefficients"
LENS_COLUMNS = ("camera", "width", "height", "fx", "fy", "cx", "cy", "k1", "k2", "p1", "p2", "k3")
# A camera that shows it has square pixels and no skew within this many pixels; coefficients that
# were fitted to few or flat points, with eleven free numbers each, are off by more.
MAX_SKEW_PX = 2.0
# Of the camera's own far plane: a world whose origin lies in the plane of the lens has no L12 = 1.
LEAST_SHARE = 1e-6


def lens_file(path: Path) -> Path:
    """Return where the lenses of a file of coefficients stand."""
    return path.with_name(f"{path.stem}_lenses.csv")


def write_dlt(calibration: Calibration, path: Path, *, unit: str = "m") -> dict[str, float]:
    """Write a calibration as DLT coefficients, lengths in `unit` (m, cm or mm).

    Returns:
        By camera name how far its lens moves a pixel at most (px); where any does so by more than
        a keypoint scatters, the lenses stand beside, and the coefficients hold without them.

    Raises:
        InputError: an unknown unit, a lens that is not a standard one, or a camera in whose lens
            plane the origin lies.
    """
    if unit not in UNITS_M:
        raise InputError(f"unit '{unit}' is not known; use m, cm or mm.")
    columns, moved = [], {}
    for camera in calibration.cameras:
        if camera.lens_model != "standard":
            raise InputError(
                f"the {camera.lens_model} lens of camera '{camera.name}' cannot be written: tools "
                "for DLT coefficients know k1 k2 p1 p2 k3 at most. Export to anipose."
            )
        columns.append(_coefficients(camera, UNITS_M[unit]))
        moved[camera.name] = _moved_px(camera)
    rows = np.stack(columns, axis=1)
    write_text(path, "".join(",".join(f"{value:.17g}" for value in row) + "\n" for row in rows))
    if max(moved.values()) > MAX_REFIT_PX:
        out = io.StringIO()
        table = csv.writer(out, lineterminator="\n")
        table.writerow(LENS_COLUMNS)
        for camera in calibration.cameras:
            numbers = [*camera.lens[:2], *(camera.lens[2:4] + 1.0), *camera.dist_coeffs]
            table.writerow([camera.name, *camera.image_size, *(f"{n:.17g}" for n in numbers)])
        write_text(lens_file(path), out.getvalue())
    else:
        lens_file(path).unlink(missing_ok=True)
    return moved


def _coefficients(camera: Camera, unit_m: float) -> FloatArray:
    """Return the coefficients (11,) of a camera without its lens."""
    scale = np.diag([unit_m, unit_m, unit_m, 1.0])
    matrix = camera.camera_matrix @ camera.camera_from_world[:3] @ scale
    matrix = _upward(camera.image_size[1]) @ matrix
    if abs(matrix[2, 3]) < LEAST_SHARE:
        raise InputError(
            f"the origin of the world lies in the plane of the lens of camera '{camera.name}': DLT "
            "coefficients cannot say that. Put the origin into the volume (`mocap world`)."
        )
    return np.asarray((matrix / matrix[2, 3]).ravel()[:COEFFICIENTS])


def _upward(height: int) -> FloatArray:
    """Return (3, 3) what makes pixels (x, y) from 0 at the top theirs, and theirs ours."""
    return np.array([[1.0, 0.0, 1.0], [0.0, -1.0, float(height)], [0.0, 0.0, 1.0]])


def _moved_px(camera: Camera) -> float:
    """Return how far the lens moves a pixel of the image at most."""
    width, height = camera.image_size
    x, y = np.meshgrid(np.linspace(0, width - 1, 17), np.linspace(0, height - 1, 13))
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    straight = camera.undistort(pixels) * camera.lens[:2] + camera.lens[2:4]
    return float(np.nanmax(np.linalg.norm(straight - pixels, axis=1)))


@dataclass(frozen=True)
class Seen:
    """What a file of coefficients does not say: a camera's name and its image (width, height)."""

    name: str
    image_size: tuple[int, int]


def read_dlt(path: Path, cameras: Sequence[Seen], *, unit: str = "m") -> Calibration:
    """Read DLT coefficients, of cameras in this order; lenses from the table beside, else none.

    Pixels run upwards as in DLTdv, unless all cameras would look away from each other so: then
    they run downwards. Which it was stands in the source of the calibration.

    Raises:
        InputError: no eleven numbers for each camera, no pinhole camera behind them, another number
            of cameras, or a unit of length that makes no sense.
    """
    if unit not in UNITS_M:
        raise InputError(f"{path}: unit '{unit}' is not known; use m, cm or mm.")
    lenses = _lenses(lens_file(path)) if lens_file(path).is_file() else {}
    columns = _columns(path)
    if not cameras and lenses:
        cameras = [Seen(name, camera.image_size) for name, camera in lenses.items()]
    if not cameras:
        raise InputError(
            f"{path} does not say how large the images are. Copy the videos into the session first "
            "(takes/NAME/CAMERA.mp4): their sizes are taken, in the order of their names."
        )
    if len(columns) != len(cameras):
        raise InputError(
            f"{path} has coefficients of {len(columns)} cameras, the session has videos of "
            f"{len(cameras)} ({', '.join(each.name for each in cameras)}). They are matched in "
            "this order; name the videos accordingly."
        )
    for way, (flips, unscaled) in {
        "upwards": (True, UNITS_M[unit]), "downwards": (False, UNITS_M[unit])
    }.items():  # fmt: skip
        found = tuple(
            _camera(path, column, seen, unscaled, flips=flips, lens=lenses.get(seen.name))
            for column, seen in zip(columns, cameras, strict=True)
        )
        source = f"DLT {path.name}, pixels {way}"
        rig = Calibration(found, metadata={"source": source})
        if _looks_ahead(rig):
            check_width(rig, path, unit)
            return rig
    raise InputError(
        f"{path}: some cameras look towards the others and some away, whichever way their pixels "
        "run. Coefficients of one of them are of another world, or mirrored."
    )


def _columns(path: Path) -> list[FloatArray]:
    """Return the coefficients (11,) of each camera."""
    rows = []
    with reading(path, WHAT):
        for line in read_text(path).replace(",", " ").replace(";", " ").splitlines():
            if line.strip():
                rows.append([float(word) for word in line.split()])
        if not rows or len({len(row) for row in rows}) != 1:
            raise InputError(f"{path} holds no table of numbers; DLT coefficients are eleven rows.")
        table = np.array(rows)
    if not np.isfinite(table).all() or np.abs(table).max() > 1e12:
        raise InputError(f"{path} has a coefficient that is no number.")
    if len(table) != COEFFICIENTS and table.shape[1] == COEFFICIENTS:
        table = table.T
    if len(table) != COEFFICIENTS:
        raise InputError(
            f"{path} has {len(table)} rows of {table.shape[1]} numbers; DLT coefficients are "
            "eleven for each camera, a column each."
        )
    return list(table.T)


def _camera(
    path: Path, column: FloatArray, seen: Seen, unit_m: float, *, flips: bool, lens: Camera | None
) -> Camera:
    """Return the camera of coefficients (11,): pinhole and pose by a QR decomposition."""
    from scipy.linalg import rq

    matrix = np.append(column, 1.0).reshape(3, 4)
    height = seen.image_size[1]
    # The map of pixels is its own inverse upwards; downwards only the first pixel is another.
    down = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, -1.0], [0.0, 0.0, 1.0]])
    back = np.linalg.inv(_upward(height)) if flips else down
    matrix = back @ matrix @ np.diag([1.0 / unit_m] * 3 + [1.0])
    if np.linalg.det(matrix[:, :3]) < 0.0:
        matrix = -matrix
    with reading(path, WHAT):
        inside, turn = rq(matrix[:, :3])
        signs = np.diag(np.sign(np.diag(inside)))
        inside, turn = inside @ signs, signs @ turn
        shift = np.linalg.solve(inside, matrix[:, 3])
        inside /= inside[2, 2]
        if not np.isfinite(inside).all() or np.linalg.det(turn) < 0.0:
            raise InputError(f"{path}: the coefficients of camera '{seen.name}' are no camera.")
    skew_px = abs(inside[0, 1]) * height / (2.0 * inside[1, 1])
    if skew_px > MAX_SKEW_PX:
        raise InputError(
            f"{path}: the coefficients of camera '{seen.name}' bend the image by {skew_px:.0f} px "
            f"against right angles (at most {MAX_SKEW_PX:g}): eleven free numbers that were fitted "
            "to too few or too flat points. Calibrate by a wand or a board instead."
        )
    inside[0, 1] = 0.0
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, shift
    if lens is None:
        return Camera(seen.name, seen.image_size, inside, np.zeros(5), pose)
    return Camera(seen.name, seen.image_size, lens.camera_matrix, lens.dist_coeffs, pose)


def _looks_ahead(rig: Calibration) -> bool:
    """Tell whether the point nearest to all optical axes lies in front of every camera."""
    centers = np.stack([camera.center for camera in rig.cameras])
    axes = np.stack([camera.camera_from_world[2, :3] for camera in rig.cameras])
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    normal = across.sum(axis=0) + 1e-9 * np.eye(3)
    middle = np.linalg.solve(normal, np.einsum("nij,nj->i", across, centers))
    return bool((np.einsum("nj,nj->n", axes, middle - centers) > 0.0).all())


def _lenses(path: Path) -> Mapping[str, Camera]:
    """Return the lenses of a table as `write_dlt` writes it, by camera name."""
    found = {}
    with reading(path, "lenses of DLT coefficients"):
        try:
            rows = list(csv.DictReader(io.StringIO(read_text(path))))
        except csv.Error as error:
            raise InputError(f"{path} is no table of lenses: {error}.") from error
        for row in rows:
            values = {key: float(row[key]) for key in LENS_COLUMNS[1:]}
            matrix = np.array([
                [values["fx"], 0.0, values["cx"] - 1.0],
                [0.0, values["fy"], values["cy"] - 1.0],
                [0.0, 0.0, 1.0],
            ])  # fmt: skip
            size = (int(values["width"]), int(values["height"]))
            lens = np.array([values[key] for key in LENS_COLUMNS[7:]])
            found[row["camera"]] = Camera(row["camera"], size, matrix, lens, np.eye(4))
    return found
