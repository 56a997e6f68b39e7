"""Prove a session's calibration by what was measured in the room, or put the world on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap.calibrate.verdict.survey import (
    Length,
    Scale,
    surveyed_world,
    taped_lengths,
    triangulate_marks,
)
from mocap.calibrate.verdict.survey_file import Survey, load_survey
from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.errors import CalibrationError
from mocap.core.files.lock import alone
from mocap.workflow.progress import Progress
from mocap.workflow.rig.keep import keep_before
from mocap.workflow.rig.world import WORLD_FROM


@alone("mocap survey")
def survey_session(
    session: Session,
    file: Path,
    progress: Progress,
    *,
    world: bool = False,
    scale: bool = False,
) -> tuple[str, ...]:
    """Compare a session's calibration with a survey; say and return what was found.

    Args:
        session: with a calibration.
        file: `survey.toml`, see `mocap.calibrate.verdict.survey_file`.
        progress: told what is found.
        world: put the world where the points were surveyed.
        scale: take the scale of the tape.

    Raises:
        InputError: the file cannot be understood.
        CalibrationError: clicks, points or distances that do not fit; the scale is wrong and is not
            to be taken from the tape; or it is that of a board whose square says it.
    """
    survey, rig = load_survey(file), session.calibration()
    marks = triangulate_marks(
        rig,
        [point.name for point in survey.points],
        [dict(point.pixels) for point in survey.points],
        survey.click_px,
    )
    worst = max(max(off.values()) for off in marks.off_px)
    said: list[str] = []

    def say(*sentences: str) -> None:
        said.extend(sentences)
        for sentence in sentences:
            progress.finished(sentence)

    say(f"{len(marks.names)} marks, clicked to within {worst:.1f} px of one place")
    distances = [(d.first, d.second, d.length_m, d.sd_m) for d in survey.distances]
    lengths, found = taped_lengths(marks, distances)
    say(*(_of_length(each) for each in lengths))
    if found is None and scale:
        raise CalibrationError(f"{file} has no [[distances]]: the scale takes one at least.")
    if found is not None:
        say(_of_scale(session, found, taken=scale))
    if scale and found is not None:
        rig = _scaled(session, rig, 1.0 / (1.0 + found.off))
        marks = replace(marks, points=marks.points / (1.0 + found.off))
    known = {point.name: point.world_m for point in survey.points if point.world_m is not None}
    if known or world:
        placed = surveyed_world(rig, marks, known)
        rms = float(np.sqrt(np.mean(placed.off_mm**2)))
        last = placed.names[int(placed.off_mm.argmax())]
        say(
            f"{len(known)} surveyed points fit to {rms:.1f} mm rms, the worst, '{last}', to "
            f"{placed.off_mm.max():.1f} mm; lengths between them come out "
            f"{100 * placed.scale_off:+.2f} %"
        )
        rig = rig.transformed(placed.new_from_old) if world else rig
    if world or scale:
        say(_stored(session, survey, rig, file, world=world, scale=scale))
    return tuple(said)


def _of_length(length: Length) -> str:
    return (
        f"{length.first} - {length.second}: {1000 * length.measured_m:.1f} mm, taped "
        f"{1000 * length.taped_m:.1f} ({100 * length.off:+.2f} %, ± "
        f"{100 * length.sd_m / length.taped_m:.2f})"
    )


def _of_scale(session: Session, scale: Scale, *, taken: bool) -> str:
    """Return a sentence on the scale, or refuse what is wrong."""
    if not scale.agree:
        raise CalibrationError(
            "the taped distances contradict each other, by more than three standard deviations. "
            "Tape them again, or look for the marks again."
        )
    if scale.right or taken:
        word = "is right" if scale.right else "was wrong by"
        figure = f"{100 * scale.off:+.2f} ± {100 * scale.sd:.2f} %"
        return f"The scale {word}: {figure}" if scale.right else f"The scale {word} {figure}"
    way = "long" if scale.off > 0 else "short"
    raise CalibrationError(
        f"lengths come out {100 * abs(scale.off):.2f} ± {100 * scale.sd:.2f} % too {way}. "
        f"{_cure(session, scale)}"
    )


def _cure(session: Session, scale: Scale) -> str:
    """Return what to do about a wrong scale."""
    if not session.board_poses_path.is_file():
        return "Take the tape's scale with `mocap survey SESSION FILE --scale`."
    square_mm = 1000.0 * session.board().square_length_m
    return (
        f"The square of the board was given as {square_mm:.2f} mm and would have to be "
        f"{square_mm / (1.0 + scale.off):.2f}: measure ten squares, correct square_mm in "
        f"{session.root / 'session.toml'} and calibrate again."
    )


def _scaled(session: Session, rig: Calibration, share: float) -> Calibration:
    """Return the rig with other lengths; refuse where the board's square is what is wrong."""
    if session.board_poses_path.is_file():
        raise CalibrationError(
            "the scale of this calibration is that of its board: correct square_mm in "
            f"{session.root / 'session.toml'} and calibrate again."
        )
    return rig.transformed(np.eye(4), share)


def _stored(
    session: Session, survey: Survey, rig: Calibration, file: Path, *, world: bool, scale: bool
) -> str:
    """Store the rig, the one before beside it; say so."""
    what = " and ".join(word for word, asked in (("world", world), ("scale", scale)) if asked)
    kept = keep_before(session, "survey")
    metadata = {**rig.metadata, "survey": f"{what} from {file.name}, {len(survey.points)} marks"}
    if world:
        metadata[WORLD_FROM] = f"surveyed points in {file.name}"
    save_calibration(replace(rig, metadata=metadata), session.calibration_path)
    return f"Took the {what}; the calibration before is kept as {kept}"
