"""`calibration.toml`: exact round trip, names before order, one sentence for every wrong file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.core.calibration_file import load_calibration, save_calibration
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.transform import look_at


def rig(count: int) -> Calibration:
    cameras = []
    for index in range(count):
        pose = look_at(np.array([3.0 + index, -2.0, 1.5]), np.array([0.0, 0.0, 1.0]))
        matrix = np.array([[1000.0 + index, 0, 960], [0, 1001.5, 540], [0, 0, 1]])
        cameras.append(Camera(f"cam{index}", (1920, 1080), matrix, np.full(5, 0.01 * index), pose))
    return Calibration(tuple(cameras), {"cam0": 0.25}, {"board": "a1_5x7"})


def test_round_trip_keeps_numbers_and_the_order_of_eleven_cameras(tmp_path: Path) -> None:
    path = tmp_path / "calibration.toml"
    save_calibration(rig(11), path)
    again = load_calibration(path)
    assert again.names == rig(11).names  # sorted as text, cam_10 would come before cam_2
    np.testing.assert_allclose(again.vectors(), rig(11).vectors(), atol=1e-15, rtol=1e-15)
    assert again.rms_px == {"cam0": 0.25}
    assert again.metadata["board"] == "a1_5x7"


VALID = """
[cam_0]
name = "left"
size = [640, 480]
matrix = [[500.0, 0.0, 320.0], [0.0, 500.0, 240.0], [0.0, 0.0, 1.0]]
distortions = [0.0, 0.0, 0.0, 0.0, 0.0]
rotation = [0.0, 0.0, 0.0]
translation = [0.0, 0.0, 2.0]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", None),
        ("[cam_0]", "[cam_0", "TOML"),
        ("[cam_0]", "[camera]", r"no table \[cam_0\]"),
        ('name = "left"', "", "no value for 'name'"),
        ("[640, 480]", "[640]", "width, height"),
        ("[640, 480]", '"large"', "not a usable calibration"),
        ("[[500.0, 0.0, 320.0], ", "[", "not a usable calibration"),
        ("500.0", "-500.0", "focal length"),
        ("500.0", "nan", "not finite"),
        ("[0.0, 0.0, 0.0, 0.0, 0.0]", f"[{', '.join(['0.1'] * 12)}]", "12 distortion"),
        ("translation = [0.0, 0.0, 2.0]", "translation = [0.0, 2.0]", "not a usable calibration"),
    ],
)
def test_wrong_files(tmp_path: Path, old: str, new: str, message: str | None) -> None:
    path = tmp_path / "calibration.toml"
    path.write_text(VALID.replace(old, new))
    if message is None:
        assert load_calibration(path).names == ("left",)
        return
    with pytest.raises(InputError, match=message):
        load_calibration(path)


def test_missing_and_binary_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load_calibration(tmp_path / "calibration.toml")
    path = tmp_path / "binary.toml"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="damaged or not a TOML file"):
        load_calibration(path)
