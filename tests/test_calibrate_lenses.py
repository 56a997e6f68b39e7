"""Lenses that were calibrated elsewhere are read, matched by camera, and kept as they are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mocap.calibrate.interchange.foreign_tables import with_four_coefficients
from mocap.calibrate.interchange.formats import read_foreign, write_aniposelib, write_pose2sim
from mocap.calibrate.interchange.lenses import Lens, lenses_for, read_lenses
from mocap.calibrate.lenses.alone import lens_alone
from mocap.calibrate.lenses.choice import best_model, compare_models
from mocap.calibrate.lenses.plan import LensWish
from mocap.calibrate.solve import calibrate
from mocap.calibrate.verdict.report import Verdict
from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError, InputError, SessionError
from mocap.synthetic import board_faults as faults
from mocap.synthetic.board_faults import BOARD, random_rig, record
from mocap.synthetic.rigs import laboratory

MATRIX = np.array([[905.0, 0.0, 630.0], [0.0, 903.0, 352.0], [0.0, 0.0, 1.0]])
DISTORTION = np.array([-0.1, 0.02, 0.001, -0.0005, 0.003])


def opencv_file(path: Path, **extra: object) -> Path:
    """Write a lens as OpenCV's own calibration programs do."""
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.write("image_width", 1280)
    storage.write("image_height", 720)
    storage.write("camera_matrix", MATRIX)
    storage.write("distortion_coefficients", DISTORTION.reshape(1, 5))
    for key, value in extra.items():
        storage.write(key, value)
    storage.release()
    return path


def same(lens: Lens) -> None:
    np.testing.assert_allclose(lens.camera_matrix, MATRIX)
    np.testing.assert_allclose(lens.dist_coeffs, DISTORTION)


@pytest.mark.parametrize("suffix", ["yml", "yaml", "xml", "json"])
def test_files_of_opencv(tmp_path: Path, suffix: str) -> None:
    lenses = read_lenses(opencv_file(tmp_path / f"lens.{suffix}"))
    assert list(lenses) == [""] and lenses[""].image_size == (1280, 720)
    same(lenses[""])


def test_a_numpy_file_and_a_folder(tmp_path: Path) -> None:
    np.savez(tmp_path / "left.npz", mtx=MATRIX, dist=DISTORTION)
    opencv_file(tmp_path / "right.yml")
    lenses = read_lenses(tmp_path)
    assert sorted(lenses) == ["left", "right"] and lenses["left"].image_size is None
    same(lenses["left"])
    found = lenses_for(lenses, [("left", (1280, 720)), ("back", (1280, 720))])
    assert [camera.name for camera in found] == ["left"]


def test_easymocap(tmp_path: Path) -> None:
    path = tmp_path / "intri.yml"
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    storage.startWriteStruct("names", cv2.FileNode_SEQ)
    for name in ("01", "02"):
        storage.write("", name)
    storage.endWriteStruct()
    for name in ("01", "02"):
        storage.write(f"K_{name}", MATRIX)
        storage.write(f"dist_{name}", DISTORTION.reshape(1, 5))
    storage.release()
    lenses = read_lenses(path)
    assert list(lenses) == ["01", "02"]
    same(lenses["02"])


def test_a_calibration_of_ours_gives_its_lenses(tmp_path: Path) -> None:
    rig = laboratory(count=3)
    save_calibration(rig, tmp_path / "calibration.toml")
    lenses = read_lenses(tmp_path / "calibration.toml")
    for camera in rig.cameras:
        np.testing.assert_array_equal(lenses[camera.name].camera_matrix, camera.camera_matrix)


def test_lenses_of_another_size_kind_or_name_are_refused(tmp_path: Path) -> None:
    lens = read_lenses(opencv_file(tmp_path / "lens.yml"))
    with pytest.raises(InputError, match=r"calibrated at 1280 x 720 px, its video has 1920 x 1080"):
        lenses_for(lens, [("left", (1920, 1080))])
    unsized = {"": replace(lens[""], image_size=None)}
    with pytest.raises(InputError, match="far from the middle"):
        lenses_for(unsized, [("left", (3840, 2160))])
    with pytest.raises(InputError, match="Name the lenses by the cameras"):
        lenses_for({"front": lens[""]}, [("left", (1280, 720))])
    np.savez(tmp_path / "prism.npz", K=MATRIX, dist=np.full(12, 0.1))
    with pytest.raises(InputError, match=r"12 distortion coefficients.*no thin prism"):
        read_lenses(tmp_path / "prism.npz")
    (tmp_path / "text.yml").write_text("hello")
    with pytest.raises(InputError, match=r"text\.yml"):
        read_lenses(tmp_path / "text.yml")


