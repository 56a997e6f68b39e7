from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clips import cut, write_clip

from mocap.capture import checks, video
from mocap.capture.checks import (
    check_calibration_videos,
    check_take,
    image_map_warnings,
    image_maps,
)
from mocap.capture.session import Session, Take
from mocap.capture.video import VideoInfo
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError, SessionError
from mocap.core.files.names import portable, unportable


@pytest.fixture
def take(tmp_path: Path) -> Take:
    session = Session.create(tmp_path / "lab", rig="four_corner", board="a1_5x7")
    for name in ("left", "right", "back"):
        write_clip(session.root / "takes" / "a" / f"{name}.mp4")
    return session.take("a")


def calibration(*names: str, size: tuple[int, int] = (64, 48)) -> Calibration:
    matrix = np.array([[60.0, 0, 31.5], [0, 60.0, 23.5], [0, 0, 1]])
    return Calibration(tuple(Camera(name, size, matrix, np.zeros(5), np.eye(4)) for name in names))


def test_a_good_take_has_no_warnings(take: Take) -> None:
    recording = check_take(take, calibration("right", "left", "back"))
    assert recording.warnings == () and recording.fps == 30.0
    assert set(recording.videos) == {"left", "right", "back"}


def test_a_calibrated_camera_without_video_is_a_warning(take: Take) -> None:
    recording = check_take(take, calibration("left", "right", "back", "front"))
    assert recording.warnings == ("take 'a' has no video of camera 'front'; the other 3 are used.",)


@pytest.mark.parametrize(
    ("name", "why"), [("a|b*", r"it holds \|\*"), ("con", "a device"), ("take 1.", "in a dot")]
)
def test_a_name_that_windows_cannot_hold_is_said(take: Take, name: str, why: str) -> None:
    take.root.rename(take.root.with_name(name))
    other = take.session.take(name)
    (said,) = check_take(other, calibration("right", "left", "back")).warnings
    assert re.search(why, said) and f"'{portable(name)}'" in said
    # No name is refused twice, and none that is fine is changed.
    assert not unportable(portable(name)) and portable("take 1") == "take 1"
    assert portable("a|b") != portable("a:b")


def test_a_camera_that_was_not_calibrated_is_an_error(take: Take) -> None:
    with pytest.raises(SessionError, match=r"camera 'back' of take 'a'.*Did you mean 'bakc'"):
        check_take(take, calibration("left", "right", "bakc"))


def test_one_camera_is_not_enough(take: Take) -> None:
    for name in ("left", "back"):
        (take.root / f"{name}.mp4").unlink()
    with pytest.raises(SessionError, match=r"take 'a' has 1 video.*at least 2 cameras"):
        check_take(take)


def test_cameras_of_other_rates_are_welcome_and_keep_their_times(take: Take) -> None:
    write_clip(take.root / "left.mp4", fps=60)
    times = [*range(6), *range(9, 12)]
    write_clip(take.root / "back.mp4", frames=9, times=times)
    recording = check_take(take)
    assert recording.warnings == () and recording.fps in (30.0, 60.0)
    assert recording.infos["left"].fps == 60.0
    np.testing.assert_allclose(recording.infos["back"].times_s, np.array(times) / 30, atol=1e-4)


def test_a_damaged_video_is_named(take: Take) -> None:
    cut(take.root / "left.mp4", 0.5)
    with pytest.raises(InputError, match=r"left\.mp4 cannot be read"):
        check_take(take)


def test_image_maps_follow_size_and_session_file(take: Take) -> None:
    rig = Calibration(
        (
            *calibration("left", "right").cameras,
            *calibration("back", size=(128, 96)).cameras,
        )
    )
    infos = check_take(take, rig).infos
    maps = image_maps(take.session, infos, rig)
    assert maps["left"].is_identity and maps["back"].matrix[0, 0] == 2.0
    (warning,) = image_map_warnings(maps)
    assert "camera 'back': images are scaled by 2.0000" in warning
    path = take.session.root / "session.toml"
    whole = path.read_text()
    path.write_text(whole + "[image_map.bakc]\nscale = 1.5\n")
    with pytest.raises(SessionError, match=r"image_map\.bakc.*Did you mean 'back'"):
        image_maps(Session.open(take.session.root), infos, rig)
    path.write_text(whole + "[image_map.back]\nscale = 1.5\n")
    again = image_maps(Session.open(take.session.root), infos, rig)
    assert again["back"].matrix[0, 0] == 1.5


def test_calibration_videos_are_compared_with_the_rig(take: Take) -> None:
    session = take.session
    with pytest.raises(SessionError, match=r"has videos of 0 camera.*at least 2 are needed"):
        check_calibration_videos(session)
    for name in ("front_left", "front_right", "back_right", "bakc_left"):
        write_clip(session.root / "calibration" / f"{name}.mp4")
    (warning,) = check_calibration_videos(session).warnings
    assert "no calibration video for back_left" in warning and "bakc_left" in warning


def test_a_video_that_an_edit_list_cut_is_named(
    take: Take, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = take.session
    for name in ("front_left", "front_right", "back_right", "back_left"):
        write_clip(session.root / "calibration" / f"{name}.mp4")

    def probe(path: Path, camera: str | None = None) -> VideoInfo:
        late = 1.0 if path.stem == "back_left" else 0.05  # a phone's sound begins a little earlier
        return replace(video.probe(path, camera), start_s=late)

    monkeypatch.setattr(checks, "probe", probe)
    (warning,) = check_calibration_videos(session).warnings
    assert "camera 'back_left': its first image comes 1.00 s after its file begins" in warning
