"""Artifacts: what goes in comes out; damage and hostile content end in one clear sentence."""

from __future__ import annotations

import os
import pickle
import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap.core import store
from mocap.core.detections import Corners, Tracks2D
from mocap.core.errors import InputError
from mocap.core.points import Points3D, Source

MADE = store.Provenance(
    "associate", "0.1.0", {"person": "main"}, {"detections": "ab"}, ("careful",)
)


def tracks() -> Tracks2D:
    rng = np.random.default_rng(5)
    return Tracks2D(
        ("left", "right"), ("nose", "hip"), (1,), 59.94,
        rng.normal(size=(2, 3, 1, 2, 2)), rng.uniform(size=(2, 3, 1, 2)),
    )  # fmt: skip


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    store.save_artifact(tracks(), path, MADE)
    again = store.load_artifact(path, Tracks2D)
    np.testing.assert_array_equal(again.pixels, tracks().pixels)
    assert again.camera_names == ("left", "right")
    assert again.person_ids == (1,)
    assert again.fps == 59.94
    assert store.load_provenance(path) == MADE


def test_files_of_before_frame_times_have_an_even_clock(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    store.save_artifact(tracks(), path, MADE)
    with np.load(path) as stored:
        values = {name: stored[name] for name in stored.files if name != "times_s"}
    with path.open("wb") as file:
        np.savez(file, **{**values, "schema_version": np.array(1)})
    again = store.load_artifact(path, Tracks2D)
    np.testing.assert_allclose(again.times_s, np.tile(np.arange(3) / 59.94, (2, 1)))
    np.testing.assert_array_equal(again.lateness_s, np.zeros((2, 3)))
    # A file of today without them is damaged, not old.
    with path.open("wb") as file:
        np.savez(file, **values)
    with pytest.raises(InputError, match="damaged"):
        store.load_artifact(path, Tracks2D)


def test_a_format_that_never_was_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    store.save_artifact(tracks(), path, MADE)
    with np.load(path) as stored:
        values = {name: stored[name] for name in stored.files}
    with path.open("wb") as file:
        np.savez(file, **{**values, "schema_version": np.array(-(2**62))})
    with pytest.raises(InputError, match="damaged"):
        store.load_artifact(path, Tracks2D)


def test_frame_times_survive_and_must_fit(tmp_path: Path) -> None:
    times = np.array([[0.0, 0.016, 0.034], [0.004, 0.02, np.nan]])
    path = tmp_path / "tracks.npz"
    store.save_artifact(replace(tracks(), times_s=times), path, MADE)
    np.testing.assert_array_equal(store.load_artifact(path, Tracks2D).times_s, times)
    with pytest.raises(ValueError, match="times_s has shape"):
        replace(tracks(), times_s=times[:, :2])


def test_tuples_of_numbers_and_texts_survive(tmp_path: Path) -> None:
    path = tmp_path / "corners.npz"
    corners = Corners(
        "left", (640, 480), 9, np.array([0, 0]), np.array([1, 2]), np.ones((2, 2)), ("the back",)
    )
    store.save_artifact(corners, path, MADE)
    again = store.load_artifact(path, Corners)
    assert (again.camera, again.image_size, again.frame_count) == ("left", (640, 480), 9)
    assert again.notes == ("the back",)


def test_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz"):
        store.save_artifact(tracks(), tmp_path / name, MADE)
    assert store.file_hash(tmp_path / "a.npz") == store.file_hash(tmp_path / "b.npz")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    store.write_text(path, "old")
    with pytest.raises(RuntimeError), store.atomic_write(path) as temporary:
        temporary.write_text("half of the n")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["table.csv"]


@pytest.mark.parametrize("keep", [0, 10, 200, 0.5, 0.99])
def test_truncated_artifact(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "tracks.npz"
    store.save_artifact(tracks(), path, MADE)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep if keep >= 1 or keep == 0 else keep * len(whole))])
    with pytest.raises(InputError, match=r"tracks\.npz is damaged"):
        store.load_artifact(path, Tracks2D)


def test_flipped_bytes_never_end_in_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    store.save_artifact(tracks(), path, MADE)
    whole = path.read_bytes()
    rng = np.random.default_rng(6)
    damaged = 0
    for _ in range(200):
        flipped = bytearray(whole)
        flipped[rng.integers(len(whole))] ^= int(rng.integers(1, 256))
        path.write_bytes(flipped)
        try:
            store.load_artifact(path, Tracks2D)
        except InputError:
            damaged += 1
    assert damaged > 100  # most bytes are guarded by the archive's checksums


