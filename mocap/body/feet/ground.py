"""Soles that stay above the floor: toes bend first, then the foot is lifted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.body.feet.contact import SIDES, parts_of, sole_vertices
from mocap.body.feet.legs import Legs
from mocap.body.model import BodyModel
from mocap.core.body.footing import at_least
from mocap.core.body_motion import BodyMotion
from mocap.core.rotation import matrix_from_rotvec, rotvec_from_matrix
from mocap.core.shapes import FloatArray

# Toes bend up by so much when the heel rises high; who stands on tiptoe bends them further.
MOST_TOE_BEND_RAD = np.deg2rad(65.0)

# Skin that follows the toes by at least this share is turned by them; the rest bends between.
_TOE_SHARE = 0.9


def sole_depth(motion: BodyMotion, model: BodyModel, floor_m: float) -> FloatArray:
    """Return how deep each sole (frame, side) is below the floor, metres, never negative."""
    soles = [sole_vertices(model, side) for side in SIDES]
    first = len(soles[0])
    vectors = motion.rotation_vectors()
    depth = np.zeros((motion.frame_count, 2))
    for part in parts_of(motion.frame_count):
        skin = model.skin(
            vectors[part],
            motion.betas,
            motion.transl[part],
            vertices=np.concatenate(soles),
            dtype=np.float32,
        )
        for side, chosen in enumerate((slice(None, first), slice(first, None))):
            depth[part, side] = floor_m - skin[:, chosen, 2].min(axis=1)
    return np.maximum(depth, 0.0)


def toes_bent(motion: BodyMotion, model: BodyModel, floor_m: float) -> BodyMotion:
    """Bend toes up that are below the floor: on a foot whose heel rises they stay on it.

    Keypoints say little about toes, so that a fitted foot is stiff and its tip goes into the floor.
    """
    angles = np.stack([_toe_angles(motion, model, side, floor_m) for side in SIDES], axis=1)
    if not angles.any():
        return motion
    angles = at_least(angles, motion.fps)
    pose = motion.body_pose.copy()
    for index, side in enumerate(SIDES):
        toes = model.joint(f"{side}_foot") - 1
        # x points to the left and z to the front: toes up is a turn about -x.
        up = matrix_from_rotvec(angles[:, index, None] * [-1.0, 0.0, 0.0])
        pose[:, toes] = rotvec_from_matrix(up @ matrix_from_rotvec(pose[:, toes]))
    return replace(motion, body_pose=pose)


def _toe_angles(motion: BodyMotion, model: BodyModel, side: str, floor_m: float) -> FloatArray:
    """Return the least angles (frame,) that bring the toes of a side up to the floor, radians.

    A vertex at r from the hinge a is at r_par + r_perp cos(angle) - (a x r) sin(angle).
    """
    ankle, ball = model.joint(f"{side}_ankle"), model.joint(f"{side}_foot")
    sole = sole_vertices(model, side)
    toes = sole[model.skin_weights[sole][:, [ball]].toarray()[:, 0] > _TOE_SHARE]
    vectors = motion.rotation_vectors()
    angles = np.zeros(motion.frame_count)
    for part in parts_of(motion.frame_count):
        joints, turns = model.forward_kinematics(vectors[part], motion.betas, motion.transl[part])
        skin = model.skin(vectors[part], motion.betas, motion.transl[part], vertices=toes)
        hinge = turns[:, None, ankle, :, 0]
        off = skin - joints[:, None, ball]
        along = np.sum(off * hinge, axis=-1) * hinge[..., 2]
        cosine, sine = off[..., 2] - along, -np.cross(hinge, off)[..., 2]
        wanted = floor_m - joints[:, None, ball, 2] - along
        share = wanted / np.hypot(cosine, sine)
        angle = np.arctan2(sine, cosine) - np.arccos(np.clip(share, -1.0, 1.0))
        # Those that no angle brings up are for the whole foot to lift.
        needed = np.where((cosine < wanted) & (share < 1.0), angle, 0.0)
        angles[part] = needed.max(axis=1)
    return np.clip(angles, 0.0, MOST_TOE_BEND_RAD)


def lifted(motion: BodyMotion, model: BodyModel, floor_m: float) -> BodyMotion:
    """Raise feet whose soles are below the floor."""
    depth = sole_depth(motion, model, floor_m)
    if not depth.any():
        return motion
    legs = Legs(motion, model)
    legs.ankle_change[..., 2] = at_least(depth, motion.fps)
    return legs.solved()
