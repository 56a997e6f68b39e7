"""`mocap export` of a fitted body: skin, body parameters, what a licence asks for."""

from __future__ import annotations

import json
import os
import shutil
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import ezc3d
import numpy as np
import pytest
from click.testing import CliRunner
from clips_take import fake_take
from fitted import random_motion
from stages import export_stage
from walker import keypoints_on, walk

from mocap.body.anatomical_markers import marker_vertices
from mocap.body.mesh import posed_skins
from mocap.body.model import WORLD_FROM_BODY, load_free_body
from mocap.capture.session import Session, Take
from mocap.cli import main
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import ExportError, InputError
from mocap.core.files.documents import save_document
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.store import Provenance, file_hash, save_artifact
from mocap.export import fbx, glb, npz
from mocap.export.character.character import SkeletonStyle
from mocap.export.fbx import reader as read_fbx
from mocap.export.fbx.records import read_records
from mocap.export.glb import reader as read_glb
from mocap.export.job import ExportOptions, ExportTake, export_take
from mocap.measure.events import Event, MeasuredEvents
from mocap.workflow.choices import ExportChoice
from mocap.workflow.export.bodies import body_character
from mocap.workflow.pipeline import Outcome, run_stages
from mocap.workflow.results import EVENTS_FILE, Results

FRAMES = 24
# 32-bit positions of a body within 3 m, and 32-bit weights.
WITHIN_M = 1e-5


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """A take with smoothed keypoints and a body as if it had been fitted to them."""
    made = fake_take(tmp_path / "lab")
    save_artifact(keypoints_on(walk(FRAMES)), made.artifact("smoothed"), Provenance("smooth", "1"))
    save_body(made, random_motion(load_free_body(), FRAMES))
    return made


def save_body(take: Take, motion: BodyMotion) -> None:
    inputs = {"smoothed": file_hash(take.artifact("smoothed"))}
    save_artifact(
        motion, take.body_path(motion.person_id), Provenance("fit", "1", {"body": "free"}, inputs)
    )


def save_events(take: Take, kind: str, events: list[Event]) -> None:
    """Keep events as `mocap measure` does that found them on the keypoints and body there are."""
    inputs = Results(take).measured_from(bodies=[0])
    path = take.measure_dir / kind / EVENTS_FILE
    found = MeasuredEvents(kind, 0, 30.0, (tuple(events),))
    save_document(found, path, Provenance(f"measure {kind}", "1", inputs=inputs))


def export(take: Take, *formats: str, **options: object) -> Outcome:
    choice = ExportChoice(formats=formats, **options)  # type: ignore[arg-type]
    return run_stages([export_stage(take, choice)], version="0")[0]


def test_files_hold_the_skin_of_the_fitted_shape(take: Take) -> None:
    export(take, "fbx", "glb")
    motion = random_motion(load_free_body(), FRAMES)
    skins = [skin for _, skin in posed_skins(load_free_body(), motion, (0, 17))]
    for suffix, read in (("fbx", read_fbx.read), ("glb", read_glb.read)):
        scene = read(take.export_dir / f"{take.name}.{suffix}", skin_frames=(0, 17))
        for found, expected in zip(scene.vertices, skins, strict=True):
            assert np.abs(found[: len(expected)] - expected).max() < WITHIN_M


def test_the_skin_can_be_left_out_or_thinned(take: Take) -> None:
    export(take, "glb", max_influences=4)
    loaded = read_glb.load(take.export_dir / f"{take.name}.glb")
    assert "JOINTS_1" not in loaded.document["meshes"][0]["primitives"][0]["attributes"]
    export(take, "glb", mesh="none")
    assert "meshes" not in read_glb.load(take.export_dir / f"{take.name}.glb").document
    # Blender makes empties of bones without a skin: a dummy keeps them an armature.
    export(take, "glb", mesh="bones")
    (mesh,) = read_glb.load(take.export_dir / f"{take.name}.glb").document["meshes"]
    assert mesh["primitives"]