def test_one_known_lens_is_kept_and_the_others_are_found() -> None:
    rig = random_rig(2, most=3)
    recording = record(rig, seed=2, frames=150)
    result = calibrate(recording.corners, BOARD, lenses=[rig.cameras[1]])
    np.testing.assert_array_equal(result.calibration.cameras[1].lens, rig.cameras[1].lens)
    assert result.calibration.cameras[0].lens[0] == pytest.approx(rig.cameras[0].lens[0], rel=3e-3)
    assert result.report.cameras[1].focal_sd_px < 0.01 < result.report.cameras[0].focal_sd_px


def test_pose2sim_gets_four_coefficients_that_stand_for_five(tmp_path: Path) -> None:
    rig = laboratory(count=3)
    assert all(camera.dist_coeffs[4] != 0.0 for camera in rig.cameras)
    errors = write_pose2sim(rig, tmp_path / "Calib.toml")
    assert all(0.0 < error <= 0.3 for error in errors.values())
    # Judged by OpenCV's projection, on rays that fill the image.
    four, error = with_four_coefficients(rig.cameras[0])
    x, y = np.meshgrid(np.linspace(0, 1919, 25), np.linspace(0, 1079, 19))
    pixels = np.stack([x.ravel(), y.ravel()], axis=1)
    rays = np.column_stack([rig.cameras[0].undistort(pixels), np.ones(len(pixels))])
    again, _ = cv2.projectPoints(
        rays, np.zeros(3), np.zeros(3), four.camera_matrix, four.dist_coeffs[:4]
    )
    rms = np.sqrt(np.mean(np.sum((again[:, 0] - pixels) ** 2, axis=1)))
    assert rms == pytest.approx(error, abs=1e-6)
    bent = replace(rig.cameras[0], dist_coeffs=np.array([-0.3, 0.3, 0.0, 0.0, -0.5]))
    with pytest.raises(InputError, match=r"four coefficients that Calib\.toml"):
        write_pose2sim(replace(rig, cameras=(bent, *rig.cameras[1:])), tmp_path / "no.toml")


def test_own_definitions_are_copied_into_the_session(tmp_path: Path) -> None:
    rig, board = tmp_path / "mine.toml", tmp_path / "board.toml"
    rig.write_text(
        'description = "two"\nsync = "none"\n[[cameras]]\nname = "a"\n[[cameras]]\nname = "b"\n'
    )
    boards = Path(__file__).resolve().parent.parent / "calibration_boards"
    board.write_text((boards / "a4_5x7.toml").read_text())
    session = Session.create(tmp_path / "lab", rig=str(rig), board=str(board))
    rig.unlink()
    board.unlink()
    assert Session.open(tmp_path / "lab").rig().camera_names == ("a", "b")
    assert session.board().columns >= 3
    other = tmp_path / "other" / "board.toml"
    other.parent.mkdir()
    other.write_text((boards / "a1_5x7.toml").read_text())
    (tmp_path / "lab" / "session.toml").unlink()
    with pytest.raises(SessionError, match="exists and differs"):
        Session.create(tmp_path / "lab", rig="four_corner", board=str(other))


@pytest.mark.parametrize("model", ["rational", "fisheye"])
def test_wide_lenses_are_kept_by_files_or_refused(tmp_path: Path, model: str) -> None:
    coefficients = {
        "rational": [5.7, 1.6, 6e-5, -7e-5, -0.09, 6.0, 3.1, 0.0],
        "fisheye": [-0.03, 0.01, -0.004, 0.001],
    }[model]
    rig = laboratory(count=3)
    wide = replace(rig.cameras[0], dist_coeffs=np.array(coefficients), lens_model=model)
    rig = replace(rig, cameras=(wide, *rig.cameras[1:]))
    save_calibration(rig, tmp_path / "own.toml")
    write_aniposelib(rig, tmp_path / "anipose.toml")
    for name in ("own.toml", "anipose.toml"):
        again = read_foreign(tmp_path / name)
        np.testing.assert_allclose(again.vectors(), rig.vectors(), rtol=1e-12, atol=1e-12)
    lens = read_lenses(tmp_path / "own.toml")["cam1"]
    assert (lens.model, len(lens.dist_coeffs)) == (model, len(coefficients))
    with pytest.raises(InputError, match=f"the {model} lens of camera 'cam1' needs more"):
        write_pose2sim(rig, tmp_path / "Calib.toml")


