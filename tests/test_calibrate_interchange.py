"""Calibrations of other tools are read exactly, and broken files are explained."""

from __future__ import annotations

import json
import pickle
import tomllib
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mocap.calibrate.interchange.dlt import Seen, lens_file
from mocap.calibrate.interchange.formats import (
    read_aniposelib,
    read_caliscope,
    read_foreign,
    read_qualisys,
    write_aniposelib,
    write_calibio,
    write_dlt,
    write_opencap,
    write_pose2sim,
)
from mocap.core.camera import Calibration
from mocap.core.errors import InputError
from mocap.core.transform import rigid
from mocap.synthetic.rigs import ring

QCA = """<?xml version='1.0' encoding='ASCII'?>
<calibration>
  <cameras>
    <camera active="1" avg-residual="0.4" serial="left" viewrotation="0">
      <fov_video bottom="719" left="0" right="1279" top="0"/>
      <transform r11="1" r12="0" r13="0" r21="0" r22="0" r23="1" r31="0" r32="-1" r33="0"
                 x="1000" y="-2000" z="1500"/>
      <intrinsic centerPointU="41024" centerPointV="23040" focalLengthU="64000"
                 focalLengthV="64640" radialDistortion1="-0.1" radialDistortion2="0.05"
                 radialDistortion3="0" skew="0" tangentalDistortion1="0.001"
                 tangentalDistortion2="-0.002"/>
    </camera>
  </cameras>
</calibration>
"""


