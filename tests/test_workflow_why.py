"""`mocap why` tells the chain of a result back to the videos."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from mocap.cli import main
from mocap.core.errors import InputError, SessionError
from mocap.workflow.checks.why import why

OLD = Path(__file__).resolve().parent / "old_session"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return Path(shutil.copytree(OLD, tmp_path / "session"))


def test_a_chain_ends_at_the_videos_and_the_rig(session: Path) -> None:
    lines = why(session / "takes" / "dance" / "smoothed.npz")
    assert lines[0].startswith("takes/dance/smoothed.npz: made by `mocap smooth` ")
    text = "\n".join(lines)
    for part in ("tracks.npz: made by `mocap associate`", "detections.npz: made by `mocap detect`",
                 "front_left.mp4: recorded", "calibration.toml"):  # fmt: skip
        assert part in text
    assert "detections.npz: see above" in text or text.count("detections.npz: made") == 1


def test_an_exported_file_is_found_in_its_list(session: Path) -> None:
    lines = why(session / "takes" / "dance" / "export" / "dance.bvh")
    assert "made by `mocap export`" in lines[0]
    assert any("made by `mocap smooth`" in line for line in lines)


def test_what_changed_since_is_said(session: Path) -> None:
    video = session / "takes" / "dance" / "front_left.mp4"
    video.write_bytes(video.read_bytes() + b"\0")
    assert any("it has changed since" in line for line in why(video.with_name("detections.npz")))
    video.unlink()
    assert any("not there any more" in line for line in why(video.with_name("detections.npz")))


def test_what_nobody_made_is_no_chain(session: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing says how"):
        why(session / "takes" / "dance" / "front_left.mp4")
    with pytest.raises(InputError, match="there is no file"):
        why(session / "nothing.npz")
    (tmp_path / "a.npz").write_bytes(b"")
    with pytest.raises(SessionError, match="lies in no session"):
        why(tmp_path / "a.npz")


def test_the_command(session: Path) -> None:
    file = str(session / "takes" / "dance" / "tracks.npz")
    ran = CliRunner().invoke(main, ["why", file, "--json"])
    assert ran.exit_code == 0
    assert "mocap associate" in json.loads(ran.stdout)["why"][0]
