"""GLB files read back hold the character and the cameras that were written."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skinned import posed_skin, spinning_character

from mocap.core.camera import Calibration, Camera
from mocap.core.errors import ExportError
from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.transform import look_at
from mocap.export import glb
from mocap.export.axes import AXES
from mocap.export.character.character import Character, SkeletonStyle
from mocap.export.glb import reader as read_glb
from mocap.synthetic.motion.spinning import spinning_body

# A unit quaternion in 32 bits is off by 6e-8 rad: eight bones of half a metre, a quarter of a µm.
TOLERANCE_M = 1e-6


def document(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    length = struct.unpack_from("<I", raw, 12)[0]
    found: dict[str, Any] = json.loads(raw[20 : 20 + length])
    return found


@pytest.mark.parametrize("bone_axis", ["none", "y", "x"])
@pytest.mark.parametrize("root_bone", [False, True])
def test_joints_and_skin_are_where_they_were(
    tmp_path: Path, bone_axis: str, root_bone: bool
) -> None:
    character = spinning_character(60)
    path = tmp_path / "take.glb"
    glb.write(character, path, style=SkeletonStyle(bone_axis=bone_axis, root_bone=root_bone))
    scene = read_glb.read(path, skin_frames=(0, 41))
    expected, _ = character.motion.forward_kinematics()
    assert np.abs(scene.joints(character.motion.joint_names) - expected).max() < TOLERANCE_M
    for frame, vertices in zip((0, 41), scene.vertices, strict=True):
        skin = posed_skin(character, frame)
        # After the vertices of the skin come those of the seam once more.
        assert np.abs(vertices[: len(skin)] - skin).max() < TOLERANCE_M
    # Times are 32-bit seconds: 6e-8 of a second relative to one.
    assert scene.fps == pytest.approx(60.0, rel=1e-6)


def test_weights_sum_to_one_and_unused_joints_are_zero(tmp_path: Path) -> None:
    path = tmp_path / "take.glb"
    glb.write(spinning_character(2), path)
    attributes = document(path)["meshes"][0]["primitives"][0]["attributes"]
    assert {"JOINTS_0", "WEIGHTS_0", "JOINTS_1", "WEIGHTS_1"} <= set(attributes)
    glb.write(spinning_character(2), path, style=SkeletonStyle(max_influences=4))
    loaded = read_glb.load(path)
    says = loaded.document["meshes"][0]["primitives"][0]["attributes"]
    assert "JOINTS_1" not in says
    weights = loaded.array(says["WEIGHTS_0"]).astype(np.float64)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-7)
    assert not loaded.array(says["JOINTS_0"])[weights == 0].any()


def test_rotations_never_change_sign(tmp_path: Path) -> None:
    path = tmp_path / "take.glb"
    glb.write(Character(spinning_body(240)), path)
    loaded = read_glb.load(path)
    for sampler in loaded.document["animations"][0]["samplers"]:
        values = loaded.array(sampler["output"])
        if values.shape[1] == 4:
            assert (np.sum(values[1:] * values[:-1], axis=1) > 0).all()


def test_cameras_stand_and_look_where_they_did(tmp_path: Path) -> None:
    matrix = np.array([[900.0, 0.0, 639.5], [0.0, 900.0, 359.5], [0.0, 0.0, 1.0]])
    eye, target = np.array([3.0, -2.0, 1.5]), np.array([0.0, 0.0, 1.0])
    camera = Camera("left", (1280, 720), matrix, np.zeros(5), look_at(eye, target))
    path = tmp_path / "take.glb"
    glb.write(Character(spinning_body(2)), path, calibration=Calibration((camera,)))
    says = document(path)
    (node,) = [each for each in says["nodes"] if "camera" in each]
    at = AXES["glb"].world_points(np.array(node["translation"]))
    np.testing.assert_allclose(at, eye, atol=1e-9)
    turn = matrix_from_quaternion_wxyz(np.array(node["rotation"])[[3, 0, 1, 2]])
    forward = AXES["glb"].world_points(turn @ [0.0, 0.0, -1.0])
    np.testing.assert_allclose(forward, (target - eye) / np.linalg.norm(target - eye), atol=1e-9)
    upward = AXES["glb"].world_points(turn @ [0.0, 1.0, 0.0])
    assert upward[2] > 0.9
    lens = says["cameras"][0]["perspective"]
    assert np.tan(lens["yfov"] / 2) == pytest.approx(0.4, rel=1e-12)


def test_several_characters_share_one_animation(tmp_path: Path) -> None:
    cast = [spinning_character(6), Character(spinning_body(6, seed=9), name="Bob")]
    path = tmp_path / "both.glb"
    glb.write(cast, path, take_name="Duet")
    says = document(path)
    assert [each["name"] for each in says["animations"]] == ["Duet"]
    assert len(says["scenes"][0]["nodes"]) == 3
    scene = read_glb.read(path)
    wrist = cast[1].motion.joint_names.index("left_wrist")
    expected, _ = cast[1].motion.forward_kinematics()
    assert np.abs(scene.joints(("Bob:left_wrist",))[:, 0] - expected[:, wrist]).max() < TOLERANCE_M


def test_gaps_are_refused(tmp_path: Path) -> None:
    motion = spinning_body(4)
    broken = motion.local_rotations_wxyz.copy()
    broken[2, 7] = np.nan
    with pytest.raises(ExportError, match="cannot hold gaps"):
        glb.write(Character(replace(motion, local_rotations_wxyz=broken)), tmp_path / "take.glb")
    with pytest.raises(ExportError, match="no character"):
        glb.write([], tmp_path / "take.glb")


def test_texture_coordinates_show_front_and_back_apart(tmp_path: Path) -> None:
    character = spinning_character(2)
    assert character.mesh is not None
    path = tmp_path / "take.glb"
    glb.write(character, path)
    loaded = read_glb.load(path)
    primitive = loaded.document["meshes"][0]["primitives"][0]
    places = loaded.array(primitive["attributes"]["TEXCOORD_0"])
    vertices = AXES["glb"].world_points(loaded.array(primitive["attributes"]["POSITION"]))
    faces = loaded.array(primitive["indices"]).reshape(-1, 3)
    # The same triangles as before they were cut, and none reaches over the seam.
    whole = character.mesh.vertices[character.mesh.faces]
    moved = vertices[faces] - whole  # the file stands on the floor
    assert np.abs(moved - moved[0, 0]).max() < TOLERANCE_M
    assert ((places > 0.0) & (places < 1.0)).all()
    sides = places[faces][..., 0] > 0.5
    assert (sides.all(axis=1) | ~sides.any(axis=1)).all()
    assert sides.any() and not sides.all()
