"""What was measured of one person's landmarks, and what a fit of them solves for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.body.fit.hands import hand_keypoints, seen_fingers
from mocap.body.fit.layout import Layout, make_layout
from mocap.body.fit.observed.held import FRAMES_AT_ONCE, empty_packed, packed
from mocap.body.landmarks import BoundLandmarks, Offsets, bind_landmarks, face_keypoints
from mocap.body.model import BodyModel
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, BoolArray, FloatArray, in_parts


@dataclass(frozen=True, eq=False)
class MeasuredPoints:
    """Known landmarks of one person, as they were measured.

    Attributes:
        xyz: (frame, known, 3) metres, NaN for missing.
        variance: (frame, known) per axis, m², NaN for missing.
        information: (frame, known, 6) inverse covariance in 1/m², with the landmarks' scatter, see
            `held.packed`; zero for missing.
        seen: (frame, known).
    """

    xyz: FloatArray
    variance: FloatArray
    information: Array
    seen: BoolArray


def _measured(points: Points3D, person: int, landmarks: BoundLandmarks) -> MeasuredPoints:
    """Return what was measured; the landmarks' own scatter is added to the covariances."""
    chosen = landmarks.keypoints
    frames = len(points.xyz)
    scatter = landmarks.sigma_m[:, None, None] ** 2 * np.eye(3)
    xyz = np.full((frames, len(chosen), 3), np.nan)
    variance, seen = np.full(xyz.shape[:2], np.nan), np.zeros(xyz.shape[:2], dtype=bool)
    information = empty_packed(frames, len(chosen))
    for part in in_parts(frames, FRAMES_AT_ONCE):
        there = np.asarray(points.xyz[part, person][:, chosen], dtype=np.float64)
        covariance = np.asarray(points.covariance[part, person][:, chosen], dtype=np.float64)
        known = np.isfinite(there).all(axis=-1) & np.isfinite(covariance).all(axis=(-2, -1))
        known &= points.source[part, person][:, chosen] != Source.MISSING
        inverse = np.linalg.inv(np.where(known[..., None, None], covariance + scatter, np.eye(3)))
        seen[part] = known
        xyz[part] = np.where(known[..., None], there, np.nan)
        variance[part] = np.where(known, np.trace(covariance, axis1=-2, axis2=-1) / 3.0, np.nan)
        information[part] = packed(np.where(known[..., None, None], inverse, 0.0))
    return MeasuredPoints(xyz, variance, information, seen)


def setting_of(
    points: Points3D,
    model: BodyModel,
    person: int,
    offsets: Offsets | None,
    *,
    fingers: bool = False,
) -> tuple[Layout, MeasuredPoints]:
    """Return unknowns and keypoints of a fit, and what was measured; `fingers` if they were seen.

    Fingers that nobody saw and the soft points of the face tell nothing of the body.
    """
    names = points.keypoint_names
    seen = set(seen_fingers(points, person)) if fingers else set()
    unseen = [name for name in hand_keypoints(names) if name not in seen]
    soft = (*unseen, *face_keypoints(names, rigid=False))
    landmarks = bind_landmarks(model, names, offsets, leave_out=soft)
    return make_layout(model, landmarks), _measured(points, person, landmarks)
