"""What `mocap measure` does: load a take, measure, write tables and a report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mocap.capture.edits import edits_of, edits_told, trimmed
from mocap.capture.session import Take
from mocap.capture.session_file import Subject
from mocap.capture.take_file import TakeSettings, load_take_settings
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import InputError
from mocap.core.files.documents import save_document
from mocap.core.files.lock import alone
from mocap.core.files.tables import write_table
from mocap.core.points import Points3D, Source
from mocap.core.store import Provenance
from mocap.measure.angle_table import angle_columns, angle_spreads_deg
from mocap.measure.angles import AngleCurves, joint_angles
from mocap.measure.events import MeasuredEvents
from mocap.measure.exercises.exercise import Exercise
from mocap.measure.metric import BAND
from mocap.measure.misfit import Misfit
from mocap.measure.norms import Norms, parse_norms
from mocap.measure.pitching.kinetics import BALL_KG
from mocap.measure.pitching.pitching import (
    ANGLE_CUTOFF_HZ,
    Pitching,
    PitchingOptions,
    measure_pitching,
)
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import Segments
from mocap.measure.tables import (
    curves_table,
    events_table,
    exercise_curves_table,
    exercise_table,
    frame_table,
    pitching_table,
    summary_table,
)
from mocap.studio.measure.exercise import (
    TakeFacts,
    write_exercise_report,
)
from mocap.studio.measure.report import PitchingReport, write_pitching_report
from mocap.workflow.measure.choices import Chosen, PitchingChoice
from mocap.workflow.measure.misfit import body_misfit
from mocap.workflow.measure.planned_target import planned_target
from mocap.workflow.results import EVENTS_FILE, Results
from mocap.workflow.understand.lifted import refuse_lifted
from mocap.workflow.version import installed_version

if TYPE_CHECKING:
    from mocap.body.model import BodyModel

SOURCES = ("auto", "body", "keypoints")


class Measured:
    """A take ready to be measured."""

    def __init__(self, take: Take, chosen: Chosen) -> None:
        """Prepare a take; artifacts are loaded when needed."""
        self.take = take
        self.chosen = chosen

    @property
    def root(self) -> Path:
        """Folder of the take."""
        return self.take.root

    @cached_property
    def points(self) -> Points3D:
        """The smoothed keypoints.

        Raises:
            InputError: there are none, or only a preview from one camera.
        """
        refuse_lifted(self.take)
        return kept_points(self.take, self.results.points)

    @cached_property
    def results(self) -> Results:
        """What stages made of the take."""
        return Results(self.take)

    @cached_property
    def person(self) -> int:
        """Whose motion is measured."""
        points = self.points
        return int(points.person_ids[points.person_index(self.chosen.person, main=True)])

    @cached_property
    def person_points(self) -> Points3D:
        """The keypoints of the chosen person only."""
        return self.points.of_person(self.person)

    @cached_property
    def segments(self) -> Segments:
        """The segments: of the fitted body, or of the keypoints."""
        if self.chosen.source == "keypoints":
            return segments_from_points(self.person_points)
        fitted = self.results.bodies.get(self.person)
        if fitted is None and self.chosen.source == "body":
            raise InputError(
                f"take {self.take.name} has no fitted body of person {self.person}. Fit one, or "
                "measure with --source keypoints."
            )
        if fitted is None:
            return segments_from_points(self.person_points)
        return _body_segments(fitted.motion, fitted.model(self.chosen.body))

    @cached_property
    def misfit(self) -> Misfit | None:
        """How badly the body explains the keypoints; None for keypoints alone."""
        if self.segments.from_keypoints:
            return None
        fitted = self.results.bodies[self.person]
        return body_misfit(self.person_points, fitted, fitted.model(self.chosen.body))

    @cached_property
    def subject(self) -> Subject | None:
        """The athlete, when a name, take.toml or session.toml tells who it is."""
        return self.results.subject(self.person, self.points.person_ids)

    @property
    def height_m(self) -> float | None:
        """Body height: asked for, or of the subject."""
        if self.chosen.height_m is not None:
            return self.chosen.height_m
        return self.subject.height_m if self.subject else None

    @property
    def mass_kg(self) -> float | None:
        """Body mass: asked for, or of the subject."""
        if self.chosen.mass_kg is not None:
            return self.chosen.mass_kg
        return self.subject.mass_kg if self.subject else None

    @property
    def hand(self) -> str | None:
        """Throwing hand: asked for, or of the subject."""
        return self.chosen.hand or (self.subject.hand if self.subject else None)

    @cached_property
    def settings(self) -> TakeSettings:
        """What take.toml says."""
        return load_take_settings(self.take.settings_path)

    @property
    def athlete(self) -> str:
        """Name and height for people."""
        parts = [self.subject.name] if self.subject else []
        if self.height_m is not None:
            parts.append(f"{self.height_m:.2f} m")
        return ", ".join(parts)

    def folder(self, kind: str) -> Path:
        """Return where a measurement is written: one folder each, and of each person if several."""
        folder = self.take.measure_dir / kind
        people = len(self.points.person_ids)
        if people < 2:
            return folder
        named = self.person in self.results.names
        return folder / (self.results.label(self.person) if named else f"person_{self.person}")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What earlier stages said."""
        return self.results.warnings()

    def made(self) -> tuple[tuple[str, str], ...]:
        """How it was made, for the foot of a report."""
        source = "keypoints alone" if self.segments.from_keypoints else "fitted body"
        return (("Measured from", source), ("Software", f"mocap-studio {installed_version()}"))