@pytest.mark.parametrize("rest_pose", ["t", "a"])
def test_body_parameters_pose_our_body_to_the_same_place(take: Take, rest_pose: str) -> None:
    outcome = export(take, "npz", rest_pose=rest_pose)
    model = load_free_body()
    motion = random_motion(model, FRAMES)
    with np.load(take.export_dir / f"{take.name}.npz", allow_pickle=False) as data:
        assert bool(data["flat_hand_mean"]) and str(data["gender"]) == "neutral"
        assert str(data["model_hash"]) == model.content_hash
        np.testing.assert_array_equal(data["betas"], motion.betas)
        np.testing.assert_allclose(data["trans"], motion.transl, atol=1e-9)
        poses = matrix_from_rotvec(data["poses"].reshape(FRAMES, 55, 3))
        found = model.forward_kinematics(poses, data["betas"], data["trans"])[0]
    vectors = motion.rotation_vectors()
    expected = model.forward_kinematics(vectors, motion.betas, motion.transl)[0]
    np.testing.assert_allclose(found, expected, atol=WITHIN_M)
    assert any("not of SMPL-X" in sentence for sentence in outcome.warnings)


def test_hands_that_were_fitted_about_a_mean_are_written_about_a_flat_hand(tmp_path: Path) -> None:
    means = np.random.default_rng(3).normal(0, 0.2, (2, 15, 3))
    model = replace(load_free_body(), hand_means=means)
    motion = replace(random_motion(model, 3), flat_hand_mean=False)
    character = body_character(motion, model, "Ann", with_mesh=False)
    npz.write(character.motion, tmp_path / "a.npz", shape=character.shape)
    with np.load(tmp_path / "a.npz") as data:
        hands = matrix_from_rotvec(data["pose_hand"].reshape(3, 30, 3))
    fitted = np.concatenate([motion.left_hand_pose, motion.right_hand_pose], axis=1)
    expected = matrix_from_rotvec(fitted + means.reshape(30, 3))
    np.testing.assert_allclose(hands, expected, atol=1e-9)


def test_c3d_holds_markers_segments_and_events(take: Take) -> None:
    def at(name: str, *times_s: float) -> list[Event]:
        return [Event(name, 30.0 * time_s, 10.0) for time_s in times_s]

    save_events(take, "pitching", at("ball_release", 0.05))
    steps = [*at("left_heel_strike", 0.1, 0.2, 0.35), *at("right_heel_strike", 0.15, 0.25)]
    save_events(take, "gait", [*steps, *at("left_toe_off", 0.16), *at("right_toe_off", 0.21)])
    export(take, "c3d")
    model = load_free_body()
    motion = random_motion(model, FRAMES)
    found = ezc3d.c3d(str(take.export_dir / f"{take.name}.c3d"))
    labels = found["parameters"]["POINT"]["LABELS"]["value"]
    # a heel is skin of the rest pose that moves with the bone of the foot, as rigid as bone is
    joints, turns = model.forward_kinematics(motion.rotation_vectors(), motion.betas, motion.transl)
    foot = model.joint("left_ankle")
    vertex = marker_vertices(model)["LCAL"]
    arm = model.rest_vertices(motion.betas)[vertex] - model.joints(motion.betas)[foot]
    np.testing.assert_allclose(
        found["data"]["points"][:3, labels.index("LCAL")].T,
        1000.0 * (joints[:, foot] + turns[:, foot] @ arm),
        atol=1e3 * WITHIN_M,
    )
    assert set(marker_vertices(model)) <= set(labels)
    rotations = model.forward_kinematics(motion.rotation_vectors(), motion.betas)[1]
    np.testing.assert_allclose(
        found["data"]["rotations"][:3, :3].transpose(3, 2, 0, 1),
        rotations @ WORLD_FROM_BODY.T,
        atol=1e-6,
    )
    event = found["parameters"]["EVENT"]
    says = zip(
        event["LABELS"]["value"],
        event["CONTEXTS"]["value"],
        event["TIMES"]["value"][1],
        strict=True,
    )
    assert [(label, side, round(float(time_s), 4)) for label, side, time_s in says] == [
        ("Ball release", "General", 0.05),
        ("Foot Strike", "Left", 0.1),
        ("Foot Strike", "Right", 0.15),
        ("Foot Off", "Left", 0.16),
        ("Foot Strike", "Left", 0.2),
        ("Foot Off", "Right", 0.21),
        ("Foot Strike", "Right", 0.25),
        ("Foot Strike", "Left", 0.35),
    ]


