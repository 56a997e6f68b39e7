"""Where a fitted body has the points that a detector sees, and how far the keypoints are away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mocap.core.body_motion import BodyMotion
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray, in_parts
from mocap.measure.misfit import Misfit, measure_misfit
from mocap.workflow.results import FittedBody

if TYPE_CHECKING:
    from mocap.body.landmarks import Offsets
    from mocap.body.model import BodyModel


# All joints of a frame take several times the room of its keypoints.
_FRAMES_AT_ONCE = 4096


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
    rest = model.joints(motion.betas)
    pieces = bound.weight[:, None] * (bound.rest + bound.rest_by_beta @ motion.betas)
    arms = pieces - bound.weight[:, None] * rest[bound.joint]
    heaviest = [
        int(bound.joint[start + np.argmax(bound.weight[start:end])])
        for start, end in zip(bound.start[:-1], bound.start[1:], strict=True)
    ]
    carriers, carrier_of = np.unique(heaviest, return_inverse=True)
    frames = min(motion.frame_count, len(points.xyz))
    away = np.zeros((frames, len(bound.keypoints), 3))
    turns = np.zeros((frames, len(carriers), 3, 3))
    for part in in_parts(frames, _FRAMES_AT_ONCE):
        some = motion.part(part)
        positions, rotations = model.forward_kinematics(
            some.rotation_vectors(), some.betas, some.transl
        )
        turned = np.einsum("fpab,pb->fpa", rotations[:, bound.joint], arms)
        moved = turned + bound.weight[:, None] * positions[:, bound.joint]
        body = np.add.reduceat(moved, bound.start[:-1], axis=1)
        away[part] = np.asarray(points.xyz[part, 0][:, bound.keypoints]) - body
        turns[part] = rotations[:, carriers]
    out = np.full((frames, len(points.keypoint_names), 3), np.nan)
    for k, keypoint in enumerate(bound.keypoints):
        carrier = turns[:, carrier_of[k]]
        own = np.einsum("fba,fb->fa", carrier, away[:, k])
        seen = np.isfinite(own).any()
        constant = np.nanmedian(own, axis=0) if seen else np.zeros(3)
        out[:, keypoint] = away[:, k] - np.einsum("fab,b->fa", carrier, constant)
    return out
