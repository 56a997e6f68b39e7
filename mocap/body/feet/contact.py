"""When a foot stands: heel and ball near the floor and slow, with hysteresis and a confidence.

Two thresholds each: a contact begins below the low ones and ends above the high ones, so that
noise between them does not switch it on and off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mocap.body.model import BodyModel
from mocap.core.body_motion import BodyMotion
from mocap.core.runs import runs
from mocap.core.shapes import BoolArray, FloatArray, IntArray, check_shapes

SIDES = ("left", "right")
PARTS = ("heel", "ball")

# Height above where the part is when the foot stands flat. Fitted feet are right to 1-2 cm.
BEGIN_HEIGHT_M, END_HEIGHT_M = 0.035, 0.06
# A stance foot of a fit slides at up to 0.2 m/s; a swinging one moves at 1 to 4 m/s.
BEGIN_SPEED_M_S, END_SPEED_M_S = 0.30, 0.60
# Speed is taken over about this time: below it noise is faster than feet.
SPEED_SIGMA_S = 0.025
# A shorter stance is a graze.
LEAST_CONTACT_S = 0.06
# The floor is first taken to be where the lowest of the feet's contact points is in its lowest
# moments. Noise makes that too low by a centimetre: then it is where the parts that stand are.
_FLOOR_PERCENTILE = 3.0
# Posing a frame's joints and soles takes some 30 kB.
_PART_FRAMES = 512


@dataclass(frozen=True, eq=False)
class FootContacts:
    """Which part of which foot stands when; sides are left, right, parts are heel, ball.

    Attributes:
        standing: (frame, side, part).
        confidence: (frame, side, part) in [0, 1]; 1 for a part at rest on the floor.
        positions: (frame, side, part, 3) of the parts, metres.
        clearance_m: (side, part) height of the part above the floor when the foot stands flat.
        floor_m: height of the floor in the world.
    """

    standing: BoolArray
    confidence: FloatArray
    positions: FloatArray
    clearance_m: FloatArray
    floor_m: float

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self,
            standing="frame 2 2",
            confidence="frame 2 2",
            positions="frame 2 2 3",
            clearance_m="2 2",
        )


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
    clearance = part_clearance(model, motion.betas)
    height = positions[..., 2] - clearance
    speed = _speed(positions, motion.fps)
    least_frames = max(2, round(LEAST_CONTACT_S * motion.fps))
    if floor_m is None:
        floor_m = float(np.percentile(height.min(axis=(1, 2)), _FLOOR_PERCENTILE))
        standing, _ = _standing(height - floor_m, speed, least_confidence, least_frames)
        if standing.any():
            floor_m = float(np.median(height[standing]))
    standing, confidence = _standing(height - floor_m, speed, least_confidence, least_frames)
    return FootContacts(standing, confidence, positions, clearance, floor_m)


def _standing(
    height: FloatArray, speed: FloatArray, least_confidence: float, least_frames: int
) -> tuple[BoolArray, FloatArray]:
    """Return which parts stand (frame, side, part), by height above the floor, and how surely."""
    confidence = np.exp(
        -np.log(2.0)
        * ((np.maximum(height, 0.0) / END_HEIGHT_M) ** 2 + (speed / END_SPEED_M_S) ** 2)
    )
    standing = np.zeros(height.shape, dtype=bool)
    for side, part in np.ndindex(height.shape[1:]):
        standing[:, side, part] = _hysteresis(
            height[:, side, part],
            speed[:, side, part],
            confidence[:, side, part],
            least_confidence,
            least_frames,
        )
    return standing, confidence


def contact_points(motion: BodyMotion, model: BodyModel) -> tuple[FloatArray, FloatArray]:
    """Return heels and balls (frame, side, part, 3) and all joints (frame, joint, 3)."""
    vectors = motion.rotation_vectors()
    joints = np.zeros((motion.frame_count, model.joint_count, 3))
    heels = np.zeros((motion.frame_count, 2, 3))
    heel = np.array([model.landmark(f"{side}_heel") for side in SIDES])
    for part in parts_of(motion.frame_count):
        pose = vectors[part], motion.betas, motion.transl[part]
        joints[part], _ = model.forward_kinematics(*pose)
        heels[part] = model.skin(*pose, vertices=heel)
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


def slide_mm(positions: FloatArray, standing: BoolArray) -> float:
    """Return how far a point (frame, 3) slides while it stands (frame,): NaN when it never does.

    For each stance the largest horizontal distance from its mean place; their median.
    """
    found = []
    for first, end in runs(standing):
        place = positions[first:end, :2]
        found.append(float(np.linalg.norm(place - place.mean(axis=0), axis=-1).max()))
    return 1000.0 * float(np.median(found)) if found else float("nan")


def _speed(positions: FloatArray, fps: float) -> FloatArray:
    """Return the speed (frame, ...) of positions (frame, ..., 3) in m/s."""
    if len(positions) < 2:
        return np.zeros(positions.shape[:-1])
    smooth = gaussian_filter1d(positions, SPEED_SIGMA_S * fps, axis=0, mode="nearest")
    return np.asarray(np.linalg.norm(np.gradient(smooth, axis=0), axis=-1) * fps)


def _hysteresis(
    height: FloatArray,
    speed: FloatArray,
    confidence: FloatArray,
    least_confidence: float,
    least_frames: int,
) -> BoolArray:
    """Return the stances (frame,): from below the low thresholds until below them the last time.

    Between, a stance goes on while it is below the high ones.
    """
    possible = (height < END_HEIGHT_M) & (speed < END_SPEED_M_S)
    certain = (height < BEGIN_HEIGHT_M) & (speed < BEGIN_SPEED_M_S)
    standing = np.zeros(len(height), dtype=bool)
    for first, end in runs(possible):
        begun = np.flatnonzero(certain[first:end])
        sure = confidence[first:end].max() >= least_confidence
        if len(begun) and sure and begun[-1] + 1 - begun[0] >= least_frames:
            standing[first + begun[0] : first + begun[-1] + 1] = True
    return standing
