"""Motion on characters of others: their rigs read, feet that stand, files given back unharmed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from foreign_rigs import person, write_hero

from mocap.core.errors import InputError
from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import FloatArray
from mocap.export.fbx import reader as fbx_reader
from mocap.export.glb import reader as glb_reader
from mocap.export.onto import fbx_raw, fbx_rig, glb_rig
from mocap.export.onto.job import read_hero, write_onto
from mocap.export.onto.joints import NEEDED, joint_map, listing
from mocap.export.onto.names import candidates, finger, is_helper, taken_apart
from mocap.export.onto.retarget import retargeted
from mocap.export.onto.solved import Solved, Standing

BONES = [
    (f"{side}_{near}", f"{side}_{far}")
    for side in ("left", "right")
    for near, far in (
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("hip", "knee"),
        ("knee", "ankle"),
        ("index1", "index2"),
    )
]
RIGS = [
    (".fbx", "mixamo", "t", 1.0, 1.0),
    (".glb", "mixamo", "a", 0.7, 1.3),
    (".fbx", "unreal", "a", 0.7, 1.3),
    (".fbx", "plain", "t", 0.7, 1.3),
]


@cache
def walking() -> tuple[SkeletonMotion, Standing]:
    return person("walk", 2.0)


def hero(tmp_path: Path, rig: tuple[str, str, str, float, float]) -> Path:
    suffix, style, pose, legs, arms = rig
    path = tmp_path / f"hero{suffix}"
    write_hero(path, style=style, pose=pose, legs=legs, arms=arms)
    return path


def direction_errors_deg(
    motion: SkeletonMotion, places: FloatArray, nodes: dict[str, int]
) -> dict[str, FloatArray]:
    """Return angles (frame,) by bone between our bones and the rig's."""
    ours = dict(
        zip(motion.joint_names, np.moveaxis(motion.forward_kinematics()[0], 1, 0), strict=True)
    )
    out = {}
    for near, far in BONES:
        one = ours[far] - ours[near]
        other = places[:, nodes[far]] - places[:, nodes[near]]
        cosine = np.sum(one * other, axis=-1) / (
            np.linalg.norm(one, axis=-1) * np.linalg.norm(other, axis=-1)
        )
        out[near] = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    return out


@pytest.mark.parametrize("rig", RIGS, ids=lambda rig: "-".join(map(str, rig)))
def test_feet_stand_and_bones_point_as_ours(
    tmp_path: Path, rig: tuple[str, str, str, float, float]
) -> None:
    motion, standing = walking()
    read = read_hero(hero(tmp_path, rig))
    joints = joint_map(read.rig, "hero")
    solved = retargeted(read.rig, joints, motion, standing)
    # Plain forward kinematics slides by centimetres; the gate is 2 mm.
    assert solved.drift_mm["before"] > 5.0
    assert solved.drift_mm["after"] < 2.0
    for bone, angles in direction_errors_deg(motion, solved.positions, joints.nodes).items():
        # Arms and fingers are ours exactly (angles come from cosines in double precision: 1e-6).
        # Legs give way where feet are held: little with our proportions, more where legs of 0.7
        # roll over feet of full length.
        line = (1.0 if rig[3] == 1.0 else 3.0) if bone.endswith(("hip", "knee")) else 1e-4
        assert np.median(angles) < line, bone


@pytest.mark.parametrize("rig", RIGS, ids=lambda rig: "-".join(map(str, rig)))
def test_files_read_back_as_they_were_solved(
    tmp_path: Path, rig: tuple[str, str, str, float, float]
) -> None:
    motion, standing = walking()
    source, path = hero(tmp_path, rig), tmp_path / f"out{rig[0]}"
    before = source.read_bytes()
    solved = write_onto(source, path, motion, standing, take_name="walk").solved
    assert source.read_bytes() == before
    # The first animation is the hero's own, ours comes after it: read it alone.
    only_last(path)
    reader = fbx_reader if rig[0] == ".fbx" else glb_reader
    found = reader.read(path)
    names = read_hero(source).rig.names
    shared = [name for name in names if name in found.joint_names]
    expected = solved.positions[:, [names.index(name) for name in shared]]
    # Curves are 32-bit: 1e-5 degrees over 2 m of limbs.
    assert np.abs(found.joints(tuple(shared)) - expected).max() < 1e-5


