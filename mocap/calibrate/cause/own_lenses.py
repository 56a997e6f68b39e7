"""What each camera says by itself: its lens and its noise, from single views of a flat board.

Nothing here depends on where the cameras stand, on the clock, or on whether anybody was moved: it
is the yardstick for everything that cameras say together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate import planar
from mocap.calibrate.adjust import RigState, adjust, fit_boards, free_parameters, residuals
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.refine import COARSE_LOSS, FINE_LOSS, ROUGH_GAIN, lens_prior, noise_sigma
from mocap.calibrate.views import BoardViews
from mocap.core.shapes import FloatArray

# Views of a camera that are solved, evenly spread: more do not change its lens.
MAX_VIEWS = 80
# Nine tenths of a Rayleigh distribution lie below this many standard deviations per axis.
RAYLEIGH_90 = 2.146


@dataclass(frozen=True, eq=False)
class OwnLenses:
    """Lenses (camera, 13) and noise (camera,) px per axis of each camera by itself.

    `sigma_px` is told by the median corner, `upper_px` by the worst tenth, where lenses fail.
    """

    lens: FloatArray
    sigma_px: FloatArray
    upper_px: FloatArray


def own_lenses(views: BoardViews, plan: LensPlan | None = None) -> OwnLenses:
    """Calibrate every camera from its own views, each view with a board of its own."""
    plan = plan or LensPlan.unknown(len(views.camera_names))
    return solved_lenses(single_views(views), plan)


def single_views(views: BoardViews) -> BoardViews:
    """Return views spread evenly over each camera's, every one a frame of its own."""
    camera = views.arrays.view_camera
    keep = np.zeros(views.view_count, dtype=bool)
    for index in range(len(views.camera_names)):
        mine = np.flatnonzero(camera == index)
        if len(mine) > MAX_VIEWS:
            mine = mine[np.linspace(0, len(mine) - 1, MAX_VIEWS).astype(np.int64)]
        keep[mine] = True
    order = np.flatnonzero(keep)
    return views.regroup(order, np.ones(len(order), dtype=np.int64), np.arange(len(order)))


def solved_lenses(single: BoardViews, plan: LensPlan) -> OwnLenses:
    """Calibrate lenses from views that are a frame each, every one with a board of its own."""
    found = planar.homographies(single)
    lens, _ = planar.initial_lenses(single, found)
    lens = plan.applied(lens)
    poses = planar.planar_poses(single, lens, found).best()
    single = single.keep_views(np.isin(np.arange(single.view_count), poses.view))
    cameras = len(lens)
    state = RigState(lens, np.tile(np.eye(4), (cameras, 1, 1)), poses.camera_from_board)
    state, _ = fit_boards(single, state, COARSE_LOSS)
    free = _lenses_only(state, plan)
    for loss in (COARSE_LOSS, FINE_LOSS):
        if free.shape[1] == 0:
            state, _ = fit_boards(single, state, loss)
            continue
        state = adjust(
            single,
            state,
            loss,
            prior=lens_prior(single, state.lens, 1.0, plan),
            free=free,
            max_iterations=12,
            min_gain_share=ROUGH_GAIN,
        ).state
    errors = residuals(single, state)
    owner = single.arrays.view_camera[single.observation_view]
    sigma = np.array([noise_sigma(errors[owner == i]) for i in range(cameras)])
    length = np.nan_to_num(np.hypot(errors[:, 0], errors[:, 1]), nan=np.inf)
    upper = np.array(
        [np.percentile(length[owner == i], 90.0) / RAYLEIGH_90 for i in range(cameras)]
    )
    # Every view has spent six of its numbers on its own board.
    count = np.bincount(owner, minlength=cameras)
    view_count = np.bincount(single.arrays.view_camera, minlength=cameras)
    left = np.maximum(2 * count - 6 * view_count, 1)
    spent = np.sqrt(2 * count / left)
    return OwnLenses(state.lens, sigma * spent, upper * spent)


def _lenses_only(state: RigState, plan: LensPlan) -> FloatArray:
    """Return the directions in which lenses move while every camera stays where it is."""
    free = free_parameters(state, plan)
    pose = np.arange(len(free)) % state.parameters < 6
    return free[:, ~free[pose].any(axis=0)]