def test_qualisys_units_and_axes(tmp_path: Path) -> None:
    path = tmp_path / "Calib.qca.txt"
    path.write_text(QCA)
    camera = read_qualisys(path)["left"]
    assert camera.image_size == (1280, 720)
    np.testing.assert_allclose(
        camera.camera_matrix, [[1000, 0, 641], [0, 1010, 360], [0, 0, 1]], atol=1e-12
    )
    np.testing.assert_allclose(camera.dist_coeffs, [-0.1, 0.05, 0.001, -0.002, 0.0])
    np.testing.assert_allclose(camera.center, [1.0, -2.0, 1.5])
    # Its x axis is world X, its y axis (up) world Z: it looks along world +Y (backward is -Y).
    ahead = camera.project(np.array([1.0, 0.0, 1.5]))
    np.testing.assert_allclose(ahead, [641.0, 360.0], atol=1e-9)
    above = camera.project(np.array([1.0, 0.0, 1.6]))
    assert above[1] < 360.0  # up in the world is up in the image


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<cameras>", "<cameras", "no Qualisys calibration"),
        ('focalLengthU="64000"', "", "no value 'focalLengthU'"),
        ('focalLengthU="64000"', 'focalLengthU="many"', "focalLengthU of <intrinsic>"),
        ('focalLengthU="64000"', 'focalLengthU="nan"', "focalLengthU of <intrinsic>"),
        ('r11="1"', 'r11="2"', "no rotation matrix"),
        ('right="1279"', 'right="-1"', "image of 0 x 720"),
        ('viewrotation="0"', 'viewrotation="90"', "rotated"),
        ('active="1"', 'active="0"', "no active camera"),
        ("<calibration>", '<!DOCTYPE a [<!ENTITY b "c">]><calibration>', "entities"),
        ("<fov_video", "<fov_other", "no <fov_video>"),
    ],
)
def test_broken_qualisys_files(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = tmp_path / "Calib.qca.txt"
    assert old in QCA
    path.write_text(QCA.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_qualisys(path)


def test_qualisys_against_an_independent_conversion(real_data: Path) -> None:
    folder = real_data / "pose2sim_single"
    calibration = read_foreign(folder / "calibration" / "Calib.qca.txt")
    reference = json.loads((folder / "reference" / "cams_opencv.json").read_text())
    assert calibration.names == tuple(reference)
    for name, values in reference.items():
        camera = calibration[name]
        np.testing.assert_allclose(camera.camera_matrix, values["K"], atol=1e-6)
        np.testing.assert_allclose(camera.dist_coeffs[:4], values["d64"], atol=1e-9)
        np.testing.assert_allclose(camera.camera_from_world[:3, :3], values["R"], atol=1e-12)
        # The reference was rounded to micrometres.
        np.testing.assert_allclose(camera.camera_from_world[:3, 3], values["t"], atol=1e-5)
        assert camera.image_size == (1088, 1920)


@pytest.fixture(scope="module")
def rig() -> Calibration:
    return ring(3, jitter=1.0, seed=2)


@pytest.mark.parametrize("unit", ["m", "cm", "mm"])
def test_aniposelib_round_trip(tmp_path: Path, rig: Calibration, unit: str) -> None:
    path = tmp_path / "calibration.toml"
    write_aniposelib(rig, path, unit=unit)
    again = read_aniposelib(path)
    assert again.names == rig.names
    np.testing.assert_allclose(again.vectors(), rig.vectors(), rtol=1e-12, atol=1e-12)


def test_aniposelib_layout_is_the_one_its_reader_expects(tmp_path: Path, rig: Calibration) -> None:
    path = tmp_path / "calibration.toml"
    write_aniposelib(rig, path, unit="mm")
    document = tomllib.loads(path.read_text())
    first = document["cam_0"]
    assert set(first) == {"name", "size", "matrix", "distortions", "rotation", "translation"}
    assert np.linalg.norm(first["translation"]) > 1000.0
    assert document["metadata"]["adjusted"] is False


def test_wrong_unit_is_noticed(tmp_path: Path, rig: Calibration) -> None:
    path = tmp_path / "calibration.toml"
    write_aniposelib(rig, path, unit="mm")
    text = path.read_text().replace('length_unit = "mm"', "")
    path.write_text(text)
    with pytest.raises(InputError, match=r"m apart if its lengths are in m.*mm"):
        read_aniposelib(path)
    np.testing.assert_allclose(
        read_aniposelib(path, unit="mm").vectors(), rig.vectors(), rtol=1e-12, atol=1e-12
    )
    with pytest.raises(InputError, match="unit 'inch' is not known"):
        read_aniposelib(path, unit="inch")


def test_pose2sim_round_trip_and_its_limit(tmp_path: Path, rig: Calibration) -> None:
    path = tmp_path / "Calib.toml"
    plain = ring(3)
    write_pose2sim(plain, path)
    assert list(tomllib.loads(path.read_text()))[:3] == ["cam1", "cam2", "cam3"]
    np.testing.assert_allclose(
        read_foreign(path).vectors(), plain.vectors(), rtol=1e-12, atol=1e-12
    )


def test_caliscope_camera_array(real_data: Path) -> None:
    path = real_data / "caliscope_charuco" / "charuco_calibration" / "camera_array.toml"
    calibration = read_foreign(path)
    assert calibration.names == ("cam_0", "cam_1", "cam_2", "cam_3")
    camera = calibration["cam_0"]
    assert camera.image_size == (1280, 720)
    assert camera.camera_from_world[2, 3] == pytest.approx(0.6679490544839296)


CALISCOPE = """
[cameras.3]
cam_id = 3
size = [640, 480]
matrix = [[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]]
distortions = [0.1, 0.0, 0.0, 0.0, 0.0]
translation = [0.0, 0.0, 2.0]
rotation = [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
"""


def test_caliscope_names_and_rotation_matrix(tmp_path: Path) -> None:
    path = tmp_path / "camera_array.toml"
    path.write_text(CALISCOPE)
    camera = read_caliscope(path)["cam_3"]
    np.testing.assert_allclose(
        camera.camera_from_world[:3, :3], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not a toml = = file", "not valid TOML"),
        ("a = 1", "no camera with a rotation"),
        ("", "no camera with a rotation"),
        (CALISCOPE.replace("[0.0, 0.0, 1.0]]\n", "[0.0, 0.0, 5.0]]\n"), "no rotation matrix"),
        (CALISCOPE.replace("translation", "elsewhere"), "no value for 'translation'"),
        (CALISCOPE.replace("size = [640, 480]", "size = [640]"), "size"),
        (CALISCOPE.replace("2.0]", "nan]"), "not finite"),
        (CALISCOPE.replace("500.0, 0.0, 320.0", "-500.0, 0.0, 320.0"), "focal length"),
        (CALISCOPE.replace("rotation", "turned"), "has no pose"),
        ("cameras = 3 # [cameras", "no table"),
        ("[cam_0]\nrotation = [0, 0, 0]\nfisheye = true", "no value for 'translation'"),
        ("[cam_0]\nrotation = 'up'\ntranslation = [0, 0, 0]", "no value for"),
        ("[cam_0]\nrotation = [0]\ntranslation = 'far'", "could not convert"),
        ("<xml", "no Qualisys calibration"),
    ],
)
def test_broken_files_are_explained(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_foreign(path)


def test_missing_binary_and_huge_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_foreign(tmp_path / "nothing.toml")
    binary = tmp_path / "video.toml"
    binary.write_bytes(b"\xff\xfe\x00\x80\x81")
    with pytest.raises(InputError, match="damaged or not a camera calibration"):
        read_foreign(binary)
    huge = tmp_path / "huge.toml"
    huge.write_bytes(b"#" * 10_000_001)
    with pytest.raises(InputError, match="too large"):
        read_foreign(huge)
    with pytest.raises(InputError):
        read_foreign(tmp_path)


def easymocap_files(folder: Path, rig: Calibration, *, sizes: bool = True) -> Path:
    """Write a rig as EasyMocap does, by OpenCV's own writer; return `extri.yml`."""
    intri = cv2.FileStorage(str(folder / "intri.yml"), cv2.FILE_STORAGE_WRITE)
    extri = cv2.FileStorage(str(folder / "extri.yml"), cv2.FILE_STORAGE_WRITE)
    for storage in (intri, extri):
        storage.startWriteStruct("names", cv2.FileNode_SEQ)
        for camera in rig.cameras:
            storage.write("", camera.name)
        storage.endWriteStruct()
    for camera in rig.cameras:
        intri.write(f"K_{camera.name}", camera.camera_matrix)
        intri.write(f"dist_{camera.name}", camera.dist_coeffs.reshape(1, 5))
        if sizes:
            intri.write(f"W_{camera.name}", camera.image_size[0])
            intri.write(f"H_{camera.name}", camera.image_size[1])
        extri.write(f"R_{camera.name}", camera.vector()[:3].reshape(3, 1))
        extri.write(f"Rot_{camera.name}", camera.camera_from_world[:3, :3])
        extri.write(f"T_{camera.name}", camera.camera_from_world[:3, 3:])
    intri.release()
    extri.release()
    return folder / "extri.yml"


def test_easymocap_pair_of_files(tmp_path: Path, rig: Calibration) -> None:
    path = easymocap_files(tmp_path, rig)
    again = read_foreign(path)
    assert again.names == rig.names
    # OpenCV writes sixteen digits.
    np.testing.assert_allclose(again.vectors(), rig.vectors(), rtol=1e-12, atol=1e-12)
    (tmp_path / "intri.yml").unlink()
    with pytest.raises(InputError, match=r"intri\.yml is missing"):
        read_foreign(path)
    with pytest.raises(InputError, match="how large the images of camera 'cam1' are"):
        read_foreign(easymocap_files(tmp_path, rig, sizes=False))


def calibio_file(path: Path, rig: Calibration, **more: float) -> Path:
    """Write what Calib Camera Calibrator saves, lengths in mm, by its own reader's names."""
    cameras = []
    for camera in rig.cameras:
        k1, k2, p1, p2, k3 = camera.dist_coeffs[:5]
        lens = {"f": camera.camera_matrix[0, 0], "cx": camera.camera_matrix[0, 2],
                "ar": camera.camera_matrix[1, 1] / camera.camera_matrix[0, 0],
                "cy": camera.camera_matrix[1, 2], "k1": k1, "k2": k2, "p1": p1, "p2": p2,
                "k3": k3, "k4": 0.0, "k5": 0.0, "k6": 0.0, "s1": 0.0} | more  # fmt: skip
        base = {"imageSize": {"width": camera.image_size[0], "height": camera.image_size[1]}}
        data = {"parameters": {key: {"state": 0, "val": float(v)} for key, v in lens.items()},
                "CameraModelCRT": {"CameraModelBase": base}}  # fmt: skip
        turn, shift = camera.vector()[:3], 1000.0 * camera.vector()[3:6]
        transform = {"rotation": dict(zip(("rx", "ry", "rz"), turn.tolist(), strict=True)),
                     "translation": dict(zip("xyz", shift.tolist(), strict=True))}  # fmt: skip
        model = {"polymorphic_name": "libCalib::CameraModelOpenCV", "ptr_wrapper": {"data": data}}
        cameras.append({"model": model, "transform": transform})
    path.write_text(json.dumps({"Calibration": {"cameras": cameras}}))
    return path


def test_calibio_is_read_and_lenses_that_cannot_be_held_are_refused(
    tmp_path: Path, rig: Calibration
) -> None:
    found = read_foreign(calibio_file(tmp_path / "calib.json", rig), unit="mm")
    assert found.names[:2] == ("cam_0", "cam_1")
    np.testing.assert_allclose(found.vectors(), rig.vectors(), atol=1e-9)
    with pytest.raises(InputError, match="m apart if its lengths are in m"):
        read_foreign(tmp_path / "calib.json")
    with pytest.raises(InputError, match="has s1"):
        read_foreign(calibio_file(tmp_path / "prism.json", rig, s1=0.01), unit="mm")
    (tmp_path / "other.json").write_text('{"Calibration": {"cameras": 3}}')
    with pytest.raises(InputError, match=r"calib\.io"):
        read_foreign(tmp_path / "other.json")


def opencap_files(folder: Path, rig: Calibration, protocol: int) -> Path:
    """Write OpenCap's pickles: the world is the upright board's, y down, x to the right."""
    board_from_world = rigid(np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]]), np.zeros(3))
    for camera in rig.transformed(board_from_world).cameras:
        table = {
            "distortion": camera.dist_coeffs[None, :5],
            "intrinsicMat": camera.camera_matrix,
            "imageSize": np.array(camera.image_size, dtype=float)[::-1, None],
            "rotation": camera.camera_from_world[:3, :3],
            "translation": 1000.0 * camera.camera_from_world[:3, 3:],
            "rotation_EulerAngles": camera.vector()[:3, None],
        }
        target = folder / camera.name / "cameraIntrinsicsExtrinsics.pickle"
        target.parent.mkdir(parents=True)
        target.write_bytes(pickle.dumps(table, protocol=protocol))
    return target


