"""The triangulate stage: from keypoints of several cameras to points in space."""

from __future__ import annotations

import numpy as np

from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D, Source
from mocap.workflow.job import Job, StageCode
from mocap.workflow.pipeline import Made


def _make(job: Job) -> Made:
    from mocap.reconstruct.triangulate import triangulate

    points = triangulate(job.load("tracks", Tracks2D), job.footage.calibration)
    return Made(points, (), quality(points))


def quality(points: Points3D) -> dict[str, float]:
    """Return the figures a person asks for first; -1 px where nothing was seen."""
    error = points.reprojection_error_px[np.isfinite(points.reprojection_error_px)]
    return {
        "measured_share": round(points.share(Source.MEASURED), 4),
        "missing_share": round(points.share(Source.MISSING), 4),
        "median_error_px": round(float(np.median(error)), 3) if len(error) else -1.0,
    }


STAGE = StageCode(make=_make)
