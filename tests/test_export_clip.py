"""One trim, one clock and one place for all formats; programs by one word; deaf options told."""

from __future__ import annotations

import csv as table
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap.body.model import load_free_body
from mocap.body.skin import skinned_mesh
from mocap.cli.export_command import export
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import ExportError
from mocap.core.points import Points3D, Source
from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.transform import look_at
from mocap.export.applies import APPLIES, unheard
from mocap.export.c3d import C3dEvent, C3dExtras
from mocap.export.character.bone_axes import BONE_AXES
from mocap.export.character.character import Character
from mocap.export.character.dummy import dummy_mesh
from mocap.export.character.names import JOINT_NAMES
from mocap.export.character.unwrap import unwrapped
from mocap.export.clip import Clip, clipped_extras, clipped_points
from mocap.export.fbx import reader as read_fbx
from mocap.export.formats import FORMATS, FileJob, Format, Holds
from mocap.export.glb import reader as read_glb
from mocap.export.job import ExportTake, export_take
from mocap.export.placing import Placing, placed_cameras, placed_motion, placement
from mocap.export.settings import ExportOptions
from mocap.export.targets import TARGETS, target
from mocap.export.verify import read_trc
from mocap.synthetic.motion.spinning import spinning_body
from mocap.workflow.choices import export_choice

FPS = 60.0
FRAMES = 61


def points() -> Points3D:
    motion = spinning_body(FRAMES, FPS)
    xyz = motion.forward_kinematics()[0][:, None].copy()
    source = np.full(xyz.shape[:3], int(Source.MEASURED), dtype=np.uint8)
    xyz[20, 0, 3], source[20, 0, 3] = np.nan, Source.MISSING
    return Points3D(
        keypoint_names=motion.joint_names,
        person_ids=(0,),
        fps=FPS,
        xyz=xyz,
        covariance=np.tile(1e-4 * np.eye(3), (*xyz.shape[:3], 1, 1)),
        reprojection_error_px=np.ones(source.shape),
        view_count=np.full(source.shape, 4),
        source=source,
    )


def test_all_formats_have_the_same_frames_at_the_same_times(tmp_path: Path) -> None:
    motion = spinning_body(FRAMES, FPS)
    take = ExportTake([Character(motion)], points())
    options = ExportOptions(start_s=0.25, end_s=0.75, fps=24.0)
    export_take(take, tmp_path, "clip", ("fbx", "glb", "bvh", "trc", "csv", "c3d"), options)
    # 0.5 s at 24 frames a second, both ends included: 13 frames.
    times = np.arange(13) / 24.0
    fbx = read_fbx.read(tmp_path / "clip.fbx")
    glb = read_glb.read(tmp_path / "clip.glb")
    np.testing.assert_allclose(fbx.times_s, times, atol=1e-9)
    np.testing.assert_allclose(glb.times_s, times, atol=1e-6)
    assert "Frames: 13\n" in (tmp_path / "clip.bvh").read_text()
    found, fps = read_trc(tmp_path / "clip.trc")
    assert fps == 24.0 and len(found) == 13
    # Joints interpolated on arcs and points on chords differ where they turn fast, not at the ends.
    expected = motion.forward_kinematics()[0]
    np.testing.assert_allclose(found[0], expected[15], atol=1e-5)
    np.testing.assert_allclose(found[12], expected[45], atol=1e-5)
    np.testing.assert_allclose(fbx.joints(motion.joint_names)[12], expected[45], atol=1e-5)
    with (tmp_path / "clip.csv").open() as file:
        rows = list(table.DictReader(file))
    assert len({row["frame"] for row in rows}) == 13


def test_what_lies_between_frames_says_so() -> None:
    half = clipped_points(points(), Clip(fps=120.0))
    assert len(half.xyz) == 2 * FRAMES - 1
    assert (half.source[::2, 0, 0] == Source.MEASURED).all()
    assert (half.source[1::2, 0, 0] == Source.INTERPOLATED).all()
    # Frame 20 is missing: so are the moments beside it, and nothing else.
    assert np.flatnonzero(half.source[:, 0, 3] == Source.MISSING).tolist() == [39, 40, 41]
    assert np.isnan(half.xyz[39:42, 0, 3]).all()
    np.testing.assert_array_equal(half.xyz[::2, 0, 0], points().xyz[:, 0, 0])
    assert clipped_points(points(), Clip()).source.shape == points().source.shape
    with pytest.raises(ExportError, match="no frame"):
        clipped_points(points(), Clip(start_s=5.0))
    with pytest.raises(ExportError, match="impossible"):
        clipped_points(points(), Clip(fps=-1.0))


