"""Read OpenCap's cameras: `Cam0/cameraIntrinsicsExtrinsics.pickle` and its neighbours.

A pickle can run any program when it is opened, so only numbers are let in: dictionaries of text and
NumPy arrays, everything else is refused by name. For each camera: `intrinsicMat` (3, 3),
`distortion` k1 k2 p1 p2 k3, `imageSize` (height, width) px, `rotation` (3, 3) and `translation`
(3, 1) mm from the world of its checkerboard to the camera.

The board stands upright there, so one of its axes is vertical: the one nearest to what the cameras
call up. The world is turned to have Z up; where the floor is, the file does not say.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mocap.calibrate.interchange.foreign_tables import check_width
from mocap.core.calibration_file import lens_of_coefficients
from mocap.core.camera import LARGEST_PARAMETER, Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.rotation import rotation_between
from mocap.core.shapes import FloatArray
from mocap.core.transform import rigid

FILE = "cameraIntrinsicsExtrinsics.pickle"
SUFFIX = ".pickle"
WHAT = "cameras of OpenCap"
# One camera is some kilobytes.
MAX_BYTES = 100_000
ROTATION_TOLERANCE = 1e-3
# What the reader of pickles raises on damaged files.
_BROKEN = (
    pickle.UnpicklingError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
KEYS = ("intrinsicMat", "distortion", "imageSize", "rotation", "translation")


def read_opencap(path: Path) -> Calibration:
    """Read the camera of a pickle and those beside it: `../*/` of the same name, else `*.pickle`.

    Cameras are named by their folders, or by their files.

    Raises:
        InputError: a file holds anything but numbers, a value is missing or wrong.
    """
    if path.name == FILE:
        paths = {each.parent.name: each for each in sorted(path.parent.parent.glob(f"*/{FILE}"))}
    else:
        paths = {each.stem: each for each in sorted(path.parent.glob(f"*{SUFFIX}"))}
    if path not in paths.values():
        raise InputError(f"{path} does not exist. Name the pickle of one of the cameras.")
    cameras = tuple(_camera(name, each) for name, each in paths.items())
    rig = _upright(Calibration(cameras, metadata={"source": f"OpenCap {path.parent.name}"}))
    check_width(rig, path, "mm")
    return rig


def _camera(name: str, path: Path) -> Camera:
    with reading(path, WHAT):
        table = _numbers(path)
        missing = [key for key in KEYS if key not in table]
        if missing:
            raise InputError(f"{path} has no value for '{missing[0]}'; it is no camera of OpenCap.")
        rotation, size = table["rotation"].reshape(3, 3), table["imageSize"].ravel()
        if np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE:
            raise InputError(f"{path}: its rotation is no rotation matrix.")
        distortion = table["distortion"].ravel()
        model, coefficients = lens_of_coefficients(distortion, fisheye=False, of=f"camera {name}")
        pose = rigid(rotation, table["translation"].reshape(3) / 1000.0)
        matrix = table["intrinsicMat"].reshape(3, 3)
        return Camera(name, (int(size[1]), int(size[0])), matrix, coefficients, pose, model)


def _numbers(path: Path) -> Mapping[str, FloatArray]:
    """Return a pickled dictionary of arrays.

    Raises:
        InputError: it holds something else.
    """
    data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    try:
        document = _OnlyNumbers(BytesIO(data)).load()
    except (pickle.UnpicklingError, AttributeError, EOFError, IndexError, MemoryError) as error:
        raise InputError(
            f"{path} holds no cameras of OpenCap that can be read: {error}."
        ) from error
    if not isinstance(document, dict):
        raise InputError(f"{path} holds no dictionary; it is no camera of OpenCap.")
    out = {}
    for key in KEYS:
        if key in document:
            value = np.asarray(document[key], dtype=np.float64)
            if not (np.abs(value) < LARGEST_PARAMETER).all():
                raise InputError(f"{path}: '{key}' holds a number that no camera has.")
            out[key] = value
    return out


_ARRAY = object()
"""Stands for the class of arrays, which nothing in a file may call."""


def _empty(kind: Any, shape: Any, __: Any) -> Any:
    """Make the empty array that NumPy's pickles begin with, and none of another size."""
    if kind is not _ARRAY or shape != (0,):
        raise pickle.UnpicklingError("an array that is not built of its own bytes")
    return np.ndarray.__new__(np.ndarray, (0,), "b")


class _OnlyNumbers(pickle._Unpickler):
    """Opens nothing but NumPy arrays of numbers: no name in the file finds any other code.

    The one in Python: that in C keeps what it remembers in a list as long as the file says.
    """

    stack: list[Any]
    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name in a pickle of arrays; refuse all others."""
        if name == "_reconstruct" and module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            return _empty
        if (module, name) == ("numpy", "ndarray"):
            return _ARRAY
        if (module, name) == ("numpy", "dtype"):
            return _plain_dtype
        if (module, name) == ("_codecs", "encode"):
            return _latin
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is no number")

    def load_build(self) -> None:
        """Fill an array with its bytes; a type stays what it is; nothing else is changed."""
        state, built = self.stack.pop(), self.stack[-1]
        if isinstance(built, np.dtype):
            if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", "|", "="):
                raise pickle.UnpicklingError("numbers in an order of bytes that is not known")
        elif isinstance(built, np.ndarray):
            built.__setstate__(state)
        else:
            raise pickle.UnpicklingError("it changes what is no array")

    dispatch[pickle.BUILD[0]] = load_build


def _plain_dtype(kind: Any, *_: Any) -> Any:
    """Return the type of numbers, whose size the file cannot choose."""
    if str(kind).lstrip("<>=|") not in ("f8", "f4", "i8", "i4", "u1"):
        raise pickle.UnpicklingError(f"an array of {str(kind)[:20]}, not of numbers")
    return np.dtype(str(kind))


def _latin(text: Any, encoding: Any) -> bytes:
    """Return bytes that an old pickle keeps as text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("text in another encoding than latin1")
    return text.encode("latin1")


def _upright(rig: Calibration) -> Calibration:
    """Return the rig with the board's vertical axis as Z up."""
    up = np.mean([-camera.camera_from_world[1, :3] for camera in rig.cameras], axis=0)
    axis = np.zeros(3)
    along = int(np.abs(up).argmax())
    axis[along] = 1.0 if up[along] > 0 else -1.0
    turn = rotation_between(axis, np.array([0.0, 0.0, 1.0]))
    return replace(rig.transformed(rigid(turn, np.zeros(3))), metadata=rig.metadata)