def only_last(path: Path) -> None:
    """Leave only the last animation of a file: our small readers read the first."""
    if path.suffix == ".glb":
        glb = glb_reader.load(path)
        glb.document["animations"] = glb.document["animations"][-1:]
        text = json.dumps(glb.document).encode()
        text += b" " * (-len(text) % 4)
        head = np.array([len(text), 0x4E4F534A], dtype="<u4").tobytes()
        tail = np.array([len(glb.data), 0x004E4942], dtype="<u4").tobytes()
        path.write_bytes(b"glTF" + bytes(8) + head + text + tail + glb.data)
        return
    file = fbx_raw.read_raw(path)
    stacks = [r for b in file.root.all("Objects") for r in b.all("AnimationStack")]
    assert len(stacks) == 2
    first = {each.values[0] for b in file.root.all("Objects") for each in b.children[:-1]}
    ours = stacks[-1].values[0]
    drop = {number for number in first if isinstance(number, int) and number < ours}
    for block in file.root.all("Objects"):
        block.children = [
            each
            for each in block.children
            if each.name not in ("AnimationCurve", "AnimationCurveNode")
            or each.values[0] not in drop
        ]
    kept = {each.values[0] for b in file.root.all("Objects") for each in b.children} | {0}
    for block in file.root.all("Connections"):
        block.children = [each for each in block.children if set(each.values[1:3]) <= kept]
    path.write_bytes(fbx_raw.raw_bytes(file))


def test_every_record_of_an_fbx_file_keeps_its_bytes(tmp_path: Path) -> None:
    motion, standing = walking()
    source, path = hero(tmp_path, RIGS[0]), tmp_path / "out.fbx"
    write_onto(source, path, motion, standing, take_name="Stand")
    one, other = fbx_raw.read_raw(source), fbx_raw.read_raw(path)
    assert fbx_raw.raw_bytes(one) == source.read_bytes()
    for name in ("Objects", "Connections", "Takes", "GlobalSettings", "Documents"):
        before, after = next(one.root.all(name)), next(other.root.all(name))
        for record, kept in zip(before.children, after.children, strict=False):
            assert same(record, kept), (name, record.name)
    takes = [each.values[0] for each in next(other.root.all("Takes")).all("Take")]
    assert takes == ["Stand", "Stand 2"]
    counts = {
        each.values[0]: next(each.all("Count")).values[0]
        for each in next(other.root.all("Definitions")).all("ObjectType")
    }
    kinds = [each.name for each in next(other.root.all("Objects")).children]
    assert all(kinds.count(kind) == number for kind, number in counts.items() if kind in kinds)


def same(one: fbx_raw.RawRecord, other: fbx_raw.RawRecord) -> bool:
    return (
        (one.name, one.data) == (other.name, other.data)
        and len(one.children) == len(other.children)
        and all(same(a, b) for a, b in zip(one.children, other.children, strict=True))
    )


def test_everything_in_a_glb_file_stays(tmp_path: Path) -> None:
    motion, standing = walking()
    source, path = hero(tmp_path, RIGS[1]), tmp_path / "out.glb"
    write_onto(source, path, motion, standing, take_name="walk")
    one, other = glb_reader.load(source), glb_reader.load(path)
    length = one.document["buffers"][0]["byteLength"]
    assert other.data[:length] == one.data[:length]
    for key, value in one.document.items():
        if key == "buffers":
            continue
        after = other.document[key]
        assert (after[: len(value)] if isinstance(value, list) else after) == value, key


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mixamorig:LeftUpLeg", ("left", "upleg", "")),
        ("mixamorigLeftHandIndex1", ("left", "handindex", "1")),
        ("upperarm_l", ("left", "upperarm", "")),
        ("index_01_r", ("right", "index", "01")),
        ("DEF-upper_arm.L.001", ("left", "upperarm", "001")),
        ("J_Bip_C_Hips", ("", "hips", "")),
        ("J_Bip_R_LowerLeg", ("right", "lowerleg", "")),
        ("CC_Base_L_Thigh", ("left", "thigh", "")),
        ("Bip001 L Finger0", ("left", "finger", "0")),
        ("lShin", ("left", "shin", "")),
        ("RightLowerLeg", ("right", "lowerleg", "")),
    ],
)
def test_names_are_taken_apart(name: str, expected: tuple[str, str, str]) -> None:
    word = taken_apart(name)
    assert (word.side, word.word, word.digits) == expected


