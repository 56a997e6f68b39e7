"""Archives of arrays (`.npz`), read so that a hostile file costs no more than an honest one.

What a member declares (type, shape, size) is checked before anything is unpacked: no objects, no
more bytes than the member has, no archive that unpacks to far more than its own size.
"""

from __future__ import annotations

import ast
import math
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from mocap.core.shapes import Array, in_parts

MOST_UNPACKED_SHARE = 25
"""Bytes unpacked for each byte of the file. Keypoints of real takes pack to a half or a third;
where most slots are empty, to a twentieth. Members that pack better are stored as they are."""

ALWAYS_UNPACKED_BYTES = 64_000_000
"""A small file may hold much of one value."""

MOST_PACKED_SHARE = 0.85
"""What packs to more than this is stored as it is. The digits of points in space, and of keypoints
with noise on all their digits, pack to .9 of their size at 40 MB a second."""

MOST_MEMBERS = 10_000
_LONGEST_HEADER = 65_535
_HEADER_SIZES = {1: 2, 2: 4, 3: 4}
_CHUNK_BYTES = 1 << 20
"""Read and packed at once: larger ones leave the processor's caches, and cost a quarter more."""
_LEVEL = 1
"""Of zlib. Keypoints of real takes are packed five times as fast as at its usual level 6, which was
most of what association and smoothing cost, and are 5 % larger."""
_TRIES, _TRIED_BYTES = 8, 1 << 15
"""Pieces that are tried of an array, each as long as the packer looks back; together 6 ms."""

_KINDS = "biufUS"
"""Truth, whole numbers, floating point, text: plain values only."""


def read_npz(
    path: Path, names: Iterable[str] | None = None, *, always_bytes: int = ALWAYS_UNPACKED_BYTES
) -> dict[str, Array]:
    """Return the arrays of an archive by name; only those in `names` when given.

    `always_bytes` may be unpacked however small the file is.

    Call it inside `reading`: besides ValueError it raises whatever unpacking does.

    Raises:
        ValueError: the archive or a member is not what it declares, or unpacks to too much.
    """
    wanted = None if names is None else set(names)
    with path.open("rb") as stored, zipfile.ZipFile(stored) as archive:
        members = archive.infolist()
        if len(members) > MOST_MEMBERS:
            raise ValueError(f"{len(members)} arrays; at most {MOST_MEMBERS} are read")
        chosen = {}
        for each in members:
            name = each.filename.removesuffix(".npy")
            if wanted is None or name in wanted:
                if name in chosen:
                    raise ValueError(f"two arrays are called {name!r}")
                chosen[name] = each
        size = path.stat().st_size
        total = sum(each.file_size for each in chosen.values())
        if total > always_bytes + MOST_UNPACKED_SHARE * size:
            raise ValueError(
                f"{size / 1e6:.1f} MB that say they unpack to {total / 1e6:.0f} MB of arrays"
            )
        return {name: _member(archive, each) for name, each in chosen.items()}


