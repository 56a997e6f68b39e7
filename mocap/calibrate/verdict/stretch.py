"""Is the print as long as it is wide? The one error of a board that its images do show.

A printer that feeds its paper too fast stretches the board in one direction. Cameras with square
pixels that see the board turned both ways can tell: the stretch is one more unknown. It is
estimated by one Newton step at the optimum of all other unknowns, with them eliminated:
ds = (g - h' H^-1 G) / (a - h' H^-1 h), where H, G are the normal equations of the rest and a, g, h
the curvature, pull and coupling of the stretch, taken by central differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate.adjust import (
    Loss,
    NormalEquations,
    RigState,
    free_parameters,
    linearise,
    residuals,
    solve_step,
)
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.refine import Refined
from mocap.calibrate.views import BoardViews
from mocap.core.board import Board
from mocap.core.lens import L2

# Difference step: 0.1 % moves a corner of a near board by half a pixel, which is smooth.
STEP = 1e-3
# A smaller stretch harms no measurement: 3 mm on a metre.
SAID_ABOVE = 0.003
# A stretch is believed when it is this many standard deviations away from none.
BELIEVED_SIGMAS = 4.0


@dataclass(frozen=True)
class Stretch:
    """How much longer the board's columns are than its rows: share and standard deviation.

    Positive: squares are taller than wide.
    """

    share: float
    sd: float

    @property
    def believed(self) -> bool:
        """Whether the print is stretched beyond what matters and beyond chance."""
        return abs(self.share) > max(SAID_ABOVE, BELIEVED_SIGMAS * self.sd)


def stretched(views: BoardViews, share: float) -> BoardViews:
    """Return the views of a board `1 + share` times as tall for its width, of the same area."""
    root = np.sqrt(1.0 + share)
    board_xy = views.arrays.board_xy * np.array([1.0 / root, root])
    body_xyz = views.arrays.body_xyz * np.array([1.0 / root, root, 1.0])
    return replace(views, arrays=views.arrays._replace(board_xy=board_xy, body_xyz=body_xyz))


def stretched_lengths(board: Board, share: float) -> tuple[float, float]:
    """Return the length in metres of a square across and along of a stretched board."""
    root = float(np.sqrt(1.0 + share))
    return board.square_length_m / root, board.square_length_m * root


def measure_stretch(
    views: BoardViews, refined: Refined, *, plan: LensPlan | None = None
) -> Stretch:
    """Return the stretch of the print that fits the images best, and how certain it is."""
    state = refined.state
    # Plain squares of the inlying corners: a robust cost curves less than its normal equations say.
    views = _inlying(views, state, refined.loss.scale_px)
    here, more, less = (
        linearise(stretched(views, share), state, Loss(L2, 1.0), refined.prior)
        for share in (0.0, STEP, -STEP)
    )
    # The cost is a sum of squares: its gradients are twice those of the normal equations.
    pull = -0.5 * (more.cost - less.cost) / (2.0 * STEP)
    curvature = 0.5 * (more.cost - 2.0 * here.cost + less.cost) / STEP**2
    coupling = replace(
        here,
        camera_gradient=-(more.camera_gradient - less.camera_gradient) / (2.0 * STEP),
        board_gradient=-(more.board_gradient - less.board_gradient) / (2.0 * STEP),
    )
    free = free_parameters(state, plan)
    camera, boards = solve_step(views, coupling, 0.0, free)

    def along(other: NormalEquations) -> float:
        return float(np.sum(camera * other.camera_gradient) + np.sum(boards * other.board_gradient))

    left = curvature - along(coupling)
    if left <= 0.0:
        return Stretch(0.0, float("inf"))
    return Stretch((pull - along(here)) / left, refined.sigma_px / float(np.sqrt(left)))


def _inlying(views: BoardViews, state: RigState, limit_px: float) -> BoardViews:
    """Return the views without the corners that are further off than a limit."""
    error = residuals(views, state)
    good = np.nan_to_num(np.hypot(error[:, 0], error[:, 1]), nan=np.inf) < limit_px
    counts = np.bincount(views.observation_view[good], minlength=views.view_count)
    arrays = views.arrays._replace(
        view_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        corner=views.arrays.corner[good],
        pixels=np.ascontiguousarray(views.arrays.pixels[good]),
    )
    return replace(views, arrays=arrays)
