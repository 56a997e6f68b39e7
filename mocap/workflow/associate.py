"""The associate stage: who is who across cameras and time."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from mocap.capture.checks import image_map_warnings
from mocap.capture.edits_file import load_identity_edits
from mocap.workflow.checks.mixed_up import refuse_swapped
from mocap.workflow.detect import load_detections
from mocap.workflow.job import Job, StageCode
from mocap.workflow.pipeline import Made
from mocap.workflow.progress import counting

if TYPE_CHECKING:
    from mocap.reconstruct.associate import AssociationReport


LONG_IMAGES = 200_000


def _make(job: Job) -> Made:
    from mocap.reconstruct.associate import associate_with_report
    from mocap.reconstruct.corrections import believed, corrected

    footage = job.footage
    detections = load_detections(job.input_path("detections"), job.take, footage.recording)
    refuse_swapped(detections, footage)
    corrections = job.edits("ignore", "mirror")
    detections = believed(detections, corrections)
    tracks, report = associate_with_report(
        detections,
        footage.calibration,
        image_maps=footage.matrices,
        person=job.choices.person,
        edits=load_identity_edits(job.take.edits_path),
        heights_m=_heights(job),
        told=counting(job.progress, "associate", detections.times_s.size, LONG_IMAGES),
    )
    tracks = corrected(tracks, corrections)
    notes = {
        "people": len(tracks.person_ids),
        "people_seen": len(report.people),
        "everybody": everybody(report),
    }
    return Made(tracks, [*image_map_warnings(footage.maps), *report.warnings()], notes)


def everybody(report: AssociationReport) -> list[dict[str, object]]:
    """Return who was found, chosen or not, as JSON: `FoundPerson` with its best view."""
    people = []
    for person in report.people:
        entry = asdict(person)
        height = person.height_m
        entry["height_m"] = round(height, 3) if height == height else None
        entry["seconds"] = [person.first_frame / report.fps, person.last_frame / report.fps]
        people.append(entry)
    return people


def _heights(job: Job) -> dict[str, float]:
    """Return the heights of the subjects of the session, by name."""
    subjects = job.take.session.config.subjects
    return {each.name: each.height_m for each in subjects if each.height_m is not None}


def _options(job: Job) -> dict[str, object]:
    maps = {camera: each.tolist() for camera, each in job.footage.matrices.items()}
    return {
        "person": job.choices.person,
        "image_maps": maps,
        "heights_m": _heights(job),
    }


STAGE = StageCode(make=_make, options=_options)
