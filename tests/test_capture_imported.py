"""Joints and markers of other systems: read, named, in metres, Z up; a take without videos."""

from __future__ import annotations

import json
from pathlib import Path

import ezc3d
import numpy as np
import pytest
from click.testing import CliRunner
from stick_person import keypoints_of, person

from mocap.capture.imported.names import known_names, with_joint_centres
from mocap.capture.imported.place import LEAST_SIGMA_M, place, scatter_m
from mocap.capture.imported.read import ForeignPoints, read_foreign
from mocap.capture.session import Session
from mocap.cli import main
from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.export.trc import write as write_trc

FPS = 60.0
JOINTS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
Y_FROM_Z = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


def squats() -> Points3D:
    """Three squats of the stick person, with limb joints only."""
    share = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(360) / 120)
    zero = np.zeros(360)
    bent = np.stack([5 + 85 * share, zero, zero], axis=-1)
    both = {"knee": bent, "hip": bent}
    return keypoints_of(person(360, FPS, left=both, right=both))


def limbs(points: Points3D) -> tuple[list[str], FloatArray]:
    names = [name for name in points.keypoint_names if name.split("_")[-1] in JOINTS]
    rows = [points.keypoint_names.index(name) for name in names]
    return names, np.asarray(points.xyz[:, 0, rows])


def c3d_file(path: Path, labels: list[str], xyz: FloatArray, unit: str) -> None:
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [FPS]
    file["parameters"]["POINT"]["LABELS"]["value"] = labels
    file["parameters"]["POINT"]["UNITS"]["value"] = [unit]
    data = np.ones((4, xyz.shape[1], len(xyz)))
    data[:3] = xyz.transpose(2, 1, 0)
    file["data"]["points"] = data
    file.write(str(path))


def test_every_format_gives_the_same_joints(tmp_path: Path) -> None:
    points = squats()
    names, xyz = limbs(points)
    y_up = 1000.0 * xyz @ Y_FROM_Z.T
    short = [f"{name[0].upper()}{name.split('_')[1].capitalize()}" for name in names]
    c3d_file(tmp_path / "a.c3d", [f"Subject:{name}" for name in short], y_up, "mm")
    write_trc(points, tmp_path / "a.trc", unit="mm")
    head = ",".join(["time", *(f"{name}_{axis}" for name in short for axis in "xyz")])
    rows = np.column_stack([np.arange(len(xyz)) / FPS, y_up.reshape(len(xyz), -1)])
    np.savetxt(tmp_path / "a.csv", rows, delimiter=",", header=head, comments="")
    np.savez(tmp_path / "a.npz", xyz=y_up, names=np.array(short), fps=FPS)
    for ending in ("c3d", "trc", "csv", "npz"):
        found = place(read_foreign(tmp_path / f"a.{ending}"))
        assert found.points.fps == pytest.approx(FPS)
        assert any("up is Y" in sentence for sentence in found.said)
        guessed = any("unit is mm" in sentence for sentence in found.said)
        assert guessed == (ending in ("csv", "npz"))  # the others say it
        for k, name in enumerate(names):
            column = found.points.keypoint_names.index(name)
            # Files keep a micrometre and more; C3D has single precision.
            np.testing.assert_allclose(found.points.xyz[:, 0, column], xyz[:, k], atol=1e-5)


def test_scatter_is_told_by_what_no_motion_does() -> None:
    time = np.arange(2000) / 100.0
    path = np.stack([np.sin(time), np.cos(2 * time), time], axis=-1)
    noisy = path + np.random.default_rng(1).normal(0.0, 0.004, path.shape)
    assert scatter_m(noisy) == pytest.approx(0.004, rel=0.1)
    assert scatter_m(path) == LEAST_SIGMA_M


