"""C3D files of every processor and kind of number, beside ezc3d, and damaged ones."""

from __future__ import annotations

import struct
from pathlib import Path

import ezc3d
import numpy as np
import pytest

from mocap.capture.imported.c3d import BLOCK, DEC, INTEL, MIPS, C3dPoints, read_c3d
from mocap.capture.imported.read import read_foreign
from mocap.core.errors import InputError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.export import c3d

FPS = 120.0
LABELS = ("LASI", "RASI")
XYZ = np.array([[[1.5, -2.25, 1000.0], [0.125, 3.0, -7.5]], [[2.0, 4.0, 8.0], [np.nan] * 3]])
"""Millimetres that every kind of number holds exactly, and a point that was not seen."""


def number(value: float, processor: int) -> bytes:
    """Return a number in floating point; DEC's has its words exchanged and exponents two higher."""
    if processor == MIPS:
        return struct.pack(">f", value)
    raw = struct.pack("<f", value * (4.0 if processor == DEC else 1.0))
    return raw[2:] + raw[:2] if processor == DEC else raw


def c3d_bytes(processor: int, *, whole: bool, analog: int = 0) -> bytes:
    """Write a file by the format's description: header, one block of parameters, frames."""
    order, scale = ">" if processor == MIPS else "<", 0.125

    def word(value: int) -> bytes:
        return struct.pack(f"{order}h", value)

    def parameter(group: int, name: str, kind: int, sizes: tuple[int, ...], raw: bytes) -> bytes:
        body = struct.pack("bB", kind, len(sizes)) + bytes(sizes) + raw + b"\0"
        return struct.pack("bb", len(name), group) + name.encode() + word(2 + len(body)) + body

    labels = "".join(f"{label:<6}" for label in LABELS).encode()
    parameters = (
        bytes((1, _MAGIC, 1, processor))
        + struct.pack("bb", 5, -1) + b"POINT" + word(3) + b"\0"
        + parameter(1, "LABELS", -1, (6, 2), labels)
        + parameter(1, "UNITS", -1, (2,), b"mm")
        + parameter(1, "RATE", 4, (), number(FPS, processor))
        + b"\0\0"
    )  # fmt: skip
    header = bytes((2, _MAGIC)) + word(2) + word(analog) + word(1) + word(2) + word(10)
    header += number(scale if whole else -scale, processor) + word(3) + word(1 if analog else 0)
    header += number(FPS, processor)
    frames = b""
    for points in XYZ:
        for point in points:
            seen = bool(np.isfinite(point).all())
            values = (*np.nan_to_num(point), 0.0 if seen else -1.0)
            if whole:
                parts = [word(int(v / scale)) for v in values[:3]] + [word(int(values[3]))]
            else:
                parts = [number(value, processor) for value in values]
            frames += b"".join(parts)
        frames += (b"\0\0" if whole else b"\0" * 4) * analog
    return header.ljust(BLOCK, b"\0") + parameters.ljust(BLOCK, b"\0") + frames


_MAGIC = 0x50


def same(found: C3dPoints, xyz: FloatArray) -> None:
    assert found.labels == LABELS and found.unit == "mm" and found.fps == FPS
    np.testing.assert_array_equal(found.xyz, xyz)


@pytest.mark.parametrize("analog", [0, 3])
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("processor", [INTEL, DEC, MIPS])
def test_every_kind_of_number(tmp_path: Path, processor: int, whole: bool, analog: int) -> None:
    path = tmp_path / "a.c3d"
    path.write_bytes(c3d_bytes(processor, whole=whole, analog=analog))
    same(read_c3d(path), XYZ)


def test_the_same_as_ezc3d(tmp_path: Path) -> None:
    names = tuple(f"point_{k}" for k in range(40))
    chance = np.random.default_rng(1)
    xyz = chance.normal(0.0, 1.0, (50, 1, 40, 3))
    source = chance.choice([Source.MEASURED, Source.MISSING], (50, 1, 40), p=[0.9, 0.1])
    missing = source == Source.MISSING
    xyz[missing] = np.nan
    spread = np.where(missing[..., None, None], np.nan, 1e-6 * np.eye(3))
    error = np.where(missing, np.nan, 1.0)
    points = Points3D(names, (0,), FPS, xyz, spread, error, np.where(missing, 0, 3), source)
    path = tmp_path / "a.c3d"
    c3d.write(points, path)
    found, other = read_c3d(path), ezc3d.c3d(str(path))
    hidden = np.asarray(other["data"]["meta_points"]["residuals"])[0].T < 0
    theirs = np.asarray(other["data"]["points"][:3], dtype=np.float64).transpose(2, 1, 0)
    theirs[hidden] = np.nan
    np.testing.assert_array_equal(found.xyz, theirs)
    assert list(found.labels) == [
        each.strip() for each in other["parameters"]["POINT"]["LABELS"]["value"]
    ]


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.c3d"
    path.write_bytes(c3d_bytes(INTEL, whole=False)[:-8])
    with pytest.raises(InputError, match="it ends after 1 of 2 frames"):
        read_foreign(path)
