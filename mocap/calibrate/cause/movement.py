"""Which camera was moved, and when: solve the rig again with each camera split in two.

A camera that was bumped at some instant is two cameras with one lens: one before, one after. So
each camera in turn is split at a moment, the rig is solved again, and what that leaves of the
disagreement is compared between all cameras. Only the one that really moved explains it; its
neighbours, which it drags along in a common solution, do not. The moment is the one that divides
the views best between the two poses, found by alternating with the solution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate import graph, initial, planar
from mocap.calibrate.adjust import (
    Loss,
    RigState,
    adjust,
    fit_boards,
    free_parameters,
    residuals,
)
from mocap.calibrate.planar import PlanarPoses
from mocap.calibrate.refine import COARSE_LOSS, FINE_LOSS, ROUGH_GAIN, lens_prior
from mocap.calibrate.views import BoardViews
from mocap.core.errors import CalibrationError
from mocap.core.lens import CAUCHY
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import FloatArray, IntArray

# Frames that are solved for each candidate, evenly spread over those that two cameras share.
MAX_FRAMES = 160
# First moments tried, as shares of a camera's shared views; the alternation finds the true one.
FIRST_MOMENTS = (0.25, 0.5, 0.75)
ALTERNATIONS = 2
# Shared views a camera needs on both sides of a moment to have two poses.
MIN_VIEWS_A_SIDE = 4


@dataclass(frozen=True)
class Split:
    """A camera that has one pose before a frame and another from there on.

    Attributes:
        camera: index.
        frame: first frame number of the second pose.
        turn_deg, shift_mm: between the two poses.
        cost: robust cost per shared corner that is left (px²).
    """

    camera: int
    frame: int
    turn_deg: float
    shift_mm: float
    cost: float


@dataclass(frozen=True, eq=False)
class Trial:
    """Frames of a recording prepared for many solutions.

    Attributes:
        views: shared frames only, of all cameras.
        poses: single-view board poses, from each camera's own lens.
        lens: (camera, 13) of each camera from its own views.
    """

    views: BoardViews
    poses: PlanarPoses
    lens: FloatArray


def prepare(views: BoardViews, lens: FloatArray) -> Trial:
    """Return the shared frames of a recording, thinned out evenly, ready to be explained."""
    several = np.flatnonzero(np.diff(views.arrays.frame_start) > 1)
    if len(several) > MAX_FRAMES:
        several = several[np.linspace(0, len(several) - 1, MAX_FRAMES).astype(np.int64)]
    chosen = np.zeros(views.frame_count, dtype=bool)
    chosen[several] = True
    part = views.keep_frames(chosen)
    poses = planar.planar_poses(part, lens, planar.homographies(part))
    return Trial(part, poses, lens)


def solve_trial(
    trial: Trial, camera_of_view: IntArray, lens_group: IntArray
) -> tuple[BoardViews, RigState, float] | None:
    """Solve the rig with views given to cameras (view,) of which some share a lens.

    Returns the views, the state and the robust cost per corner; None when the cameras do not hang
    together.
    """
    names = tuple(f"{i}" for i in range(len(lens_group)))
    sizes = tuple(trial.views.image_sizes[i] for i in lens_group)
    arrays = trial.views.arrays._replace(view_camera=camera_of_view)
    views = BoardViews(names, sizes, trial.views.frames, arrays)
    lens = trial.lens[lens_group]
    pairs = graph.camera_pairs(views, trial.poses)
    try:
        tree = graph.spanning_tree(pairs, names)
    except CalibrationError:
        return None
    cameras = graph.chain_poses(tree, len(lens))
    state = RigState(lens, cameras, np.tile(np.eye(4), (views.frame_count, 1, 1)))
    state, _ = initial.choose_boards(views, state, trial.poses, COARSE_LOSS)
    state, _ = fit_boards(views, state, COARSE_LOSS, iterations=4)
    free = free_parameters(state, lens_group=lens_group)
    cost = np.inf
    for loss in (COARSE_LOSS, FINE_LOSS):
        fit = adjust(
            views,
            state,
            loss,
            prior=lens_prior(views, state.lens, 1.0),
            free=free,
            max_iterations=10,
            min_gain_share=ROUGH_GAIN,
        )
        state, cost = fit.state, fit.cost
    return views, state, cost / len(views.arrays.pixels)


def best_split(trial: Trial, camera: int) -> Split | None:
    """Return the moment at which splitting a camera explains most; None where it cannot be."""
    own = np.flatnonzero(trial.views.arrays.view_camera == camera)
    found: list[Split] = []
    tried: set[int] = set()
    for share in FIRST_MOMENTS:
        moment = round(share * len(own))
        for _ in range(ALTERNATIONS + 1):
            if moment in tried or not _both_sides(moment, len(own)):
                break
            tried.add(moment)
            split, moment = _split_at(trial, camera, own, moment)
            if split is not None:
                found.append(split)
    return min(found, key=lambda split: split.cost) if found else None


def _both_sides(moment: int, count: int) -> bool:
    """Return whether both sides of a moment hold views enough for a pose."""
    return MIN_VIEWS_A_SIDE <= moment <= count - MIN_VIEWS_A_SIDE


def _split_at(trial: Trial, camera: int, own: IntArray, moment: int) -> tuple[Split | None, int]:
    """Solve with a camera split before its `moment`-th view; return that and a better moment."""
    cameras = len(trial.lens)
    view_camera = trial.views.arrays.view_camera.copy()
    view_camera[own[moment:]] = cameras
    group = np.append(np.arange(cameras), camera)
    solved = solve_trial(trial, view_camera, group)
    if solved is None:
        return None, moment
    views, state, cost = solved
    before, after = state.camera_from_world[camera], state.camera_from_world[cameras]
    shift = before[:3, :3].T @ before[:3, 3] - after[:3, :3].T @ after[:3, 3]
    frame = int(trial.views.frames[trial.views.view_frame[own[moment]]])
    split = Split(
        camera,
        frame,
        float(angle_between_deg(before[:3, :3], after[:3, :3])),
        1000.0 * float(np.linalg.norm(shift)),
        cost,
    )
    return split, _better_moment(trial, views, state, camera, own)


def _better_moment(
    trial: Trial, views: BoardViews, state: RigState, camera: int, own: IntArray
) -> int:
    """Return the moment that divides a camera's views best between its two poses."""
    cameras = len(trial.lens)
    cost = []
    for assigned in (camera, cameras):
        view_camera = views.arrays.view_camera.copy()
        view_camera[own] = assigned
        given = replace(views, arrays=views.arrays._replace(view_camera=view_camera))
        fitted, _ = fit_boards(given, state, Loss(CAUCHY, 2.0), iterations=6)
        error = residuals(given, fitted)
        squared = np.nan_to_num(np.sum(error**2, axis=1), nan=1e6)
        by_view = np.bincount(given.observation_view, np.log1p(squared / 4.0), given.view_count)
        by_frame = np.bincount(given.view_frame, by_view, given.frame_count)
        cost.append(by_frame[given.view_frame[own]])
    first, second = (np.concatenate([[0.0], np.cumsum(c)]) for c in cost)
    total = first + second[-1] - second
    inside = slice(MIN_VIEWS_A_SIDE, len(own) - MIN_VIEWS_A_SIDE + 1)
    return MIN_VIEWS_A_SIDE + int(np.argmin(total[inside]))
