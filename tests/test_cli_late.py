"""Real webcams of which one runs a whole frame late: the board tells it."""

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
    told = mocap("calibrate", session)
    assert told.exit_code == 0, told.output
    assert "camera 'cam_1' started 0.1" in told.output and "by the board" in told.output
    assert "frames late" not in told.output and "Verdict: WARN" in told.output
    by_hand = mocap("calibrate", session, "--late", "cam_1=1")
    assert by_hand.exit_code == 0, by_hand.output
    assert "from the earlier run" in by_hand.output and "as said" in by_hand.output
    # Six frames a second are too few to interpolate: both take the whole frame.
    table = [line for line in told.output.splitlines() if line.startswith("cam_")][-4:]
    assert table == [line for line in by_hand.output.splitlines() if line.startswith("cam_")][-4:]
    wrong = mocap("calibrate", session, "--late", "cam_9=1")
    assert wrong.exit_code == 1 and "there is no camera 'cam_9' to shift" in wrong.output