def test_pickled_content_is_refused_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    marker = tmp_path / "it_ran"

    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (marker,))

    payload = np.array([Evil()], dtype=object)
    with path.open("wb") as file:
        np.savez(file, kind=np.array("Tracks2D"), pixels=payload)
    with pytest.raises(InputError, match="damaged"):
        store.load_artifact(path, Tracks2D)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(InputError, match="damaged"):
        store.load_artifact(path, Tracks2D)
    assert not marker.exists()


def test_wrong_kind_names_both(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    store.save_artifact(tracks(), path, MADE)
    with pytest.raises(InputError, match="holds Tracks2D, not Points3D"):
        store.load_artifact(path, Points3D)


def test_newer_format_names_both_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tracks.npz"
    monkeypatch.setattr(store, "SCHEMA_VERSION", 7)
    store.save_artifact(tracks(), path, MADE)
    monkeypatch.undo()
    with pytest.raises(InputError, match=rf"format 7.*knows up to {store.SCHEMA_VERSION}"):
        store.load_artifact(path, Tracks2D)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        store.load_artifact(tmp_path / "nothing.npz", Tracks2D)


def test_wrong_shape_is_refused_when_built() -> None:
    with pytest.raises(
        ValueError, match=r"confidence has shape \(2, 3, 1, 5\); expected .*keypoint=2"
    ):
        Tracks2D(
            ("a", "b"),
            ("nose", "hip"),
            (1,),
            30.0,
            np.zeros((2, 3, 1, 2, 2)),
            np.zeros((2, 3, 1, 5)),
        )


def test_repeated_names_are_refused() -> None:
    with pytest.raises(ValueError, match="camera_names repeats left"):
        Tracks2D(
            ("left", "left"),
            ("nose",),
            (1,),
            30.0,
            np.zeros((2, 3, 1, 1, 2)),
            np.zeros((2, 3, 1, 1)),
        )


def test_sigma_and_share() -> None:
    covariance = np.full((2, 1, 1, 3, 3), np.nan)
    covariance[0, 0, 0] = np.diag([1e-4, 4e-4, 4e-4])
    source = np.array([Source.MEASURED, Source.MISSING], dtype=np.uint8).reshape(2, 1, 1)
    one = np.zeros((2, 1, 1))
    points = Points3D(("nose",), (1,), 30.0, np.zeros((2, 1, 1, 3)), covariance, one, one, source)
    assert points.sigma_m[0, 0, 0] == pytest.approx(np.sqrt(3e-4))
    assert np.isnan(points.sigma_m[1, 0, 0])
    assert points.share(Source.MEASURED) == 0.5


def test_what_is_held_is_not_loaded_again_while_a_stage_runs(tmp_path: Path) -> None:
    path, one = tmp_path / "tracks.npz", tracks()
    store.save_artifact(one, path, MADE)
    assert store.load_artifact(path, Tracks2D) is not store.load_artifact(path, Tracks2D)
    with store.shared_artifacts():
        held = store.load_artifact(path, Tracks2D)
        assert store.load_artifact(path, Tracks2D) is held
        # What is written anew is read anew, even when it is as large as before.
        store.save_artifact(replace(one, pixels=one.pixels + 1.0), path, MADE)
        moved = store.load_artifact(path, Tracks2D)
        np.testing.assert_array_equal(moved.pixels, one.pixels + 1.0)
    assert store.load_artifact(path, Tracks2D) is not moved


def test_content_is_on_the_disk_before_the_name_and_the_name_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, move = os.fsync, Path.replace

    def synced(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        sync(handle)

    def moved(path: Path, target: Path) -> Path:
        done.append("name")
        return move(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", moved)
    store.write_text(tmp_path / "some.txt", "text")
    assert done == ["file", "name", "folder"]


def test_an_artifact_that_was_written_again_is_hashed_again(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    with store.shared_artifacts():
        store.save_artifact(tracks(), path, MADE)
        before = store.file_hash(path)
        assert store._hashes.get()
        store.save_artifact(tracks(), path, replace(MADE, options={"person": "best"}))
        assert not store._hashes.get()
        assert store.file_hash(path) != before
