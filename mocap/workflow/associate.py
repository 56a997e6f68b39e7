"""The associate stage: who is who across cameras and time."""

from __future__ import annotations

from mocap.capture.checks import image_map_warnings
from mocap.workflow.detect import load_detections
from mocap.workflow.job import Job, StageCode
from mocap.workflow.pipeline import Made


def _make(job: Job) -> Made:
    from mocap.reconstruct.associate import associate_with_report

    footage = job.footage
    detections = load_detections(job.input_path("detections"), job.take, footage.recording)
    tracks, report = associate_with_report(
        detections,
        footage.calibration,
        image_maps=footage.matrices,
        person=job.choices.person,
    )
    notes = {
        "people": len(tracks.person_ids),
        "people_seen": report.people_seen,
        "frames_in_two_views": report.frames_in_two_views,
    }
    return Made(tracks, [*image_map_warnings(footage.maps), *report.warnings()], notes)


def _options(job: Job) -> dict[str, object]:
    maps = {camera: each.tolist() for camera, each in job.footage.matrices.items()}
    return {"person": job.choices.person, "image_maps": maps}


STAGE = StageCode(make=_make, options=_options)
