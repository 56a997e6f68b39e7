"""Where a fitted body has the points that a detector sees, and how far the keypoints are away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mocap.core.body_motion import BodyMotion
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.misfit import Misfit, measure_misfit
from mocap.workflow.results import FittedBody

if TYPE_CHECKING:
    from mocap.body.landmarks import Offsets
    from mocap.body.model import BodyModel


def body_misfit(points: Points3D, fitted: FittedBody, model: BodyModel) -> Misfit:
    """Return how badly a fitted body explains one person's keypoints."""
    offsets = _offsets(fitted.offsets, points.keypoint_names)
    return measure_misfit(points, away_from_body(points, model, fitted.motion, offsets))


def _offsets(name: str, keypoint_names: tuple[str, ...]) -> Offsets:
    """Return the displacements that the fit used, by the name in its provenance."""
    from mocap.body.landmarks import Offsets, offsets_of, unmeasured_offsets

    if name == "unmeasured":
        return unmeasured_offsets(keypoint_names)
    return offsets_of(name) if name else Offsets()


def away_from_body(
    points: Points3D, model: BodyModel, motion: BodyMotion, offsets: Offsets
) -> FloatArray:
    """Return the way (frame, keypoint, 3) from the body's points to one person's keypoints.

    Without the part that keeps its place in the bone: that is where the detector puts the joint,
    not an unrest. NaN where a keypoint is no point of the body.
    """
    from mocap.body.landmarks import bind_landmarks

    bound = bind_landmarks(model, points.keypoint_names, offsets)
    positions, rotations = model.forward_kinematics(
        motion.rotation_vectors(), motion.betas, motion.transl
    )
    rest = model.joints(motion.betas)
    pieces = bound.weight[:, None] * (bound.rest + bound.rest_by_beta @ motion.betas)
    arms = pieces - bound.weight[:, None] * rest[bound.joint]
    turned = np.einsum("fpab,pb->fpa", rotations[:, bound.joint], arms)
    moved = turned + bound.weight[:, None] * positions[:, bound.joint]
    body = np.add.reduceat(moved, bound.start[:-1], axis=1)
    frames = min(len(body), len(points.xyz))
    away = np.asarray(points.xyz[:frames, 0, bound.keypoints]) - body[:frames]
    heaviest = [
        int(bound.joint[start + np.argmax(bound.weight[start:end])])
        for start, end in zip(bound.start[:-1], bound.start[1:], strict=True)
    ]
    carrier = rotations[:frames, heaviest]
    own = np.einsum("fkba,fkb->fka", carrier, away)
    seen = np.isfinite(own).any(axis=(0, 2))
    constant = np.zeros(own.shape[1:])
    constant[seen] = np.nanmedian(own[:, seen], axis=0)
    out = np.full((frames, len(points.keypoint_names), 3), np.nan)
    out[:, bound.keypoints] = away - np.einsum("fkab,kb->fka", carrier, constant)
    return out
