"""FBX files read back hold the character that was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skinned import posed_skin, spinning_character

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import FloatArray
from mocap.export import bvh, fbx
from mocap.export.character.character import Character, SkeletonStyle
from mocap.export.euler import matrix_from_angles
from mocap.export.fbx import reader as read_fbx
from mocap.export.fbx.records import read_records
from mocap.export.fbx.writer import TIME_MODES
from mocap.synthetic.motion.spinning import spinning_body

# Angles of up to 800 degrees in 32 bits are rounded by 3e-5 degrees, 0.5 µm on a metre of bone;
# eight bones in a row stay below this.
TOLERANCE_M = 5e-6


def frame_rate(path: Path) -> float:
    """Return the frame rate that the settings of an FBX file name."""
    settings = next(read_records(path).all("GlobalSettings")).properties()
    rates = {number: rate for rate, number in TIME_MODES.items()}
    return float(rates.get(settings["TimeMode"][0], settings["CustomFrameRate"][0]))


def joints(motion: SkeletonMotion) -> FloatArray:
    return motion.forward_kinematics()[0]


@pytest.mark.parametrize("bone_axis", ["none", "y", "x"])
@pytest.mark.parametrize("root_bone", [False, True])
def test_joints_and_skin_are_where_they_were(
    tmp_path: Path, bone_axis: str, root_bone: bool
) -> None:
    character = spinning_character(60)
    path = tmp_path / "take.fbx"
    style = SkeletonStyle(bone_axis=bone_axis, root_bone=root_bone)
    fbx.write(character, path, style=style)
    scene = read_fbx.read(path, skin_frames=(0, 41))
    found = scene.joints(character.motion.joint_names)
    assert np.abs(found - joints(character.motion)).max() < TOLERANCE_M
    for frame, vertices in zip((0, 41), scene.vertices, strict=True):
        assert np.abs(vertices - posed_skin(character, frame)).max() < TOLERANCE_M


@pytest.mark.parametrize(
    "fps", [24.0, 25.0, 30.0, 48.0, 50.0, 59.94, 60.0 / 1.001, 60.0, 100.0, 120.0, 90.0, 239.76]
)
def test_frame_rates_are_exact(tmp_path: Path, fps: float) -> None:
    path = tmp_path / "take.fbx"
    fbx.write(Character(spinning_body(5, fps)), path)
    assert frame_rate(path) == pytest.approx(fps, rel=1e-12)
    # Keys lie on whole ticks of 2e-11 s.
    np.testing.assert_allclose(read_fbx.read(path).times_s, np.arange(5) / fps, atol=3e-11)


@pytest.mark.parametrize("bone_axis", ["none", "y", "x", "mixamo"])
def test_rest_rotations_are_kept_apart_only_when_asked(tmp_path: Path, bone_axis: str) -> None:
    # assimp before version 6 reads PreRotation wrongly.
    path = tmp_path / "take.fbx"
    fbx.write(Character(spinning_body(2)), path, style=SkeletonStyle(bone_axis=bone_axis))
    models = [r for b in read_records(path).all("Objects") for r in b.all("Model")]
    assert not any("PreRotation" in model.properties() for model in models)
    fbx.write(
        Character(spinning_body(2)), path, style=SkeletonStyle(bone_axis="y", pre_rotation=True)
    )
    models = [r for b in read_records(path).all("Objects") for r in b.all("Model")]
    assert any("PreRotation" in model.properties() for model in models)


def test_joint_frames_are_those_of_bvh(tmp_path: Path) -> None:
    motion = spinning_body(12)
    fbx.write(Character(motion), tmp_path / "take.fbx")
    bvh.write(motion, tmp_path / "take.bvh", order="ZYX")
    rows = (tmp_path / "take.bvh").read_text().split("Frame Time:")[1].split("\n")[1:-1]
    last = np.array([float(word) for word in rows[-1].split()])
    elbow = {
        record.values[1].split("\x00")[0]: record.values[0]
        for block in read_records(tmp_path / "take.fbx").all("Objects")
        for record in block.all("Model")
    }["left_elbow"]
    turn = read_fbx.local_rotations(tmp_path / "take.fbx", elbow)[-1]
    names = [
        line.split()[1]
        for line in (tmp_path / "take.bvh").read_text().splitlines()
        if line.split()[:1] in (["ROOT"], ["JOINT"])
    ]
    first = 3 + 3 * names.index("left_elbow")
    expected = matrix_from_angles(np.deg2rad(last[first : first + 3]), "ZYX")
    # Six decimals of a degree in BVH, 32 bits in FBX.
    np.testing.assert_allclose(turn, expected, atol=1e-6)


def test_zero_rotations_are_the_t_pose_on_the_floor(tmp_path: Path) -> None:
    motion = spinning_body(1)
    still = np.tile([1.0, 0.0, 0.0, 0.0], (1, 55, 1))
    motion = replace(motion, local_rotations_wxyz=still)
    path = tmp_path / "take.fbx"
    fbx.write(Character(motion), path, style=SkeletonStyle(bone_axis="y", pre_rotation=True))
    curves = [
        record
        for block in read_records(path).all("Objects")
        for record in block.all("AnimationCurve")
    ]
    turning = [curve for curve in curves if curve.value("KeyValueFloat")[0] != 0.0]
    assert len(turning) == 1  # the height of the pelvis
    models = {
        record.values[1].split("\x00")[0]: record
        for block in read_records(path).all("Objects")
        for record in block.all("Model")
    }
    assert models["pelvis"].properties()["Lcl Translation"][1] == pytest.approx(
        -100.0 * _lowest(motion), abs=1e-9
    )


def _lowest(motion: SkeletonMotion) -> float:
    rest = joints(replace(motion, root_positions=np.zeros((1, 3))))
    return float(rest[0, :, 2].min())


def test_a_root_bone_stays_on_the_floor_and_turns_about_the_vertical(tmp_path: Path) -> None:
    motion = spinning_body(40)
    path = tmp_path / "take.fbx"
    fbx.write(Character(motion), path, style=SkeletonStyle(names="ue5", root_bone=True))
    scene = read_fbx.read(path)
    assert scene.joint_names[:2] == ("root", "pelvis")
    np.testing.assert_allclose(scene.positions[:, 0, 2], 0.0, atol=1e-9)
    np.testing.assert_allclose(
        scene.positions[:, 0, :2], motion.root_positions[:, :2], atol=TOLERANCE_M
    )


def test_several_characters_share_a_file_with_one_root_each(tmp_path: Path) -> None:
    cast = [
        replace(spinning_character(8), name="Ann"),
        replace(Character(spinning_body(8, seed=9)), name="Bob"),
    ]
    path = tmp_path / "both.fbx"
    fbx.write(cast, path, style=SkeletonStyle(names="mixamo"))
    scene = read_fbx.read(path)
    roots = [name for name in scene.joint_names if name.endswith("Hips")]
    assert roots == ["Ann:Hips", "Bob:Hips"]
    # Each below a node of its own, and one skin.
    assert len(scene.joint_names) == 2 * (1 + 55) + 1
    found = scene.joints(("Bob:LeftHand",))[:, 0]
    wrist = cast[1].motion.joint_names.index("left_wrist")
    assert np.abs(found - joints(cast[1].motion)[:, wrist]).max() < TOLERANCE_M
    with pytest.raises(ExportError, match="different names"):
        fbx.write([cast[0], cast[0]], path)
    with pytest.raises(ExportError, match="one frame rate"):
        fbx.write([cast[0], Character(spinning_body(8, 50.0), name="Bob")], path)


def test_units_and_up_axis_are_said_in_the_file(tmp_path: Path) -> None:
    character = spinning_character(6)
    path = tmp_path / "take.fbx"
    fbx.write(character, path, unit="m", up="z")
    scene = read_fbx.read(path)
    found = scene.joints(character.motion.joint_names)
    assert np.abs(found - joints(character.motion)).max() < TOLERANCE_M
    with pytest.raises(ExportError, match="unit 'inch'"):
        fbx.write(character, path, unit="inch")


def test_the_file_counts_what_it_holds_and_equal_takes_give_equal_files(tmp_path: Path) -> None:
    character = spinning_character(4)
    paths = [tmp_path / name for name in ("one.fbx", "two.fbx")]
    for path in paths:
        fbx.write(character, path, take_name="Dance", style=SkeletonStyle(root_bone=True))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    root = read_records(paths[0])
    definitions = next(root.all("Definitions"))
    counted = {each.values[0]: each.value("Count") for each in definitions.all("ObjectType")}
    present: dict[str, int] = {"GlobalSettings": 1}
    for record in next(root.all("Objects")).children:
        present[record.name] = present.get(record.name, 0) + 1
    assert counted == present
    assert definitions.value("Count") == sum(present.values())
    assert next(root.all("Takes")).value("Current") == "Dance"


def test_gaps_and_unknown_options_are_refused(tmp_path: Path) -> None:
    motion = spinning_body(6)
    broken = motion.root_positions.copy()
    broken[3] = np.nan
    path = tmp_path / "take.fbx"
    with pytest.raises(ExportError, match=r"1 of 6 frames.*frame 3"):
        fbx.write(Character(replace(motion, root_positions=broken)), path)
    with pytest.raises(ExportError, match="bone axis 'w'"):
        fbx.write(Character(motion), path, style=SkeletonStyle(bone_axis="w"))
    with pytest.raises(ExportError, match="no character"):
        fbx.write([], path)
    assert not path.exists()