@pytest.mark.parametrize("protocol", [2, 4])
def test_opencap_is_read_upright_and_runs_nothing(
    tmp_path: Path, rig: Calibration, protocol: int
) -> None:
    path = opencap_files(tmp_path / "Videos", rig, protocol)
    found = read_foreign(path)
    assert sorted(found.names) == sorted(rig.names)
    for name in rig.names:
        np.testing.assert_allclose(found[name].lens, rig[name].lens, atol=1e-9)
    # The same rig, turned about the vertical at most: heights and distances are what they were.
    ours, true = (np.stack([each[n].center for n in rig.names]) for each in (found, rig))
    np.testing.assert_allclose(ours[:, 2], true[:, 2], atol=1e-6)
    np.testing.assert_allclose(
        np.linalg.norm(ours - ours[0], axis=1), np.linalg.norm(true - true[0], axis=1), atol=1e-6
    )
    path.write_bytes(b"cos\nsystem\n(S'touch /tmp/opened'\ntR.")
    with pytest.raises(InputError, match=r"asks for os\.system"):
        read_foreign(path)
    huge = b"cnumpy\nndarray\n(I99999999999\ntR."
    path.write_bytes(huge)
    with pytest.raises(InputError, match="OpenCap"):
        read_foreign(path)


def points_before(rig: Calibration) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return points (n, 3) in the middle of a rig."""
    return np.random.default_rng(5).uniform([-0.8, -0.8, 0.2], [0.8, 0.8, 1.8], (60, 3))


def seen_by_opencv(
    points: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    rotvec: object,
    shift: object,
    matrix: object,
    lens: object,
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return pixels (n, 2) by OpenCV, of numbers as they stand in a file."""
    turn, by, inside, bent = (np.asarray(each, dtype=np.float64) for each in
                              (rotvec, shift, matrix, lens))  # fmt: skip
    return np.asarray(cv2.projectPoints(points, turn, by, inside, bent)[0]).reshape(-1, 2)


