"""A whole take in every format, read back; name presets; MOT, NPZ and foreign BVH files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from skeleton_pose import pose_from_skeleton
from skinned import spinning_character
from walker import keypoints_on, walk

from mocap.body.model import load_free_body
from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Source
from mocap.core.rotation import (
    angle_between_deg,
    matrix_from_quaternion_wxyz,
    matrix_from_rotvec,
)
from mocap.export import WRITERS, bvh, mot, npz
from mocap.export.bvh import reader as bvh_read
from mocap.export.c3d import C3dExtras
from mocap.export.character.character import BodyShape, Character, SkeletonStyle
from mocap.export.character.gaps import with_missing
from mocap.export.character.names import JOINT_NAMES, recognised, renamed
from mocap.export.character.retarget import retargeted
from mocap.export.formats import FORMATS
from mocap.export.job import ExportTake, export_take
from mocap.export.settings import ExportOptions
from mocap.export.verify import verify_characters, verify_points
from mocap.synthetic.motion.spinning import spinning_body

# Files of numbers in text have six decimals; 32-bit ones resolve 0.0005 mm at a few metres.
WITHIN_MM = 0.01


def take(frames: int = 24) -> ExportTake:
    motion = walk(frames)
    points = keypoints_on(motion)
    source = points.source.copy()
    source[3:6, 0, 4] = Source.MISSING
    xyz = points.xyz.copy()
    xyz[3:6, 0, 4] = np.nan
    points = replace(points, xyz=xyz, source=source)
    extras = {0: C3dExtras(segments=motion)}
    return ExportTake([spinning_character(frames)], points, c3d_extras=extras)


MIXAMO = {"names": "mixamo", "name_prefix": "mixamorig:", "bone_axis": "y"}


@pytest.mark.parametrize("style", [{}, MIXAMO])
def test_every_file_reads_back_within_a_hundredth_of_a_millimetre(
    tmp_path: Path, style: dict[str, str]
) -> None:
    formats = [each for each in FORMATS if each != "usdc"]
    options = ExportOptions(**style, verify=True)
    result = export_take(take(), tmp_path, "dance", formats, options)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"dance.{each}" for each in formats
    )
    assert {check.path.suffix for check in result.checks} == {
        ".bvh",
        ".fbx",
        ".glb",
        ".trc",
        ".c3d",
    }
    for check in result.checks:
        assert check.joint_error_mm < WITHIN_MM, check.sentence()
        assert check.skin_error_mm is None or check.skin_error_mm < WITHIN_MM
        # GLB has 32-bit times and BVH ten decimals.
        assert check.frame_rate_error < 1e-6
        assert check.path.name in check.sentence()
    assert {
        check.skin_error_mm is not None
        for check in result.checks
        if check.path.suffix in (".fbx", ".glb")
    } == {True}


def test_formats_of_the_job_are_the_writers() -> None:
    assert {f".{each}" for each in FORMATS} == set(WRITERS)


def test_verify_notices_a_wrong_file(tmp_path: Path) -> None:
    character = spinning_character(8)
    path = tmp_path / "take.fbx"
    WRITERS[".fbx"](character, path)
    raised = character.motion.root_positions + np.array([0.0, 0.0, 0.002])
    other = replace(character, motion=replace(character.motion, root_positions=raised))
    check = verify_characters(path, [other], SkeletonStyle())
    assert check.joint_error_mm == pytest.approx(2.0, abs=0.01)
    assert check.skin_error_mm == pytest.approx(2.0, abs=0.01)
    with pytest.raises(ExportError, match="55 joints"):
        verify_characters(path, [character], SkeletonStyle(names="mixamo", name_prefix="x:"))
    points = keypoints_on(walk(5))
    WRITERS[".trc"](points, tmp_path / "take.trc")
    broken = replace(points, xyz=np.where(np.arange(21)[:, None] == 3, np.nan, points.xyz))
    with pytest.raises(ExportError, match="gaps are not where they were"):
        verify_points(tmp_path / "take.trc", broken)


def test_options_reach_the_files(tmp_path: Path) -> None:
    options = ExportOptions(
        names="ue5",
        root_bone=True,
        mesh="none",
        fps=30.0,
        start_s=0.1,
        rest_pose="a",
        mirror=True,
        unit="m",
        up="z",
        verify=True,
    )
    formats = ["bvh", "fbx"]
    result = export_take(take(), tmp_path, "dance", formats, options)
    assert all(check.joint_error_mm < WITHIN_MM for check in result.checks)
    loaded = bvh_read.read(tmp_path / "dance.bvh", unit="m", up="z")
    assert loaded.fps == 30.0 and len(loaded.root_positions) == 9
    first = take().characters[0].motion.root_positions[6] * [-1.0, 1.0, 1.0]
    np.testing.assert_allclose(loaded.root_positions[0], first, atol=1e-6)


def test_several_people_and_split_takes_get_their_own_files(tmp_path: Path) -> None:
    motion = spinning_body(20)
    missing = np.zeros((20, 55), dtype=bool)
    missing[8:11, 5] = True
    cast = [Character(motion, name="Ann"), Character(with_missing(motion, missing), name="Bob")]
    apart = export_take(ExportTake(cast), tmp_path / "apart", "duet", ["fbx", "bvh"])
    assert sorted(path.name for path in apart.paths) == [
        "duet_Ann.bvh",
        "duet_Ann.fbx",
        "duet_Bob.bvh",
        "duet_Bob.fbx",
    ]
    one = ExportOptions(one_file=True, verify=True)
    together = export_take(ExportTake(cast), tmp_path / "one", "duet", ["fbx", "glb"], one)
    assert [path.name for path in together.paths] == ["duet.fbx", "duet.glb"]
    assert all(check.joint_error_mm < WITHIN_MM for check in together.checks)
    split = ExportOptions(gaps="split")
    pieces = export_take(ExportTake(cast), tmp_path / "split", "duet", ["bvh"], split)
    assert [path.name for path in pieces.paths] == [
        "duet_Ann_from00000.bvh",
        "duet_Bob_from00000.bvh",
        "duet_Bob_from00011.bvh",
    ]


def test_what_is_not_there_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no format 'obj'"):
        export_take(take(), tmp_path, "dance", ["obj"])
    with pytest.raises(ExportError, match="no skeleton"):
        export_take(ExportTake(), tmp_path, "dance", ["fbx"])
    with pytest.raises(ExportError, match="no keypoints"):
        export_take(ExportTake([Character(walk(3))]), tmp_path, "dance", ["trc"])


@pytest.mark.parametrize("preset", sorted(JOINT_NAMES))
def test_presets_name_every_joint_once(preset: str) -> None:
    names = load_free_body().joint_names
    theirs = renamed(names, preset)
    assert len(set(theirs)) == 55
    if preset not in ("smplx", "vrm"):
        unnamed = [own for own, other in zip(names, theirs, strict=True) if own == other]
        assert set(unnamed) <= {"pelvis", "head", "jaw", "left_eye_smplhf", "right_eye_smplhf"}
    back = recognised(tuple(f"rig:{name}" for name in theirs))
    assert all(
        back[f"rig:{other}"] == own
        for own, other in zip(names, theirs, strict=True)
        if f"rig:{other}" in back
    )
    assert len(back) >= 52


def test_mot_holds_the_rotations(tmp_path: Path) -> None:
    motion = spinning_body(30)
    path = tmp_path / "take.mot"
    mot.write(motion, path)
    lines = path.read_text().split("\n")
    head, columns = lines[:6], lines[6].split("\t")
    assert head == [
        "take",
        "version=1",
        "nRows=30",
        f"nColumns={len(columns)}",
        "inDegrees=yes",
        "endheader",
    ]
    rows = np.array([[float(cell) for cell in line.split("\t")] for line in lines[7:] if line])
    np.testing.assert_allclose(rows[:, 0], np.arange(30) / 60.0, atol=1e-8)
    np.testing.assert_allclose(
        rows[:, 1:4], motion.root_positions[:, [0, 2, 1]] * [1.0, 1.0, -1.0], atol=1e-7
    )
    knee = [columns.index(f"left_knee_r{axis}") for axis in "xzy"]
    assert np.abs(np.diff(rows[:, knee], axis=0)).max() < 60.0


def test_npz_drives_the_body_model_to_the_same_place(tmp_path: Path) -> None:
    model = load_free_body()
    motion = spinning_body(12)
    path = tmp_path / "take.npz"
    shape = BodyShape(model.name, model.content_hash, np.zeros(0), model.joints()[0])
    npz.write(motion, path, shape=shape)
    with np.load(path, allow_pickle=False) as data:
        assert str(data["surface_model_type"]) == "smplx"
        assert data["poses"].shape == (12, 165) and data["betas"].shape == (16,)
        parts = ["root_orient", "pose_body", "pose_jaw", "pose_eye", "pose_hand"]
        np.testing.assert_array_equal(
            np.concatenate([data[part] for part in parts], axis=1), data["poses"]
        )
        posed = model.forward_kinematics(
            matrix_from_rotvec(data["poses"].reshape(12, 55, 3)), None, data["trans"]
        )[0]
    np.testing.assert_allclose(posed, motion.forward_kinematics()[0], atol=1e-9)
    rotations, _ = pose_from_skeleton(model, motion, np.zeros(0))
    assert rotations.shape == (12, 55, 3, 3)
    remarks = npz.write(walk(4), path)
    assert "33 SMPL-X joints" in remarks[0] and len(remarks) == 2


def test_npz_holds_the_expression_of_the_frames_it_writes(tmp_path: Path) -> None:
    """An expression linear in time stays so through trimming, resampling and splitting."""
    model, motion = load_free_body(), spinning_body(61, 60.0)
    weights = np.arange(61)[:, None] / 60.0 * [1.0, -0.5]
    shape = BodyShape(
        model.name, model.content_hash, np.zeros(0), model.joints()[0], expression=weights
    )
    missing = np.zeros((61, len(motion.joint_names)), dtype=bool)
    missing[30:34] = True
    whole, broken = (
        ExportTake([Character(each, shape=shape)])
        for each in (motion, with_missing(motion, missing))
    )
    export_take(whole, tmp_path, "whole", ["npz"])
    cut = ExportOptions(fps=24.0, start_s=0.25, end_s=0.75)
    export_take(whole, tmp_path, "cut", ["npz"], cut)
    export_take(broken, tmp_path, "split", ["npz"], ExportOptions(gaps="split"))
    export_take(whole, tmp_path, "mirrored", ["npz"], ExportOptions(mirror=True))
    expected = {
        "whole": np.arange(61) / 60.0,
        "cut": 0.25 + np.arange(13) / 24.0,
        "split_from00034": np.arange(34, 61) / 60.0,
    }
    for stem, seconds in expected.items():
        with np.load(tmp_path / f"{stem}.npz") as data:
            assert len(data["poses"]) == len(seconds) and data["num_expressions"] == 2
            np.testing.assert_allclose(data["expression"][:, 0], seconds, atol=1e-12)
            np.testing.assert_allclose(data["expression"][:, 1], -0.5 * seconds, atol=1e-12)
    with np.load(tmp_path / "mirrored.npz") as data:
        assert "expression" not in data.files


@pytest.mark.parametrize("order", ["ZXY", "XYZ", "YXZ"])
def test_our_bvh_reader_reads_what_we_write(tmp_path: Path, order: str) -> None:
    motion = spinning_body(20, 59.94)
    path = tmp_path / "take.bvh"
    bvh.write(motion, path, order=order)
    again = bvh_read.read(path)
    rows = [again.joint_names.index(name) for name in motion.joint_names]
    found = again.forward_kinematics()[0][:, rows]
    assert np.abs(found - motion.forward_kinematics()[0]).max() < 1e-6
    assert again.fps == pytest.approx(59.94, rel=1e-8)


FOREIGN = {
    # Skeleton and share of the joints that stay; three have spine joints that we do not.
    "cmu1/jumping_jacks.bvh": (22, 0.001),
    "fair1/dab.bvh": (24, 0.004),
    "fair1/wave_hello.bvh": (24, 0.001),
    "rokoko/jesse_dance.bvh": (52, 0.001),
}


@pytest.mark.parametrize("name", sorted(FOREIGN))
def test_foreign_bvh_files_move_our_skeleton(tmp_path: Path, real_data: Path, name: str) -> None:
    """Joints stay within 1 mm; the dab bends a fourth spine joint, which costs 3.2 mm."""
    source = real_data / "bvh" / name
    raw = bvh_read.read(source, unit="1")
    legs = [
        raw.joint_names.index(each)
        for each in raw.joint_names
        if each in ("LeftKnee", "LeftAnkle", "LeftLeg", "LeftFoot")
    ]
    per_metre = np.linalg.norm(raw.rest_offsets[legs], axis=1).sum() / 0.85
    motion = bvh_read.read(source, unit=str(per_metre))
    joints, within = FOREIGN[name]
    for keep_unknown in (False, True):
        found = retargeted(motion, keep_unknown=keep_unknown)
        path = tmp_path / "back.bvh"
        bvh.write(found.motion, path)
        again = bvh_read.read(path)
        rows = [again.joint_names.index(each) for each in found.motion.joint_names]
        truth = motion.forward_kinematics()[0][
            :, [motion.joint_names.index(each) for each in found.source_names]
        ]
        error = np.linalg.norm(again.forward_kinematics()[0][:, rows] - truth, axis=-1).max()
        assert error < (1e-6 if keep_unknown else within)
        assert keep_unknown or len(found.motion.joint_names) == joints
        _check_t_pose(found.motion)


def _check_t_pose(motion: SkeletonMotion) -> None:
    """Arms along X, legs down, one frame of the motion still upright."""
    rest = replace(
        motion,
        local_rotations_wxyz=np.tile([1.0, 0.0, 0.0, 0.0], (1, len(motion.parents), 1)),
        root_positions=np.zeros((1, 3)),
    ).forward_kinematics()[0][0]
    at = dict(zip(motion.joint_names, rest, strict=True))
    arm = at["left_wrist"] - at["left_elbow"]
    np.testing.assert_allclose(arm / np.linalg.norm(arm), [1.0, 0.0, 0.0], atol=1e-6)
    leg = at["right_ankle"] - at["right_knee"]
    np.testing.assert_allclose(leg / np.linalg.norm(leg), [0.0, 0.0, -1.0], atol=1e-6)
    assert at["head"][2] > 0.4


def test_unknown_skeletons_are_refused() -> None:
    motion = replace(walk(3), joint_names=tuple(f"bone{n}" for n in range(22)))
    with pytest.raises(ExportError, match="not known"):
        retargeted(motion)


def test_rotations_of_the_walker_survive_a_retarget() -> None:
    motion = walk(10)
    found = retargeted(motion)
    assert found.error_m < 1e-9
    turns = angle_between_deg(
        matrix_from_quaternion_wxyz(motion.local_rotations_wxyz),
        matrix_from_quaternion_wxyz(found.motion.local_rotations_wxyz),
    )
    knee = motion.joint_names.index("left_knee")
    assert turns[:, knee].max() < 1e-6
