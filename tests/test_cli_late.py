"""Real webcams of which one runs a whole frame late: refused, with the option that mends it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mocap.cli import main

BOARD = """
description = "webcam recordings, printed white on black"
page = "A4"
columns = 4
rows = 5
square_mm = 54.0
marker_mm = 40.5
dictionary = "DICT_4X4_1000"
inverted = true
"""


def mocap(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.mark.slow
def test_a_late_camera_is_named_and_can_be_shifted(real_data: Path, tmp_path: Path) -> None:
    board, session = tmp_path / "board.toml", tmp_path / "lab"
    board.write_text(BOARD)
    assert mocap("new", session, "--rig", "four_corner", "--board", board).exit_code == 0
    source = real_data / "caliscope_charuco" / "charuco_calibration" / "calibration" / "extrinsic"
    (session / "calibration").mkdir(exist_ok=True)
    for video in source.glob("*.mp4"):
        shutil.copy(video, session / "calibration")
    refused = mocap("calibrate", session)
    assert refused.exit_code == 1
    assert "camera 'cam_1' is 1.0 frames late" in refused.output
    assert "--late cam_1=1" in refused.output
    assert "Verdict: FAIL" in refused.output
    mended = mocap("calibrate", session, "--late", "cam_1=1")
    assert mended.exit_code == 0, mended.output
    assert "from the earlier run" in mended.output and "frames late" not in mended.output
    wrong = mocap("calibrate", session, "--late", "cam_9=1")
    assert wrong.exit_code == 1 and "there is no camera 'cam_9' to shift" in wrong.output
