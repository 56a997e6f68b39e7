"""A calibration that is not of this board and these videos any more is named, never used."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap.calibrate.lenses.plan import LensWish
from mocap.capture.session import Session
from mocap.core.calibration_file import load_calibration, save_calibration
from mocap.core.errors import SessionError
from mocap.core.store import Provenance, file_hash, save_artifact, write_text
from mocap.synthetic.rigs import ring
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.rig import calibrate, made_from
from mocap.workflow.rig.board_poses import BoardPoses
from mocap.workflow.rig.world import import_calibration, set_world_on_floor


class Listener:
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def started(self, what: str) -> None: ...
    def advanced(self, what: str, done: int, total: int | None) -> None: ...
    def finished(self, what: str, details: Any = ()) -> None: ...
    def warned(self, *sentences: str) -> None:
        self.warnings += sentences


@pytest.fixture
def session(tmp_path: Path) -> Session:
    """A calibrated session; nothing here decodes its videos."""
    made = Session.create(tmp_path / "lab", rig="four_corner", board="a1_5x7", square_mm=109.6)
    for camera in ring(2).names:
        write_text(made.root / "calibration" / f"{camera}.mp4", f"video of {camera}")
    store(made, by="calibrate", step=2, late_frames={ring(2).names[1]: 1})
    return made


def store(session: Session, **how: Any) -> None:
    hashes = FileHashes(session.hash_cache_path, session.root)
    rig = made_from.signed(session, ring(2), hashes, **how)
    poses = BoardPoses(30.0, np.arange(2), np.tile(np.eye(4), (2, 1, 1)))
    notes = {made_from.MADE_AS: rig.metadata[made_from.MADE_AS]}
    save_artifact(poses, session.board_poses_path, Provenance("calibrate", "1", notes=notes))
    save_calibration(rig, session.calibration_path)


@pytest.fixture
def calibrated(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """How the rig was calibrated since, one entry each time."""
    calls: list[dict[str, Any]] = []

    class Result:
        report = type("Report", (), {"verdict": "PASS"})

    def pretend(session: Session, progress: object, **how: Any) -> type[Result]:
        calls.append(dict(how))
        wish = LensWish(how.pop("lens"), how.pop("one_lens"), how.pop("refine_lenses"))
        store(session, by="calibrate", wish=wish, **how)
        return Result

    monkeypatch.setattr(calibrate, "calibrate_session", pretend)
    return calls


def edit(session: Session, old: str, new: str) -> Session:
    path = session.root / "session.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return Session.open(session.root)


def said_by(session: Session) -> tuple[str, str]:
    """What a whole run says before it calibrates again, and how a single stage refuses."""
    with pytest.raises(SessionError) as refused:
        made_from.require_current(session, file_hash)
    listener = Listener()
    assert calibrate.ensure_calibration(session, listener)
    made_from.require_current(session, file_hash)
    assert not calibrate.ensure_calibration(session, Listener())
    return "; ".join(listener.warnings), str(refused.value)


def test_nothing_changed_nothing_done(session: Session, calibrated: list[Any]) -> None:
    assert not calibrate.ensure_calibration(session, Listener())
    moved = session.root.with_name("elsewhere")
    shutil.copytree(session.root, moved)
    assert not calibrate.ensure_calibration(Session.open(moved), Listener())
    assert not calibrated


def test_the_square_was_measured_again(session: Session, calibrated: list[Any]) -> None:
    warned, refused = said_by(edit(session, "square_mm = 109.6", "square_mm = 54.8"))
    assert "a square of the board measured 109.6 mm and measures 54.8 mm" in warned
    assert "the rig is calibrated again, all takes follow" in warned
    assert "Run `mocap calibrate" in refused
    assert "or put back what changed" in refused
    # As it was made the first time.
    late = {ring(2).names[1]: 1}
    own = {"lens": "standard", "one_lens": False, "refine_lenses": False}
    assert calibrated == [{"step": 2, "late_frames": late, "lenses": (), **own}]


def test_another_board(session: Session, calibrated: list[Any]) -> None:
    warned, _ = said_by(edit(session, "a1_5x7", "a4_5x7"))
    assert "the board was 'a1_5x7' and is 'a4_5x7'" in warned


def test_a_video_was_replaced_added_and_removed(session: Session, calibrated: list[Any]) -> None:
    first, second = session.calibration_videos().values()
    write_text(first, "another recording")
    warned, _ = said_by(session)
    assert f"the calibration video of camera '{first.stem}' was replaced" in warned
    second.unlink()
    write_text(first.with_stem("third"), "a third camera")
    warned, _ = said_by(session)
    assert "there is a new calibration video of camera 'third'" in warned
    assert f"the calibration video of camera '{second.stem}' is gone" in warned


def test_recordings_taken_away_to_save_room_change_nothing(session: Session) -> None:
    for path in session.calibration_videos().values():
        path.unlink()
    assert not calibrate.ensure_calibration(session, Listener())
    with pytest.raises(SessionError, match="a square of the board measured 109"):
        calibrate.ensure_calibration(
            edit(session, "square_mm = 109.6", "square_mm = 54.8"), Listener()
        )


def test_an_imported_rig_is_not_replaced_but_the_choice_is_said(
    session: Session, tmp_path: Path
) -> None:
    save_calibration(ring(2), tmp_path / "foreign.toml")
    import_calibration(session, tmp_path / "foreign.toml", "m", force=True)
    assert not calibrate.ensure_calibration(session, Listener())
    changed = edit(session, "square_mm = 109.6", "square_mm = 54.8")
    with pytest.raises(SessionError, match="The rig was imported and does not follow"):
        calibrate.ensure_calibration(changed, Listener())


def test_a_calibration_that_was_killed_half_way_is_found(
    session: Session, calibrated: list[Any]
) -> None:
    rig = session.calibration()
    metadata = {**rig.metadata, made_from.MADE_AS: "0123456789abcdef"}
    save_calibration(replace(rig, metadata=metadata), session.calibration_path)
    with pytest.raises(SessionError, match="come from two calibrations"):
        set_world_on_floor(session, "auto")
    listener = Listener()
    assert calibrate.ensure_calibration(session, listener)
    assert "interrupted before it was complete" in listener.warnings[0]


def test_a_rig_of_an_older_version_says_nothing_and_is_used(session: Session) -> None:
    save_calibration(ring(2), session.calibration_path)
    assert not calibrate.ensure_calibration(session, Listener())


def test_a_record_from_before_a_field_of_the_board_existed_is_current(session: Session) -> None:
    rig = load_calibration(session.calibration_path)
    record = json.loads(rig.metadata[made_from.MADE_FROM])
    for newer in ("count", "marker_step"):
        del record["board"][newer]
    older = replace(
        rig, metadata={**rig.metadata, made_from.MADE_FROM: json.dumps(record, sort_keys=True)}
    )
    hashes = FileHashes(session.hash_cache_path, session.root)
    assert made_from.changes(session, older, hashes) == []
