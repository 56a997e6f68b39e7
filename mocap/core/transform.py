"""Rigid and similarity transforms as 4x4 matrices named `a_from_b`."""

from __future__ import annotations

import numpy as np

from mocap.core.shapes import Array, FloatArray


def rigid(rotation: Array, translation: Array) -> FloatArray:
    """Return (..., 4, 4) transforms from rotations (..., 3, 3) and translations (..., 3)."""
    rotation = np.asarray(rotation, dtype=np.float64)
    translation = np.asarray(translation, dtype=np.float64)
    lead = np.broadcast_shapes(rotation.shape[:-2], translation.shape[:-1])
    out = np.zeros((*lead, 4, 4))
    out[..., :3, :3] = rotation
    out[..., :3, 3] = translation
    out[..., 3, 3] = 1.0
    return out


def invert(a_from_b: Array) -> FloatArray:
    """Return b_from_a (..., 4, 4) of rigid transforms a_from_b (..., 4, 4)."""
    a_from_b = np.asarray(a_from_b, dtype=np.float64)
    inverse = np.swapaxes(a_from_b[..., :3, :3], -1, -2)
    return rigid(inverse, -np.einsum("...ij,...j->...i", inverse, a_from_b[..., :3, 3]))


def apply(a_from_b: Array, points: Array) -> FloatArray:
    """Return points (..., 3) of frame b in frame a; one transform (4, 4) for all points."""
    a_from_b = np.asarray(a_from_b, dtype=np.float64)
    return np.asarray(points, dtype=np.float64) @ a_from_b[:3, :3].T + a_from_b[:3, 3]


def look_at(position: Array, target: Array, up: Array = (0.0, 0.0, 1.0)) -> FloatArray:  # type: ignore[assignment]
    """Return camera_from_world (4, 4) of a camera at `position` looking at `target`.

    OpenCV axes: x right, y down, z forward. `up` must not be parallel to the viewing direction.
    """
    position = np.asarray(position, dtype=np.float64)
    forward = np.asarray(target, dtype=np.float64) - position
    forward = forward / np.linalg.norm(forward)
    right = np.cross(forward, np.asarray(up, dtype=np.float64))
    if np.linalg.norm(right) < 1e-9:
        raise ValueError("look_at needs an up direction that differs from the viewing direction")
    right = right / np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    return rigid(rotation, -rotation @ position)


def similarity(
    source: Array, target: Array, *, with_scale: bool = True
) -> tuple[float, FloatArray, FloatArray]:
    """Return (scale, rotation, translation) with target ≈ scale * rotation @ source + translation.

    Both are (n, 3) without NaN, n >= 3 points not on one line. Least squares by Umeyama (1991),
    "Least-squares estimation of transformation parameters between two point patterns".
    """
    source = np.asarray(source, dtype=np.float64)
    target = np.asarray(target, dtype=np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    u, singular, vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(signs) @ vt
    scale = float(np.sum(singular * signs) / np.sum(a**2)) if with_scale else 1.0
    return scale, rotation, target_mean - scale * rotation @ source_mean
