"""What a calibration was made from: kept in calibration.toml itself, compared before it is used.

The rig is the last file that a calibration writes, and its table [metadata] says which board, which
videos and which options it came from, and which poses and report belong to it. So rig, poses and
report are one thing: a calibration that was killed half-way is found by their names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mocap.calibrate.lenses.plan import OWN_LENSES, LensWish
from mocap.capture.edits import board_edits_path, edits_told
from mocap.capture.session import Session
from mocap.capture.shutters import readouts
from mocap.core.board import Board
from mocap.core.camera import MODELS, Calibration, Camera
from mocap.core.errors import SessionError
from mocap.core.files.reading import parse_object, reading
from mocap.core.store import load_provenance
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.progress import Progress

BEFORE = "before_refinement"
"""Key in [metadata]: the file that holds the rig as it was before it was refined from people."""

MADE_FROM = "made_from"
MADE_AS = "made_as"
WORLD_AT = "made_world_at"
"""Keys in [metadata]: the inputs as JSON, this calibration's name, how the floor was chosen."""

Hashes = Callable[[Path], str]


def signed(
    session: Session,
    calibration: Calibration,
    hash_of: Hashes,
    *,
    by: str,
    step: int | None = None,
    late_frames: Mapping[str, int] | None = None,
    lenses: Sequence[str] = (),
    wish: LensWish = OWN_LENSES,
) -> Calibration:
    """Return the calibration with what it was made from in its metadata.

    `by` is the command: "calibrate" or "import". A rig that was imported remembers how the session
    was then.
    """
    record = {
        "by": by,
        "board": _board(session),
        "videos": {camera: hash_of(path) for camera, path in session.calibration_videos().items()},
        "step": step,
        "late_frames": dict(late_frames or {}),
        "lenses": list(lenses),
        "lens": asdict(wish),
        "edits": edits_told(board_edits_path(session.root), ("ignore",)),
        "readout_s": readouts(session),
    }
    numbers = calibration.vectors().tobytes() + json.dumps(record, sort_keys=True).encode()
    metadata = {
        **calibration.metadata,
        MADE_FROM: json.dumps(record, sort_keys=True),
        MADE_AS: hashlib.sha256(numbers).hexdigest()[:16],
    }
    return replace(calibration, metadata=metadata)


def record_of(session: Session, calibration: Calibration) -> dict[str, Any] | None:
    """Return what a calibration was made from; None when it does not say.

    Raises:
        InputError: what it says is damaged.
    """
    text = calibration.metadata.get(MADE_FROM)
    if text is None:
        return None
    path = session.calibration_path
    with reading(path, "a calibration of this tool", "Run `mocap calibrate` again."):
        record = parse_object(text, path)
        for key in ("board", "videos", "late_frames"):
            if not isinstance(record[key], dict):
                raise ValueError(f"'{key}' is no table")
        return record


def changes(session: Session, calibration: Calibration, hash_of: Hashes) -> list[str]:
    """Say what is not as it was when the calibration was made, one phrase each."""
    record = record_of(session, calibration)
    if record is None:
        return []
    found = _board_changes(record["board"], _board(session))
    if record.get("edits", []) != edits_told(board_edits_path(session.root), ("ignore",)):
        found.append(f"other frames of the board are left out in {board_edits_path(session.root)}")
    if record["by"] == "calibrate" and record.get("readout_s", {}) != readouts(session):
        found.append("the rig gives other times for its rolling shutters (readout_ms)")
    videos = session.calibration_videos()
    if not videos:
        # The recordings were taken away to save room: nothing says that they changed.
        return found
    before = record["videos"]
    for camera, path in videos.items():
        if camera not in before:
            found.append(f"there is a new calibration video of camera '{camera}'")
        elif hash_of(path) != before[camera]:
            found.append(f"the calibration video of camera '{camera}' was replaced")
    gone = [camera for camera in before if camera not in videos]
    found += [f"the calibration video of camera '{camera}' is gone" for camera in gone]
    return found


def is_torn(session: Session, calibration: Calibration) -> bool:
    """Tell whether the poses of the board belong to another calibration than this.

    A calibration that is killed between its files leaves the new poses beside the old rig.
    """
    mine = calibration.metadata.get(MADE_AS)
    if mine is None or not session.board_poses_path.is_file():
        return False
    return load_provenance(session.board_poses_path).notes.get(MADE_AS) != mine


def require_whole(session: Session, calibration: Calibration) -> None:
    """Refuse poses of the board that belong to another calibration.

    Raises:
        SessionError: says what to do.
    """
    if is_torn(session, calibration):
        raise SessionError(
            f"{session.calibration_path} and the board poses beside it come from two calibrations: "
            f"the last one was interrupted. Run `mocap calibrate {session.root}`."
        )