def test_calibio_is_written_as_opencv_takes_it(tmp_path: Path, rig: Calibration) -> None:
    path = tmp_path / "calib.json"
    write_calibio(rig, path)
    np.testing.assert_allclose(read_foreign(path).vectors(), rig.vectors(), atol=1e-12)
    points = points_before(rig)
    tables = json.loads(path.read_text())["Calibration"]["cameras"]
    # The way calib.io's examples hand a file to OpenCV: f, f ar, and fourteen coefficients.
    for table, camera in zip(tables, rig.cameras, strict=True):
        parameters = table["model"]["ptr_wrapper"]["data"]["parameters"]
        p = {key: each["val"] for key, each in parameters.items()}
        matrix = [[p["f"], 0, p["cx"]], [0, p["f"] * p["ar"], p["cy"]], [0, 0, 1]]
        order = ["k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"]
        order += ["s1", "s2", "s3", "s4", "tauX", "tauY"]
        turn, shift = table["transform"]["rotation"], table["transform"]["translation"]
        pixels = seen_by_opencv(
            points, [turn["rx"], turn["ry"], turn["rz"]], [shift["x"], shift["y"], shift["z"]],
            matrix, [p[key] for key in order],
        )  # fmt: skip
        np.testing.assert_allclose(pixels, camera.project(points), atol=1e-6)
    wide = replace(rig.cameras[0], dist_coeffs=np.zeros(4), lens_model="fisheye")
    with pytest.raises(InputError, match="fisheye lens of camera 'cam1'"):
        write_calibio(Calibration((wide,)), path)


