"""What surrounds OpenSim and USD: markers, set-up files, tables, and what is said without them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from walker import keypoints_on, walk

from mocap.core.errors import ExportError, InputError, MissingExtraError
from mocap.core.points import Source
from mocap.export import mot, opensim_ik, usd
from mocap.export.character.character import Character
from mocap.export.opensim_ik import MARKER_NAMES, OpenSimSetup, read_table, with_midpoints


def test_markers_have_the_names_of_the_marker_set() -> None:
    assert MARKER_NAMES["left_big_toe"] == "LBigToe"
    assert MARKER_NAMES["right_heel"] == "RHeel"
    assert MARKER_NAMES["nose"] == "Nose"
    assert len(set(MARKER_NAMES.values())) == len(MARKER_NAMES)


def test_midpoints_lie_between_and_know_no_more_than_their_ends() -> None:
    points = keypoints_on(walk(6))
    hidden = points.keypoint_names.index("left_shoulder")
    points.xyz[2, 0, hidden] = np.nan
    points.source[2, 0, hidden] = Source.MISSING
    more = with_midpoints(points)
    assert more.keypoint_names[-2:] == ("neck", "hip")
    hips = [points.keypoint_names.index(f"{side}_hip") for side in ("left", "right")]
    np.testing.assert_allclose(more.xyz[:, 0, -1], points.xyz[:, 0, hips].mean(axis=1))
    assert np.isnan(more.xyz[2, 0, -2]).all() and more.source[2, 0, -2] == Source.MISSING
    np.testing.assert_allclose(
        more.sigma_m[0, 0, -1], points.sigma_m[0, 0, hips[0]] / np.sqrt(2.0), rtol=1e-12
    )
    assert with_midpoints(more).keypoint_names == more.keypoint_names


def test_own_bends_are_those_of_the_walker() -> None:
    motion = walk(20)
    bends = opensim_ik.own_bends_deg(keypoints_on(motion))
    assert set(bends) == {"knee_angle_l", "knee_angle_r", "elbow_flex_l", "elbow_flex_r"}
    quaternion = motion.local_rotations_wxyz[:, motion.joint_names.index("left_knee")]
    turned = 2.0 * np.rad2deg(np.arccos(np.abs(quaternion[:, 0])))
    np.testing.assert_allclose(bends["knee_angle_l"], turned, atol=1e-6)


def test_set_up_files_are_filled_wherever_an_element_occurs(tmp_path: Path) -> None:
    template, filled = tmp_path / "template.xml", tmp_path / "filled.xml"
    template.write_text(
        "<Doc><A><marker_file>x</marker_file><weight>2</weight></A>"
        "<B><marker_file>y</marker_file></B></Doc>"
    )
    opensim_ik._fill(template, filled, {"marker_file": "markers.trc"})
    found = [each.text for each in ElementTree.parse(filled).iter("marker_file")]
    assert found == ["markers.trc", "markers.trc"]
    template.write_text("no xml")
    with pytest.raises(InputError, match=r"template\.xml is no OpenSim"):
        opensim_ik._fill(template, filled, {})


def test_tables_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "take.mot"
    knee = np.linspace(0.0, 60.0, 7)
    mot.write_table({"knee_angle_r": knee, "pelvis_ty": knee / 60.0}, path, fps=50.0)
    found = read_table(path)
    np.testing.assert_allclose(found.times_s, np.arange(7) / 50.0, atol=1e-8)
    np.testing.assert_allclose(found.values["knee_angle_r"], knee, atol=1e-8)
    assert found.in_degrees and list(found.values) == ["knee_angle_r", "pelvis_ty"]
    path.write_text("time a\n0 1\n")
    with pytest.raises(InputError, match="no MOT or STO"):
        read_table(path)
    with pytest.raises(ExportError, match="one length"):
        mot.write_table({"a": knee, "b": knee[1:]}, path, fps=50.0)
    with pytest.raises(ExportError, match="tabs"):
        mot.write_table({"a\tb": knee}, path, fps=50.0)


@pytest.mark.skipif(find_spec("opensim") is not None, reason="OpenSim is installed")
def test_a_missing_opensim_is_named(tmp_path: Path) -> None:
    setup = OpenSimSetup(tmp_path / "a.osim", tmp_path / "b.xml", tmp_path / "c.xml")
    with pytest.raises(MissingExtraError, match=r"mocap-studio\[opensim\]"):
        opensim_ik.solve(keypoints_on(walk(3)), setup, tmp_path)


@pytest.mark.skipif(find_spec("pxr") is not None, reason="usd-core is installed")
def test_a_missing_usd_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingExtraError, match=r"mocap-studio\[usd\]"):
        usd.write(Character(walk(3)), tmp_path / "take.usdc")
