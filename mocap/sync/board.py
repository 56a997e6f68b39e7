"""Offsets of cameras that saw one moving board: nothing calibrated, not even the lenses.

Every camera alone gives the board's rotation over time. A rigid body turns with one angular
velocity, which static cameras see as the same vector, each in its own axes: a correlation up to a
constant rotation over all lags proposes. Then geometry decides: only at the right lag is the pose
of one camera in the other constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from mocap.core.shapes import BoolArray, FloatArray
from mocap.sync.board_pairs import MAX_GAP_S, BoardTrack, PairLag, pair_lag
from mocap.sync.correlate import turned_curve
from mocap.sync.offsets import PairCurves, all_pairs, connected, consistent_offsets

STEP_S = 0.02
MAX_LAG_S, MIN_OVERLAP_S = 30.0, 2.0
# A short overlap correlates by chance: its score is worth sqrt(T / (T + this)).
CHANCE_S = 3.0
# Faster than this is a pose that flipped, not a board.
MAX_SPEED_RAD_S = 12.0
SMOOTH_S = 0.06
# A board at rest fits every lag and must not vote: it moves when its middle or its turn does.
LEAST_PX_S, LEAST_RAD_S = 12.0, 0.12
# Of two poses that explain a plane, the later listed ones cost a little more.
SECOND_POSE_RAD, MAX_TURN_RAD = 0.05, 1.0
# A millisecond for every pixel by which the relative pose wanders, and never less than this.
SIGMA_S_PER_PX, SIGMA_FLOOR_S = 1e-3, 2e-3


def board_track(
    times_s: FloatArray, options: Sequence[FloatArray], focal_px: float, middle_m: FloatArray
) -> BoardTrack:
    """Return the track of the smoothest poses.

    Args:
        times_s: (view,) ascending.
        options: per view the poses (n, 4, 4) that explain it, the better first.
        focal_px: rough focal length.
        middle_m: (3,) middle of the board.
    """
    poses = _smoothest(times_s, options)
    return BoardTrack(
        times_s, poses, focal_px, middle_m, _moving(times_s, poses, focal_px, middle_m)
    )


def _smoothest(times_s: FloatArray, options: Sequence[FloatArray]) -> FloatArray:
    """Of the poses of each view take those that turn least over time (Viterbi 1967)."""
    if not options:
        return np.zeros((0, 4, 4))
    cost = np.arange(len(options[0])) * SECOND_POSE_RAD
    back = []
    for k in range(1, len(options)):
        a, b = options[k - 1][:, :3, :3], options[k][:, :3, :3]
        cosine = np.clip((np.einsum("pij,qij->pq", a, b) - 1.0) / 2.0, -1.0, 1.0)
        near = times_s[k] - times_s[k - 1] < MAX_GAP_S
        link = np.minimum(np.arccos(cosine), MAX_TURN_RAD) * near
        total = cost[:, None] + link + np.arange(len(b)) * SECOND_POSE_RAD / 2
        back.append(total.argmin(axis=0))
        cost = total.min(axis=0)
    pick = [int(cost.argmin())]
    for step in reversed(back):
        pick.append(int(step[pick[-1]]))
    return np.stack([o[p] for o, p in zip(options, reversed(pick), strict=True)])


def _moving(
    times_s: FloatArray, poses: FloatArray, focal_px: float, middle_m: FloatArray
) -> BoolArray:
    if len(times_s) < 3:
        return np.zeros(len(times_s), dtype=bool)
    p = poses[:, :3, 3] + poses[:, :3, :3] @ middle_m
    uv = focal_px * p[:, :2] / p[:, 2:]
    dt = np.maximum(times_s[2:] - times_s[:-2], 1e-3)
    px = np.linalg.norm(uv[2:] - uv[:-2], axis=1) / dt
    rotation = Rotation.from_matrix(poses[:, :3, :3])
    turn = np.atleast_1d((rotation[2:] * rotation[:-2].inv()).magnitude()) / dt
    inside = (px > LEAST_PX_S) | (turn > LEAST_RAD_S)
    return np.concatenate([inside[:1], inside, inside[-1:]])


def angular_velocity(track: BoardTrack) -> tuple[float, FloatArray]:
    """Return start (s) and angular velocity (time, 3) rad/s in camera axes, every `STEP_S`.

    NaN where the board was not seen.
    """
    t = track.times_s
    if len(t) < 5:
        return 0.0, np.full((1, 3), np.nan)
    rotation = Rotation.from_matrix(track.camera_from_board[:, :3, :3])
    dt = np.diff(t)
    omega = (rotation[1:] * rotation[:-1].inv()).as_rotvec() / dt[:, None]
    bad = (dt > MAX_GAP_S) | (np.linalg.norm(omega, axis=1) > MAX_SPEED_RAD_S)
    if bad.all():
        return 0.0, np.full((1, 3), np.nan)
    grid = np.arange(np.ceil(t[0] / STEP_S), np.floor(t[-1] / STEP_S) + 1) * STEP_S
    k = np.clip(np.searchsorted(t, grid) - 1, 0, len(dt) - 1)
    middle = 0.5 * (t[1:] + t[:-1])
    value = np.stack([np.interp(grid, middle[~bad], axis[~bad]) for axis in omega.T], axis=1)
    value = gaussian_filter1d(value, SMOOTH_S / STEP_S, axis=0)
    value[bad[k]] = np.nan
    return float(grid[0]), value


@dataclass(frozen=True, eq=False)
class BoardSync:
    """What the board says about the clocks.

    Attributes:
        offset_s: (camera,) common minus local time; NaN for cameras that nothing ties.
        sigma_s: (camera,) rough standard deviation.
        reference: index of the camera at 0.
        pairs: every pair that was compared.
        residual_s: by accepted pair, its disagreement with the joint solution.
    """

    offset_s: FloatArray
    sigma_s: FloatArray
    reference: int
    pairs: dict[tuple[int, int], PairLag]
    residual_s: dict[tuple[int, int], float]


def sync_boards(tracks: Sequence[BoardTrack]) -> BoardSync:
    """Find the offsets of cameras from a board they all saw moving."""
    curves = _curves(tracks)
    pairs = {}
    for (i, j), curve in curves.raw.items():
        found = pair_lag(tracks[i], tracks[j], curve, curves.grid_s)
        if found is not None:
            pairs[i, j] = found
    good = {pair: each for pair, each in pairs.items() if each.accepted}
    reference = max(range(len(tracks)), key=lambda c: (len(connected(good, c)), -c))
    lags = {
        pair: (each.offset_s, max(SIGMA_S_PER_PX * each.spread_px, SIGMA_FLOOR_S))
        for pair, each in good.items()
    }
    # The first camera of the numbering is the one all others are tied to.
    order = [reference, *(c for c in range(len(tracks)) if c != reference)]
    number = {camera: k for k, camera in enumerate(order)}
    renamed = {}
    for (i, j), (lag, sigma) in lags.items():
        a, b = number[i], number[j]
        renamed[min(a, b), max(a, b)] = (lag if a < b else -lag, sigma)
    solved, residual = consistent_offsets(renamed, len(tracks))
    offsets, sigmas = np.full(len(tracks), np.nan), np.full(len(tracks), np.nan)
    offsets[order] = solved
    for camera in range(len(tracks)):
        own = [sigma for pair, (_, sigma) in lags.items() if camera in pair]
        if own:
            sigmas[camera] = min(own)
    sigmas[reference] = 0.0
    named = {(order[a], order[b]): value for (a, b), value in residual.items()}
    return BoardSync(offsets, sigmas, reference, pairs, named)


def _curves(tracks: Sequence[BoardTrack]) -> PairCurves:
    """Return the correlation of every pair over lags, offset_j - offset_i."""
    signals = [angular_velocity(track) for track in tracks]
    reach = round(MAX_LAG_S / STEP_S)
    grid: FloatArray = np.arange(-reach, reach + 1, dtype=np.float64) * STEP_S
    curves = {}
    for i, j in all_pairs(len(tracks)):
        (start_i, a), (start_j, b) = signals[i], signals[j]
        wide = MAX_LAG_S + abs(start_i - start_j) + 1.0
        lags, score, overlap = turned_curve(a, b, STEP_S, wide, MIN_OVERLAP_S)
        if not np.isfinite(score).any():
            continue
        worth = np.where(
            np.isfinite(score), score * np.sqrt(overlap / (overlap + CHANCE_S)), np.nan
        )
        # b(t + lag) looks like a(t): offset_j - offset_i is minus the lag between their clocks.
        value = -(lags - (start_i - start_j))
        curves[i, j] = np.interp(grid, value[::-1], worth[::-1])
    return PairCurves(curves, grid, len(tracks))
