"""Where two cameras stand to each other, told by one person; then all cameras.

The essential matrix of two views is found from joints of all frames (RANSAC, then Cauchy's loss on
Sampson's distance; Hartley & Zisserman 2004, sections 9.6 and 11.4). The person's bones give every
pair a length, so that rotations and centres can be averaged over all pairs, each by least absolute
values (Chatterjee & Govindu 2013): a wrong pair is outvoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.rotation import matrix_from_rotvec, rotvec_from_matrix
from mocap.core.shapes import BoolArray, FloatArray
from mocap.core.transform import invert, rigid
from mocap.reconstruct.boardless.walk import Walk, bone_scale
from mocap.reconstruct.triangulate import rays_of

# Joints that two cameras must both have seen; frames of a pair that are compared.
MIN_COMMON, MAX_FRAMES = 150, 150
# Scale of the robust losses: 5 px at a focal length of 1250 px.
SCALE_RAD = 0.004
# Trials of RANSAC, each twice as generous as a detector's noise asks for, and joints it looks at.
TRIALS, MAX_JOINTS = 3, 1500
ROUNDS = 30
# Pairs count alike below these disagreements: averages of absolute values stay smooth.
NEAR_RAD, NEAR_M = 0.01, 0.05


@dataclass(frozen=True, eq=False)
class Pair:
    """Two cameras that saw one person.

    Attributes:
        first, second: camera indices.
        second_from_first: (4, 4), metres by reference bones.
        inliers: share of common joints within three scales.
        common: joints that both saw.
        parallax: sine of the median angle between two rays.
        bone_scatter: see `walk.bone_scale`.
    """

    first: int
    second: int
    second_from_first: FloatArray
    inliers: float
    common: int
    parallax: float
    bone_scatter: float

    @property
    def weight(self) -> float:
        """How much the pair is believed: nothing where as few joints agree as do by chance."""
        agree = max(self.inliers - 0.3, 0.0) / 0.7
        seen = np.sqrt(min(self.common, 2000) / 2000)
        return float(self.parallax * agree * seen / (0.05 + self.bone_scatter))


def all_pairs(walk: Walk, bones_m: FloatArray) -> list[Pair]:
    """Return every pair of cameras for which a relative pose was found."""
    count, frames, joints = walk.pixels.shape[:3]
    vectors = walk.lenses.vectors()
    flat = np.ascontiguousarray(walk.pixels.reshape(count, -1, 2).transpose(1, 0, 2))
    rays = rays_of(vectors, flat).transpose(1, 0, 2).reshape(count, frames, joints, 2)
    some = np.unique(np.linspace(0, frames - 1, MAX_FRAMES).astype(np.int64))
    out = []
    for first in range(count):
        for second in range(first + 1, count):
            pair = _pair(first, second, rays[first, some], rays[second, some], bones_m)
            if pair is not None:
                out.append(pair)
    return out


def _pair(
    first: int, second: int, rays_a: FloatArray, rays_b: FloatArray, bones_m: FloatArray
) -> Pair | None:
    """Return the relative pose of two cameras from rays (frame, joint, 2), if there is one."""
    both = np.isfinite(rays_a[..., 0]) & np.isfinite(rays_b[..., 0])
    if both.sum() < MIN_COMMON:
        return None
    one = np.ones((int(both.sum()), 1))
    a, b = np.hstack([rays_a[both], one]), np.hstack([rays_b[both], one])
    motion = _best_motion(a, b)
    if motion is None:
        return None
    rotation, direction = matrix_from_rotvec(motion[:3]), motion[3:] / np.linalg.norm(motion[3:])
    points = _two_view_points(rotation, direction, a, b)
    good = np.abs(_sampson(motion, a, b)) < 3.0 * SCALE_RAD
    good &= (points[:, 2] > 0) & ((points @ rotation.T + direction)[:, 2] > 0)
    if good.sum() < MIN_COMMON // 2:
        return None
    grid = np.full((*both.shape, 3), np.nan)
    grid[both] = np.where(good[:, None], points, np.nan)
    scale, scatter = bone_scale(grid, bones_m)
    if not np.isfinite(scale):
        return None
    away = points[good] + rotation.T @ direction
    cosine = np.sum(points[good] * away, axis=1)
    cosine /= np.linalg.norm(points[good], axis=1) * np.linalg.norm(away, axis=1)
    parallax = float(np.sqrt(1.0 - np.median(np.abs(cosine)).clip(0.0, 1.0) ** 2))
    pose = rigid(rotation, scale * direction)
    return Pair(first, second, pose, float(good.mean()), len(a), parallax, scatter)


def _best_motion(a: FloatArray, b: FloatArray) -> FloatArray | None:
    """Return rotation vector and direction (6,) between two views of rays (n, 3)."""
    import cv2
    from scipy.optimize import least_squares

    random = np.random.default_rng(len(a))
    best: tuple[float, FloatArray] | None = None
    for trial in range(TRIALS):
        pick = random.permutation(len(a))[:MAX_JOINTS]
        cv2.setRNGSeed(trial)
        found, _ = cv2.findEssentialMat(
            a[pick, :2], b[pick, :2], np.eye(3), cv2.RANSAC, 0.999, SCALE_RAD * (1.0 + trial)
        )
        for essential in () if found is None else found.reshape(-1, 3, 3)[:3]:
            near = np.abs(_epipolar(essential, a, b)) < 3.0 * SCALE_RAD
            if near.sum() < 20:
                continue
            _, rotation, direction, _ = cv2.recoverPose(
                essential, a[near, :2].copy(), b[near, :2].copy(), np.eye(3)
            )
            start = np.concatenate([rotvec_from_matrix(rotation), direction.ravel()])
            part_a, part_b = a[pick], b[pick]
            fit = least_squares(
                _sampson, start, loss="cauchy", f_scale=SCALE_RAD, max_nfev=25,
                args=(part_a, part_b),
            )  # fmt: skip
            if best is None or fit.cost < best[0]:
                best = float(fit.cost), fit.x
    return None if best is None else best[1]


def _sampson(motion: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Return Sampson's distances (n,) of rays for a rotation vector and a direction (6,)."""
    x, y, z = motion[3:] / np.linalg.norm(motion[3:])
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return _epipolar(cross @ matrix_from_rotvec(motion[:3]), a, b)