# The bones of one side and the middle as each program names them.
NAMINGS = {
    "mixamo": "Hips {S}UpLeg {S}Leg {S}Foot {S}ToeBase {S}Shoulder {S}Arm {S}ForeArm {S}Hand Head",
    "unreal": "pelvis thigh_{s} calf_{s} foot_{s} ball_{s} clavicle_{s} upperarm_{s} lowerarm_{s} "
    "hand_{s} head",
    "rigify": "DEF-spine DEF-thigh.{U} DEF-shin.{U} DEF-foot.{U} DEF-toe.{U} DEF-shoulder.{U} "
    "DEF-upper_arm.{U} DEF-forearm.{U} DEF-hand.{U} DEF-spine.006",
    "vrm": "J_Bip_C_Hips J_Bip_{U}_UpperLeg J_Bip_{U}_LowerLeg J_Bip_{U}_Foot J_Bip_{U}_ToeBase "
    "J_Bip_{U}_Shoulder J_Bip_{U}_UpperArm J_Bip_{U}_LowerArm J_Bip_{U}_Hand J_Bip_C_Head",
    "character creator": "CC_Base_Hip CC_Base_{U}_Thigh CC_Base_{U}_Calf CC_Base_{U}_Foot "
    "CC_Base_{U}_ToeBase CC_Base_{U}_Clavicle CC_Base_{U}_Upperarm CC_Base_{U}_Forearm "
    "CC_Base_{U}_Hand CC_Base_Head",
    "biped": "Bip001_Pelvis Bip001_{U}_Thigh Bip001_{U}_Calf Bip001_{U}_Foot Bip001_{U}_Toe0 "
    "Bip001_{U}_Clavicle Bip001_{U}_UpperArm Bip001_{U}_Forearm Bip001_{U}_Hand Bip001_Head",
    "unity": "Hips {S}UpperLeg {S}LowerLeg {S}Foot {S}Toes {S}Shoulder {S}UpperArm {S}LowerArm "
    "{S}Hand Head",
    "smpl": "pelvis {l}_hip {l}_knee {l}_ankle {l}_foot {l}_collar {l}_shoulder {l}_elbow "
    "{l}_wrist head",
}
SIDED = ("hip", "knee", "ankle", "foot", "collar", "shoulder", "elbow", "wrist")


@pytest.mark.parametrize("naming", NAMINGS)
def test_joints_are_recognised_by_the_names_of_many_programs(naming: str) -> None:
    names = []
    for side in ("left", "right"):
        words = {"S": side.capitalize(), "s": side[0], "U": side[0].upper(), "l": side}
        names += NAMINGS[naming].format(**words).split()
    found = candidates(dict(enumerate(names)))
    for shift, side in ((0, "left"), (10, "right")):
        for place, joint in enumerate(SIDED, start=1):
            assert found[f"{side}_{joint}"][0] == shift + place, joint
    if naming != "rigify":  # Its hips and head are the ends of the spine: found by the tree.
        assert found["pelvis"][0] in (0, 10)
        assert found["head"][0] in (9, 19)


def test_helpers_and_fingers() -> None:
    assert is_helper("LeftForeArmTwist") and is_helper("ik_hand_l") and is_helper("head_leaf")
    assert not is_helper("mixamorig:LeftForeArm") and not is_helper("LeftHand")
    assert finger(taken_apart("LeftHandPinky3")) == ("pinky", 3)
    assert finger(taken_apart("DEF-f_index.02.L")) == ("index", 2)
    assert finger(taken_apart("Bip001 R Finger12")) == ("index", 3)
    assert finger(taken_apart("RightLittleDistal")) == ("pinky", 3)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    text = tmp_path / "a.fbx"
    text.write_bytes(b"; FBX 7.4.0 project file\nFBXHeaderExtension: {}")
    with pytest.raises(InputError, match="ASCII"):
        fbx_raw.read_raw(text)
    source = hero(tmp_path, RIGS[0])
    broken = tmp_path / "b.fbx"
    broken.write_bytes(source.read_bytes()[:5000])
    with pytest.raises(InputError, match="damaged"):
        fbx_rig.read_character(broken)
    with pytest.raises(InputError, match=r"FBX or GLB"):
        read_hero(tmp_path / "hero.obj")
    glb = glb_reader.load(hero(tmp_path, RIGS[1]))
    assert glb.document["skins"]


