"""Find why the cameras of a recording do not agree, by trying one explanation after the other.

Each explanation changes one thing (a camera split in two, a video turned round, a start shifted),
the rig is solved again, and what remains is compared with the floor: the misfit that is left when
every view has a board of its own, which neither motion nor time nor mirrors can touch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mocap.calibrate import graph, planar
from mocap.calibrate.adjust import RigState, fit_boards
from mocap.calibrate.cause.movement import Split, Trial, best_split, prepare, solve_trial
from mocap.calibrate.cause.own_lenses import own_lenses
from mocap.calibrate.cause.starts import start_shifts
from mocap.calibrate.lag import camera_lags_frames, shift_frames
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.refine import COARSE_LOSS, FINE_LOSS
from mocap.calibrate.views import BoardViews, mirrored_share, pack_views
from mocap.core.board import Board
from mocap.core.detections import Corners
from mocap.core.shapes import FloatArray

Kind = Literal["moved", "mirrored", "unsynchronised", "no flat board", "disagree"]

# A split explains so much more than any other, and so much at all (in squared standard deviations;
# it has 15 degrees of freedom and the best of some hundred moments is taken).
FAR_MORE, CERTAIN_SQUARES = 2.5, 150.0
# An explanation is believed when it takes away this share of the misfit above the floor.
EXPLAINED_SHARE = 0.5
SETTLED_SHARE = 0.9
# A move below both is the mount settling and harms no measurement.
LEAST_TURN_DEG, LEAST_SHIFT_MM = 0.08, 4.0
# Single views of the right board fit to a fraction of a pixel whatever else is wrong.
NO_BOARD_PX = 5.0
# Another camera that explains this share of what the best one explains is named as well.
RIVAL_SHARE = 0.85
# Of a shift by whole frames less is asked: the pairs of cameras have told it before, and cameras
# that are not triggered together keep a part of a frame.
EXPLAINED_BY_SHIFT = 0.3
# Misfit that no explanation takes away is a failure when it stays above the floor by this factor
# and by so many px² per corner. Webcams without a trigger are a part of a frame apart at any time:
# real ones stay 0.2 to 0.5 px² above their floor, at which the other tests judge.
UNEXPLAINED, UNEXPLAINED_PX2 = 1.6, 0.8


@dataclass(frozen=True)
class Cause:
    """Why cameras disagree.

    Attributes:
        kind: what happened.
        cameras: names; the likely one first when they cannot be told apart.
        frame: from which frame number on, for a move.
        turn_deg, shift_mm: of a move.
        late_frames: of a start, per camera in `cameras`.
        explained: share of the misfit above the floor that this explains.
    """

    kind: Kind
    cameras: tuple[str, ...]
    frame: int | None = None
    turn_deg: float = 0.0
    shift_mm: float = 0.0
    late_frames: tuple[int, ...] = ()
    explained: float = 0.0


def explain(
    corners: Sequence[Corners],
    board: Board,
    *,
    plan: LensPlan | None = None,
    changed: bool = False,
) -> Cause | None:
    """Return the best explanation of what does not fit; None when nothing is wrong.

    `changed` says that some camera's pose is known to have changed (see `verdict.drift`): a move
    that few frames show hardly raises the misfit of all of them.
    """
    views = pack_views(corners, board)
    lenses = own_lenses(views, plan)
    if np.median(lenses.sigma_px) > NO_BOARD_PX:
        return Cause("no flat board", ())
    trial = prepare(views, lenses.lens)
    if len(trial.poses.view) == 0:
        return None
    floor = _floor(trial)
    now = _cost(trial)
    found: list[tuple[float, Cause]] = []
    found += _mirrored(corners, board, trial)
    if now > UNEXPLAINED * floor and not _settles(found, now, floor):
        found += _unsynchronised(corners, board, views, lenses.lens)
    if not _settles(found, now, floor):
        found += _moved(trial)
    changed |= _stands_out(found, now, floor, len(trial.views.arrays.pixels))
    found.sort(key=lambda item: item[0])
    believed = [item for item in found if _explains(now, item[0], floor, item[1].kind)]
    if not believed and changed:
        believed = [item for item in found if item[1].kind == "moved"][:1]
    if believed:
        return _with_rivals(believed[0], found, now, floor)
    unexplained = now > UNEXPLAINED * floor and now - floor > UNEXPLAINED_PX2
    return Cause("disagree", ()) if unexplained else None


def _with_rivals(
    best: tuple[float, Cause], found: list[tuple[float, Cause]], now: float, floor: float
) -> Cause:
    """Return the best cause with the cameras that explain nearly as much behind it."""
    cost, cause = best
    if not np.isfinite(now):
        return replace(cause, explained=1.0)
    gain = now - cost
    rivals = [
        other.cameras[0]
        for rest, other in found
        if other.kind == cause.kind == "moved" and other is not cause
        if now - rest > RIVAL_SHARE * gain
    ]
    explained = float(gain / max(now - floor, 1e-9))
    return replace(cause, cameras=(*cause.cameras, *rivals), explained=explained)


def _stands_out(found: list[tuple[float, Cause]], now: float, floor: float, corners: int) -> bool:
    """Return whether splitting one camera explains far more than splitting any other.

    A move that few views show hardly raises the misfit of all of them, but it is one camera's;
    frames that are a part of a frame apart are everybody's.
    """
    gains = sorted((now - cost for cost, cause in found if cause.kind == "moved"), reverse=True)
    if len(gains) < 2 or not np.isfinite(now):
        return False
    # The floor is the cost of pure noise, two degrees of freedom a corner.
    squares = 2.0 * gains[0] * corners / floor
    return squares > CERTAIN_SQUARES and gains[0] > FAR_MORE * gains[1]


def _settles(found: list[tuple[float, Cause]], now: float, floor: float) -> bool:
    """Return whether an explanation leaves so little that the slower ones need no trial."""
    best = min((cost for cost, _ in found), default=np.inf)
    if not np.isfinite(now):
        return best < 1.2 * floor
    return now - best > SETTLED_SHARE * (now - floor)


def _explains(now: float, cost: float, floor: float, kind: Kind) -> bool:
    """Return whether a remaining cost explains most of the misfit."""
    if not np.isfinite(now):
        return cost < UNEXPLAINED * floor
    needed = EXPLAINED_BY_SHIFT if kind == "unsynchronised" else EXPLAINED_SHARE
    return now - cost > needed * (now - floor)


def _cost(trial: Trial) -> float:
    """Return the cost per corner of the rig as it is; infinite when it falls apart."""
    cameras = np.arange(len(trial.lens))
    solved = solve_trial(trial, trial.views.arrays.view_camera, cameras)
    return np.inf if solved is None else solved[2]


def _floor(trial: Trial) -> float:
    """Return the cost per corner when every view has its own board, per degree of freedom."""
    best = trial.poses.best()
    single = trial.views.regroup(
        best.view, np.ones(len(best.view), dtype=np.int64), np.arange(len(best.view))
    )
    still = np.tile(np.eye(4), (len(trial.lens), 1, 1))
    state = RigState(trial.lens, still, best.camera_from_board)
    state, _ = fit_boards(single, state, COARSE_LOSS)
    _, cost = fit_boards(single, state, FINE_LOSS)
    corners = len(single.arrays.pixels)
    freedom = max(2 * corners - 6 * single.view_count, 1)
    return float(cost.sum()) / corners * 2 * corners / freedom


def _moved(trial: Trial) -> list[tuple[float, Cause]]:
    """Return every camera as the one that moved, with the cost that leaves."""
    found = []
    for camera in range(len(trial.lens)):
        split = best_split(trial, camera)
        if split is not None and _is_a_move(split):
            name = trial.views.camera_names[camera]
            cause = Cause("moved", (name,), split.frame, split.turn_deg, split.shift_mm)
            found.append((split.cost, cause))
    return found


def _is_a_move(split: Split) -> bool:
    """Return whether a split is more than a mount that settles."""
    return split.turn_deg > LEAST_TURN_DEG or split.shift_mm > LEAST_SHIFT_MM


def _mirrored(corners: Sequence[Corners], board: Board, trial: Trial) -> list[tuple[float, Cause]]:
    """Return every camera that sees the board the other way round than most as mirrored."""
    share = mirrored_share(corners, board)
    odd = share > 0.5 if np.mean(share > 0.5) <= 0.5 else share < 0.5
    found = []
    for index in np.flatnonzero(odd & np.isfinite(share)).tolist():
        turned = [_turned(c) if i == index else c for i, c in enumerate(corners)]
        views = pack_views(turned, board)
        cost = _cost(prepare(views, own_lenses(views).lens))
        found.append((cost, Cause("mirrored", (corners[index].camera,))))
    return found


def _turned(corners: Corners) -> Corners:
    """Return the corners with left and right exchanged."""
    pixels = corners.pixels.copy()
    pixels[:, 0] = corners.image_size[0] - 1 - pixels[:, 0]
    return replace(corners, pixels=pixels)


def _unsynchronised(
    corners: Sequence[Corners], board: Board, views: BoardViews, lens: FloatArray
) -> list[tuple[float, Cause]]:
    """Return the starts that make the cameras agree."""
    # Shifted frames meet others than those that two cameras share now: all views are needed.
    poses = planar.planar_poses(views, lens, planar.homographies(views))
    late = start_shifts(Trial(views, poses, lens))
    if not np.nan_to_num(late).any():
        # A frame or two do not part single-view poses; solving pairs at each shift does.
        late = camera_lags_frames(views, lens, graph.camera_pairs(views, poses))
    apart = np.flatnonzero(np.nan_to_num(late) != 0.0)
    if len(apart) == 0:
        return []
    least = int(np.nanmin(late))
    shifted = [
        shift_frames(c, int(n) - least if np.isfinite(n) else -least)
        for c, n in zip(corners, late, strict=True)
    ]
    again = pack_views(shifted, board)
    cost = _cost(prepare(again, lens))
    names = tuple(views.camera_names[i] for i in apart)
    cause = Cause("unsynchronised", names, late_frames=tuple(int(late[i]) for i in apart))
    return [(cost, cause)]
