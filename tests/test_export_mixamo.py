"""`--for mixamo` has the rest frames of a published rig, so that clips fit its characters."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from mocap.core.rotation import angle_between_deg, matrix_from_quaternion_wxyz
from mocap.export import fbx
from mocap.export.axes import AXES
from mocap.export.character.character import Character, SkeletonStyle
from mocap.export.character.mixamo_frames import mixamo_frames
from mocap.export.character.names import JOINT_NAMES
from mocap.export.onto.fbx_rig import read_character
from mocap.export.onto.rig import pure_rotation
from mocap.synthetic.motion.spinning import spinning_body


@pytest.mark.skipif(
    "MOCAP_REAL_DATA" not in os.environ,
    reason="MOCAP_REAL_DATA is not set: the published rig is not on this machine",
)
def test_rest_frames_agree_with_a_published_rig() -> None:
    ours = {theirs: own for own, theirs in JOINT_NAMES["mixamo"].items()}
    with (Path(os.environ["MOCAP_REAL_DATA"]) / "mixamo_rest.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["joint"] in ours]
    assert len(rows) > 45
    for row in rows:
        wxyz = np.array([float(row[key]) for key in ("qw", "qx", "qy", "qz")])
        theirs = matrix_from_quaternion_wxyz(wxyz)
        found = AXES["fbx"].file_from_world @ mixamo_frames([ours[row["joint"]]])[0]
        assert angle_between_deg(found, theirs) < 3.0, row["joint"]


def test_files_hold_those_frames(tmp_path: Path) -> None:
    motion = spinning_body(2)
    path = tmp_path / "clip.fbx"
    style = SkeletonStyle(names="mixamo", name_prefix="mixamorig:", bone_axis="mixamo")
    fbx.write(Character(motion), path, style=style)
    rig = read_character(path).rig
    frames = AXES["fbx"].file_from_world @ mixamo_frames(motion.joint_names)
    found = pure_rotation(rig.world())
    for joint, name in enumerate(motion.joint_names):
        node = rig.names.index("mixamorig:" + JOINT_NAMES["mixamo"].get(name, name))
        # Angles of the file are degrees in double precision.
        assert angle_between_deg(found[node], frames[joint]) < 1e-6, name


def test_sides_are_mirror_images() -> None:
    mirror = np.diag([-1.0, 1.0, 1.0])
    for name in ("left_shoulder", "left_wrist", "left_ankle", "left_thumb2"):
        one, other = mixamo_frames([name, name.replace("left", "right")])
        # Y and Z are mirrored; X follows from them.
        np.testing.assert_allclose(mirror @ one[:, 1:], other[:, 1:], atol=1e-12)
        assert np.linalg.det(other) == pytest.approx(1.0)
