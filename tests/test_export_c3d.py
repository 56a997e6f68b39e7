"""C3D files read back by another library, and word by word where that library errs."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import ezc3d
import numpy as np
import pytest
from walker import keypoints_on, walk

from mocap.core.detections import Tracks2D
from mocap.core.errors import ExportError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.export import c3d
from mocap.export.c3d import C3dEvent, C3dExtras


def uneven_points() -> Points3D:
    """A walker with one gap, one filled stretch and sigmas from 0.4 to 12 mm."""
    points = keypoints_on(walk(80))
    xyz, source = points.xyz.copy(), points.source.copy()
    xyz[5:9, 0, 3], source[5:9, 0, 3] = np.nan, Source.MISSING
    source[20:25, 0, 4] = Source.INTERPOLATED
    sigma = np.random.default_rng(1).uniform(0.0004, 0.012, source.shape)
    covariance = np.eye(3) * sigma[..., None, None] ** 2
    return replace(points, xyz=xyz, source=source, covariance=covariance)


def words(path: Path, markers: int, frames: int) -> tuple[FloatArray, float]:
    """Return the fourth words (frame, marker) and the scale in the header."""
    raw = path.read_bytes()
    block = struct.unpack_from("<H", raw, 16)[0]
    data = np.frombuffer(raw, "<f4", 4 * markers * frames, 512 * (block - 1))
    return data.reshape(frames, markers, 4)[:, :, 3].astype(float), struct.unpack_from(
        "<f", raw, 12
    )[0]


def test_positions_are_exact_and_gaps_stay_gaps(tmp_path: Path) -> None:
    points = uneven_points()
    path = tmp_path / "take.c3d"
    c3d.write(points, path)
    found = ezc3d.c3d(str(path))
    millimetres = found["data"]["points"][:3].transpose(2, 1, 0)
    known = np.isfinite(points.xyz[:, 0]).all(axis=-1)
    # 32-bit numbers of 4 m resolve 0.0002 mm.
    np.testing.assert_allclose(millimetres[known], 1000.0 * points.xyz[:, 0][known], atol=2.5e-4)
    residual = found["data"]["meta_points"]["residuals"][0].T
    np.testing.assert_array_equal(residual < 0, ~known)
    parameters = found["parameters"]["POINT"]
    assert parameters["LABELS"]["value"] == list(points.keypoint_names)
    assert parameters["UNITS"]["value"] == ["mm"]
    assert parameters["RATE"]["value"][0] == pytest.approx(points.fps)
    assert parameters["FRAMES"]["value"][0] == 80


def test_residuals_keep_sigma_and_masks_keep_cameras(tmp_path: Path) -> None:
    points = uneven_points()
    seen = np.random.default_rng(2).random((80, 21, 5)) > 0.4
    path = tmp_path / "take.c3d"
    c3d.write(points, path, extras=C3dExtras(cameras_seen=seen))
    found, header_scale = words(path, 21, 80)
    scale = ezc3d.c3d(str(path))["parameters"]["POINT"]["SCALE"]["value"][0]
    assert header_scale == pytest.approx(scale) and scale < 0
    measured = points.source[:, 0] == Source.MEASURED
    low, high = np.divmod(found[measured].astype(int), 256)[::-1]
    # One step of |scale| is a 32000th of the largest coordinate: 0.1 mm in a room of 3 m.
    assert abs(scale) < 0.1
    sigma_mm = 1000.0 * points.sigma_m[:, 0][measured]
    np.testing.assert_allclose(low * abs(scale), sigma_mm, atol=0.5 * abs(scale) + 1e-9)
    bits = (high[:, None] >> np.arange(5)) & 1
    np.testing.assert_array_equal(bits.astype(bool), seen[measured])
    assert (found[20:25, 4] == 0).all()
    assert (found[5:9, 3] == -1).all()


def test_even_a_tiny_sigma_does_not_read_as_computed(tmp_path: Path) -> None:
    points = keypoints_on(walk(3))
    points = replace(points, covariance=points.covariance * 1e-8)
    path = tmp_path / "take.c3d"
    c3d.write(points, path)
    assert (words(path, 21, 3)[0] == 1).all()


def test_markers_events_and_segments(tmp_path: Path) -> None:
    motion = walk(80)
    points = uneven_points()
    hip = motion.forward_kinematics()[0][:, 1]
    extras = C3dExtras(
        virtual_markers={"L_ASIS": hip},
        events=[C3dEvent("Foot Strike", 61.25, "Left"), C3dEvent("Release", 0.5)],
        segments=motion,
    )
    path = tmp_path / "take.c3d"
    c3d.write(points, path, extras=extras)
    found = ezc3d.c3d(str(path))
    np.testing.assert_allclose(found["data"]["points"][:3, -1].T, 1000.0 * hip, atol=2.5e-4)
    assert (words(path, 22, 80)[0][:, -1] == 0).all()
    event = found["parameters"]["EVENT"]
    assert event["LABELS"]["value"] == ["Release", "Foot Strike"]
    assert event["CONTEXTS"]["value"] == ["General", "Left"]
    np.testing.assert_allclose(event["TIMES"]["value"], [[0.0, 1.0], [0.5, 1.25]], atol=1e-6)
    positions, rotations = motion.forward_kinematics()
    matrices = found["data"]["rotations"].transpose(3, 2, 0, 1)
    np.testing.assert_allclose(matrices[:, :, :3, :3], rotations, atol=1e-6)
    np.testing.assert_allclose(matrices[:, :, :3, 3], 1000.0 * positions, atol=2.5e-4)
    assert found["parameters"]["ROTATION"]["LABELS"]["value"] == list(motion.joint_names)


def test_cameras_seen_comes_from_the_tracks() -> None:
    confidence = np.zeros((2, 4, 1, 3))
    confidence[1, 2, 0, 1] = 0.7
    tracks = Tracks2D(
        camera_names=("left", "right"),
        keypoint_names=("a", "b", "c"),
        person_ids=(4,),
        fps=60.0,
        pixels=np.where(confidence[..., None] > 0, 5.0, np.nan) * np.ones(2),
        confidence=confidence,
    )
    seen = c3d.cameras_seen(tracks, 4)
    assert seen.shape == (4, 3, 2)
    assert np.argwhere(seen).tolist() == [[2, 1, 1]]


def test_more_than_seven_cameras_are_said(tmp_path: Path) -> None:
    points = keypoints_on(walk(3))
    seen = np.ones((3, 21, 9), dtype=bool)
    path = tmp_path / "take.c3d"
    (remark,) = c3d.write(points, path, extras=C3dExtras(cameras_seen=seen))
    assert "the last 2" in remark
    assert (words(path, 21, 3)[0] // 256 == 127).all()


def test_what_c3d_cannot_hold_is_refused(tmp_path: Path) -> None:
    points = keypoints_on(walk(3))
    path = tmp_path / "take.c3d"
    with pytest.raises(ExportError, match=r"3 frames, but not L_ASIS \(2\)"):
        c3d.write(points, path, extras=C3dExtras(virtual_markers={"L_ASIS": np.zeros((2, 3))}))
    with pytest.raises(ExportError, match="got 22, 21 of them different"):
        c3d.write(points, path, extras=C3dExtras(virtual_markers={"nose": np.zeros((3, 3))}))
    with pytest.raises(ExportError, match=r"must end in \.c3d"):
        c3d.write(points, tmp_path / "take.trc")
    for time_s in (np.nan, np.inf, -0.1):
        with pytest.raises(ExportError, match="Release has none"):
            c3d.write(points, path, extras=C3dExtras(events=[C3dEvent("Release", time_s)]))
    assert not path.exists()
