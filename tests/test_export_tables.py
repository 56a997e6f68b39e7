"""TRC and CSV files hold the points, their gaps and nothing else."""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from walker import keypoints_on, walk

from mocap.core.errors import ExportError, InputError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.export import POINTS_WRITERS, trc
from mocap.export.csv import write_wide


@dataclass
class Trc:
    """A TRC file read by OpenSim's rules."""

    header: dict[str, str]
    names: list[str]
    frame: list[int]
    time: FloatArray
    xyz: FloatArray


def read_trc(path: Path) -> Trc:
    """Read strictly: every rule of the format is an assertion."""
    lines = path.read_bytes().decode("ascii").split("\n")
    assert lines[-1] == ""
    kind, four, axes, name = lines[0].split("\t")
    assert (kind, four, axes, name) == ("PathFileType", "4", "(X/Y/Z)", path.name)
    header = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True))
    markers = int(header["NumMarkers"])
    columns = lines[3].split("\t")
    assert columns[:2] == ["Frame#", "Time"] and len(columns) == 2 + 3 * markers
    assert not any(columns[3::3]) and not any(columns[4::3])
    assert lines[4].split("\t")[:5] == ["", "", "X1", "Y1", "Z1"]
    assert lines[4].split("\t")[-1] == f"Z{markers}" and lines[5] == ""
    rows = [line.split("\t") for line in lines[6:-1]]
    assert len(rows) == int(header["NumFrames"]) and {len(row) for row in rows} == {len(columns)}
    values = np.array([[float(cell) if cell else np.nan for cell in row[2:]] for row in rows])
    time = np.array([float(row[1]) for row in rows])
    frames = [int(row[0]) for row in rows]
    expected = (np.array(frames) - int(header["OrigDataStartFrame"])) / float(header["DataRate"])
    np.testing.assert_allclose(time, expected, atol=1e-8)
    return Trc(header, columns[2::3], frames, time, values.reshape(len(rows), markers, 3))


@pytest.fixture
def points() -> Points3D:
    """Ten frames with a gap of the nose, an interpolated ankle and a heel that is never seen."""
    full = keypoints_on(walk(frames=10, fps=59.94))
    xyz, source, covariance = full.xyz.copy(), full.source.copy(), full.covariance.copy()
    gone = np.zeros(xyz.shape[:3], dtype=bool)
    gone[3:6, 0, full.keypoint_names.index("nose")] = True
    gone[:, 0, full.keypoint_names.index("left_heel")] = True
    source[7, 0, full.keypoint_names.index("left_ankle")] = Source.INTERPOLATED
    xyz[gone], source[gone], covariance[gone] = np.nan, Source.MISSING, np.nan
    return replace(full, xyz=xyz, source=source, covariance=covariance)


@pytest.mark.parametrize(("unit", "scale", "half_step"), [("m", 1.0, 0.5e-6), ("mm", 1e3, 0.5e-3)])
def test_trc_holds_the_markers_y_up(
    tmp_path: Path, points: Points3D, unit: str, scale: float, half_step: float
) -> None:
    path = tmp_path / "take.trc"
    remarks = trc.write(points, path, unit=unit)
    found = read_trc(path)
    x, y, z = np.moveaxis(points.xyz[:, 0] * scale, -1, 0)
    np.testing.assert_allclose(found.xyz, np.stack([x, z, -y], axis=-1), atol=half_step * 1.001)
    assert found.header["Units"] == unit and float(found.header["DataRate"]) == 59.94
    assert found.names == list(points.keypoint_names)
    assert found.frame == list(range(1, 11))
    assert "interpolated" in remarks[0] and "left_heel" in remarks[1]


def test_trc_markers_can_be_renamed(tmp_path: Path, points: Points3D) -> None:
    trc.write(points, tmp_path / "take.trc", marker_names={"left_knee": "LKnee"})
    assert "LKnee" in read_trc(tmp_path / "take.trc").names
    for name in ("a\tb", "right_knee", ""):
        with pytest.raises(ExportError, match="unique"):
            trc.write(points, tmp_path / "bad.trc", marker_names={"left_knee": name})


def test_one_person_must_be_chosen(tmp_path: Path, points: Points3D) -> None:
    both = Points3D(
        points.keypoint_names,
        (4, 7),
        points.fps,
        *(
            np.concatenate([array, array], axis=1)
            for array in (
                points.xyz,
                points.covariance,
                points.reprojection_error_px,
                points.view_count,
                points.source,
            )
        ),
    )
    with pytest.raises(InputError, match="Choose one of: 4, 7"):
        trc.write(both, tmp_path / "take.trc")
    with pytest.raises(InputError, match="no person 5"):
        write_wide(both, tmp_path / "take.csv", person_id=5)
    trc.write(both, tmp_path / "take.trc", person_id=7)
    assert (tmp_path / "take.trc").exists()


def test_tidy_csv_says_where_every_value_comes_from(tmp_path: Path, points: Points3D) -> None:
    path = tmp_path / "take.csv"
    assert POINTS_WRITERS[".csv"](points, path) == ()
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10 * len(points.keypoint_names)
    by_key = {(int(row["frame"]), row["keypoint"]): row for row in rows}
    nose = by_key[4, "nose"]
    assert nose["source"] == "missing" and nose["x_m"] == "" and nose["sigma_mm"] == ""
    ankle = by_key[7, "left_ankle"]
    assert ankle["source"] == "interpolated" and ankle["sigma_mm"] == "5.000"
    assert ankle["view_count"] == "4" and ankle["reprojection_error_px"] == "1.500"
    assert float(ankle["time_s"]) == pytest.approx(7 / 59.94, abs=1e-6)
    column = points.keypoint_names.index("left_ankle")
    found = [float(ankle[f"{axis}_m"]) for axis in "xyz"]
    np.testing.assert_allclose(found, points.xyz[7, 0, column], atol=0.51e-6)


def test_wide_csv_has_one_row_per_frame(tmp_path: Path, points: Points3D) -> None:
    path = tmp_path / "wide.csv"
    renamed = replace(points, keypoint_names=('no"se, big', *points.keypoint_names[1:]))
    write_wide(renamed, path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert rows[4]['no"se, big_x_m'] == ""
    knee = points.keypoint_names.index("left_knee")
    assert float(rows[2]["left_knee_z_m"]) == pytest.approx(points.xyz[2, 0, knee, 2], abs=1e-6)


def test_empty_takes_are_refused_by_trc(tmp_path: Path, points: Points3D) -> None:
    empty = keypoints_on(walk(frames=0))
    with pytest.raises(ExportError, match="no frames"):
        trc.write(empty, tmp_path / "take.trc")
