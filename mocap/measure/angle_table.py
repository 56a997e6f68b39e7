"""All joint angles of a take with how well each is known, frame by frame."""

from __future__ import annotations

import numpy as np

from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.angles import AngleCurves, joint_angles
from mocap.measure.misfit import Misfit
from mocap.measure.segments.points import segments_from_points
from mocap.measure.uncertainty import SAMPLES, shaken

# Keypoints show the line of the shoulders; how much it scatters is also true of the chest.
_STAND_IN = ("thorax_", "shoulder_line_")
# Two hip points do not show it: from keypoints it is the lean of the trunk.
_NOT_SEEN = ("pelvis_anterior_tilt",)
# Angles that the planes of three joints make zero have no spread to speak of.
_NO_SPREAD_DEG = 1e-6


def angle_spreads_deg(
    angles: AngleCurves, points: Points3D, misfit: Misfit | None = None, *, samples: int = SAMPLES
) -> dict[str, FloatArray]:
    """Return the standard deviation (frame,) of each angle that keypoints show, in degrees.

    Keypoints of one person are shaken within their uncertainty and measured by planes of three
    joints, which sees at least the errors that a fitted body has.
    """
    drawn = [joint_angles(segments_from_points(each)) for each in
             shaken(points, misfit=misfit, samples=samples)]  # fmt: skip
    out = {}
    for name in angles.names:
        seen = name if name in drawn[0].names else name.replace(*_STAND_IN)
        if seen not in drawn[0].names or name in _NOT_SEEN:
            continue
        values = np.stack([each[seen] for each in drawn])
        # Angles near half a turn must not scatter by a whole one.
        apart = (values - values[:1] + 180.0) % 360.0 - 180.0
        known = np.isfinite(apart).all(axis=0)
        spread = np.full(values.shape[1], np.nan)
        spread[known] = np.std(apart[:, known], axis=0, ddof=1)
        if known.any() and spread[known].max() > _NO_SPREAD_DEG:
            out[name] = spread
    return out


def angle_columns(angles: AngleCurves, spreads_deg: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return columns (frame,) by name: every angle and, where it is known, its deviation."""
    out: dict[str, FloatArray] = {}
    for name in angles.names:
        out[f"{name}_deg"] = angles[name]
        if name in spreads_deg:
            out[f"{name}_sd_deg"] = spreads_deg[name]
    return out
