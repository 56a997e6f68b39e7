"""Soles that stay above the floor: toes bend first, then the foot is turned, then it is lifted.

How a foot is pitched and rolled is known less well than how high its ankle is, and least where
heels and toes were not seen: a sole that dips into the floor says more about the turn of the foot
than about its height. What is done is what is least beside what is known.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.body.feet.contact import SIDES, parts_of, sole_vertices
from mocap.body.feet.legs import Legs
from mocap.body.model import BodyModel
from mocap.core.body.footing import at_least
from mocap.core.body_motion import BodyMotion
from mocap.core.rotation import matrix_from_rotvec, rotvec_from_matrix
from mocap.core.shapes import Array, FloatArray, IntArray

# Toes bend up by so much when the heel rises high; who stands on tiptoe bends them further.
MOST_TOE_BEND_RAD = np.deg2rad(65.0)

# What a lift costs beside a turn of the foot, whose standard deviation the fit tells: a leg that is
# nearly straight turns it into some three times as much of knee, and knees are right to 8 mm.
_LIFT_SIGMA_M = 0.0025

# A foot is turned by no more standard deviations: what is farther off is not how it is turned.
_MOST_SIGMAS = 2.0

# Slopes of the ground that a foot is put on, to find out on which of its vertices it can stand.
_SLOPES, _DIRECTIONS = (0.05, 0.1, 0.2, 0.4, 0.8), 16

# Rounds over the vertices of a sole, and what is little enough to stop.
_ROUNDS, _ENOUGH_M = 200, 5e-5

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


def levelled(motion: BodyMotion, model: BodyModel, floor_m: float) -> BodyMotion:
    """Turn feet about their ankles, and lift them, until no sole is below the floor.

    Of all turns w and lifts t that bring every vertex of the sole up to the floor, in the first
    order, the most likely: that with the least |w|² / sigma² + (t / `_LIFT_SIGMA_M`)², sigma being
    the standard deviation of the ankle's rotation in that frame.
    """
    legs = Legs(motion, model)
    for index, side in enumerate(SIDES):
        arms, depth = _below(motion, model, side, legs.ankle[:, index], floor_m)
        deep = np.flatnonzero((depth > _ENOUGH_M).any(axis=1))
        ankle = motion.rotation_sigma_deg[deep, model.joint(f"{side}_ankle")]
        sigma = np.stack([np.deg2rad(ankle)] * 2 + [np.full(len(deep), _LIFT_SIGMA_M)], axis=-1)
        change = _least_change(arms[deep], depth[deep], sigma)
        turn = np.pad(change[:, :2], ((0, 0), (0, 1)))
        size = np.linalg.norm(turn, axis=1)
        most = _MOST_SIGMAS * sigma[:, 0]
        turn *= np.minimum(1.0, most / np.maximum(size, 1e-12))[:, None]
        legs.foot_turn[deep, index] = matrix_from_rotvec(turn)
        legs.ankle_change[deep, index, 2] = change[:, 2]
    return legs.solved() if legs.ankle_change.any() else motion


def _below(
    motion: BodyMotion, model: BodyModel, side: str, ankle: FloatArray, floor_m: float
) -> tuple[Array, FloatArray]:
    """Return what turns about world x and y and a lift do to the height of the sole's vertices
    (frame, vertex, 3), and how deep these should rise (frame, vertex), metres."""
    chosen = _treads(model, motion.betas, side)
    vectors = motion.rotation_vectors()
    arms = np.ones((motion.frame_count, len(chosen), 3), dtype=np.float32)
    depth = np.zeros((motion.frame_count, len(chosen)), dtype=np.float32)
    for part in parts_of(motion.frame_count):
        skin = model.skin(vectors[part], motion.betas, motion.transl[part], vertices=chosen)
        off = skin - ankle[part, None]
        arms[part, :, 0], arms[part, :, 1] = off[..., 1], -off[..., 0]
        depth[part] = floor_m - skin[..., 2]
    return arms, at_least(depth, motion.fps)


def _treads(model: BodyModel, betas: FloatArray, side: str) -> IntArray:
    """Return the vertices of a sole that a foot can stand on: the lowest on some slope."""
    sole = sole_vertices(model, side)
    rest = model.rest_vertices(betas)[sole]
    angle = np.arange(_DIRECTIONS) * 2.0 * np.pi / _DIRECTIONS
    ways = np.stack([np.cos(angle), np.sin(angle)])
    above = rest[:, [1]] - np.concatenate([slope * rest[:, [0, 2]] @ ways for slope in _SLOPES], 1)
    return np.asarray(sole[np.unique(above.argmin(axis=0))])


def _least_change(arms: Array, depth: FloatArray, sigma: FloatArray) -> FloatArray:
    """Return the change (frame, 3) least in units of sigma with arms . change >= depth throughout.

    Hildreth 1957, "A quadratic programming procedure": one bound after the other is met by what
    costs least, and taken back as far as the others have met it since.
    """
    change, held = np.zeros(sigma.shape), np.zeros(depth.shape)
    moves = sigma[:, None] ** 2 * arms
    size = np.sum(arms * moves, axis=-1)
    for _ in range(_ROUNDS):
        most = 0.0
        for vertex in range(depth.shape[1]):
            missing = depth[:, vertex] - np.sum(arms[:, vertex] * change, axis=-1)
            more = np.maximum(missing / size[:, vertex], -held[:, vertex])
            held[:, vertex] += more
            change += more[:, None] * moves[:, vertex]
            most = max(most, np.abs(more * size[:, vertex]).max(initial=0.0))
        if most < _ENOUGH_M:
            break
    return change


def lifted(motion: BodyMotion, model: BodyModel, floor_m: float) -> BodyMotion:
    """Raise feet whose soles are below the floor."""
    depth = sole_depth(motion, model, floor_m)
    if not depth.any():
        return motion
    legs = Legs(motion, model)
    legs.ankle_change[..., 2] = at_least(depth, motion.fps)
    return legs.solved()