def test_events_keep_their_moment_and_leave_with_it() -> None:
    motion = spinning_body(FRAMES, FPS)
    extras = C3dExtras(
        virtual_markers={"C7": motion.root_positions},
        events=[C3dEvent("early", 0.1), C3dEvent("middle", 0.5)],
        segments=motion,
        cameras_seen=np.ones((FRAMES, 55, 2), dtype=bool),
    )
    cut = clipped_extras({0: extras}, Clip(0.25, 0.75), FRAMES, FPS)[0]
    assert [(each.label, each.time_s) for each in cut.events] == [("middle", pytest.approx(0.25))]
    np.testing.assert_array_equal(cut.virtual_markers["C7"], motion.root_positions[15:46])
    assert cut.segments is not None and len(cut.segments.root_positions) == 31
    assert cut.cameras_seen is not None and len(cut.cameras_seen) == 31


@pytest.mark.parametrize(
    ("facing", "front"),
    [("front", (0, -1)), ("Left", (1, 0)), ("back", (0, 1)), ("right", (-1, 0)), ("90", (1, 0))],
)
def test_the_clip_stands_and_faces_as_asked(facing: str, front: tuple[float, float]) -> None:
    motion = spinning_body(FRAMES, FPS)
    where = placement(Placing(True, True, facing), motion, 0.05)
    moved = placed_motion(motion, where)
    np.testing.assert_allclose(moved.root_positions[0, :2], 0.0, atol=1e-12)
    np.testing.assert_allclose(moved.root_positions[0, 2], motion.root_positions[0, 2] - 0.05)
    now = matrix_from_quaternion_wxyz(moved.local_rotations_wxyz[0, 0]) @ [0.0, -1.0, 0.0]
    np.testing.assert_allclose(now[:2] / np.linalg.norm(now[:2]), front, atol=1e-9)
    # All distances stay: it is one rigid move of everything.
    before, after = motion.forward_kinematics()[0], moved.forward_kinematics()[0]
    np.testing.assert_allclose(after, before @ where[:3, :3].T + where[:3, 3], atol=1e-9)


def test_points_and_cameras_move_with_the_people(tmp_path: Path) -> None:
    motion = spinning_body(FRAMES, FPS)
    camera = Camera(
        "left",
        (640, 480),
        np.array([[500.0, 0, 320], [0, 500, 240], [0, 0, 1]]),
        np.zeros(5),
        look_at(np.array([3.0, -3.0, 1.5]), np.array([0.0, 0.0, 1.0])),
    )
    take = ExportTake([Character(motion)], points(), Calibration((camera,)), floor_m=0.05)
    options = ExportOptions(ground=True, at_origin=True, facing="back")
    export_take(take, tmp_path, "clip", ("trc", "fbx"), options)
    found, _ = read_trc(tmp_path / "clip.trc")
    joints = read_fbx.read(tmp_path / "clip.fbx").joints(motion.joint_names)
    np.testing.assert_allclose(found[0], joints[0], atol=2e-5)
    where = placement(options.placing, motion, 0.05)
    moved = placed_cameras(Calibration((camera,)), where).cameras[0]
    one, other = motion.root_positions[:1], motion.root_positions[:1] @ where[:3, :3].T
    pixels = moved.project(other + where[:3, 3])
    np.testing.assert_allclose(pixels, camera.project(one), atol=1e-6)


def test_facings_that_are_none_are_refused() -> None:
    with pytest.raises(ExportError, match="front, left"):
        placement(Placing(facing="up"), spinning_body(2), None)
    with pytest.raises(ExportError, match="placed"):
        export_take(
            ExportTake([], points()),
            Path(),
            "clip",
            ("trc",),
            ExportOptions(ground=True),
        )


def test_every_target_is_made_of_options_there_are() -> None:
    for name in TARGETS:
        choice = export_choice(None, name.upper())
        assert choice.target == name and set(choice.formats) <= set(FORMATS)
        assert choice.names in JOINT_NAMES and choice.bone_axis in BONE_AXES
        assert choice.asked == ()  # The program's settings are no options that were asked for.
    with pytest.raises(ExportError, match="Did you mean blender"):
        target("blendr")


