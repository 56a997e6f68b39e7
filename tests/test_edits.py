"""What a person changes about a take: the file, what obeys it, and what is made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from known_session import FRAMES, known_people, known_session
from walker import keypoints_on, walk

from mocap.body.feet.contact import contact_points
from mocap.body.model import load_free_body
from mocap.calibrate.board.left_out import without_frames
from mocap.capture.edits import (
    Edit,
    append_edit,
    board_edits_path,
    edits_of,
    load_edits,
    remove_edit,
    trimmed,
)
from mocap.capture.session import Session
from mocap.cli.main import main
from mocap.core.body_motion import BodyMotion
from mocap.core.detections import Corners
from mocap.core.errors import InputError, ReconstructionError
from mocap.core.points import Source
from mocap.core.store import file_hash
from mocap.reconstruct.corrections import believed, corrected, with_gaps
from mocap.synthetic.example import walker
from mocap.workflow.choices import Choices
from mocap.workflow.edits import add_edit, listed
from mocap.workflow.fit.edited import said_contacts
from mocap.workflow.progress import Quiet
from mocap.workflow.results import Results
from mocap.workflow.rig.made_from import changes, signed
from mocap.workflow.run import run_take

WHOLE = """# what I saw
[[trim]]
from_frame = 3
to_frame = 30

[[ignore]]
camera = "front_left"
from_frame = 5

[[identity]]
do = "name"
people = [0]
name = "Anna"