def kept_points(take: Take, points: Points3D) -> Points3D:
    """Return the points of a take, missing outside of what [[trim]] keeps."""
    kept = trimmed(take.edits_path, len(points.xyz))
    if kept is None:
        return points
    cut = np.ones(len(points.xyz), dtype=bool)
    cut[kept] = False
    xyz, covariance = np.array(points.xyz), np.array(points.covariance)
    error, source = np.array(points.reprojection_error_px), np.array(points.source)
    views = np.array(points.view_count)
    xyz[cut], covariance[cut], error[cut] = np.nan, np.nan, np.nan
    views[cut], source[cut] = 0, Source.MISSING
    return replace(
        points,
        xyz=xyz,
        covariance=covariance,
        reprojection_error_px=error,
        view_count=views,
        source=source,
    )


def _body_segments(motion: BodyMotion, model: BodyModel) -> Segments:
    """Return the segments of a fitted body with its virtual markers."""
    from mocap.body.anatomical_markers import bony_landmarks
    from mocap.body.model_motion import skeleton_from_pose

    rotations = motion.rotation_vectors()
    skeleton = skeleton_from_pose(model, rotations, motion.betas, motion.transl, motion.fps)
    landmarks = bony_landmarks(model, motion.betas)
    known = {
        name: np.full(motion.frame_count, bool(seen))
        for name, seen in zip(motion.joint_names, motion.observable, strict=True)
        # What the chest and the pelvis do is seen from many keypoints together.
        if name not in ("pelvis", "spine3", "head")
    }
    return segments_from_skeleton(skeleton, landmarks, axial_known=known)


@alone("mocap measure")
def pitching(ready: Measured, choice: PitchingChoice) -> tuple[Pitching, list[Path]]:
    """Measure the throws of a take; write pitching.csv, curves.csv, report.html and a C3D."""
    from mocap.workflow.measure.c3d import write_events_c3d
    from mocap.workflow.measure.pictures import event_pictures

    norms = read_norms(choice.norms)
    fps = ready.segments.fps
    planned = planned_target(ready.take.session) if choice.target_deg is None else None
    options = PitchingOptions(
        hand=ready.hand,
        height_m=ready.height_m,
        target_deg=planned.deg if planned else choice.target_deg,
        target_sd_deg=planned.sd_deg if planned else 0.0,
        position_cutoff_hz=choice.position_filter_hz,
        mass_kg=ready.mass_kg,
        ball_kg=BALL_KG if choice.ball_kg is None else choice.ball_kg,
        events=_said_events(ready, fps),
        angle_cutoff_hz=_cutoff(choice.filter_hz),
    )
    found = measure_pitching(
        ready.segments, options, points=ready.person_points, misfit=ready.misfit
    )
    if planned:
        told = (
            f"the direction of the target is that of the rig's plan: {planned.deg:.1f} deg from "
            f"world X, ± {BAND * planned.sd_deg:.1f} by where its cameras stand"
        )
        found = replace(found, warnings=(told, *found.warnings))
    folder, name = ready.folder("pitching"), ready.take.name
    throws = tuple(tuple(throw.events.values()) for throw in found.throws)
    events = MeasuredEvents("pitching", ready.person, ready.person_points.fps, throws)
    written = [
        write_table(folder / "pitching.csv", pitching_table(name, found)),
        write_table(folder / "curves.csv", curves_table(name, found)),
        write_events_c3d(folder / "pitching.c3d", ready.person_points, events),
        _save_events(ready, events),
    ]
    pictures, said = (
        event_pictures(ready.take, ready.person_points, found) if choice.pictures else ({}, ())
    )
    report = folder / "report.html"
    write_pitching_report(
        PitchingReport(
            take_name=name,
            athlete=ready.athlete,
            found=found,
            points=ready.person_points,
            norms=norms,
            pictures=pictures,
            warnings=(*ready.warnings, *said),
            made=ready.made(),
        ),
        report,
    )
    return found, [*written, report]


