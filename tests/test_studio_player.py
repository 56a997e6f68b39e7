"""What the player is given: numbers to the step, lenses to a fraction of a pixel, gaps as gaps."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from walker import keypoints_on, walk

from mocap.core.camera import Camera
from mocap.core.points import Source
from mocap.core.shapes import Array, FloatArray
from mocap.studio.player.lens import LensTable, angles_of, lens_table
from mocap.studio.player.pack import MAGIC, packed
from mocap.studio.player.take import (
    MISSING,
    PlayerTake,
    part_pack,
    still_camera,
    whole_pack,
)
from mocap.studio.player.thinned import thinned
from mocap.synthetic.keypoint_session import walking_session
from mocap.synthetic.rigs import ring
from mocap.workflow.choices import choices
from mocap.workflow.progress import Quiet
from mocap.workflow.run import run_take
from mocap.workflow.studio.material import player_take


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a pack as the page does."""
    assert data.startswith(MAGIC)
    length = struct.unpack("<I", data[8:12])[0]
    header = json.loads(data[12 : 12 + length])
    arrays = {}
    for name, each in header["arrays"].items():
        start, count = 12 + length + each["at"], int(np.prod(each["shape"]))
        assert start % 8 == 0
        values = np.frombuffer(data, f"<{each['type']}", count, start)
        arrays[name] = values.reshape(each["shape"])
    return header["meta"], arrays


def test_packs_keep_arrays_and_refuse_what_browsers_cannot_read() -> None:
    arrays: dict[str, Array] = {
        "a": np.arange(5, dtype=np.int16),
        "b": np.eye(3, dtype=np.float32),
    }
    meta, found = unpacked(packed({"x": [1.5, np.nan], "é": "ü"}, arrays))
    assert meta == {"x": [1.5, None], "é": "ü"}
    for name, values in arrays.items():
        np.testing.assert_array_equal(found[name], values)
    with pytest.raises(ValueError, match="float64"):
        packed({}, {"c": np.zeros(2)})


def walking(frames: int = 600) -> PlayerTake:
    points = keypoints_on(walk(frames))
    source, xyz = points.source.copy(), points.xyz.copy()
    source[7, 0, 3], xyz[7, 0, 3] = Source.MISSING, np.nan
    rng = np.random.default_rng(0)
    roots = rng.normal(0, 0.01, (*source.shape, 3, 3))
    points = replace(points, source=source, xyz=xyz, covariance=roots @ np.swapaxes(roots, -1, -2))
    cameras = [still_camera(each, frames) for each in ring(2).cameras]
    return PlayerTake("walk", points, cameras)


def test_parts_hold_the_take_to_the_step() -> None:
    take = walking()
    meta, once = unpacked(whole_pack(take))
    bends = once["lens0"].astype(np.int64)
    lens = np.cumsum(np.cumsum(bends, axis=1), axis=1) / 64.0
    table = lens_table(take.cameras[0].camera).pixels
    assert once["sees0"].all() and np.abs(lens - table).max() <= 0.5 / 64.0 + 1e-9
    assert meta["frames"] == 600 and len(take.parts()) == 2
    places = []
    for frames in take.parts():
        part, arrays = unpacked(part_pack(take, frames))
        assert part["first"] == frames.start
        places.append(arrays)
    packed_xyz = np.concatenate([each["xyz"] for each in places])
    shown = packed_xyz * float(meta["step"]) + np.array(meta["origin"])
    known = np.isfinite(take.points.xyz)
    # Half a step of 0.25 mm.
    assert np.abs(shown - take.points.xyz)[known].max() <= 0.000125 + 1e-12
    assert (packed_xyz[~known] == MISSING).all()
    # L L^T is the covariance again, to twice the 2^-6 of each term that are kept.
    lower = np.concatenate([each["spread"] for each in places]).view(np.float16).astype(float)
    full = np.zeros((*lower.shape[:-1], 3, 3))
    for k, (row, column) in enumerate([(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2)]):
        full[..., row, column] = lower[..., k]
    back = 1e-6 * full @ np.swapaxes(full, -1, -2)
    size = np.trace(take.points.covariance, axis1=-2, axis2=-1)[..., None, None]
    assert (np.abs(back - take.points.covariance) / size).max() < 2.0 * 2.0**-6 + 1e-3