def test_events_go_with_a_copied_session_and_not_with_other_keypoints(
    take: Take, tmp_path: Path
) -> None:
    save_events(take, "pitching", [Event("ball_release", 3.0, 10.0)])
    shutil.copytree(take.session.root, tmp_path / "copy")
    copy = Session.open(tmp_path / "copy").take(take.name)
    # A copy has other dates in another order; contents decide.
    os.utime(copy.measure_dir / "pitching" / EVENTS_FILE, (1.0, 1.0))
    for each in (take, copy):
        assert not any("left out" in warning for warning in export(each, "c3d").warnings)
        found = ezc3d.c3d(str(each.export_dir / f"{each.name}.c3d"))["parameters"]
        assert found["EVENT"]["LABELS"]["value"] == ["Ball release"]
    moved = replace(keypoints_on(walk(FRAMES)), fps=31.0)
    save_artifact(moved, take.artifact("smoothed"), Provenance("smooth", "2"))
    save_body(take, random_motion(load_free_body(), FRAMES))
    said = export(take, "c3d").warnings
    assert any("found on another smoothed.npz" in each and "left out" in each for each in said)
    assert "EVENT" not in ezc3d.c3d(str(take.export_dir / f"{take.name}.c3d"))["parameters"]
    (take.measure_dir / "pitching" / EVENTS_FILE).write_text("{}")
    with pytest.raises(InputError, match=r"events.json is damaged"):
        export(take, "c3d")


@pytest.mark.parametrize(
    "words",
    [
        ("measure", "angles"),
        ("mesh", "--to", "obj", "--frames", "0:1"),
        ("export", "--to", "bvh"),
    ],
    ids=lambda words: words[0],
)
def test_a_body_of_other_points_is_refused_by_every_command(
    take: Take, words: tuple[str, ...]
) -> None:
    name, *rest = words
    folders = [str(take.session.root), take.name]
    # The second word of `measure angles` is a command, options come last.
    command = [name, *rest[:1], *folders] if name == "measure" else [name, *folders, *rest]
    assert CliRunner().invoke(main, command).exit_code == 0
    points = keypoints_on(walk(FRAMES))
    other = replace(points, xyz=points.xyz + 0.01)
    save_artifact(other, take.artifact("smoothed"), Provenance("smooth", "2"))
    refused = CliRunner().invoke(main, command)
    assert refused.exit_code == 1, refused.output
    assert f"the bodies of take {take.name} cannot be used: smoothed.npz is not" in refused.stderr
    assert f"Run `mocap run {take.session.root} {take.name}` first" in refused.stderr


def test_event_tables_of_earlier_versions_are_named(take: Take) -> None:
    table = take.measure_dir / "gait" / "gait.csv"
    table.parent.mkdir(parents=True)
    table.write_text("take,side,start_time_s\na,left,0.1\n")
    (said,) = [each for each in export(take, "c3d").warnings if "gait.csv" in each]
    assert "earlier version" in said and "`mocap measure gait" in said


