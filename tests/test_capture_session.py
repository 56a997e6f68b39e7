from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.capture.session import Session, find_videos
from mocap.core.errors import InputError, SessionError


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session.create(tmp_path / "lab", rig="four_corner", board="a3_7x10", square_mm=39.7)


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def edit(session: Session, addition: str) -> Session:
    path = session.root / "session.toml"
    path.write_text(path.read_text() + addition)
    return Session.open(session.root)


def test_a_new_session_is_complete(session: Session) -> None:
    assert session.rig().name == "four_corner"
    assert session.board().square_length_m == pytest.approx(0.0397)
    assert (session.root / "calibration").is_dir() and (session.root / "takes").is_dir()
    assert session.takes() == () and session.calibration_videos() == {}
    assert session.config.cameras is None and session.config.subjects == ()


def test_without_a_measured_square_the_nominal_one_counts(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "a", rig="six_ring", board="a1_5x7", notes='a "note" \\ é')
    assert session.board().square_length_m == pytest.approx(0.110)
    assert session.config.notes == 'a "note" \\ é'


def test_a_session_is_never_overwritten(session: Session) -> None:
    with pytest.raises(SessionError, match="is a session already"):
        Session.create(session.root, rig="six_ring", board="a1_5x7")
    assert Session.open(session.root).config.rig == "four_corner"


def test_nothing_is_made_for_a_wrong_rig(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rig"):
        Session.create(tmp_path / "a", rig="five_corner", board="a1_5x7")
    assert not (tmp_path / "a").exists()


def test_opening_what_is_no_session(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="no session folder"):
        Session.open(tmp_path / "nowhere")
    with pytest.raises(SessionError, match=r"has no session\.toml"):
        Session.open(tmp_path)


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("sqare_mm = 3.0", "unknown key 'sqare_mm'. Did you mean 'square_mm'"),
        ("[[subjects]]\nname = 'A'\nheigth_m = 1.8", r"'heigth_m' in \[\[subjects\]\].*'height_m'"),
        ("[[subjects]]\nname = 'A'\nhand = 'both'", "'hand' is 'both'; it must be one of left"),
        ("[[subjects]]\nname = ' '", "a subject's 'name' is empty"),
        ("[[subjects]]\nname = 'A'\nsex = 'm'", "'sex' is 'm'; it must be one of female, male"),
        ("[[subjects]]\nname = 'A'\nheight_m = 178", "'height_m' is 178; it must be 0.5 to 2.5"),
        ("[[subjects]]\nname = 'A'\nmass_kg = 1.8", "'mass_kg' is 1.8; it must be 5 to 400"),
        (
            "[[subjects]]\nname = 'A'\n[[subjects]]\nname = 'A'",
            "two subjects are called 'A'",
        ),
        ("cameras = ['left']", "at least two different camera names"),
        ("cameras = ['left', 'left']", "at least two different camera names"),
        ("[image_map.left]\nscal = 2.0", r"'scal' in \[image_map.left\]. Did you mean 'scale'"),
        ("[image_map.left]\noffset_px = [0.0, 1.0]", "needs either 'scale'"),
        ("[image_map.left]\nscale = 1.0\noffset_px = [0.0]", "list of 2 numbers"),
        ("[image_map.left]\nmatrix = [[1, 0, 0], [0, -1, 0]]", "must not flip"),
        ("board = ", "not valid TOML"),
    ],
)
def test_a_wrong_session_file_is_explained(session: Session, addition: str, message: str) -> None:
    path = session.root / "session.toml"
    path.write_text('rig = "four_corner"\nboard = "a3_7x10"\n' + addition)
    with pytest.raises(InputError, match=message) as caught:
        Session.open(session.root)
    assert str(path) in str(caught.value)