def test_a_map_names_what_names_do_not_say(tmp_path: Path) -> None:
    source = hero(tmp_path, RIGS[1])
    rig = glb_rig.read_rig(source)
    from dataclasses import replace

    odd = replace(
        rig,
        names=tuple("Knie links" if each == "mixamorig:LeftLeg" else each for each in rig.names),
    )
    with pytest.raises(InputError, match="left_knee"):
        joint_map(odd, "odd.glb")
    lines = listing(odd, "odd.glb")
    assert any("Knie links" in line for line in lines)
    mapping = tmp_path / "map.toml"
    mapping.write_text('left_knee = "Knie links"\n')
    found = joint_map(odd, "odd.glb", mapping)
    assert odd.names[found.nodes["left_knee"]] == "Knie links"
    mapping.write_text('left_knie = "Knie links"\n')
    with pytest.raises(InputError, match="left_knee"):
        joint_map(odd, "odd.glb", mapping)
    mapping.write_text('left_knee = "Knie rechts"\n')
    with pytest.raises(InputError, match="Knie links"):
        joint_map(odd, "odd.glb", mapping)
    # What --list-joints prints is a map itself.
    mapping.write_text("\n".join(listing(rig, "hero.glb")))
    assert set(NEEDED) <= set(joint_map(rig, "hero.glb", mapping).nodes)


def test_twist_bones_take_their_share(tmp_path: Path) -> None:
    from dataclasses import replace

    from mocap.export.onto.rig import CharacterRig, pure_rotation

    rig = glb_rig.read_rig(hero(tmp_path, RIGS[1]))
    elbow = rig.names.index("mixamorig:LeftForeArm")
    wrist = rig.names.index("mixamorig:LeftHand")

    def with_bone(read: CharacterRig) -> CharacterRig:
        # A twist bone half-way down the forearm.
        more = {
            name: np.concatenate([getattr(read, name), getattr(read, name)[wrist][None]])
            for name in ("before", "after", "turn", "bind_turn", "is_joint")
        }
        move = np.concatenate([read.move, 0.5 * read.move[wrist][None]])
        return replace(
            read,
            names=(*read.names, "LeftForeArmTwist"),
            numbers=(*read.numbers, 999),
            parents=(*read.parents, elbow),
            move=move,
            **more,
        )

    twisted = with_bone(rig)
    joints = joint_map(twisted, "hero")
    motion, _ = person("throw", 0.5)
    turns = motion.local_rotations_wxyz.copy()
    angle = np.linspace(0.0, 1.0, len(turns))
    wrist_of_ours = motion.joint_names.index("left_wrist")
    turns[:, wrist_of_ours] = 0.0
    turns[:, wrist_of_ours, 0] = np.cos(angle / 2.0)
    turns[:, wrist_of_ours, 1] = np.sin(angle / 2.0)
    motion = replace(motion, local_rotations_wxyz=turns)
    solved: Solved = retargeted(twisted, joints, motion)
    node = len(twisted.names) - 1
    assert node in solved.turns
    posed = np.tile(twisted.turn, (solved.frame_count, 1, 1, 1))
    for each, values in solved.turns.items():
        posed[:, each] = values
    world = pure_rotation(twisted.world(posed))
    rest = pure_rotation(twisted.world(twisted.bind_turn))
    axis = rest[elbow].T @ (twisted.world()[wrist, :3, 3] - twisted.world()[elbow, :3, 3])
    axis = axis / np.linalg.norm(axis)

    def about(one: int) -> FloatArray:
        moved = world[:, one] @ rest[one].T @ rest[elbow]
        local = np.swapaxes(world[:, elbow], -1, -2) @ moved
        return np.asarray([2.0 * np.arctan2(_vector(turn) @ axis, _scalar(turn)) for turn in local])

    hand, share = about(wrist), about(node)
    wrap = (0.5 * hand - share + np.pi) % (2.0 * np.pi) - np.pi
    assert np.ptp(hand) == pytest.approx(1.0, abs=1e-6)
    assert np.abs(wrap).max() < 1e-6


def _vector(turn: FloatArray) -> FloatArray:
    from mocap.core.rotation import quaternion_wxyz_from_matrix

    return quaternion_wxyz_from_matrix(turn)[1:]


def _scalar(turn: FloatArray) -> float:
    from mocap.core.rotation import quaternion_wxyz_from_matrix

    return float(quaternion_wxyz_from_matrix(turn)[0])
