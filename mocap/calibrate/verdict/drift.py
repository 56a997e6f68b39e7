"""Has a camera moved during the recording? A test on how its residuals pull, frame by frame.

At the optimum the pulls of all frames on a camera's pose cancel. If the camera was turned at some
instant, the pulls before it all point one way and those after it the other, so their running sum
leaves zero by more than chance allows: the cumulative score test for a change of a parameter
(Hjort & Koning 2002, "Tests for constancy of model parameters over time"). It needs one
linearisation and no other solve.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.calibrate import elimination
from mocap.calibrate.adjust import Loss, RigState, linearise
from mocap.calibrate.views import BoardViews
from mocap.core.shapes import FloatArray

# Median of a chi-square distribution with six degrees of freedom.
CHI2_MEDIAN = 5.35
MIN_VIEWS = 12
# Consecutive views summed to see whether their residuals hang together.
RUN_LENGTHS, MIN_RUNS = (1, 2, 4, 8), 3


def change_score(views: BoardViews, state: RigState, loss: Loss, sigma_px: float) -> float:
    """Return the strongest evidence of any camera that its pose changed during the recording.

    It has six degrees of freedom: 22 is exceeded at one instant once in a thousand times, the
    maximum over all instants and cameras of 16 sound synthetic recordings was 15. A score says that
    something changed, not who: a moved camera pulls its neighbours along.
    """
    shared = np.diff(views.arrays.frame_start)[views.view_frame] > 1
    pull, information = _pose_scores(views, state, loss, sigma_px)
    scores = [0.0]
    for camera in range(len(views.camera_names)):
        mine = np.flatnonzero(shared & (views.arrays.view_camera == camera))
        if len(mine) >= MIN_VIEWS:
            scores.append(_largest_change(pull[mine], information[mine]))
    return max(scores)


def _pose_scores(
    views: BoardViews, state: RigState, loss: Loss, sigma_px: float
) -> tuple[FloatArray, FloatArray]:
    """Return per view the pull on its camera's pose (view, 6) and its information (view, 6, 6).

    Both have the board of the frame eliminated. Every view is given a camera of its own, so that
    the normal equations come apart.
    """
    camera = views.arrays.view_camera
    own = replace(
        views, arrays=views.arrays._replace(view_camera=np.arange(len(camera), dtype=np.int64))
    )
    spread = RigState(
        np.ascontiguousarray(state.lens[camera]),
        np.ascontiguousarray(state.camera_from_world[camera]),
        state.world_from_board,
    )
    equations = linearise(own, spread, loss, None)
    inverse = np.zeros_like(equations.board_hessian)
    elimination.invert_blocks(equations.board_hessian, np.zeros(len(inverse)), inverse)
    frame = views.view_frame
    cross = equations.cross[:, :6, :]
    lost = cross @ inverse[frame]
    information = equations.camera_hessian[:, :6, :6] - lost @ np.swapaxes(cross, 1, 2)
    pull = equations.camera_gradient[:, :6] - np.einsum(
        "vij,vj->vi", lost, equations.board_gradient[frame]
    )
    return pull / sigma_px**2, information / sigma_px**2


def _largest_change(pull: FloatArray, information: FloatArray) -> float:
    """Return the score of the likeliest change of one camera's pose."""
    total = information.sum(axis=0)
    centred = pull - np.einsum("vij,j->vi", information @ np.linalg.pinv(total), pull.sum(axis=0))
    running, before = np.cumsum(centred, axis=0)[:-1], np.cumsum(information, axis=0)[:-1]
    bridge = before - before @ np.linalg.pinv(total) @ before
    solved = np.linalg.pinv(bridge, hermitian=True)
    score = np.einsum("vi,vij,vj->v", running, solved, running)
    edge = MIN_VIEWS // 3
    score[:edge] = score[len(score) - edge :] = 0.0
    best = int(np.argmax(score))
    sides = slice(0, best + 1), slice(best + 1, len(pull))
    return float(score[best]) / max(_dispersion(pull, information, side) for side in sides)


def _dispersion(pull: FloatArray, information: FloatArray, side: slice) -> float:
    """Return by how much the pulls of one side scatter more than the noise of corners explains.

    Residuals of real views hang together (blur, a bent board, a lens that is not quite the model),
    also with those of the next frames: sums over short runs of views show it. At least 1.
    """
    own, weight = pull[side], information[side]
    centred = own - np.einsum(
        "vij,j->vi", weight @ np.linalg.pinv(weight.sum(axis=0)), own.sum(axis=0)
    )
    worst = 1.0
    for length in RUN_LENGTHS:
        starts = np.arange(0, len(own), length)
        if len(starts) < MIN_RUNS:
            break
        sums = np.add.reduceat(centred, starts, axis=0)
        spread = np.linalg.pinv(np.add.reduceat(weight, starts, axis=0), hermitian=True)
        squares = np.einsum("ri,rij,rj->r", sums, spread, sums)
        worst = max(worst, float(np.median(squares)) / CHI2_MEDIAN)
    return worst
