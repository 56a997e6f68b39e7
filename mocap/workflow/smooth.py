"""The smooth stage: from points frame by frame to one motion."""

from __future__ import annotations

from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D
from mocap.workflow.job import Job, StageCode
from mocap.workflow.pipeline import Made
from mocap.workflow.triangulate import quality


def _make(job: Job) -> Made:
    from mocap.reconstruct.corrections import bridged, with_gaps
    from mocap.reconstruct.exact_time import at_frame_times
    from mocap.reconstruct.rig.check import camera_bias
    from mocap.reconstruct.smooth import smooth_with_report

    tracks = job.load("tracks", Tracks2D)
    calibration = job.footage.calibration
    raw, gaps = job.load("points", Points3D), job.edits("gap")
    points, report = smooth_with_report(raw, tracks, calibration, bridged=bridged(raw, gaps))
    points = with_gaps(points, gaps)
    bias = camera_bias(points, at_frame_times(tracks, points, calibration), calibration)
    return Made(points, [*report.warnings(), *bias.warnings], quality(points))


STAGE = StageCode(make=_make)
