"""When the feet of a fitted body stand: its heels and balls, its soles and their clearance.

What counts as standing is the same for every skeleton: `mocap.core.body.footing`.
"""

from __future__ import annotations

import numpy as np

from mocap.body.model import BodyModel
from mocap.core.body.footing import (
    BEGIN_HEIGHT_M,
    BEGIN_SPEED_M_S,
    END_HEIGHT_M,
    END_SPEED_M_S,
    PARTS,
    SIDES,
    FootContacts,
    contacts_of,
    slide_mm,
)
from mocap.core.body_motion import BodyMotion
from mocap.core.shapes import FloatArray, IntArray

# Posing a frame's joints and soles takes some 30 kB.
_PART_FRAMES = 512

__all__ = [
    "BEGIN_HEIGHT_M",
    "BEGIN_SPEED_M_S",
    "END_HEIGHT_M",
    "END_SPEED_M_S",
    "PARTS",
    "SIDES",
    "FootContacts",
    "contact_points",
    "find_contacts",
    "part_clearance",
    "parts_of",
    "slide_mm",
    "sole_vertices",
]


def find_contacts(
    motion: BodyMotion,
    model: BodyModel,
    *,
    floor_m: float | None = None,
    least_confidence: float = 0.0,
) -> FootContacts:
    """Return when heels and balls of the feet stand.

    Args:
        motion: the body.
        model: the body it was fitted with.
        floor_m: height of the floor; estimated from the feet when not given.
        least_confidence: stances that never reach it are dropped.
    """
    positions, _ = contact_points(motion, model)
    return contacts_of(
        positions,
        part_clearance(model, motion.betas),
        motion.fps,
        floor_m=floor_m,
        least_confidence=least_confidence,
    )


def contact_points(motion: BodyMotion, model: BodyModel) -> tuple[FloatArray, FloatArray]:
    """Return heels and balls (frame, side, part, 3) and all joints (frame, joint, 3)."""
    vectors = motion.rotation_vectors()
    joints = np.zeros((motion.frame_count, model.joint_count, 3))
    heels = np.zeros((motion.frame_count, 2, 3))
    heel = np.array([model.landmark(f"{side}_heel") for side in SIDES])
    for part in parts_of(motion.frame_count):
        pose = vectors[part], motion.betas, motion.transl[part]
        posed = model.forward_kinematics(*pose)
        joints[part] = posed[0]
        heels[part] = model.skin(*pose, vertices=heel, posed=posed)
    balls = joints[:, [model.joint(f"{side}_foot") for side in SIDES]]
    return np.stack([heels, balls], axis=2), joints


def parts_of(frames: int) -> list[slice]:
    """Return parts of a take to be posed one after the other: memory does not grow with it."""
    return [slice(first, first + _PART_FRAMES) for first in range(0, frames, _PART_FRAMES)]


def part_clearance(model: BodyModel, betas: FloatArray) -> FloatArray:
    """Return how high heel and ball (side, part) are above the sole in the zero pose, metres."""
    rest, joints = model.rest_vertices(betas), model.joints(betas)
    out = np.zeros((2, 2))
    for index, side in enumerate(SIDES):
        floor = rest[sole_vertices(model, side), 1].min()
        out[index, 0] = rest[model.landmark(f"{side}_heel"), 1] - floor
        out[index, 1] = joints[model.joint(f"{side}_foot"), 1] - floor
    return out


def sole_vertices(model: BodyModel, side: str) -> IntArray:
    """Return the lowest vertices of a foot in the zero pose of the mean body."""
    parts = [model.joint(f"{side}_ankle"), model.joint(f"{side}_foot")]
    foot = np.flatnonzero(np.isin(model.dominant_joint(), parts))
    height = model.template[foot, 1]
    return foot[height < height.min() + 0.01]
