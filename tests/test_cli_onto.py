"""The commands an animator types: onto a character, for a program, several takes, a folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from clips_take import fake_take
from foreign_rigs import write_hero
from walker import keypoints_on, walk

from mocap.capture.session import Take
from mocap.cli import main
from mocap.core.store import Provenance, save_artifact
from mocap.export.glb import reader as read_glb

FRAMES = 24


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """A take with smoothed keypoints; its skeleton has no fitted body and no fingers."""
    made = fake_take(tmp_path / "lab")
    save_artifact(keypoints_on(walk(FRAMES)), made.artifact("smoothed"), Provenance("smooth", "1"))
    return made


def export(take: Take, *arguments: str | Path) -> Result:
    line = ["export", str(take.session.root), take.name, *map(str, arguments)]
    return CliRunner().invoke(main, line)


def test_the_motion_goes_onto_a_character(take: Take, tmp_path: Path) -> None:
    hero = tmp_path / "hero.glb"
    write_hero(hero, style="unreal", pose="a", legs=0.8)
    out = tmp_path / "out"
    run = export(take, "--onto", hero, "-o", out, "--ground", "--start", "0.1", "--names", "mixamo")
    assert run.exit_code == 0, run.output
    assert "--names does not apply to --onto" in run.output and "legs 0." in run.output
    assert run.output.count("does not apply") == 1
    scene = read_glb.read(out / f"{take.name}_on_hero.glb", animation=take.name)
    # Both ends of the trim are kept; the first frame is time 0.
    assert len(scene.times_s) == FRAMES - round(0.1 * walk(FRAMES).fps)
    assert scene.times_s[0] == 0.0
    hips = scene.joints(("thigh_l", "thigh_r"))[..., 2]
    # Standing upright on legs of 0.8: hips below ours and well above the floor.
    assert 0.5 < float(np.median(hips)) < 0.9


def test_bones_are_listed_as_a_map_that_works(take: Take, tmp_path: Path) -> None:
    hero = tmp_path / "hero.fbx"
    write_hero(hero, style="mixamo")
    run = export(take, "--onto", hero, "--list-joints")
    assert run.exit_code == 0 and 'left_knee = "mixamorig:LeftLeg"' in run.output
    mapping = tmp_path / "map.toml"
    mapping.write_text(run.output)
    assert export(take, "--onto", hero, "--map", mapping, "-o", tmp_path).exit_code == 0
    assert (tmp_path / f"{take.name}_on_hero.fbx").is_file()


def test_what_is_no_character_is_one_sentence(take: Take, tmp_path: Path) -> None:
    for name, content in (("a.glb", b"glTF"), ("b.fbx", b"x" * 99), ("c.obj", b"v 0 0 0")):
        path = tmp_path / name
        path.write_bytes(content)
        run = export(take, "--onto", path)
        assert run.exit_code == 1 and run.output.startswith("Error: "), run.output
        assert str(path) in run.output
    assert export(take, "--onto", tmp_path / "none.fbx").exit_code == 1
    assert export(take, "--list-joints").exit_code == 2


def test_a_program_gets_a_folder_and_takes_share_one(take: Take, tmp_path: Path) -> None:
    other = take.root.parent / "second"
    shutil.copytree(take.root, other)
    out = tmp_path / "assets"
    line = ["export", str(take.session.root), "--for", "Unreal", "-o", str(out)]
    run = CliRunner().invoke(main, [*line, "--json"])
    assert run.exit_code == 0, run.output
    assert set(json.loads(run.stdout)["takes"]) == {take.name, "second"}
    written = {path.name for path in (out / "unreal").glob("*.fbx")}
    assert written == {f"{take.name}.fbx", "second.fbx"}
    # Again: both are current, and neither removes the other's file.
    assert CliRunner().invoke(main, line).output.count("is current") == 2
    assert {path.name for path in (out / "unreal").glob("*.fbx")} == written
    # The take's own folder is untouched by all this.
    assert not take.export_dir.exists()


def test_takes_are_named_or_all_meant(take: Take) -> None:
    root = str(take.session.root)
    told = CliRunner().invoke(main, ["export", root, "--to", "csv", "--json"])
    assert json.loads(told.stdout)["take"] == take.name  # the only one of the session
    run = export(take, "--for", "cinema4d")
    assert run.exit_code == 1 and "blender" in run.output
    run = export(take, "--to", "bvh", "--root-bone")
    assert run.exit_code == 0 and "--root-bone does not apply to bvh" in run.output
