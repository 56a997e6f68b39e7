"""Files of others cost no more than they should, and end in a sentence when they are damaged."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from mocap.core.errors import InputError
from mocap.core.files import npz
from mocap.core.files.npz import read_npz, write_npz
from mocap.core.files.reading import read_json, read_text, read_toml, reading
from mocap.core.points import Points3D
from mocap.core.store import Provenance, load_artifact, load_provenance, save_artifact


def points(**changes: object) -> Points3D:
    values = {
        "keypoint_names": ("nose",), "person_ids": (0,), "fps": 30.0,
        "xyz": np.zeros((2, 1, 1, 3)), "covariance": np.zeros((2, 1, 1, 3, 3)),
        "reprojection_error_px": np.zeros((2, 1, 1)),
        "view_count": np.zeros((2, 1, 1), np.int64), "source": np.zeros((2, 1, 1), np.int64),
    }  # fmt: skip
    return Points3D(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"fps = " + b"9" * 400, "'fps' is a number of 400 digits"),
        (b"fps = " + b"9" * 5000, "not a TOML file"),
        (b"a = " + b"[" * 3000, "not a TOML file"),
        (b"a = " + b"[" * 70 + b"]" * 70, "more than 64 levels deep"),
        (b"\xff\xfea", "not a TOML file"),
        (b"a = ", "not valid TOML"),
    ],
)
def test_toml_that_could_hurt_is_a_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "some.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_toml(path)


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_bytes(b"\xef\xbb\xbffps = 30.0\n")
    assert read_toml(path) == {"fps": 30.0}
    assert read_text(path) == "fps = 30.0\n"


@pytest.mark.parametrize("text", ["[1]", '{"a": ' * 3000, '{"a": 1e', '{"a": ' + "9" * 30 + "}"])
def test_json_that_could_hurt_is_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"some\.json"):
        read_json(path)


def test_a_folder_and_a_missing_file_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder lies where a file belongs"):
        read_text(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        read_text(tmp_path / "nothing.toml")


def test_errors_of_this_tool_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mine"), reading(tmp_path, "anything"):
        raise InputError("mine")


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4), np.asfortranarray(np.arange(12.0).reshape(3, 4)),
        np.array("text é"), np.array(["a", "bc"]), np.array([], dtype=np.float32),
        np.array([True, False]), np.arange(3, dtype=">i4"), np.array(["é"], dtype=">U3"),
        np.zeros((0, 3)), np.array(2.5),
    ],
)  # fmt: skip
def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path, array: np.ndarray) -> None:
    path = tmp_path / "some.npz"
    np.savez_compressed(path, a=array)
    mine = read_npz(path)["a"]
    with np.load(path) as data:
        np.testing.assert_array_equal(mine, data["a"], strict=True)
    write_npz(path, {"a": array})
    with np.load(path) as data:
        np.testing.assert_array_equal(data["a"], array)


def archive(path: Path, **members: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)


def header(shape: str, kind: str = "<f8") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def test_an_archive_that_unpacks_to_far_more_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    archive(path, a=header("(20000000,)") + bytes(160_000_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ValueError, match="unpack to 160 MB"):
        read_npz(path)


def test_what_this_tool_writes_it_also_reads_however_well_it_packs(tmp_path: Path) -> None:
    path = tmp_path / "empty_slots.npz"
    write_npz(path, {"a": np.full(12_000_000, np.nan)})
    assert np.isnan(read_npz(path)["a"]).all()


def test_arrays_are_packed_at_the_level_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    write_npz(path, {"a": np.random.default_rng(1).normal(size=20_000).astype(np.float32)})
    with zipfile.ZipFile(path) as stored:
        (entry,) = stored.infolist()
        packer = zlib.compressobj(npz._LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(stored.read(entry)) + packer.flush()
    assert entry.compress_size == len(packed) and entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_what_hardly_packs_is_stored_as_it_is(tmp_path: Path) -> None:
    path, noise = tmp_path / "some.npz", np.random.default_rng(1).normal(size=100_000)
    half = noise.astype(np.float32).astype(np.float64)  # as keypoints of networks are
    write_npz(path, {"noise": noise, "half": half})
    with zipfile.ZipFile(path) as stored:
        kinds = {each.filename: each.compress_type for each in stored.infolist()}
    assert kinds == {"noise.npy": zipfile.ZIP_STORED, "half.npy": zipfile.ZIP_DEFLATED}
    found = read_npz(path)
    np.testing.assert_array_equal(found["noise"], noise)
    np.testing.assert_array_equal(found["half"], half)


@pytest.mark.parametrize(
    "content",
    [
        header("(3,)"), header("(1000000000000,)"), header("(-1,)"), header("(True,)"),
        header("(1,)", "|O") + bytes(8), header("(1,)", "<U1") + b"\xff\xff\xff\xff",
        header("(1,)", "<U1") + b"\x00\xd8\x00\x00", header("((((") + bytes(8),
        b"\x93NUMPY\x01\x00",
        header("(1,)") + bytes(9), header("(1,)", "V8") + bytes(8),
    ],
)  # fmt: skip
def test_a_member_that_is_not_what_it_declares_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "some.npz"
    archive(path, a=content)
    with pytest.raises(InputError, match="damaged"), reading(path, "an archive"):
        read_npz(path)


def test_persons_are_numbers_and_rates_are_possible(tmp_path: Path) -> None:
    path = tmp_path / "points.npz"
    made = Provenance("triangulate", "1")
    save_artifact(points(person_ids=("../../outside",)), path, made)
    with pytest.raises(InputError, match="person_ids holds <U"):
        load_artifact(path, Points3D)
    for fps in (0.0, float("nan"), float("inf"), 1e9, -30.0):
        save_artifact(points(fps=fps), path, made)
        with pytest.raises(InputError, match="frames per second"):
            load_artifact(path, Points3D)


def test_provenance_of_another_shape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "points.npz"
    save_artifact(points(), path, Provenance("triangulate", "1"))
    arrays = read_npz(path)
    for stored in ('{"a": ' * 3000, "[]", '{"stage": 1, "version": "1"}', "{"):
        write_npz(path, {**arrays, "provenance": np.array(stored)})
        with pytest.raises(InputError, match="damaged"):
            load_provenance(path)
    whole = {"stage": "a", "version": "1", "warnings": ["w"]}
    write_npz(path, {**arrays, "provenance": np.array(json.dumps(whole))})
    assert load_provenance(path).warnings == ("w",)


def test_numpy_reads_what_is_stored_unpacked(tmp_path: Path) -> None:
    packed = io.BytesIO()
    np.savez(packed, a=np.arange(3))
    path = tmp_path / "plain.npz"
    path.write_bytes(packed.getvalue())
    np.testing.assert_array_equal(read_npz(path)["a"], [0, 1, 2])
