"""Points that fit exact pixels of any rig: what a wrong rig makes of what the true one saw."""

from __future__ import annotations

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.shapes import FloatArray

_STEPS = 5
"""Gauss-Newton from the true point doubles its digits with each: five are more than there are."""

_LEAST = 1e-9
"""Added to the normal matrix: a point that no camera sees stays where it is."""


def nearest_points(rig: Calibration, pixels: FloatArray, start: FloatArray) -> FloatArray:
    """Return points (n, 3) in metres that fit pixels (camera, n, 2) inside the images best."""
    points = start.copy()
    for _ in range(_STEPS):
        normal, right = np.zeros((len(points), 3, 3)), np.zeros((len(points), 3))
        for camera, seen in zip(rig.cameras, pixels, strict=True):
            put, slope = camera.project_with_jacobian(points)
            with np.errstate(invalid="ignore"):
                inside = ((seen >= 0) & (seen < camera.image_size)).all(axis=1)
            inside &= np.isfinite(put).all(axis=1)
            slope = np.where(inside[:, None, None], slope, 0.0)
            normal += np.swapaxes(slope, 1, 2) @ slope
            right += np.einsum("nij,ni->nj", slope, np.where(inside[:, None], seen - put, 0.0))
        points += np.linalg.solve(normal + _LEAST * np.eye(3), right[..., None])[..., 0]
    return points
