"""Meshes are read back by another library."""

from __future__ import annotations

import json
import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap.body.model import WORLD_FROM_BODY, load_free_body
from mocap.export.axes import AXES
from mocap.export.mesh_files import MESH_WRITERS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # theirs, not ours
    trimesh = pytest.importorskip("trimesh", reason="trimesh is not installed (extra 'dev')")


def standing() -> tuple[np.ndarray, np.ndarray]:
    body = load_free_body()
    return body.template @ WORLD_FROM_BODY.T + [0.3, -0.2, 0.9], body.faces


def read(path: Path) -> Any:
    return trimesh.load(path, force="mesh", process=False)


@pytest.mark.parametrize("suffix", ["obj", "ply", "glb"])
def test_reads_back(suffix: str, tmp_path: Path) -> None:
    vertices, faces = standing()
    path = tmp_path / f"mesh.{suffix}"
    MESH_WRITERS[suffix](path, vertices, faces, "")
    found = read(path)
    back = AXES[suffix].world_points(np.asarray(found.vertices))
    # Six digits of text, or float32: half a micrometre, and steps of 0.1 micrometres.
    np.testing.assert_allclose(back, vertices, atol=6e-7)
    np.testing.assert_array_equal(found.faces, faces)
    # Faces look outwards: the volume of a person of 1.7 m is some 60 to 80 litres.
    assert 0.05 < found.volume < 0.09
    assert not list(tmp_path.glob(".*"))


def test_up_axes(tmp_path: Path) -> None:
    vertices, faces = standing()
    for suffix, up in (("obj", 1), ("glb", 1), ("ply", 2)):
        path = tmp_path / f"mesh.{suffix}"
        MESH_WRITERS[suffix](path, vertices, faces, "")
        assert int(np.argmax(np.ptp(np.asarray(read(path).vertices)[:, 1:], axis=0))) == up - 1


@pytest.mark.parametrize("suffix", ["obj", "ply", "glb"])
def test_notes_travel_with_the_mesh(suffix: str, tmp_path: Path) -> None:
    vertices, faces = standing()
    path = tmp_path / f"mesh.{suffix}"
    MESH_WRITERS[suffix](path, vertices, faces, "for\nresearch only")
    content = path.read_bytes()
    assert b"research only" in content
    np.testing.assert_array_equal(read(path).faces, faces)
    if suffix == "glb":
        size = struct.unpack("<I", content[12:16])[0]
        assert json.loads(content[20 : 20 + size])["asset"]["copyright"] == "for\nresearch only"