@dataclass(frozen=True)
class Repeat:
    """How a calibration was made, to make it again.

    Attributes:
        step: frames that were stepped over, None for the usual number.
        late_frames: by camera, how late its board recording starts.
        world_at: the instant at which a person laid the floor, None for the usual choice.
        lenses: the cameras whose lenses were given: they are given again.
        wish: model of the lenses, and whether cameras share one.
    """

    step: int | None = None
    late_frames: Mapping[str, int] = field(default_factory=dict)
    world_at: str | None = None
    lenses: tuple[Camera, ...] = ()
    wish: LensWish = OWN_LENSES


def to_repeat(session: Session, progress: Progress) -> Repeat | None:
    """Tell how to make the calibration again, None when it is that of the session as it is now.

    Raises:
        SessionError: it is not, but was imported, or there are no board recordings.
    """
    calibration = session.calibration()
    record = record_of(session, calibration)
    if record is None:
        return None
    if is_torn(session, calibration):
        progress.warned("the last calibration was interrupted before it was complete; once more.")
    else:
        hashes = FileHashes(session.hash_cache_path, session.root)
        said = changes(session, calibration, hashes)
        if not said:
            return None
        if is_imported(session, calibration) or not session.calibration_videos():
            require_current(session, hashes)
        progress.warned(f"{'; '.join(said)}: the rig is calibrated again, all takes follow.")
        if BEFORE in calibration.metadata:
            progress.warned("the rig had been refined: run `mocap calibration refine` again.")
    given = [name for name in record.get("lenses", []) if name in calibration.names]
    return Repeat(
        record["step"],
        record["late_frames"],
        calibration.metadata.get(WORLD_AT),
        tuple(calibration[name] for name in given),
        _wish_of(record),
    )


def _wish_of(record: Mapping[str, Any]) -> LensWish:
    """Return how lenses were asked for; records of earlier versions do not say."""
    said = record.get("lens", {})
    if not isinstance(said, dict):
        raise SessionError("the calibration says in no readable way how its lenses were made.")
    model = said.get("model", OWN_LENSES.model)
    if model not in MODELS:
        raise SessionError(f"the calibration was made with an unknown lens model '{model}'.")
    return LensWish(model, bool(said.get("shared")), bool(said.get("refine")))


def require_current(session: Session, hash_of: Hashes) -> None:
    """Refuse a calibration whose board or videos have changed since.

    Raises:
        SessionError: names what changed and what to do.
        InputError: the calibration is damaged.
    """
    if not session.calibration_path.is_file():
        return
    calibration = session.calibration()
    said = changes(session, calibration, hash_of)
    if said:
        raise SessionError(
            f"the calibration of {session.root} is not of this board and these videos any more: "
            f"{'; '.join(said)}. {_advice(session, calibration)}"
        )


def is_imported(session: Session, calibration: Calibration) -> bool:
    """Tell whether a calibration came from another tool."""
    record = record_of(session, calibration)
    return record is not None and record.get("by") == "import"


def _advice(session: Session, calibration: Calibration) -> str:
    if is_imported(session, calibration):
        return (
            "The rig was imported and does not follow. Keep it by importing it again "
            f"(`mocap calibration import {session.root} FILE --force`), or make one from the board "
            f"recordings (`mocap calibrate {session.root} --force`), or put back what changed."
        )
    return f"Run `mocap calibrate {session.root}`, or put back what changed."


# What a board had before somebody could say otherwise: an older record lacks newer fields.
_DEFAULTS = {each.name: each.default for each in fields(Board) if each.default is not MISSING}


def _board(session: Session) -> dict[str, Any]:
    """Return the board as JSON gives it back; empty for a session that was calibrated elsewhere."""
    if session.config.board is None:
        return {}
    board: dict[str, Any] = json.loads(json.dumps(asdict(session.board())))
    return board


def _board_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Say how the board changed; the side of a square in the unit of session.toml."""
    if not before or not now:
        return []
    before = {**_DEFAULTS, **before}
    if before.get("name") != now["name"]:
        return [f"the board was '{before.get('name')}' and is '{now['name']}'"]
    if before == now:
        return []
    old, new = before.get("square_length_m"), now["square_length_m"]
    if old != new and isinstance(old, float):
        return [f"a square of the board measured {1000 * old:g} mm and measures {1000 * new:g} mm"]
    keys = ", ".join(key for key in now if before.get(key) != now[key])
    return [f"the definition of board '{now['name']}' changed ({keys})"]