def test_files_that_were_replaced_are_removed_unless_somebody_changed_them(take: Take) -> None:
    def person(name: str) -> None:
        points = keypoints_on(walk(FRAMES))
        save_artifact(points, take.artifact("smoothed"), Provenance("smooth", name))
        save_body(take, random_motion(load_free_body(), FRAMES))

    def names() -> set[str]:
        return {path.name for path in take.export_dir.iterdir()} - {"export.json"}

    points = keypoints_on(walk(FRAMES))
    twice: dict[str, Any] = {
        name: np.concatenate([getattr(points, name)] * 2, axis=1)
        for name in ("xyz", "covariance", "reprojection_error_px", "view_count", "source")
    }
    two = replace(points, person_ids=(0, 1), **twice)
    save_artifact(two, take.artifact("smoothed"), Provenance("smooth", "two"))
    take.body_path(0).unlink()
    export(take, "trc", "bvh")
    first = names()
    assert first == {f"{take.name}_person{k}.{each}" for k in (0, 1) for each in ("trc", "bvh")}
    edited = take.export_dir / f"{take.name}_person1.bvh"
    edited.write_text("mine")
    person("one")
    # A format that is not written now stays, and is remembered
    (said,) = [each for each in export(take, "csv").warnings if "made from another motion" in each]
    assert all(name in said for name in first)
    assert names() == first | {f"{take.name}.csv"}
    outcome = export(take, "trc", "bvh")
    assert names() == {edited.name, *(f"{take.name}.{each}" for each in ("trc", "bvh", "csv"))}
    assert any(edited.name in each and "changed since" in each for each in outcome.warnings)
    assert edited.read_text() == "mine"
    assert not any("another motion" in each for each in outcome.warnings)


def test_a_licence_goes_where_the_skin_goes(tmp_path: Path) -> None:
    model = replace(load_free_body(), name="smplx_female", licence_note="Keep it to yourself.")
    character = body_character(random_motion(model, 3), model, "Ann")
    assert character.shape is not None and character.shape.gender == "female"

    def notes(style: SkeletonStyle) -> tuple[str | None, list[str]]:
        glb.write(character, tmp_path / "a.glb", style=style)
        fbx.write(character, tmp_path / "a.fbx", style=style)
        raw = (tmp_path / "a.glb").read_bytes()
        document = json.loads(raw[20 : 20 + struct.unpack_from("<I", raw, 12)[0]])
        head = next(read_records(tmp_path / "a.fbx").all("FBXHeaderExtension"))
        blocks = next(head.all("SceneInfo")).all("MetaData")
        return document["asset"].get("copyright"), [
            str(leaf.values[0]) for block in blocks for leaf in block.all("Comment")
        ]

    assert notes(SkeletonStyle()) == ("Keep it to yourself.", ["Keep it to yourself."])
    assert notes(SkeletonStyle(with_mesh=False)) == (None, [])


def unseen(take: Take, first: int, count: int) -> None:
    """Store the body as if nobody had seen the person in some frames."""
    motion = random_motion(load_free_body(), FRAMES)
    error = np.full(FRAMES, 3.0)
    error[first : first + count] = np.nan
    save_body(take, replace(motion, fit_error_mm=error))


def test_a_long_unseen_stretch_must_be_asked_for(take: Take) -> None:
    unseen(take, 4, 16)  # 0.53 s at 30 fps: longer than half a second
    with pytest.raises(ExportError, match=r"not seen in 16 of 24 frames .* Choose --gaps"):
        export(take, "bvh")
    assert "motion model alone" in export(take, "bvh", gaps="interpolate").warnings[0]
    export(take, "bvh", gaps="split")
    written = sorted(path.name for path in take.export_dir.glob("*.bvh"))
    assert len(written) == 2
    assert all("Frames: 4" in (take.export_dir / name).read_text() for name in written)