def test_long_takes_are_thinned_and_say_so() -> None:
    thin = thinned(walking(), 3)
    meta, _ = unpacked(whole_pack(thin))
    assert (meta["frames"], meta["fps"], meta["stride"]) == (200, 20.0, 3)
    np.testing.assert_array_equal(thin.points.xyz[5], walking().points.xyz[15])


def cubic(table: LensTable, x: FloatArray) -> FloatArray:
    """Interpolate a table (Catmull and Rom) at one ray, as lens.js does."""
    at = (angles_of(np.append(x, 1.0)) - table.low) / table.step
    cell = np.floor(at).astype(int)
    t = at - cell
    weights = np.stack(
        [0.5 * t * (t * (2 - t) - 1), 0.5 * (t * t * (3 * t - 5) + 2),
         0.5 * t * (t * (4 - 3 * t) + 1), 0.5 * t * t * (t - 1)]
    )  # fmt: skip
    block = table.pixels[cell[1] - 1 : cell[1] + 3, cell[0] - 1 : cell[0] + 3]
    return np.asarray(np.einsum("jik,j,i->k", block, weights[:, 1], weights[:, 0]))


def worst_px(camera: Camera) -> float:
    """Return the largest error of the table over the image, where the lens can be inverted."""
    table, (w, h) = lens_table(camera), camera.image_size
    x, y = np.meshgrid(np.linspace(-0.5, w - 0.5, 9), np.linspace(-0.5, h - 0.5, 7))
    worst = 0.0
    for pixel in np.stack([x.ravel(), y.ravel()], axis=-1):
        ray = camera.undistort(pixel)
        if np.isfinite(ray).all():
            off = cubic(table, ray) - camera.project(np.append(ray, 1.0))
            worst = max(worst, float(np.abs(off).max()))
    return worst


@pytest.mark.parametrize("strength", [0.0, -0.28, -0.42, 0.15])
def test_the_lens_table_is_the_lens_to_the_corners(strength: float) -> None:
    matrix = np.array([[1900.0, 0, 955.0], [0, 1903.0, 545.0], [0, 0, 1]])
    coefficients = np.array([strength, 0.3 * strength**2, 0.0012, -0.0008, -0.01 * strength])
    camera = Camera("wide", (1920, 1080), matrix, coefficients, np.eye(4))
    # Catmull-Rom leaves step^3 / 12 times the third derivative: 0.05 px on these lenses.
    assert worst_px(camera) < 0.1


@pytest.mark.parametrize("focal_px", [900.0, 700.0, 560.0])
def test_the_lens_table_is_that_of_a_fisheye(focal_px: float) -> None:
    """Fisheyes of 120 to 180 degrees across."""
    matrix = np.array([[focal_px, 0, 955.0], [0, focal_px, 545.0], [0, 0, 1]])
    coefficients = np.array([0.02, -0.01, 0.003, -0.0005])
    camera = Camera("fish", (1920, 1080), matrix, coefficients, np.eye(4), lens_model="fisheye")
    assert worst_px(camera) < 0.1


def test_a_thinned_take_has_angles_and_bands_of_the_frames_it_shows(tmp_path: Path) -> None:
    take = walking_session(tmp_path / "walks", 1, frames=60, cameras=4).take("walk_01")
    stages = ("sync", "associate", "triangulate", "smooth")
    run_take(take, choices(), Quiet(), stages=stages)
    whole, thin = player_take(take), player_take(take, most_frames=30)
    assert thin.frame_count == 30 and list(thin.curves) == list(whole.curves)
    ratios = []
    for name, (_, values, spread) in thin.curves.items():
        _, all_values, all_spreads = whole.curves[name]
        np.testing.assert_array_equal(values, all_values[::2])
        assert (spread is None) == (all_spreads is None)
        if spread is not None and all_spreads is not None:
            ratios.append(np.nanmedian(spread / all_spreads[::2]))
    # Bands are drawn anew. That of a frame is known to 15 %, so a ratio of two to 21 %; errors last
    # for three of the frames shown, and the median of ten such ratios is known to 8 %.
    assert len(ratios) > 5 and np.abs(np.log(ratios)).max() < 4.0 * 0.08