def _said_events(ready: Measured, fps: float) -> dict[int, dict[str, float | None]]:
    """Return the frames of events that a person set, by throw: take.toml, then edits.toml."""
    said: dict[int, dict[str, float | None]] = {
        k: {name: time_s * fps for name, time_s in each.items()}
        for k, each in enumerate(ready.settings.throws)
    }
    for edit in edits_of(ready.take.edits_path, "event"):
        if edit.person in (None, ready.person) and edit.name is not None:
            said.setdefault(edit.throw or 0, {})[edit.name] = edit.frame
    return said


def _cutoff(asked_hz: float | None) -> float | None:
    """Return the cut-off of the angle stage: 0 is none, nothing asked the usual one."""
    return ANGLE_CUTOFF_HZ if asked_hz is None else asked_hz or None


def read_norms(path: Path | None) -> Norms:
    """Read a file of norms; none without a path.

    Raises:
        InputError: it cannot be read, or a line is wrong.
    """
    if path is None:
        return Norms()
    try:
        return parse_norms(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the norms {path}: {error}.") from error


def _save_events(ready: Measured, events: MeasuredEvents) -> Path:
    """Keep the events with what they were measured on; return the file."""
    bodies = [] if ready.segments.from_keypoints else [ready.person]
    record = Provenance(
        stage=f"measure {events.kind}",
        version=installed_version(),
        options={
            "person": ready.person,
            "source": ready.chosen.source,
            "edits": edits_told(ready.take.edits_path, ("trim", "event")),
        },
        inputs=ready.results.measured_from(bodies=bodies),
    )
    path = ready.folder(events.kind) / EVENTS_FILE
    save_document(events, path, record)
    return path


@alone("mocap measure")
def exercise(
    ready: Measured, measure: Callable[[Segments, Points3D, Misfit | None], Exercise]
) -> tuple[Exercise, list[Path]]:
    """Measure an exercise; write its tables, C3D and report; return it and the files."""
    from mocap.workflow.measure.c3d import write_events_c3d
    from mocap.workflow.measure.recognition import recognised

    found = measure(ready.segments, ready.person_points, ready.misfit)
    found = recognised(found, ready.person_points, ready.person)
    folder = ready.folder(found.kind)
    name = found.kind.replace("-", "_")
    events = MeasuredEvents(
        found.kind, ready.person, ready.person_points.fps, (tuple(found.reading.events),)
    )
    written = [
        write_table(folder / f"{name}.csv", exercise_table(ready.take.name, found)),
        write_table(folder / "summary.csv", summary_table(found)),
        write_table(folder / "curves.csv", exercise_curves_table(found)),
        write_table(folder / "events.csv", events_table(found)),
        write_events_c3d(folder / f"{name}.c3d", ready.person_points, events),
        _save_events(ready, events),
    ]
    report = folder / "report.html"
    write_exercise_report(take_facts(ready), found, report)
    return found, [*written, report]


@alone("mocap measure")
def angles(ready: Measured) -> tuple[AngleCurves, Path]:
    """Write every joint angle of a take with its spread; return them and the file."""
    found = joint_angles(ready.segments)
    spreads = angle_spreads_deg(found, ready.person_points, ready.misfit)
    table = frame_table(angle_columns(found, spreads), found.fps)
    return found, write_table(ready.folder("angles") / "angles.csv", table)


def take_facts(ready: Measured) -> TakeFacts:
    """Return what all reports say about a take."""
    return TakeFacts(
        ready.take.name, ready.athlete, ready.person_points, ready.warnings, ready.made()
    )
