"""Read Qualisys Track Manager calibrations (.qca.txt).

Intrinsics are in 1/64 px, positions in mm. The rotation takes world to camera axes x right, y up,
z backward, written row by row; OpenCV's y and z are its negatives. Distortion coefficients have no
unit and act on normalised coordinates as OpenCV's do.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from mocap.calibrate.interchange.foreign_tables import read_text
from mocap.core.camera import LARGEST_PARAMETER, Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.transform import rigid

SUBPIXELS = 64.0
CAMERA_AXES = np.diag([1.0, -1.0, -1.0])
# The rotation is stored with 16 digits; a larger error means a damaged file.
ROTATION_TOLERANCE = 1e-4


def read_qualisys(path: Path) -> Calibration:
    """Read the cameras of a Qualisys calibration; they are named by their serial numbers.

    Raises:
        InputError: missing file, no XML, no camera, a value missing or wrong, or a rotated view.
    """
    text = read_text(path)
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InputError(f"{path} defines XML entities, which no Qualisys calibration needs.")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no Qualisys calibration: {error}.") from error
    elements = [e for e in root.iter("camera") if e.get("active", "1") != "0"]
    if not elements:
        raise InputError(f"{path} lists no active camera; export the calibration from QTM again.")
    cameras = []
    for number, element in enumerate(elements, start=1):
        name = element.get("serial") or f"camera {number}"
        try:
            cameras.append(_camera(name, element))
        except KeyError as error:
            raise InputError(f"{path}: camera '{name}' has no value {error}.") from error
        except ValueError as error:
            raise InputError(f"{path}: camera '{name}': {error}.") from error
    rms = {
        camera.name: float(element.get("avg-residual", "nan"))
        for camera, element in zip(cameras, elements, strict=True)
        if _is_number(element.get("avg-residual"))
    }
    try:
        return Calibration(tuple(cameras), rms, {"source": f"Qualisys {path.name}"})
    except ValueError as error:
        raise InputError(f"{path}: {error}.") from error


def _is_number(text: str | None) -> bool:
    """Return whether an attribute holds a number."""
    try:
        return text is not None and np.isfinite(float(text))
    except ValueError:
        return False


def _camera(name: str, element: ElementTree.Element) -> Camera:
    """Return the camera of one XML element."""
    if float(element.get("viewrotation", "0")) != 0:
        raise ValueError("its view is rotated in QTM; export the video and calibration unrotated")
    field = _child(element, "fov_video")
    left, top = field["left"], field["top"]
    size = (round(field["right"] - left) + 1, round(field["bottom"] - top) + 1)
    if min(size) < 2:
        raise ValueError(f"its image of {size[0]} x {size[1]} px is empty")
    lens = _child(element, "intrinsic")
    matrix = np.array(
        [
            [lens["focalLengthU"] / SUBPIXELS, 0.0, lens["centerPointU"] / SUBPIXELS - left],
            [0.0, lens["focalLengthV"] / SUBPIXELS, lens["centerPointV"] / SUBPIXELS - top],
            [0.0, 0.0, 1.0],
        ]
    )
    # "tangentalDistortion" is how the files spell it.
    names = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1",
             "tangentalDistortion2", "radialDistortion3")  # fmt: skip
    distortion = np.array([lens[key] for key in names])
    pose = _child(element, "transform")
    axes = np.array([[pose[f"r{i}{j}"] for j in (1, 2, 3)] for i in (1, 2, 3)])
    if np.abs(axes @ axes.T - np.eye(3)).max() > ROTATION_TOLERANCE:
        raise ValueError("its rotation is no rotation matrix")
    rotation = CAMERA_AXES @ axes
    center = np.array([pose["x"], pose["y"], pose["z"]]) / 1000.0
    return Camera(name, size, matrix, distortion, rigid(rotation, -rotation @ center))


def _child(element: ElementTree.Element, tag: str) -> dict[str, float]:
    """Return the attributes of a child element as finite numbers."""
    child = element.find(tag)
    if child is None:
        raise ValueError(f"it has no <{tag}>")
    numbers = {key: float(text) for key, text in child.attrib.items() if _is_number(text)}
    if any(abs(value) > LARGEST_PARAMETER for value in numbers.values()):
        raise ValueError(f"<{tag}> holds a number beyond {LARGEST_PARAMETER:g}")
    wrong = sorted(set(child.attrib) - set(numbers) - {"skew", "focallength"})
    if wrong:
        raise ValueError(f"{wrong[0]} of <{tag}> is no finite number")
    return numbers
