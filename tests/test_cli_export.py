"""`mocap export` offers every format and option, keeps what is current, and reads files back."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from clips_take import fake_take
from walker import keypoints_on, walk

from mocap.capture.session import Take
from mocap.cli import main
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration, Camera
from mocap.core.points import Source
from mocap.core.store import Provenance, save_artifact
from mocap.export.bvh import reader as bvh_read
from mocap.export.fbx import reader as read_fbx


def mocap(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.fixture
def take(tmp_path: Path) -> Take:
    """A take whose smoothed keypoints are a walker's, with one hip gone for a second."""
    made = fake_take(tmp_path / "lab")
    points = keypoints_on(walk(180))
    hip = points.keypoint_names.index("left_knee")
    xyz, source = points.xyz.copy(), points.source.copy()
    xyz[60:120, 0, hip], source[60:120, 0, hip] = np.nan, Source.MISSING
    points = replace(points, xyz=xyz, source=source)
    save_artifact(points, made.artifact("smoothed"), Provenance("smooth", "1"))
    matrix = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
    cameras = tuple(
        Camera(name, (64, 48), matrix, np.zeros(5), np.eye(4)) for name in ("left", "right")
    )
    save_calibration(Calibration(cameras), made.session.calibration_path)
    return made


def test_every_format_is_written_and_read_back(take: Take) -> None:
    formats = "bvh,fbx,glb,mot,sto,npz,c3d,csv,trc"
    result = mocap(
        "export", take.session.root, take.name, "--to", formats, "--gaps", "interpolate",
        "--names", "mixamo", "--name-prefix", "mixamorig:", "--bone-axis", "y", "--root-bone",
        "--cameras", "--verify",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    written = {path.suffix for path in take.export_dir.iterdir()}
    assert {f".{each}" for each in formats.split(",")} <= written
    for suffix in ("bvh", "fbx", "glb", "c3d", "trc"):
        assert f"{take.name}.{suffix}: joints within 0.00" in result.output
    scene = read_fbx.read(take.export_dir / f"{take.name}.fbx")
    assert scene.joint_names[:2] == ("mixamorig:root", "mixamorig:Hips")
    again = mocap("export", take.session.root, take.name, "--to", formats, "--gaps", "interpolate",
                  "--names", "mixamo", "--name-prefix", "mixamorig:", "--bone-axis", "y",
                  "--root-bone", "--cameras", "--verify")  # fmt: skip
    assert "export is current" in again.output


def test_long_gaps_are_refused_until_somebody_chooses(take: Take) -> None:
    refused = mocap("export", take.session.root, take.name, "--to", "bvh")
    assert refused.exit_code == 1
    held = mocap("export", take.session.root, take.name, "--to", "bvh", "--gaps", "hold")
    assert held.exit_code == 0, held.output
    motion = bvh_read.read(take.export_dir / f"{take.name}.bvh")
    knee = motion.local_rotations_wxyz[62:118, motion.joint_names.index("left_hip")]
    np.testing.assert_allclose(knee, knee[:1] * np.ones((56, 1)), atol=1e-6)
    split = mocap("export", take.session.root, take.name, "--to", "bvh", "--gaps", "split",
                  "--json")  # fmt: skip
    assert split.exit_code == 0, split.output
    files = json.loads(split.stdout)["stages"][-1]["notes"]["files"]
    assert [name[-13:] for name in files] == ["from00000.bvh", "from00120.bvh"]
    # the file of the whole take, which they replace, is gone
    assert {path.name for path in take.export_dir.iterdir()} == {*files, "export.json"}


def test_the_points_need_no_skeleton(take: Take) -> None:
    result = mocap("export", take.session.root, take.name, "--to", "c3d,trc,csv", "--verify",
                   "--csv-layout", "wide")  # fmt: skip
    assert result.exit_code == 0, result.output
    lines = (take.export_dir / f"{take.name}.csv").read_text().split("\n")
    assert lines[61].startswith("60,")
    cells = dict(zip(lines[0].split(","), lines[61].split(","), strict=True))
    assert cells["left_knee_source"] == "missing"
    assert cells["left_knee_x_m"] == "" and cells["left_hip_source"] == "measured"
    assert float(cells["left_hip_sigma_mm"]) == pytest.approx(5.0, abs=1e-3)


@pytest.mark.skipif(find_spec("pxr") is not None, reason="usd-core is installed")
def test_a_missing_extra_is_named(take: Take) -> None:
    result = mocap("export", take.session.root, take.name, "--to", "usdc", "--gaps", "hold")
    assert result.exit_code == 1
    assert "mocap-studio[usd]" in result.output


@pytest.mark.skipif(find_spec("opensim") is not None, reason="OpenSim is installed")
def test_opensim_says_what_it_needs(take: Take, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("model.osim", "scaling.xml", "ik.xml")]
    for path in files:
        path.write_text("<OpenSimDocument/>")
    result = mocap("opensim", take.session.root, take.name, "--model", files[0], "--scaling",
                   files[1], "--ik", files[2])  # fmt: skip
    assert result.exit_code == 1
    assert "mocap-studio[opensim]" in result.output