def test_opencap_is_written_for_any_numpy_and_reads_back(tmp_path: Path, rig: Calibration) -> None:
    paths = write_opencap(rig, tmp_path / "Videos")
    data = paths[0].read_bytes()
    assert b"numpy._core" not in data and b"numpy.core.multiarray" in data
    again = read_foreign(paths[0])
    np.testing.assert_allclose(again.vectors(), rig.vectors(), atol=1e-9)
    # As OpenCap reads it: pickle and OpenCV, board coordinates in mm, y down on the wall.
    table = pickle.loads(data)
    points = points_before(rig)
    on_wall = 1000.0 * np.stack([points[:, 0], -points[:, 2], points[:, 1]], axis=1)
    pixels = seen_by_opencv(
        on_wall, table["rotation_EulerAngles"], table["translation"], table["intrinsicMat"],
        table["distortion"],
    )  # fmt: skip
    np.testing.assert_allclose(pixels, rig.cameras[0].project(points), atol=1e-6)
    assert table["imageSize"].ravel().tolist() == list(rig.cameras[0].image_size[::-1])
    wide = replace(rig.cameras[0], dist_coeffs=np.zeros(8), lens_model="rational")
    with pytest.raises(InputError, match="rational lens of camera 'cam1'"):
        write_opencap(Calibration((wide,)), tmp_path / "other")


