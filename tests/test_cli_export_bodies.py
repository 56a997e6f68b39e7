"""`mocap export` of a fitted body: skin, body parameters, what a licence asks for."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips_take import fake_take
from fitted import random_motion
from walker import keypoints_on, walk

from mocap.body.mesh import posed_skins
from mocap.body.model import load_free_body
from mocap.capture.session import Take
from mocap.cli.exporting import ExportChoice, export_stage
from mocap.cli.exporting_bodies import body_character
from mocap.cli.pipeline import Outcome, run_stages
from mocap.core.body_motion import BodyMotion
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.store import Provenance, file_hash, save_artifact
from mocap.export import fbx, glb, npz, read_fbx, read_glb
from mocap.export.character import SkeletonStyle
from mocap.export.fbx_records import read_records

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
    save_artifact(motion, take.body_path(0), Provenance("fit", "1", {"body": "free"}, inputs))


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
            assert np.abs(found - expected).max() < WITHIN_M


def test_the_skin_can_be_left_out_or_thinned(take: Take) -> None:
    export(take, "glb", max_influences=4)
    loaded = read_glb.load(take.export_dir / f"{take.name}.glb")
    assert "JOINTS_1" not in loaded.document["meshes"][0]["primitives"][0]["attributes"]
    export(take, "glb", mesh=False)
    assert "meshes" not in read_glb.load(take.export_dir / f"{take.name}.glb").document


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