def test_usual_names_are_known_and_markers_make_joints() -> None:
    names = ("LASI", "RASI", "LPSI", "RPSI", "LKNE", "LMKNE", "LANK", "C7", "LTOE", "NoSuch")
    found = known_names(names, {"NoSuch": "right_heel"})
    assert found["LKNE"] == "left_lateral_knee" and found["LMKNE"] == "left_medial_knee"
    assert found["LASI"] == "left_asis" and found["C7"] == "c7"
    assert found["LTOE"] == "left_second_metatarsal" and found["NoSuch"] == "right_heel"
    joints = known_names(("LKNE", "left_hip", "RightElbow", "hip_r", "L.Wrist", "LHJC"), {})
    assert joints == {
        "LKNE": "left_knee", "left_hip": "left_hip", "RightElbow": "right_elbow",
        "hip_r": "right_hip", "L.Wrist": "left_wrist",
    }  # fmt: skip
    corner = {"left_asis": (0.1, 0.12, 1.0), "right_asis": (0.1, -0.12, 1.0),
              "left_psis": (-0.1, 0.04, 1.0), "right_psis": (-0.1, -0.04, 1.0),
              "left_lateral_knee": (0.0, 0.15, 0.5),
              "left_medial_knee": (0.0, 0.05, 0.5)}  # fmt: skip
    whole, made = with_joint_centres({k: np.array([v, v]) for k, v in corner.items()})
    assert set(made) == {"left_knee", "left_hip", "right_hip"}
    np.testing.assert_allclose(whole["left_knee"][0], (0.0, 0.10, 0.5))
    # Bell et al. 1990: of 240 mm between the ASIS, 72 below, 34 inwards, 53 behind.
    np.testing.assert_allclose(whole["left_hip"][0], (0.1 - 0.0528, 0.0864, 0.928), atol=1e-9)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt", "", "no c3d, trc, csv, npz"),
        ("a.csv", "a,b\n1,2\n", "NAME_x"),
        ("a.c3d", "no c3d at all", "not points of C3D"),
        ("a.trc", "x\n", "not points of TRC"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=said):
        read_foreign(tmp_path / name)


def test_positions_beyond_all_measure_are_damage() -> None:
    xyz = np.full((4, 3, 3), 1e12)
    names = ("left_hip", "right_hip", "left_elbow")
    with pytest.raises(InputError, match=r"left_hip.* are beyond 1e"):
        place(ForeignPoints(names, xyz, 60.0, "m"))
    # A signalling NaN is a NaN as any other.
    xyz = np.random.default_rng(1).normal(size=(4, 3, 3))
    xyz[1, 2] = np.frombuffer((0x7FF0000000000001).to_bytes(8, "little"), "<f8")[0]
    placed = place(ForeignPoints(names, xyz, 60.0, "m"), up="z")
    assert np.isnan(placed.points.xyz).any()


def test_what_cannot_be_told_must_be_said() -> None:
    xyz = np.random.default_rng(0).normal(size=(10, 3, 3))
    with pytest.raises(InputError, match="--map"):
        place(ForeignPoints(("p1", "p2", "p3"), xyz, 60.0, "m"))
    hips = ForeignPoints(("left_hip", "right_hip", "left_elbow"), xyz, None, "m")
    with pytest.raises(InputError, match="--fps"):
        place(hips)
    with pytest.raises(InputError, match="--up"):
        place(hips, fps=60.0)


def test_an_imported_take_is_measured_without_videos(tmp_path: Path) -> None:
    root = tmp_path / "clinic"
    Session.create(root, rig="four_corner", board="a3_7x10")
    names, xyz = limbs(squats())
    c3d_file(tmp_path / "lab.c3d", names, 1000.0 * xyz, "mm")
    runner = CliRunner()
    made = runner.invoke(main, ["import", str(root), "lab", str(tmp_path / "lab.c3d")])
    assert made.exit_code == 0, made.output
    assert "360 frames of 12 points" in made.output and "up is Z" in made.output
    squat = runner.invoke(main, ["measure", "squat", str(root), "lab", "--json"])
    assert squat.exit_code == 0, squat.output
    assert json.loads(squat.stdout)["metrics"]["count"]["value"] == 3
    ergonomics = runner.invoke(main, ["measure", "ergonomics", str(root), "lab"])
    assert ergonomics.exit_code == 0 and "not scored" in ergonomics.output, ergonomics.output
    bad = runner.invoke(main, ["import", str(root), "../x", str(tmp_path / "lab.c3d")])
    assert bad.exit_code == 1 and "no name of a take" in bad.output
