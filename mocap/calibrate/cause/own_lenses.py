"""What each camera says by itself: its lens and its noise, from single views of a flat board.

Nothing here depends on where the cameras stand, on the clock, or on whether anybody was moved: it
is the yardstick for everything that cameras say together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate import planar
from mocap.calibrate.adjust import RigState, adjust, fit_boards, residuals
from mocap.calibrate.refine import COARSE_LOSS, FINE_LOSS, ROUGH_GAIN, lens_prior, noise_sigma
from mocap.calibrate.views import BoardViews
from mocap.core.shapes import BoolArray, FloatArray

# Views of a camera that are solved, evenly spread: more do not change its lens.
MAX_VIEWS = 80


@dataclass(frozen=True, eq=False)
class OwnLenses:
    """Lenses (camera, 9) and noise (camera,) px per axis of each camera by itself."""

    lens: FloatArray
    sigma_px: FloatArray


def own_lenses(
    views: BoardViews, *, known_lens: FloatArray | None = None, fixed: BoolArray | None = None
) -> OwnLenses:
    """Calibrate every camera from its own views, each view with a board of its own."""
    camera = views.arrays.view_camera
    keep = np.zeros(views.view_count, dtype=bool)
    for index in range(len(views.camera_names)):
        mine = np.flatnonzero(camera == index)
        if len(mine) > MAX_VIEWS:
            mine = mine[np.linspace(0, len(mine) - 1, MAX_VIEWS).astype(np.int64)]
        keep[mine] = True
    order = np.flatnonzero(keep)
    single = views.regroup(order, np.ones(len(order), dtype=np.int64), np.arange(len(order)))
    found = planar.homographies(single)
    lens, _ = planar.initial_lenses(single, found)
    if known_lens is not None:
        lens = np.where(np.isfinite(known_lens), known_lens, lens)
    poses = planar.planar_poses(single, lens, found).best()
    single = single.keep_views(np.isin(np.arange(single.view_count), poses.view))
    cameras = len(lens)
    state = RigState(lens, np.tile(np.eye(4), (cameras, 1, 1)), poses.camera_from_board)
    state, _ = fit_boards(single, state, COARSE_LOSS)
    movable = np.zeros((cameras, 15), dtype=bool)
    movable[:, 6:] = True
    if fixed is not None:
        movable[fixed] = False
    free = np.eye(15 * cameras)[:, movable.ravel()]
    for loss in (COARSE_LOSS, FINE_LOSS):
        if not movable.any():
            state, _ = fit_boards(single, state, loss)
            continue
        state = adjust(
            single,
            state,
            loss,
            prior=lens_prior(single, state.lens[:, :2].mean(axis=1), 1.0),
            free=free,
            max_iterations=12,
            min_gain_share=ROUGH_GAIN,
        ).state
    errors = residuals(single, state)
    owner = single.arrays.view_camera[single.observation_view]
    sigma = np.array([noise_sigma(errors[owner == i]) for i in range(cameras)])
    # Every view has spent six of its numbers on its own board.
    count = np.bincount(owner, minlength=cameras)
    view_count = np.bincount(single.arrays.view_camera, minlength=cameras)
    left = np.maximum(2 * count - 6 * view_count, 1)
    return OwnLenses(state.lens, sigma * np.sqrt(2 * count / left))