def write_npz(path: Path, arrays: Mapping[str, Any], *, pack: bool = True) -> None:
    """Write arrays as `.npz` with fixed timestamps (numpy's own writer stores the time).

    Without `pack` they are stored as they are: ten times as fast.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as archive:
        for name, array in arrays.items():
            values = np.asarray(array, order="C")
            packs = pack and _worth_packing(values)
            # What is named by a text is packed as the archive says; neither has a time of its own.
            entry: str | zipfile.ZipInfo = f"{name}.npy"
            if not packs:
                entry = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, values, allow_pickle=False)


def _worth_packing(values: Array) -> bool:
    """Tell whether an array is to be packed: not if it hardly packs, nor if it packs too well."""
    if values.nbytes <= _TRIES * _TRIED_BYTES:
        return True
    raw = values.reshape(-1).view(np.uint8)
    if _packed_share(raw) > MOST_PACKED_SHARE:
        return False
    return raw.size < ALWAYS_UNPACKED_BYTES // 16 or not _packs_too_well(raw)


def _packed_share(raw: Array) -> float:
    """Return to which share of their size pieces from all over an array pack."""
    starts = np.linspace(0, raw.size - _TRIED_BYTES, _TRIES).astype(np.int64)
    pieces = np.concatenate([raw[start : start + _TRIED_BYTES] for start in starts])
    return len(zlib.compress(pieces.tobytes(), _LEVEL)) / pieces.size


def _packs_too_well(raw: Array) -> bool:
    """Tell whether the bytes of an array would unpack to more than the reader allows.

    Keypoints are packed no further than until enough is left of them, a tenth or less.
    """
    packer, packed = zlib.compressobj(_LEVEL), 0
    for part in in_parts(len(raw), _CHUNK_BYTES):
        packed += len(packer.compress(raw[part].tobytes()))
        if packed * MOST_UNPACKED_SHARE >= len(raw):
            return False
    return (packed + len(packer.flush())) * MOST_UNPACKED_SHARE < len(raw)


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    with archive.open(entry) as file:
        try:
            dtype, shape, by_columns, used = _header(file)
        except ValueError as error:
            raise ValueError(f"'{entry.filename.removesuffix('.npy')}' is {error}") from error
        count = math.prod(shape)
        if used + count * dtype.itemsize != entry.file_size:
            raise ValueError(
                f"{entry.filename} declares {shape} of {dtype}, but holds {entry.file_size} bytes"
            )
        raw = np.zeros(count * dtype.itemsize, np.uint8)
        for start in range(0, len(raw), _CHUNK_BYTES):
            part = file.read(min(_CHUNK_BYTES, len(raw) - start))
            # A part that is too short does not fit: ValueError.
            raw[start : start + _CHUNK_BYTES] = np.frombuffer(part, np.uint8)
        if file.read(1):
            raise ValueError(f"{entry.filename} is longer than it declares")
    if dtype.kind == "U":
        _check_text(raw.view(np.dtype("u4").newbyteorder(dtype.byteorder)))
    return raw.view(dtype).reshape(shape, order="F" if by_columns else "C")


_TYPE_NAME = re.compile(rf"[<>|=][{_KINDS}][0-9]+")
"""As NumPy writes them; of other names it knows some, and warns of others."""


def _check_text(codes: Array) -> None:
    """Check that numbers are characters: Python crashes on texts of others."""
    if codes.size and (codes.max() > 0x10FFFF or ((codes >= 0xD800) & (codes < 0xE000)).any()):
        raise ValueError("a text of numbers that are no characters")


def _header(file: IO[bytes]) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    """Return type, shape, whether columns come first, and the bytes read (NEP 1)."""
    magic = file.read(8)
    if len(magic) < 8 or magic[:6] != b"\x93NUMPY" or magic[6] not in _HEADER_SIZES:
        raise ValueError("no array")
    digits = _HEADER_SIZES[magic[6]]
    length = int.from_bytes(file.read(digits), "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"an array with a header of {length} bytes")
    text = file.read(length)
    said = ast.literal_eval(text.decode("utf-8" if magic[6] == 3 else "latin1").strip())
    if not isinstance(said, dict) or set(said) != {"descr", "fortran_order", "shape"}:
        raise ValueError("an array with a header that is none")
    kind, shape, by_columns = said["descr"], said["shape"], said["fortran_order"]
    named = isinstance(kind, str) and _TYPE_NAME.fullmatch(kind)
    if not named or not isinstance(by_columns, bool):
        raise ValueError(f"of type {str(kind)[:40]}; plain numbers and texts are read")
    dtype = np.dtype(kind)
    if dtype.kind not in _KINDS or dtype.itemsize == 0:
        raise ValueError(f"of type {dtype}; plain numbers and texts are read")
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise ValueError(f"of the shape {str(shape)[:40]}")
    return dtype, shape, by_columns, 8 + digits + length
