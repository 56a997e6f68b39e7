"""All joint angles of a take with how well each is known, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

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
# Frames shaken at once, more than five minutes at 60 frames per second: of a long take what was
# drawn would be larger than the take.
_FRAMES_AT_ONCE = 20_000


def angle_spreads_deg(
    angles: AngleCurves, points: Points3D, misfit: Misfit | None = None, *, samples: int = SAMPLES
) -> dict[str, FloatArray]:
    """Return the standard deviation (frame,) of each angle that keypoints show, in degrees.

    Keypoints of one person are shaken within their uncertainty and measured by planes of three
    joints, which sees at least the errors that a fitted body has.
    """
    frames = len(points.xyz)
    count = max(1, -(-frames // _FRAMES_AT_ONCE))
    edges = [round(edge) for edge in np.linspace(0, frames, count + 1)]
    blocks = [slice(first, end) for first, end in pairwise(edges)]
    found = []
    for block in blocks:
        slow = None if misfit is None else replace(misfit, sigma_m=misfit.sigma_m[block])
        found.append(_spreads(angles.names, points.part(block), slow, samples))
    out = {}
    for name in angles.names:
        spread = np.concatenate([
            each.get(name, np.full(block.stop - block.start, np.nan))
            for block, each in zip(blocks, found, strict=True)
        ])  # fmt: skip
        if np.nanmax(spread, initial=0.0) > _NO_SPREAD_DEG:
            out[name] = spread
    return out


def _spreads(
    names: Sequence[str], points: Points3D, misfit: Misfit | None, samples: int
) -> dict[str, FloatArray]:
    """Return the standard deviation (frame,) of each angle in some frames."""
    drawn = [joint_angles(segments_from_points(each)) for each in
             shaken(points, misfit=misfit, samples=samples)]  # fmt: skip
    out = {}
    for name in names:
        seen = name if name in drawn[0].names else name.replace(*_STAND_IN)
        if seen not in drawn[0].names or name in _NOT_SEEN:
            continue
        values = np.stack([each[seen] for each in drawn])
        # Angles near half a turn must not scatter by a whole one.
        apart = (values - values[:1] + 180.0) % 360.0 - 180.0
        known = np.isfinite(apart).all(axis=0)
        out[name] = np.full(values.shape[1], np.nan)
        out[name][known] = np.std(apart[:, known], axis=0, ddof=1)
    return out


def angle_columns(angles: AngleCurves, spreads_deg: dict[str, FloatArray]) -> dict[str, FloatArray]:
    """Return columns (frame,) by name: every angle and, where it is known, its deviation."""
    out: dict[str, FloatArray] = {}
    for name in angles.names:
        out[f"{name}_deg"] = angles[name]
        if name in spreads_deg:
            out[f"{name}_sd_deg"] = spreads_deg[name]
    return out
