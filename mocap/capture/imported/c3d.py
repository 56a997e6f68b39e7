"""Points of a C3D file, read so that a damaged file ends in a sentence.

The format (C3D.org, "The C3D File Format User Guide", 2008) is blocks of 512 bytes: a header,
groups of parameters, then frame after frame four numbers a point, followed by the analog samples.
Every number that a file gives is compared with what is there before it is used.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.core.shapes import Array, FloatArray

BLOCK = 512
INTEL, DEC, MIPS = 84, 85, 86
_MAGIC = 0x50
_WIDTHS = {-1: 1, 1: 1, 2: 2, 4: 4}
"""Bytes of a value by its type: characters, bytes, whole numbers, floating point."""
_SATURATED = 65_535
MOST_FRAMES = 50_000_000


@dataclass(frozen=True, eq=False)
class C3dPoints:
    """Points of a file.

    Attributes:
        labels: as the file spells them.
        xyz: (frame, point, 3) in the file's unit; NaN where a point was not seen.
        fps: frames per second; 0 where the file does not say.
        unit: as the file spells it, "" where it does not.
    """

    labels: tuple[str, ...]
    xyz: FloatArray
    fps: float
    unit: str


def read_c3d(path: Path) -> C3dPoints:
    """Read the points of a file; call it inside `reading`.

    Raises:
        ValueError, struct.error: it is no C3D file, or says what cannot be.
    """
    data = path.read_bytes()
    if len(data) < 2 * BLOCK or data[1] != _MAGIC:
        raise ValueError("it does not begin as a C3D file does")
    start = (data[0] - 1) * BLOCK
    processor = data[start + 3] if 0 < start <= len(data) - 4 else 0
    if processor not in (INTEL, DEC, MIPS):
        raise ValueError(f"processor {processor} is none of Intel, DEC and MIPS")
    order = ">" if processor == MIPS else "<"
    known = dict(_parameters(data, start + 4, order, processor))
    count, analog, first, last = struct.unpack_from(f"{order}4H", data, 2)
    scale, begin = _scale(data, order, processor), struct.unpack_from(f"{order}H", data, 16)[0]
    frames = _frame_count(known, first, last)
    width = 4 if scale < 0 else 2
    row = 4 * count + analog
    begins = (int(_number(known, "POINT", "DATA_START", begin)) - 1) * BLOCK
    if not count or begins <= 0 or frames > MOST_FRAMES:
        raise ValueError(f"{count} points in {frames} frames from byte {begins}")
    there = max(0, len(data) - begins) // (row * width)
    # Only the last frame of a file that was cut short may be missing.
    if there < frames:
        raise ValueError(f"it ends after {there} of {frames} frames")
    kind = np.dtype(f"{order}{'f4' if width == 4 else 'i2'}")
    whole = np.frombuffer(data, kind, frames * row, begins).reshape(frames, row)
    values = whole[:, : 4 * count].reshape(frames, count, 4)
    if width == 4 and processor == DEC:
        values = _from_dec(values)
    with np.errstate(invalid="ignore"):  # signalling numbers that are none
        xyz = values[..., :3].astype(np.float64) * (1.0 if scale < 0 else scale)
    # A negative residual marks a point that was not seen; zeros fill it in many files.
    hidden = (values[..., 3] < 0) | (np.abs(xyz).max(axis=-1) == 0.0)
    xyz[hidden | ~np.isfinite(xyz).all(axis=-1)] = np.nan
    labels = (*known.get(("POINT", "LABELS"), ()), *known.get(("POINT", "LABELS2"), ()))
    named = tuple(str(each).strip() for each in labels[:count])
    unit = str(next(iter(known.get(("POINT", "UNITS"), ())), "")).strip()
    fps = float(_number(known, "POINT", "RATE", _floats(data[20:24], order, processor)[0]))
    return C3dPoints(named, xyz[:, : len(named)], fps if math.isfinite(fps) else 0.0, unit)


Values = tuple[object, ...]
Parameters = Mapping[tuple[str, str], Values]


def _number(known: Parameters, group: str, name: str, default: float) -> float:
    """Return the first value of a parameter; what is no number is no value."""
    value = next(iter(known.get((group, name), ())), default)
    return float(value) if isinstance(value, int | float) else float(default)


def _scale(data: bytes, order: str, processor: int) -> float:
    """Return what whole numbers are multiplied by; negative where points are floating point."""
    scale = float(_floats(data[12:16], order, processor)[0])
    if not math.isfinite(scale) or scale == 0.0:
        raise ValueError(f"a scale of {scale}")
    return scale


def _frame_count(known: Parameters, first: int, last: int) -> int:
    """Return the number of frames; long files give it beside the header, whose words saturate."""
    count = last - first + 1
    ends = [known.get(("TRIAL", f"ACTUAL_{each}_FIELD"), ()) for each in ("START", "END")]
    if last == _SATURATED and all(len(each) == 2 for each in ends):
        low, high = (_words(each) for each in ends)
        count = high - low + 1
    if last == _SATURATED and ("POINT", "FRAMES") in known:
        count = max(count, int(_number(known, "POINT", "FRAMES", count)) & 0xFFFF)
    if count < 1:
        raise ValueError(f"frames {first} to {last}")
    return count


def _words(pair: Values) -> int:
    """Return a number of two words, the lower first."""
    low, high = (each if isinstance(each, int) else 0 for each in pair)
    return (low & 0xFFFF) + ((high & 0xFFFF) << 16)


def _parameters(
    data: bytes, at: int, order: str, processor: int
) -> Iterator[tuple[tuple[str, str], Values]]:
    """Yield ((group, name), values) of every parameter."""
    groups: dict[int, str] = {}
    found: list[tuple[int, str, Values]] = []
    while at + 2 <= len(data):
        length, number = struct.unpack_from("bb", data, at)
        length = abs(length)  # a locked one is negative
        if not length or not number:
            break
        name = data[at + 2 : at + 2 + length].decode("latin1").upper()
        at += 2 + length
        (offset,) = struct.unpack_from(f"{order}H", data, at)
        if number < 0:
            groups[-number] = name
        else:
            found.append((number, name, _values(data, at + 2, order, processor)))
        if not offset:
            break
        at += offset
    for number, name, values in found:
        if number in groups:
            yield (groups[number], name), values


def _values(data: bytes, at: int, order: str, processor: int) -> Values:
    """Return the values of a parameter: texts, or numbers one after the other."""
    kind, dimensions = struct.unpack_from("bB", data, at)
    if kind not in _WIDTHS or dimensions > 7:
        raise ValueError(f"a parameter of type {kind} with {dimensions} dimensions")
    sizes = tuple(data[at + 2 : at + 2 + dimensions])
    count, begin = math.prod(sizes), at + 2 + dimensions
    raw = data[begin : begin + count * _WIDTHS[kind]]
    if len(raw) < count * _WIDTHS[kind]:
        raise ValueError("a parameter that is longer than the file")
    if kind == -1:
        long = sizes[0] if len(sizes) > 1 else count
        texts = [raw[k : k + long] for k in range(0, count, long)] if long else []
        return tuple(each.decode("latin1") for each in texts)
    if kind == 4:
        return tuple(float(each) for each in _floats(raw, order, processor))
    whole = np.frombuffer(raw, "u1" if kind == 1 else f"{order}i2")
    return tuple(int(each) for each in whole)


def _floats(raw: bytes, order: str, processor: int) -> Array:
    if processor == DEC:
        return _from_dec(np.frombuffer(raw, "<f4"))
    return np.frombuffer(raw, f"{order}f4")


def _from_dec(values: Array) -> Array:
    """Return numbers of DEC's F format: words in the other order, exponents two higher."""
    words = np.ascontiguousarray(values).view("<u2").reshape(*values.shape, 2)
    swapped = np.ascontiguousarray(words[..., ::-1]).view("<f4")[..., 0]
    return np.asarray(swapped / 4.0)