def test_subjects_and_image_maps_are_read(session: Session) -> None:
    session = edit(
        session,
        "[[subjects]]\nname = 'A'\nheight_m = 1.8\nhand = 'left'\n"
        "[image_map.left]\nscale = 2.0\noffset_px = [0.5, -7.0]\n"
        "[image_map.right]\nmatrix = [[1.0, 0.1, 2.0], [-0.1, 1.0, 3.0]]\n",
    )
    assert session.config.subjects[0].height_m == 1.8
    left, right = (session.image_map_override(name) for name in ("left", "right"))
    assert left is not None and right is not None
    np.testing.assert_allclose(left.apply(np.array([[10.0, 10.0]])), [[20.5, 13.0]])
    np.testing.assert_allclose(right.apply(np.array([10.0, 20.0])), [14.0, 22.0])
    assert session.image_map_override("back") is None


def test_a_take_says_whose_it_is(session: Session) -> None:
    touch(session.root / "takes" / "a" / "left.mp4")
    assert session.take("a").subject() is None
    session = edit(session, "[[subjects]]\nname = 'Ann'\nsex = 'female'\nmass_kg = 61.5\n")
    only = session.take("a").subject()
    assert only is not None and (only.name, only.sex, only.mass_kg) == ("Ann", "female", 61.5)
    session = edit(session, "[[subjects]]\nname = 'Bob'\n")
    assert session.take("a").subject() is None
    settings = session.take("a").settings_path
    settings.write_text("subject = 'Bob'\n")
    bob = session.take("a").subject()
    assert bob is not None and bob.name == "Bob"
    settings.write_text("subject = 'Bbo'\n")
    with pytest.raises(InputError, match=r"take.toml: no subject 'Bbo' .* Did you mean 'Bob'\?"):
        session.take("a").subject()


def test_definitions_of_the_session_are_found_beside_it(session: Session) -> None:
    (session.root / "wall.toml").write_text(
        "columns = 4\nrows = 5\nsquare_mm = 54\nmarker_mm = 40\ndictionary = 'DICT_4X4_250'\n"
    )
    path = session.root / "session.toml"
    path.write_text('rig = "four_corner"\nboard = "wall.toml"\n')
    assert Session.open(session.root).board().columns == 4


def test_takes_are_folders_with_videos_in_natural_order(session: Session) -> None:
    takes = session.root / "takes"
    touch(takes / "jump_10" / "left.mp4", takes / "jump_2" / "left.MOV")
    (takes / "empty").mkdir()
    touch(takes / "notes.txt")
    assert session.takes() == ("jump_2", "jump_10")
    assert session.take("jump_2").videos() == {"left": takes / "jump_2" / "left.MOV"}
    with pytest.raises(SessionError, match=r"no take 'jump_3'\. Did you mean 'jump_2'"):
        session.take("jump_3")


def test_videos_are_named_by_their_camera(tmp_path: Path) -> None:
    touch(tmp_path / "cam_10.mp4", tmp_path / "cam_2.avi", tmp_path / ".cam_3.mp4")
    touch(tmp_path / "notes.txt", tmp_path / "photos" / "img_0.png", tmp_path / "other" / "a.txt")
    assert list(find_videos(tmp_path)) == ["cam_2", "cam_10", "photos"]


def test_two_recordings_of_one_camera_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "left.mp4", tmp_path / "left.mov")
    with pytest.raises(SessionError, match=r"camera 'left' has two recordings.*Remove one"):
        find_videos(tmp_path)


def test_the_list_of_cameras_selects_and_insists(session: Session) -> None:
    take = session.root / "takes" / "a"
    touch(take / "left.mp4", take / "right.mp4", take / "phone.mp4")
    chosen = edit(session, 'cameras = ["right", "left"]\n')
    assert list(chosen.take("a").videos()) == ["right", "left"]
    (take / "left.mp4").rename(take / "lefft.mp4")
    with pytest.raises(SessionError, match=r"camera 'left' is listed.*Did you mean 'lefft'"):
        chosen.take("a").videos()


def test_a_session_without_calibration_says_how_to_get_one(session: Session) -> None:
    with pytest.raises(InputError, match="mocap calibrate"):
        session.calibration()


def test_artifacts_lie_in_the_take(session: Session) -> None:
    touch(session.root / "takes" / "a" / "left.mp4")
    take = session.take("a")
    assert take.artifact("tracks") == take.root / "tracks.npz"
    with pytest.raises(ValueError, match="no artifact is called body"):
        take.artifact("body")
