"""Body shape from bone lengths: medians over the take, so that no pose is needed."""

from __future__ import annotations

import numpy as np

from mocap.body.landmarks import BoundLandmarks, bones
from mocap.body.model import BodyModel
from mocap.body.shape_prior import BodyFacts, fact_rows, usual_shape
from mocap.core.shapes import FloatArray

# Bones seen in fewer frames than this say nothing about the shape.
_LEAST_FRAMES = 5

_STEPS = 4


def shape_from_bones(
    model: BodyModel,
    landmarks: BoundLandmarks,
    xyz: FloatArray,
    variance: FloatArray,
    facts: BodyFacts | None = None,
) -> FloatArray:
    """Return betas (shape,) whose bones are as long as those measured.

    Gauss-Newton on the median lengths with the prior of `shape_prior` on the betas.

    Args:
        model: the body.
        landmarks: what the keypoints are.
        xyz: (frame, known, 3) of the known landmarks, NaN for missing.
        variance: (frame, known) per axis, m²; lengths are too long by about variance / length.
        facts: what is known of the person.

    Raises:
        BodyError: the model has no shape for the sex in the facts.
    """
    known = facts or BodyFacts()
    ends, lengths, sigmas = _measured_bones(landmarks, xyz, variance)
    usual = usual_shape(model, known)
    betas = usual
    by_beta = _landmarks_by_beta(landmarks)
    for _ in range(_STEPS):
        rest = landmarks.rest_points(betas)
        fact, error = fact_rows(model, known, betas)
        rows, rights = [np.eye(model.shape_count), fact], [usual - betas, error]
        for (a, b), length, sigma in zip(ends, lengths, sigmas, strict=True):
            between = rest[b] - rest[a]
            now = float(np.linalg.norm(between))
            rows.append((between / now @ (by_beta[b] - by_beta[a]))[None] / sigma)
            rights.append(np.array([(length - now) / sigma]))
        change, *_ = np.linalg.lstsq(np.concatenate(rows), np.concatenate(rights), rcond=None)
        betas = betas + change
    return betas


def _measured_bones(
    landmarks: BoundLandmarks, xyz: FloatArray, variance: FloatArray
) -> tuple[list[tuple[int, int]], list[float], list[float]]:
    """Return the bones seen: ends, median length and its standard deviation, metres."""
    ends, lengths, sigmas = [], [], []
    place = {name: index for index, name in enumerate(landmarks.names)}
    for (a, b), sigma_m in bones().items():
        if a not in place or b not in place:
            continue
        first, second = place[a], place[b]
        distance = np.linalg.norm(xyz[:, second] - xyz[:, first], axis=-1)
        seen = np.isfinite(distance)
        if seen.sum() < _LEAST_FRAMES:
            continue
        median = float(np.median(distance[seen]))
        noise = float(np.median((variance[:, first] + variance[:, second])[seen]))
        # Noise across the bone can only lengthen it: E|d + e| = |d| + var / |d| for two axes.
        ends.append((first, second))
        lengths.append(median - noise / max(median, 0.02))
        sigmas.append(float(np.hypot(sigma_m, np.sqrt(noise / seen.sum()))))
    return ends, lengths, sigmas


def _landmarks_by_beta(landmarks: BoundLandmarks) -> FloatArray:
    """Return how the keypoints of the zero pose move with the shape (known, 3, shape)."""
    weighted = landmarks.weight[:, None, None] * landmarks.rest_by_beta
    return np.asarray(np.add.reduceat(weighted, landmarks.start[:-1], axis=0))
