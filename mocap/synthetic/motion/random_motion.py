"""Lively random motion of the free body, and keypoints as a triangulation would give them.

Every joint moves about its own mean along a smooth random curve: no pose is excluded because a
choreographer did not think of it. Ranges are those of brisk gymnastics; elbows and knees bend as
hinges do, with a carrying angle on request.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from mocap.body.landmarks import bind_landmarks
from mocap.body.model import WORLD_FROM_BODY, BodyModel, load_free_body
from mocap.body.model_motion import skeleton_from_pose
from mocap.core.points import Points3D, Source
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.synthetic.footage.puppet import SyntheticMotion

FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
LIMBS = tuple(
    f"{side}_{joint}"
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
FEET = tuple(
    f"{side}_{part}" for part in ("big_toe", "small_toe", "heel") for side in ("left", "right")
)
FINGERS = tuple(
    f"{side}_{finger}_{k}"
    for side in ("left", "right")
    for finger in ("thumb", "index", "middle", "ring", "pinky")
    for k in (1, 2, 3, 4)
)
BODY_23 = FACE + LIMBS + FEET
"""Twelve joints, five points of the face, six of the feet."""

BODY_AND_HANDS_63 = BODY_23 + FINGERS

# A new target every quarter of a second: accelerations of a brisk dance.
KNOT_S = 0.25

# Standard deviation of each rotation vector component about its mean, radians.
_SPREAD = {
    "hip": 0.5,
    "knee": 0.5,
    "shoulder": 0.7,
    "elbow": 0.6,
    "spine": 0.15,
    "neck": 0.15,
    "head": 0.15,
    "collar": 0.12,
    "ankle": 0.25,
    "foot": 0.1,
    "wrist": 0.2,
}
# Standard deviation of a finger joint, radians, and how far fingers are curled on average.
_FINGER_SPREAD, _FINGER_CURL = 0.25, 0.4

# Vertebrae bend together; single ones leave the common bend by this much (radians).
_SPINE_SCATTER = 0.04

# What a hinge does about its other two axes, relative to its own.
_OFF_HINGE, _PRONATION = 0.1, 0.4

# The wrist hardly turns about the forearm: that is what pronation is for.
_WRIST_TWIST = 0.3

# Arms hang rather than stretch sideways.
_ARM_DOWN = 0.7


def random_motion(
    frames: int,
    fps: float = 60.0,
    *,
    seed: int,
    hands: bool = False,
    even_spine: bool = True,
    carrying_deg: float = 0.0,
    model: BodyModel | None = None,
) -> SyntheticMotion:
    """Return a random motion of a random body.

    Args:
        frames: number of frames.
        fps: frames per second.
        seed: of motion and shape.
        hands: whether fingers and wrists move.
        even_spine: whether vertebrae bend together, as in people; otherwise each for itself.
        carrying_deg: how far straight elbows point outwards.
        model: the free body by default.
    """
    body = model or load_free_body()
    rng = np.random.default_rng(seed)
    knots = np.arange(0.0, frames / fps + 0.6, KNOT_S)
    curve = rng.normal(0.0, 1.0, (len(knots), body.joint_count, 3))
    curve *= np.array([_spread(name, hands) for name in body.joint_names])[:, None]
    if even_spine:
        spine = [body.joint(f"spine{k}") for k in (1, 2, 3)]
        # The sum of the three bends as far as three independent ones would.
        common = curve[:, spine[:1]] / np.sqrt(3.0)
        curve[:, spine] = common + rng.normal(0.0, _SPINE_SCATTER, (len(knots), 3, 3))
    _bend_hinges(body, curve, carrying_deg)
    if hands:
        fingers = slice(body.joint("left_index1"), body.joint_count)
        side = np.repeat([-1.0, 1.0], 15)
        curve[:, fingers, 2] += _FINGER_CURL * side
    heading = np.cumsum(rng.normal(0.0, 0.4, len(knots)))
    lean = rng.normal(0.0, 0.1, (len(knots), 2))
    curve[:, 0] = np.stack([lean[:, 0], heading, lean[:, 1]], axis=-1)
    travel = np.cumsum(rng.normal(0.0, 0.15, (len(knots), 3)) * [1.0, 0.1, 1.0], axis=0)
    time = np.arange(frames) / fps
    rotations = matrix_from_rotvec(CubicSpline(knots, curve)(time))
    rotations[:, 0] = WORLD_FROM_BODY @ rotations[:, 0]
    transl = CubicSpline(knots, travel)(time) @ WORLD_FROM_BODY.T + [0.0, 0.0, 0.95]
    betas = rng.normal(0.0, 1.0, body.shape_count)
    skeleton = skeleton_from_pose(body, rotations, betas, transl, fps)
    return SyntheticMotion(skeleton, rotations, transl, betas)


def _spread(joint: str, hands: bool) -> float:
    name = joint.removeprefix("left_").removeprefix("right_").rstrip("123")
    if name in ("index", "middle", "ring", "pinky", "thumb"):
        return _FINGER_SPREAD if hands else 0.0
    if name == "wrist" and not hands:
        return 0.0
    return _SPREAD.get(name, 0.0)


def _bend_hinges(body: BodyModel, curve: FloatArray, carrying_deg: float) -> None:
    """Turn knees and elbows into hinges that bend one way; lower the arms."""
    for side, sign in (("left", 1.0), ("right", -1.0)):
        knee, elbow = curve[:, body.joint(f"{side}_knee")], curve[:, body.joint(f"{side}_elbow")]
        knee *= [1.0, _OFF_HINGE, _OFF_HINGE]
        knee[:, 0] = np.abs(knee[:, 0]) + 0.3
        elbow *= [_PRONATION, 1.0, _OFF_HINGE]
        elbow[:, 1] = -sign * (np.abs(elbow[:, 1]) + 0.3)
        elbow[:, 2] += sign * np.deg2rad(carrying_deg)
        curve[:, body.joint(f"{side}_shoulder"), 2] -= sign * _ARM_DOWN
        curve[:, body.joint(f"{side}_wrist"), 0] *= _WRIST_TWIST


def true_points(
    motion: SyntheticMotion, keypoint_names: tuple[str, ...], model: BodyModel | None = None
) -> FloatArray:
    """Return the landmarks of these names (frame, keypoint, 3) in the world, metres."""
    body = model or load_free_body()
    landmarks = bind_landmarks(body, keypoint_names)
    rest = landmarks.rest + landmarks.rest_by_beta @ motion.betas
    local = rest - body.joints(motion.betas)[landmarks.joint]
    positions, turns = body.forward_kinematics(motion.rotations, motion.betas, motion.transl)
    pieces = np.einsum("fpab,pb->fpa", turns[:, landmarks.joint], local)
    pieces += positions[:, landmarks.joint]
    weighted = landmarks.weight[:, None] * pieces
    return np.asarray(np.add.reduceat(weighted, landmarks.start[:-1], axis=1))


def measured_points(
    xyz: FloatArray,
    keypoint_names: tuple[str, ...],
    fps: float,
    *,
    sigma_m: float,
    seed: int,
    outliers: float = 0.0,
    outlier_m: float = 0.15,
    missing: float = 0.0,
) -> Points3D:
    """Return points (frame, keypoint, 3) as measured: noise and covariance of `sigma_m` per axis.

    Args:
        xyz: the truth, metres.
        keypoint_names: names of the keypoint axis.
        fps: frames per second.
        sigma_m: standard deviation per axis.
        seed: of the noise.
        outliers: share of points that are moved by `outlier_m` per axis; nothing marks them.
        outlier_m: standard deviation per axis of what they are moved by.
        missing: share of points that are missing.
    """
    rng = np.random.default_rng(seed)
    noisy = xyz + rng.normal(0.0, sigma_m, xyz.shape)
    wrong = rng.random(xyz.shape[:2]) < outliers
    noisy[wrong] += rng.normal(0.0, outlier_m, (int(wrong.sum()), 3))
    return points_of(noisy, keypoint_names, fps, sigma_m, rng.random(xyz.shape[:2]) >= missing)


def points_of(
    xyz: FloatArray,
    keypoint_names: tuple[str, ...],
    fps: float,
    sigma_m: float,
    seen: BoolArray | None = None,
) -> Points3D:
    """Return one person's points (frame, keypoint, 3); those not `seen` (frame, keypoint) miss."""
    known = np.asarray(np.isfinite(xyz).all(axis=-1)) if seen is None else seen
    shape = xyz.shape[:2]
    covariance = np.tile(sigma_m**2 * np.eye(3), (*shape, 1, 1))
    values: Array = np.where(known[..., None], xyz, np.nan)
    return Points3D(
        keypoint_names=keypoint_names,
        person_ids=(0,),
        fps=fps,
        xyz=values[:, None],
        covariance=np.where(known[..., None, None], covariance, np.nan)[:, None],
        reprojection_error_px=np.where(known, 1.0, np.nan)[:, None],
        view_count=np.where(known, 4, 0)[:, None],
        source=np.where(known, Source.MEASURED, Source.MISSING).astype(np.uint8)[:, None],
    )