[[trim]]
from_frame = 4
to_frame = 30
"""


def test_the_file_keeps_its_order_and_comments(tmp_path: Path) -> None:
    path = tmp_path / "edits.toml"
    path.write_text(WHOLE)
    assert [edit.as_text() for edit in load_edits(path)] == [
        "trim from frame 3 to 30",
        "ignore front_left from frame 5",
        "name 0 Anna",
        "trim from frame 4 to 30",
    ]
    assert trimmed(path, 36) == slice(4, 31)
    for edit in load_edits(path):
        again = tmp_path / "again.toml"
        again.write_text(edit.as_toml())
        assert load_edits(again) == (edit,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[trimm]]\nfrom_frame = 1\n", "unknown key 'trimm'"),
        ("[[trim]]\nfrom_frame = 1\n", "'trim' needs 'to_frame'"),
        ("[[trim]]\nfrom_frame = 9\nto_frame = 3\n", "to_frame 3 lies before"),
        ("[[ignore]]\ncamera = 7\n", "'camera' is 7"),
        ("[[gap]]\ndo = 'fill'\nkeypoints = ['nose']\nfrom_frame=1\nto_frame=2\n", "one of bridge"),
        ("[[contact]]\ndo='stands'\nside='both'\nfrom_frame=1\nto_frame=2\n", "left or right"),
        ("[[event]]\ndo='set'\nname='ball_relase'\nframe=3\n", "ball_release"),
        ("[[event]]\ndo='set'\nname='ball_release'\n", "'set' needs 'frame'"),
        ("trim = [{from_frame = 1, to_frame = 2}]\n", "on a line of its own"),
        ("[trim]\nfrom_frame = 1\nto_frame = 2\n", "on a line of its own"),
        ("[trim]\n", "on a line of its own"),
        ("trim = 3\n", "on a line of its own"),
    ],
)
def test_an_entry_that_cannot_be_meant_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "edits.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        load_edits(path)


def test_ignored_cameras_and_keypoints_are_gone_and_sides_change_places() -> None:
    seen = walker()
    names, cameras = seen.detections.keypoint_names, seen.detections.camera_names
    wrist, ankle = names.index("left_wrist"), names.index("left_ankle")
    ignore = [
        Edit("ignore", camera=cameras[1], from_frame=10, to_frame=19),
        Edit("ignore", camera=cameras[0], keypoints=("left_wrist",), to_frame=4),
    ]
    left = believed(seen.detections, ignore)
    assert not left.confidence[1, 10:20].any() and np.isnan(left.boxes[1, 10:20]).all()
    assert not left.confidence[0, :5, :, wrist].any() and left.confidence[0, 5:, 0, wrist].all()
    kept = np.ones(left.confidence.shape, dtype=bool)
    kept[1, 10:20], kept[0, :5, :, wrist] = False, False
    np.testing.assert_array_equal(left.pixels[kept], seen.detections.pixels[kept])

    mirror = corrected(seen.tracks, [Edit("mirror", camera=cameras[2], from_frame=7, to_frame=8)])
    right = names.index("right_ankle")
    np.testing.assert_array_equal(
        mirror.pixels[2, 7:9, :, ankle], seen.tracks.pixels[2, 7:9, :, right]
    )
    same = np.delete(np.arange(mirror.pixels.shape[1]), [7, 8])
    np.testing.assert_array_equal(mirror.pixels[:, same], seen.tracks.pixels[:, same])
    with pytest.raises(ReconstructionError, match="no camera 'top'"):
        corrected(seen.tracks, [Edit("mirror", camera="top")])


def test_the_last_edit_about_a_gap_counts() -> None:
    points = keypoints_on(walk(12))
    missing = Edit("gap", "missing", 5, 9, keypoints=("nose",))
    bridge = Edit("gap", "bridge", 7, 7, keypoints=("nose",))
    nose = points.keypoint_names.index("nose")
    gone = with_gaps(points, [missing, bridge]).source[:, 0, nose] == Source.MISSING
    assert np.flatnonzero(gone).tolist() == [5, 6, 8, 9]
    assert with_gaps(points, [bridge]) is points


def test_what_is_said_about_feet() -> None:
    edits = [
        Edit("contact", "stands", 10, 19, side="left"),
        Edit("contact", "free", 15, 15, side="left"),
    ]
    stands, free = said_contacts(edits, 0, 20, first_frame=12)
    assert np.flatnonzero(stands[:, 0]).tolist() == [0, 1, 2, 4, 5, 6, 7]
    assert np.flatnonzero(free[:, 0]).tolist() == [3] and not stands[:, 1].any()


STAGES = ("detect", "sync", "associate", "triangulate", "smooth")


def test_stages_obey_and_only_what_an_edit_touches_is_made_again(tmp_path: Path) -> None:
    rig, xyz = known_session(tmp_path / "lab", "walk")
    session = Session.open(tmp_path / "lab")
    take = session.take("walk")

    def made() -> list[str]:
        with known_people(rig, xyz):
            outcomes = run_take(take, Choices(), Quiet(), stages=STAGES)
        return [each.stage for each in outcomes if each.status == "made"]

    assert made() == list(STAGES)
    before = Results(take).points
    camera = rig.names[0]
    add_edit(take, "ignore", {"camera": camera, "from_frame": 10, "to_frame": 20})
    add_edit(take, "gap", {"do": "missing", "keypoints": ["nose"], "from_frame": 3, "to_frame": 5})
    with pytest.raises(InputError, match=r"edits\.toml is not what stage"):
        _ = Results(take).points
    assert made() == ["associate", "triangulate", "smooth"]
    after = Results(take)
    seen = after.tracks.confidence[after.tracks.camera_names.index(camera)] > 0
    assert not seen[10:21].any() and seen[:10].any() and after.points.view_count[15].max() == 3
    nose = before.keypoint_names.index("nose")
    assert (after.points.source[3:6, 0, nose] == Source.MISSING).all()
    # A gap alone touches no stage above the smoothing.
    remove_edit(take.edits_path, 2)
    assert made() == ["smooth"]
    remove_edit(take.edits_path)
    assert not take.edits_path.exists() and made() == ["associate", "triangulate", "smooth"]
    np.testing.assert_array_equal(Results(take).points.xyz, before.xyz)


def test_the_command_lists_adds_and_removes(tmp_path: Path) -> None:
    known_session(tmp_path / "lab", "walk")
    take = Session.open(tmp_path / "lab").take("walk")

    def edit(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(main, ["edit", str(tmp_path / "lab"), "walk", *words])
        assert result.exit_code == code, result.output
        return result.output

    assert "trim from frame 2 to 9" in edit("add", "trim", "--from-frame", "2", "--to-frame", "9")
    edit("add", "ignore", "--camera", "front_left", "--keypoint", "nose", "--keypoint", "left_ear")
    assert [each["kind"] for each in listed(take)] == ["trim", "ignore"]
    assert edits_of(take.edits_path, "ignore")[0].keypoints == ("nose", "left_ear")
    assert "ignore front_left nose, left_ear" in edit()
    assert "Did you mean 'front_left'?" in edit("add", "ignore", "--camera", "front_lef", code=1)
    assert "no entry 3" in edit("remove", "3", code=1)
    edit("remove", "1")
    edit("undo")
    assert "has no entry" in edit("undo", code=1) and not take.edits_path.exists()


def test_frames_of_the_board_are_left_out_and_the_rig_is_stale() -> None:
    corners = Corners(
        camera="left",
        image_size=(320, 240),
        frame_count=20,
        frame=np.repeat([3, 5, 9], 4),
        corner_id=np.tile(np.arange(4), 3),
        pixels=np.zeros((12, 2)),
    )
    bad = [
        Edit("ignore", camera="left", from_frame=4, to_frame=8),
        Edit("ignore", camera="right", from_frame=9, to_frame=9),
    ]
    kept = without_frames(corners, bad)
    assert sorted(set(kept.frame.tolist())) == [3, 9] and len(kept.pixels) == 8
    assert "1 frames of the board were left out by hand" in kept.notes[-1]
    assert without_frames(corners, bad[1:]) is corners


def test_a_rig_whose_frames_are_left_out_is_made_again(tmp_path: Path) -> None:
    rig, _ = known_session(tmp_path / "lab", "walk")
    session = Session.open(tmp_path / "lab")
    made = signed(session, rig, file_hash, by="calibrate")
    assert not changes(session, made, file_hash)
    board_edits_path(session.root).parent.mkdir(exist_ok=True)
    edit = Edit("ignore", camera=rig.names[0], from_frame=4, to_frame=4)
    append_edit(board_edits_path(session.root), edit)
    assert "other frames of the board" in changes(session, made, file_hash)[0]
    assert not changes(session, signed(session, rig, file_hash, by="calibrate"), file_hash)


@pytest.mark.slow
def test_bodies_obey_trim_and_feet(tmp_path: Path) -> None:
    rig, xyz = known_session(tmp_path / "lab", "walk")
    take = Session.open(tmp_path / "lab").take("walk")
    with known_people(rig, xyz):
        run_take(take, Choices(), Quiet(), stages=(*STAGES, "fit"))
    free = Results(take).bodies[0].motion
    whole = {"side": "left", "from_frame": 0, "to_frame": FRAMES - 1}
    add_edit(take, "trim", {"from_frame": 6, "to_frame": 29})
    add_edit(take, "contact", {"do": "stands", **whole})
    with pytest.raises(InputError, match=r"edits\.toml is not what stage fit obeyed"):
        _ = Results(take).bodies
    outcomes = run_take(take, Choices(), Quiet(), stages=("smooth", "fit"))
    assert [each.status for each in outcomes] == ["current", "made"]
    held = Results(take).bodies[0].motion
    # Frames keep their numbers; outside of the span the body holds still and says it is unknown.
    assert held.frame_count == FRAMES
    assert np.isnan(held.fit_error_mm[[5, 30]]).all() and np.isfinite(held.fit_error_mm[6:30]).all()
    np.testing.assert_array_equal(held.transl[:6], np.tile(held.transl[6], (6, 1)))
    model = load_free_body()

    def slide(motion: BodyMotion) -> float:
        heel = contact_points(motion, model)[0][6:30, 0, 0, :2]
        return float(np.linalg.norm(heel - heel.mean(axis=0), axis=1).max())

    # The walker steps by far more than a foot that is said to stand may move.
    assert slide(free) > 0.1 and slide(held) < 0.25 * slide(free)
