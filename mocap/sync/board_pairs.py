"""The lag of two cameras at which one is at rest in the other, told by a board both saw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from mocap.core.shapes import BoolArray, FloatArray
from mocap.sync.evidence import peaks

# Poses farther apart say nothing about the board between them; nor do two that turn this much.
MAX_GAP_S, MAX_TURN_RAD = 0.35, 0.6
CANDIDATES, APART_S = 10, 0.25
AROUND_S = (-0.08, -0.04, 0.0, 0.04, 0.08)
LEAST_FRAMES, QUICK_FRAMES, MOST_FRAMES = 6, 60, 200
# Accepted: the board moved in so many frames and by so much, the relative pose wanders by less than
# this share of the movement, and by less than this share of what the runner-up leaves. Right lags
# leave 2 to 5 px, wrong ones 50 to 300.
MIN_FRAMES, MIN_MOVED_PX, MAX_SPREAD_SHARE, MAX_RIVAL_SHARE = 10, 20.0, 0.1, 0.35
RIVAL_APART_S = 0.2
# The recorded times need no proof: another lag must fit better than they do by this factor.
RECORDED_AS_GOOD = 1.5
# Radians of turn count like the pixels they move a corner at arm's length of the board.
TURN_WEIGHT = 0.05
FINE_REACH_S, FINE_POINTS, FINE_ROUNDS = 0.04, 9, 3
ROUNDS = 12


@dataclass(frozen=True, eq=False)
class BoardTrack:
    """The board as one camera saw it.

    Attributes:
        times_s: (view,) ascending, on the camera's own clock.
        camera_from_board: (view, 4, 4) rough poses.
        focal_px: rough focal length.
        middle_m: (3,) middle of the board in its own frame.
        moving: (view,) whether the board moves.
    """

    times_s: FloatArray
    camera_from_board: FloatArray
    focal_px: float
    middle_m: FloatArray
    moving: BoolArray


@dataclass(frozen=True)
class PairLag:
    """What a pair of cameras says.

    Attributes:
        offset_s: offset of the second minus that of the first camera.
        spread_px: by how much the relative pose wanders.
        frames: views compared in which the board moved.
        moved_px: how far the board moved in the second image.
        rival_share: relative spread over that of the best other lag.
    """

    offset_s: float
    spread_px: float
    frames: int
    moved_px: float
    rival_share: float

    @property
    def accepted(self) -> bool:
        """Whether the board moved, was seen often enough, and one lag stands out."""
        return (
            self.frames >= MIN_FRAMES
            and self.moved_px > MIN_MOVED_PX
            and self.spread_px < MAX_SPREAD_SHARE * self.moved_px
            and self.rival_share < MAX_RIVAL_SHARE
        )


@dataclass(frozen=True)
class _Cost:
    spread_px: float
    frames: int
    moved_px: float

    @property
    def share(self) -> float:
        return self.spread_px / max(self.moved_px, 1.0)


def pair_lag(
    first: BoardTrack, second: BoardTrack, curve: FloatArray, grid_s: FloatArray
) -> PairLag | None:
    """Return the best of the lags that correlation proposes; None when too little is common."""
    proposed = [-float(grid_s[k]) for k in peaks(grid_s, curve, APART_S, CANDIDATES)]
    recorded = _best_around(first, second, 0.0)
    options = [best for lag in proposed if (best := _best_around(first, second, lag)) is not None]
    if not options:
        return None
    options.sort()
    if recorded is not None and recorded[0] < RECORDED_AS_GOOD * options[0][0]:
        options.insert(0, recorded)
    lag = _sharpened(first, second, options[0][1])
    fit = _cost(first, second, lag, MOST_FRAMES)
    if fit is None:
        return None
    others = [share for share, at in options[1:] if abs(at - options[0][1]) > RIVAL_APART_S]
    rival = others[0] if others else 1.0
    return PairLag(-lag, fit.spread_px, fit.frames, fit.moved_px, fit.share / max(rival, 1e-9))


def _best_around(first: BoardTrack, second: BoardTrack, lag_s: float) -> tuple[float, float] | None:
    """Return relative spread and lag of the best lag near one, None when too little is common."""
    tried = [
        (cost.share, lag_s + around)
        for around in AROUND_S
        if (cost := _cost(first, second, lag_s + around, QUICK_FRAMES)) is not None
    ]
    return min(tried) if tried else None


def _sharpened(first: BoardTrack, second: BoardTrack, lag_s: float) -> float:
    """Return the local lag of least spread near `lag_s`, by parabolas."""
    best, reach = lag_s, FINE_REACH_S
    for _ in range(FINE_ROUNDS):
        tried = best + np.linspace(-reach, reach, FINE_POINTS)
        found = [_cost(first, second, float(each), MOST_FRAMES) for each in tried]
        spread = np.array([np.nan if each is None else each.spread_px for each in found])
        if not np.isfinite(spread).any():
            return best
        k = int(np.nanargmin(spread))
        best = float(tried[k])
        if 0 < k < FINE_POINTS - 1 and np.isfinite(spread[k - 1 : k + 2]).all():
            before, here, after = spread[k - 1 : k + 2] ** 2
            bend = before - 2.0 * here + after
            if bend > 0:
                best += 0.5 * (before - after) / bend * float(tried[1] - tried[0])
        reach /= 4.0
    return best


def _cost(first: BoardTrack, second: BoardTrack, lag_s: float, most: int) -> _Cost | None:
    """Return how much the second camera wanders in the first when its clock is `lag_s` ahead.

    The second's poses are interpolated; only views in which the board moves count.
    """
    t = first.times_s + lag_s
    if len(second.times_s) < 2:
        return None
    k = np.clip(np.searchsorted(second.times_s, t) - 1, 0, len(second.times_s) - 2)
    gap = second.times_s[k + 1] - second.times_s[k]
    usable = (t >= second.times_s[0]) & (t < second.times_s[-1]) & (gap < MAX_GAP_S)
    index = np.flatnonzero(usable & (first.moving | second.moving[k]))
    if len(index) < LEAST_FRAMES:
        return None
    spread = np.linspace(0, len(index) - 1, min(len(index), most)).astype(np.int64)
    index = index[np.unique(spread)]
    k, part = k[index], (t[index] - second.times_s[k[index]]) / gap[index]
    start = Rotation.from_matrix(second.camera_from_board[k, :3, :3])
    end = Rotation.from_matrix(second.camera_from_board[k + 1, :3, :3])
    turn = (end * start.inv()).as_rotvec()
    calm = np.linalg.norm(turn, axis=1) < MAX_TURN_RAD
    if calm.sum() < LEAST_FRAMES:
        return None
    rotation = (Rotation.from_rotvec(turn * part[:, None]) * start).as_matrix()[calm]
    shift = second.camera_from_board[k, :3, 3] * (1.0 - part[:, None])
    shift = (shift + second.camera_from_board[k + 1, :3, 3] * part[:, None])[calm]
    return _wandering(first.camera_from_board[index[calm]], rotation, shift, second)


def _wandering(a: FloatArray, rotation: FloatArray, shift: FloatArray, second: BoardTrack) -> _Cost:
    """Return the spread about the best constant pose, reweighted against wrong views."""
    relative = np.einsum("nij,nkj->nik", rotation, a[:, :3, :3])
    at_a = a[:, :3, :3] @ second.middle_m + a[:, :3, 3]
    at_b = rotation @ second.middle_m + shift
    weight = np.ones(len(a))
    px, scale = np.zeros(len(a)), 0.0
    for _ in range(ROUNDS):
        u, _, v = np.linalg.svd(np.tensordot(weight, relative, 1))
        mean = u @ v
        if np.linalg.det(mean) < 0.0:
            mean -= 2.0 * np.outer(u[:, 2], v[2])
        miss = at_b - at_a @ mean.T
        miss -= weight @ miss / weight.sum()
        # Rotations that are `angle` apart differ by 8^(1/2) sin(angle / 2) in the Frobenius norm.
        apart = np.linalg.norm(relative - mean, axis=(1, 2))
        turned = 2.0 * np.arcsin(np.minimum(apart / np.sqrt(8.0), 1.0))
        px = second.focal_px * np.linalg.norm(miss[:, :2] / at_b[:, 2:], axis=1)
        px = px + TURN_WEIGHT * second.focal_px * turned
        scale = max(float(np.median(px)), 0.05)
        weight = 1.0 / (1.0 + (px / scale) ** 2)
    moved = second.focal_px * float(np.linalg.norm(np.std(at_b[:, :2] / at_b[:, 2:], axis=0)))
    return _Cost(scale, len(a), moved)