def by_coefficients(
    column: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    points: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return u, v (n, 2) by the formula of Abdel-Aziz and Karara."""
    x, y, z = points.T
    below = column[8] * x + column[9] * y + column[10] * z + 1.0
    u = (column[0] * x + column[1] * y + column[2] * z + column[3]) / below
    v = (column[4] * x + column[5] * y + column[6] * z + column[7]) / below
    return np.stack([u, v], axis=1)


@pytest.mark.parametrize("unit", ["m", "mm"])
def test_dlt_coefficients_hold_without_the_lens_and_read_back_with_it(
    tmp_path: Path, rig: Calibration, unit: str
) -> None:
    path = tmp_path / "dltCoefs.csv"
    moved = write_dlt(rig, path, unit=unit)
    assert min(moved.values()) > 1.0  # these lenses bend by pixels: they stand beside
    table = np.loadtxt(path, delimiter=",")
    assert table.shape == (11, 3)
    points = points_before(rig)
    for column, camera in zip(table.T, rig.cameras, strict=True):
        straight = replace(camera, dist_coeffs=np.zeros(5)).project(points)
        theirs = by_coefficients(column, points * (1000.0 if unit == "mm" else 1.0))
        # From 1 at the lower left.
        ours = np.stack([theirs[:, 0] - 1.0, camera.image_size[1] - theirs[:, 1]], axis=1)
        np.testing.assert_allclose(ours, straight, atol=1e-7)
    again = read_foreign(path, unit=unit)
    assert again.names == rig.names
    np.testing.assert_allclose(again.vectors(), rig.vectors(), rtol=1e-8, atol=1e-8)


def test_dlt_coefficients_of_others(tmp_path: Path) -> None:
    plain = ring(3, distortion=(0.0,) * 5)
    path = tmp_path / "wand_dltCoefs.csv"
    write_dlt(plain, path)
    assert not lens_file(path).exists()
    seen = [Seen(camera.name, camera.image_size) for camera in plain.cameras]
    found = read_foreign(path, seen=seen)
    np.testing.assert_allclose(found.vectors(), plain.vectors(), rtol=1e-8, atol=1e-7)
    assert "upwards" in found.metadata["source"]
    # The same rig with pixels that run downwards: no camera looks backwards, so it is told.
    table = np.loadtxt(path, delimiter=",")
    for column, camera in zip(table.T, plain.cameras, strict=True):
        column[4:8] = (camera.image_size[1] + 1) * np.append(column[8:], 1.0) - column[4:8]
    down = tmp_path / "down.csv"
    np.savetxt(down, table, fmt="%.17g")
    found = read_foreign(down, seen=seen)
    np.testing.assert_allclose(found.vectors(), plain.vectors(), rtol=1e-8, atol=1e-7)
    assert "downwards" in found.metadata["source"]
    with pytest.raises(InputError, match="how large the images are"):
        read_foreign(path)
    with pytest.raises(InputError, match="coefficients of 3 cameras, the session has videos of 2"):
        read_foreign(path, seen=seen[:2])
    np.savetxt(down, table[:10], fmt="%.17g")
    with pytest.raises(InputError, match="10 rows of 3 numbers"):
        read_foreign(down, seen=seen)
    table[:4] += 0.2 * table[4:8]  # no right angle between columns and rows of pixels
    np.savetxt(down, table, fmt="%.17g")
    with pytest.raises(InputError, match="against right angles"):
        read_foreign(down, seen=seen)
    down.write_text("1,2,x\n")
    with pytest.raises(InputError, match="DLT coefficients"):
        read_foreign(down, seen=seen)


def test_dlt_refuses_an_origin_in_the_plane_of_a_lens(tmp_path: Path) -> None:
    camera = ring(1, distortion=(0.0,) * 5).cameras[0]
    shift = rigid(np.eye(3), np.array([0.0, 0.0, -camera.camera_from_world[2, 3]]))
    beside = replace(camera, camera_from_world=shift @ camera.camera_from_world)
    with pytest.raises(InputError, match="in the plane of the lens of camera"):
        write_dlt(Calibration((beside,)), tmp_path / "dlt.csv")