def _epipolar(essential: FloatArray, a: FloatArray, b: FloatArray) -> FloatArray:
    """Return Sampson's distances (n,) of rays (n, 3) for an essential matrix."""
    line_b, line_a = a @ essential.T, b @ essential
    squares = np.sum(line_b[:, :2] ** 2, axis=1) + np.sum(line_a[:, :2] ** 2, axis=1)
    return np.asarray(np.sum(b * line_b, axis=1) / np.sqrt(np.maximum(squares, 1e-18)))


def _two_view_points(
    rotation: FloatArray, direction: FloatArray, a: FloatArray, b: FloatArray
) -> FloatArray:
    """Return points (n, 3) in the first camera from rays (n, 3) of two views, linearly."""
    import cv2

    first, second = np.eye(3, 4), np.hstack([rotation, direction[:, None]])
    found = cv2.triangulatePoints(first, second, a[:, :2].T.copy(), b[:, :2].T.copy())
    return np.asarray((found[:3] / found[3]).T)


def placed_cameras(count: int, pairs: Sequence[Pair]) -> tuple[FloatArray, BoolArray]:
    """Return camera_from_world (camera, 4, 4), in the world of one of them, and which have a place.

    Along the strongest pairs first, then averaged over all of them.
    """
    ordered = sorted((pair for pair in pairs if pair.weight > 0), key=lambda pair: -pair.weight)
    poses, placed = np.tile(np.eye(4), (count, 1, 1)), np.zeros(count, dtype=bool)
    if not ordered:
        return poses, placed
    placed[ordered[0].first] = True
    while True:
        ends = [pair for pair in ordered if placed[pair.first] != placed[pair.second]]
        if not ends:
            break
        pair = ends[0]
        if placed[pair.first]:
            poses[pair.second] = pair.second_from_first @ poses[pair.first]
        else:
            poses[pair.first] = invert(pair.second_from_first) @ poses[pair.second]
        placed[[pair.first, pair.second]] = True
    used = [pair for pair in ordered if placed[pair.first] and placed[pair.second]]
    if placed.sum() > 2:
        poses = _averaged(poses, used)
    return poses, placed


def _averaged(poses: FloatArray, pairs: Sequence[Pair]) -> FloatArray:
    """Return poses whose rotations, then centres, agree best with all pairs."""
    first = np.array([pair.first for pair in pairs])
    second = np.array([pair.second for pair in pairs])
    trust = np.array([pair.weight for pair in pairs])
    between = np.stack([pair.second_from_first for pair in pairs])
    rows = np.zeros((len(pairs), len(poses)))
    rows[np.arange(len(pairs)), second] = 1.0
    rows[np.arange(len(pairs)), first] = -1.0
    rotation = poses[:, :3, :3].copy()

    def solved(right: FloatArray, off: FloatArray, near: float) -> FloatArray:
        weight = np.sqrt(trust / np.maximum(np.linalg.norm(off, axis=1), near))[:, None]
        return np.asarray(np.linalg.lstsq(weight * rows, weight * right, rcond=1e-9)[0])

    for _ in range(ROUNDS):
        # By how much the second camera of each pair should turn against the first, in the world.
        off = rotvec_from_matrix(
            np.swapaxes(rotation[second], 1, 2) @ between[:, :3, :3] @ rotation[first]
        )
        rotation = rotation @ matrix_from_rotvec(0.7 * solved(off, off, NEAR_RAD))
    centers = -np.einsum("nji,nj->ni", poses[:, :3, :3], poses[:, :3, 3])
    step = -np.einsum("nji,nj->ni", rotation[second], between[:, :3, 3])
    for _ in range(ROUNDS):
        centers = solved(step, centers[second] - centers[first] - step, NEAR_M)
    return rigid(rotation, -np.einsum("nij,nj->ni", rotation, centers))