def test_options_go_before_those_of_the_program() -> None:
    choice = export_choice("GLB,fbx", "unreal", names="Mixamo", up=None, root_bone=False)
    assert choice.formats == ("glb", "fbx")
    assert (choice.names, choice.up, choice.root_bone) == ("mixamo", "z", False)
    assert choice.asked == ("--names",)


def test_options_that_say_nothing_are_told() -> None:
    assert unheard(("--root-bone",), ("bvh",)) == (
        "--root-bone does not apply to bvh: written without it.",
    )
    assert unheard(("--root-bone", "--fps"), ("fbx",)) == ()
    assert all(set(formats) <= set(FORMATS) for formats in APPLIES.values())


def test_help_options_and_documentation_know_every_format() -> None:
    options = {name: each for each in export.params for name in each.opts + each.secondary_opts}
    assert set(APPLIES) <= set(options)
    named = re.search(r"commas: ([a-z0-9, ]+)\.", options["--to"].help or "")
    assert named and set(named[1].split(", ")) == set(FORMATS)
    page = Path(__file__).parents[1] / "docs" / "formats.md"
    rows = re.findall(r"^\| (`.*?) \|", page.read_text(encoding="utf-8"), re.M)
    assert set(FORMATS) <= {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def test_a_new_format_is_one_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A format of joint names, put into the table alone, is written by the job like the others."""

    def write(job: FileJob) -> tuple[str, ...]:
        job.path.write_text("\n".join(job.characters[0].motion.joint_names))
        return ("only the names",)

    names = Format("names", Holds.SKELETON, lambda *_: (), write)
    monkeypatch.setitem(FORMATS, "names", names)
    take = ExportTake([Character(spinning_body(3))])
    result = export_take(take, tmp_path, "take", ["names"])
    assert result.remarks == ("only the names",)
    assert result.paths[0].read_text().startswith("pelvis")


def test_a_dummy_has_a_bone_for_every_bone(tmp_path: Path) -> None:
    motion = spinning_body(3)
    mesh = dummy_mesh(motion)
    assert set(np.unique(mesh.joints)) == set(range(55))
    # Faces look outward: volumes are positive.
    corners = mesh.vertices[mesh.faces]
    volume = np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).reshape(
        -1, 8
    )
    centre = mesh.vertices.reshape(-1, 6, 3).mean(axis=1)
    shifted = replace(mesh, vertices=mesh.vertices - np.repeat(centre, 6, axis=0))
    corners = shifted.vertices[mesh.faces]
    volume = np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2]))
    assert (volume.reshape(-1, 8).sum(axis=1) > 0.0).all()


def test_a_vrm_animation_names_its_bones(tmp_path: Path) -> None:
    choice = export_choice(None, "vrm")
    export_take(ExportTake([Character(spinning_body(3))]), tmp_path, "clip", ("glb",), choice)
    document = read_glb.load(tmp_path / "clip.glb").document
    bones = document["extensions"]["VRMC_vrm_animation"]["humanoid"]["humanBones"]
    assert document["nodes"][bones["leftLowerArm"]["node"]]["name"] == "leftLowerArm"
    assert document["nodes"][bones["hips"]["node"]]["name"] == "hips" and "leftEye" not in bones


def test_no_face_is_stretched_over_the_seam_of_the_texture() -> None:
    mesh = skinned_mesh(load_free_body())
    picture = unwrapped(mesh)
    places = picture.places[picture.corners]
    assert places.min() >= 0.0 and places.max() <= 1.0
    left = (places[..., 0] < 0.5).sum(axis=1)
    assert set(np.unique(left)) == {0, 3}
    # A face is as large in the picture as in the pattern: nothing is folded or pulled long.
    size = np.ptp(mesh.vertices, axis=0)[[0, 2]]
    scale = np.array([0.48, 0.98]) / size
    across = np.abs(places[:, 1] - places[:, 0])
    real = np.abs(mesh.vertices[mesh.faces[:, 1]] - mesh.vertices[mesh.faces[:, 0]])[:, [0, 2]]
    np.testing.assert_allclose(across, real * scale, atol=1e-12)
