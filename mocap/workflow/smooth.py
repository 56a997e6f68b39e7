"""The smooth stage: from points frame by frame to one motion."""

from __future__ import annotations

from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D
from mocap.workflow.job import Job, StageCode
from mocap.workflow.pipeline import Made
from mocap.workflow.progress import counting
from mocap.workflow.triangulate import quality
from mocap.workflow.unfinished import Unfinished, forget_pieces

# An acceleration needs three frames.
MIN_FRAMES = 3
# A frame is smoothed by those within about an eighth of a second on either side.
SHORT_S = 0.25
LONG_IMAGES = 200_000


def _make(job: Job) -> Made:
    from mocap.reconstruct.corrections import bridged, with_gaps
    from mocap.reconstruct.exact_time import at_frame_times
    from mocap.reconstruct.rig.check import camera_bias
    from mocap.reconstruct.smooth import smooth_with_report

    tracks = job.load("tracks", Tracks2D)
    calibration = job.footage.calibration
    raw, gaps = job.load("points", Points3D), job.edits("gap")
    points, report = smooth_with_report(
        raw,
        tracks,
        calibration,
        bridged=bridged(raw, gaps),
        told=counting(job.progress, "smooth", tracks.times_s.size, LONG_IMAGES),
        remember=Unfinished.of(job.path, job.record()).replay(),
    )
    del raw  # of a long take a third of a gigabyte
    points = with_gaps(points, gaps)
    bias = camera_bias(points, at_frame_times(tracks, points, calibration), calibration)
    said = [*short_take(points), *report.warnings(), *bias.warnings]
    return Made(points, said, quality(points))


def short_take(points: Points3D) -> list[str]:
    """Say when a take is too short to be smoothed."""
    frames = len(points.xyz)
    if frames >= MIN_FRAMES and frames / points.fps >= SHORT_S:
        return []
    return [
        f"the take has {frames} frame(s), {frames / points.fps:.2f} s: too short to smooth. Its "
        "points are nearly as each frame gave them; take no speed or acceleration from it, and "
        "record a second before and after the motion."
    ]


STAGE = StageCode(make=_make, forget=lambda job: forget_pieces(job.path))
