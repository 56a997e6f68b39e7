"""A session whose calibration came from elsewhere has no rig and no board."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mocap.calibrate.interchange.foreign_tables import write_aniposelib
from mocap.capture.session import Session
from mocap.cli.main import main
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import SessionError
from mocap.core.transform import look_at


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    matrix = np.array([[900.0, 0.0, 639.5], [0.0, 900.0, 359.5], [0.0, 0.0, 1.0]])
    cameras = tuple(
        Camera(name, (1280, 720), matrix, np.zeros(5), look_at(np.array(eye), np.zeros(3)))
        for name, eye in (("one", (3.0, -3.0, 1.5)), ("two", (-3.0, -3.0, 1.5)))
    )
    path = tmp_path / "theirs.toml"
    write_aniposelib(Calibration(cameras), path)
    return path


def test_a_calibrated_session_needs_no_rig_and_no_board(tmp_path: Path, foreign: Path) -> None:
    folder = tmp_path / "lab"
    run = CliRunner().invoke(main, ["new", str(folder), "--calibration", str(foreign)])
    assert run.exit_code == 0, run.output
    session = Session.open(folder)
    assert session.config.rig is None and session.config.board is None
    assert session.calibration().names == ("one", "two")
    with pytest.raises(SessionError, match="names no board"):
        session.board()
    with pytest.raises(SessionError, match="names no rig"):
        session.rig()
    # Calibrating it with a board needs to be told which.
    run = CliRunner().invoke(main, ["calibrate", str(folder)])
    assert run.exit_code == 1 and "Traceback" not in run.output


def test_half_a_choice_is_refused(tmp_path: Path, foreign: Path) -> None:
    folder = str(tmp_path / "lab")
    for arguments in (
        ["new", folder],
        ["new", folder, "--rig", "four_corner"],
        ["new", folder, "--rig", "four_corner", "--calibration", str(foreign)],
    ):
        assert CliRunner().invoke(main, arguments).exit_code == 2
    broken = tmp_path / "none.toml"
    broken.write_text("nothing = 1\n")
    run = CliRunner().invoke(main, ["new", folder, "--calibration", str(broken)])
    # A file that cannot be read leaves no half-made session.
    assert run.exit_code == 1 and not Path(folder).exists()