def test_somebody_who_comes_and_goes_does_not_cost_the_others_their_files(take: Take) -> None:
    points = keypoints_on(walk(FRAMES))
    fields = ("xyz", "covariance", "reprojection_error_px", "view_count", "source")
    twice: dict[str, Any] = {
        name: np.concatenate([getattr(points, name)] * 2, axis=1) for name in fields
    }
    two = replace(points, person_ids=(0, 1), **twice)
    save_artifact(two, take.artifact("smoothed"), Provenance("smooth", "two"))
    motion = random_motion(load_free_body(), FRAMES)
    error = np.where(np.arange(FRAMES) < 16, np.nan, 3.0)
    save_body(take, motion)
    save_body(take, replace(motion, person_id=1, fit_error_mm=error))
    outcome = export(take, "bvh", "trc")
    written = {path.name for path in take.export_dir.iterdir()} - {"export.json"}
    # One person left over has the name of the take; the tables hold both.
    assert written == {f"{take.name}.bvh", f"{take.name}_person0.trc", f"{take.name}_person1.trc"}
    assert any(
        "person 1 is in no animation file" in each and "Choose --gaps" in each
        for each in outcome.warnings
    )


def test_a_short_unseen_stretch_is_bridged(take: Take) -> None:
    unseen(take, 4, 10)
    assert not any("not seen" in warning for warning in export(take, "bvh").warnings)


def test_a_run_without_a_body_exports_the_keypoints_skeleton(take: Take) -> None:
    choice = ExportChoice(formats=("bvh",))
    run_stages([export_stage(take, choice, with_bodies=False)], version="0")
    text = (take.export_dir / f"{take.name}.bvh").read_text()
    assert "left_index1" not in text  # the body has fingers, keypoints show none


@pytest.mark.parametrize("rest_pose", ["t", "a"])
def test_glb_shows_the_expression_of_the_face(tmp_path: Path, rest_pose: str) -> None:
    """Morphs and joints together pose the skin that the body itself poses, to 0.001 mm."""
    model = load_free_body()
    still = random_motion(model, 6, seed=8)
    weights = np.random.default_rng(8).normal(0.0, 0.6, (6, 10))
    motion = replace(still, expression=weights)
    take = ExportTake([body_character(motion, model, "Ann")])
    options = ExportOptions(rest_pose=rest_pose, verify=True)
    (check,) = export_take(take, tmp_path, "talk", ["glb"], options).checks
    assert check.skin_error_mm is not None and check.skin_error_mm < 0.001
    frames = (0, 5)
    face = np.flatnonzero(np.abs(model.expression_components).max(axis=(0, 2)) > 0.0)
    scene = read_glb.read(tmp_path / "talk.glb", skin_frames=frames)
    for vertices, (_, skin) in zip(scene.vertices, posed_skins(model, motion, frames), strict=True):
        # posed_skins works in float32 itself: half a micrometre at a metre; an A-pose blends the
        # skin of the shoulders twice, not that of the face
        np.testing.assert_allclose(vertices[face], skin[face], atol=3e-6)
    document = read_glb.load(tmp_path / "talk.glb").document
    (mesh,) = document["meshes"]
    assert mesh["extras"]["targetNames"] == list(model.expression_names)
    # a face that was not fitted costs nothing
    export_take(ExportTake([body_character(still, model, "Ann")]), tmp_path, "still", ["glb"])
    assert "targets" not in json.dumps(read_glb.load(tmp_path / "still.glb").document)


def test_fbx_and_a_mirrored_glb_keep_a_still_face(tmp_path: Path) -> None:
    model = load_free_body()
    motion = replace(random_motion(model, 4, seed=8), expression=np.full((4, 10), 0.5))
    take = ExportTake([body_character(motion, model, "Ann")])
    for options in (ExportOptions(verify=True), ExportOptions(verify=True, mirror=True)):
        for check in export_take(take, tmp_path, "talk", ["fbx", "glb"], options).checks:
            assert check.skin_error_mm is not None and check.skin_error_mm < 0.01
    mirrored = read_glb.load(tmp_path / "talk.glb").document
    assert "targets" not in json.dumps(mirrored)