def test_fisheye_cameras_are_told_from_standard_ones_and_calibrated() -> None:
    rig = random_rig(4, most=3)
    matrix = np.array([[330.0, 0.0, 640.0], [0.0, 330.0, 360.0], [0.0, 0.0, 1.0]])
    bent = np.array([-0.03, 0.01, -0.004, 0.0005])
    wide = tuple(
        replace(
            c, camera_matrix=matrix, dist_coeffs=bent, lens_model="fisheye", image_size=(1280, 720)
        )
        for c in rig.cameras
    )
    wide_rig = replace(rig, cameras=wide)
    fisheyes = record(wide_rig, seed=4, frames=70).corners
    usual = record(rig, seed=4, frames=70).corners
    assert best_model(compare_models(usual, BOARD, (), LensWish())) == "standard"
    assert best_model(compare_models(fisheyes, BOARD, (), LensWish())) == "fisheye"
    result = calibrate(fisheyes, BOARD, lens=LensWish("fisheye"))
    # Corners have 0.3 px of noise.
    assert result.report.sigma_px < 0.33
    for found, told in zip(result.calibration.cameras, result.report.cameras, strict=True):
        assert found.lens_model == "fisheye"
        assert abs(found.lens[0] - 330.0) < 4.0 * told.focal_sd_px


def test_equal_cameras_share_one_lens_and_know_it_better() -> None:
    rig = random_rig(5, most=4)
    lens = rig.cameras[0]
    rig = replace(
        rig,
        cameras=tuple(
            replace(c, camera_matrix=lens.camera_matrix, dist_coeffs=lens.dist_coeffs)
            for c in rig.cameras
        ),
    )
    seen = record(rig, seed=5, frames=100).corners
    own, one = (calibrate(seen, BOARD, lens=LensWish(shared=shared)) for shared in (False, True))
    lenses = np.stack([camera.lens for camera in one.calibration.cameras])
    assert (lenses == lenses[0]).all()
    assert lenses[0, 0] == pytest.approx(lens.lens[0], rel=2e-3)
    assert one.report.cameras[0].focal_sd_px < 0.8 * own.report.cameras[0].focal_sd_px


def test_a_given_lens_may_move_by_percents_when_asked() -> None:
    rig = random_rig(2, most=3)
    seen = record(rig, seed=2, frames=150).corners
    focused = rig.cameras[1].camera_matrix * np.array([[1.01], [1.01], [1.0]])
    focused[:, 2] = rig.cameras[1].camera_matrix[:, 2]
    given = replace(rig.cameras[1], camera_matrix=focused)
    kept = calibrate(seen, BOARD, lenses=[given])
    moved = calibrate(seen, BOARD, lenses=[given], lens=LensWish(refine=True))
    truth = rig.cameras[1].lens[0]
    assert kept.calibration.cameras[1].lens[0] == pytest.approx(1.01 * truth)
    assert moved.calibration.cameras[1].lens[0] == pytest.approx(truth, rel=2e-3)


def test_a_lens_alone_is_as_good_as_it_says_and_refused_where_it_cannot_be(tmp_path: Path) -> None:
    recording = record(random_rig(5, most=3), seed=5, frames=160)
    true, corners = recording.rig.cameras[0], recording.corners[0]
    found = lens_alone(corners, BOARD)
    assert found.reasons == () and found.views > 40
    off = abs(float(found.camera.lens[:2].mean() - true.lens[:2].mean()))
    # Three standard deviations; .3 px on boards half as wide as the image tell a focal length
    # of 900 px to a few pixels.
    assert off < 3.0 * found.focal_sd_px < 15.0
    assert found.sigma_px == pytest.approx(0.3, abs=0.03)
    flat = faults.observe(
        faults.high_rig(3), np.stack([faults.lying(0.02 * n, 0.0, 9.0 * n) for n in range(40)])
    )
    reasons = lens_alone(max(flat, key=lambda each: len(each.frame)), BOARD).reasons
    assert any("kept its direction" in text for text in reasons)
    with pytest.raises(CalibrationError, match="at least 6 are needed"):
        lens_alone(faults.keep(corners, corners.frame < 4), BOARD)
    save_calibration(Calibration((found.camera,)), tmp_path / "cam.toml")
    (kept,) = lenses_for(read_lenses(tmp_path / "cam.toml"), [(true.name, true.image_size)])
    np.testing.assert_allclose(kept.lens, found.camera.lens)


def test_a_given_lens_that_does_not_fit_is_named_and_nobody_is_accused_for_it() -> None:
    recording = record(random_rig(5, most=3), seed=5, frames=160)
    true = recording.rig.cameras
    matrix = true[0].camera_matrix.copy()
    matrix[:2, :2] *= 1.015
    bent = true[0].dist_coeffs + np.array([0.03, 0.0, 0.0, 0.0, 0.0])
    wrong = replace(true[0], camera_matrix=matrix, dist_coeffs=bent)
    right = calibrate(recording.corners, BOARD, lenses=true).report
    assert not any("does not fit" in finding.text for finding in right.findings)
    report = calibrate(recording.corners, BOARD, lenses=(wrong, *true[1:])).report
    named = [each.text for each in report.findings if "does not fit its own views" in each.text]
    assert len(named) == 1 and f"camera '{true[0].name}'" in named[0]
    assert report.verdict != Verdict.PASS
    assert not any("was moved" in finding.text for finding in report.findings)
