"""A real session killed in each stage: run again, it ends in the same bytes and repeats nothing.

Killing is `kill -9`: no handler runs, nothing is cleaned up.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from mocap.core.errors import ModelError
from mocap.core.store import file_hash
from mocap.workflow.sample.demonstration import SAMPLE

pytestmark = [pytest.mark.slow, pytest.mark.weights]

STAGES = ("detect", "sync", "associate", "triangulate", "smooth", "fit", "report", "export")
ARTIFACTS = (
    "detections.npz", "synced.npz", "tracks.npz", "points3d.npz", "smoothed.npz", "body_0.npz",
)  # fmt: skip
"""Of the first stages, in their order."""
COMMAND = (sys.executable, "-u", "-m", "mocap", "run")
# Every 10th second of detection counts here: feet and a second take would only repeat the test.
OPTIONS = ("dance", "--no-feet", "--to", "bvh,trc,csv")


def run(session: Path) -> str:
    result = subprocess.run(
        [*COMMAND, str(session), *OPTIONS], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def kill_at(session: Path, text: str, begin: Sequence[str] = COMMAND, *options: str) -> None:
    """Start a run and kill it as soon as it prints a line with `text`."""
    process = subprocess.Popen(
        [*begin, str(session), *(options or OPTIONS)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            break
    else:
        pytest.fail(f"the run ended without printing '{text}'")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def results(session: Path) -> dict[str, str]:
    """Return the hash of every result; the report tells the time it was made and is left out."""
    take = session / "takes" / "dance"
    paths = [take / name for name in ARTIFACTS]
    paths += sorted(path for path in (take / "export").iterdir() if path.suffix != ".json")
    return {path.name: file_hash(path) for path in paths}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from mocap.detect.registry import network_path

    try:
        network_path("movenet", "thunder")
    except ModelError as error:
        pytest.skip(str(error))
    session = tmp_path_factory.mktemp("resume") / "studio"
    shutil.copytree(SAMPLE, session)
    shutil.rmtree(session / "takes" / "throw")
    run(session)
    return session


@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_a_stage(finished: Path, stage: str, tmp_path: Path) -> None:
    session = tmp_path / "studio"
    shutil.copytree(finished, session)
    take = session / "takes" / "dance"
    later = STAGES[STAGES.index(stage) :]
    for name, artifact in zip(STAGES, ARTIFACTS, strict=False):
        if name in later:
            (take / artifact).unlink()
    if "report" in later:
        (take / "report.html").unlink()
    shutil.rmtree(take / "export")
    shutil.rmtree(take / ".partial", ignore_errors=True)
    # In detection two cameras run at once: kill it when the first one is done.
    kill_at(session, "back_left: 120/120 frames" if stage == "detect" else f"dance: {stage} (")
    log = run(session)
    assert results(session) == results(finished)
    for earlier in STAGES[: STAGES.index(stage)]:
        assert f"dance: {earlier} is current" in log


KEEPS_OFTEN = """
from mocap.core.files import replay
replay.KEEP_EVERY_S = 0.3
import mocap.__main__
"""


@pytest.mark.parametrize("pace", ["thorough", "careful"])
def test_killed_within_a_camera(pace: str, tmp_path: Path) -> None:
    sessions = [tmp_path / "clean", tmp_path / "killed"]
    for session in sessions:
        shutil.copytree(SAMPLE, session)
        for take in ("throw", "crossing", "dance_by_hand"):
            shutil.rmtree(session / "takes" / take)
        for camera in ("back_right", "front_left"):
            (session / "takes" / "dance" / f"{camera}.mp4").unlink()
    begin = (sys.executable, "-u", "-c", KEEPS_OFTEN, "detect")
    options = ("dance", "--no-feet", "--detect", pace)
    for text in ("back_left: 30/120", "front_right: 90/120"):
        kill_at(sessions[1], text, begin, *options)
        assert list((sessions[1] / "takes" / "dance" / ".partial").glob("*/*.npz"))
    logs = [
        subprocess.run(
            [*begin, str(session), *options], capture_output=True, text=True, check=True
        ).stdout
        for session in sessions
    ]
    assert "frames kept from the interrupted run" in logs[1]
    one, other = (session / "takes" / "dance" / "detections.npz" for session in sessions)
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("artifact", ARTIFACTS)
def test_damaged_artifact_is_named_and_made_again(
    finished: Path, artifact: str, tmp_path: Path
) -> None:
    session = tmp_path / "studio"
    shutil.copytree(finished, session)
    path = session / "takes" / "dance" / artifact
    path.write_bytes(path.read_bytes()[:1000])
    log = run(session)
    assert artifact in log
    assert results(session) == results(finished)
