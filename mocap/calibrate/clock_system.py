"""One linearisation of the board adjustment with the clocks of the cameras among its unknowns.

The derivation is in docs/maths/calibration.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate import elimination
from mocap.calibrate.adjust import (
    Loss,
    RigState,
    free_parameters,
    linearise,
    reduced_system,
    residuals,
)
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.refine import TUKEY_SIGMAS, lens_prior
from mocap.calibrate.views import BoardViews
from mocap.core.lens import TUKEY
from mocap.core.shapes import BoolArray, FloatArray

# Quartz clocks are within this of each other.
DRIFT_SIGMA = 150e-6
# The board's velocity comes from its poses within this time, of which there must be so many.
WINDOW_S, MIN_POSES = 0.2, 5
# Poses off their parabola by more than this share of the board's size are of no smooth motion.
UNEVEN_SHARE = 0.05
DIFFERENCE_S = 1e-3
# All corners weigh alike (1 within 1e-8), those moved outside nothing.
EVEN_LOSS, OUTSIDE_PX = Loss(TUKEY, 1e8), 1e9


@dataclass(frozen=True, eq=False)
class ClockStep:
    """A Gauss-Newton step.

    Attributes:
        cameras: (camera, parameter).
        boards: (frame, 6).
        clocks: (camera, 2) of offset (s) and drift.
        sigma: (camera, 2) standard deviations of the clocks; NaN for what was held.
    """

    cameras: FloatArray
    boards: FloatArray
    clocks: FloatArray
    sigma: FloatArray


class ClockSystem:
    """The linearised adjustment with two columns for each clock: v and v (t - middle)."""

    def __init__(
        self,
        views: BoardViews,
        state: RigState,
        rates: FloatArray,
        since_middle_s: FloatArray,
        unknown: BoolArray,
        plan: LensPlan,
        sigma_px: float,
    ) -> None:
        """Take views and state with the boards' derivatives (frame, 4, 4) and times (frame,).

        `unknown` (camera, 2) says which offsets and drifts move, the plan which lenses
        do not.
        """
        error = residuals(views, state)
        length = np.nan_to_num(np.hypot(error[:, 0], error[:, 1]), nan=np.inf)
        good = (length < TUKEY_SIGMAS * sigma_px)[:, None]
        # A wrong corner, or one that a wrong clock displaced too far, must have no say at all:
        # taken for one that fits it would hold the rig where it is.
        self.error = np.where(good, error, 0.0)
        self.outside = np.where(good, 0.0, OUTSIDE_PX)
        self.projected = np.nan_to_num(views.arrays.pixels - error)
        self.views, self.state, self.unknown, self.sigma_px = views, state, unknown, sigma_px
        self.prior = lens_prior(views, state.lens, sigma_px, plan)
        self.free = free_parameters(state, plan)
        speed = np.where(good, image_velocity(views, state, rates), 0.0)
        since = since_middle_s[views.view_frame][views.observation_view]
        self.columns = np.stack([speed, speed * since[:, None]])

    def solved(self) -> ClockStep:
        """Return the step to the minimum."""
        equations = linearise(self._seen(self.error), self.state, EVEN_LOSS, self.prior)
        reduced, right, inverse = reduced_system(self.views, equations, 0.0)
        own, board, hessian, gradient = self._clock_blocks()
        # Eliminate the boards: what the columns share with boards and, through them, with cameras.
        pulled = np.einsum("kfi,fij->kfj", board, inverse)
        gradient -= np.einsum("kfj,fj->k", pulled, equations.board_gradient)
        hessian -= np.einsum("kfj,lfj->kl", pulled, board)
        through = np.einsum("kvj,vaj->vka", pulled[:, self.views.view_frame], equations.cross)
        np.subtract.at(own.swapaxes(0, 1), self.views.arrays.view_camera, through)
        chosen = np.flatnonzero(self.unknown.ravel())
        mixed = (own.reshape(len(own), -1) @ self.free)[chosen]
        whole = np.block(
            [
                [self.free.T @ reduced @ self.free, mixed.T],
                [mixed, hessian[np.ix_(chosen, chosen)]],
            ]
        )
        # Scaled to like size first: offsets in seconds and k3 differ by many orders of magnitude.
        size = 1.0 / np.sqrt(np.maximum(np.diag(whole), 1e-12))
        covariance = np.linalg.inv(whole * size[:, None] * size) * size[:, None] * size
        step = covariance @ np.concatenate([self.free.T @ right, gradient[chosen]])
        count = self.free.shape[1]
        cameras = (self.free @ step[:count]).reshape(equations.camera_gradient.shape)
        clocks, sigma = np.zeros(self.unknown.size), np.full(self.unknown.size, np.nan)
        clocks[chosen] = step[count:]
        sigma[chosen] = self.sigma_px * np.sqrt(np.maximum(np.diag(covariance)[count:], 0.0))
        boards = np.zeros_like(equations.board_gradient)
        left = equations.board_gradient - np.einsum("kfj,k->fj", board, clocks)
        elimination.board_steps(self.views.arrays, equations.cross, inverse, left, cameras, boards)
        shape = self.unknown.shape
        return ClockStep(cameras, boards, clocks.reshape(shape), sigma.reshape(shape))

    def _clock_blocks(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return what the clocks' columns c share with the cameras (column, camera, parameter) and
        the boards (column, frame, 6), with each other (column, column), and c'e (column,).

        J'c is the gradient that the adjustment finds when c stands for the residuals.
        """
        cameras, columns = self.unknown.shape
        camera_of = self.views.arrays.view_camera[self.views.observation_view]
        own, board = [], []
        hessian = np.zeros((cameras, columns, cameras, columns))
        gradient = np.zeros((cameras, columns))
        for camera in range(cameras):
            mine = np.where((camera_of == camera)[:, None], self.columns, 0.0)
            hessian[camera, :, camera] = np.einsum("knx,lnx->kl", mine, mine)
            hessian[camera, 1, camera, 1] += (self.sigma_px / DRIFT_SIGMA) ** 2
            gradient[camera] = np.einsum("knx,nx->k", mine, self.error)
            for column in mine:
                part = linearise(self._seen(column), self.state, EVEN_LOSS, None)
                own.append(part.camera_gradient)
                board.append(part.board_gradient)
        size = cameras * columns
        return np.stack(own), np.stack(board), hessian.reshape(size, size), gradient.ravel()

    def _seen(self, error: FloatArray) -> BoardViews:
        """Return the views as if their residuals were these (n, 2)."""
        arrays = self.views.arrays._replace(pixels=self.projected + error + self.outside)
        return replace(self.views, arrays=arrays)


def image_velocity(views: BoardViews, state: RigState, rates: FloatArray) -> FloatArray:
    """Return the velocity (n, 2) of each corner in px/s for board derivatives (frame, 4, 4)."""
    earlier, later = (
        residuals(
            views,
            replace(state, world_from_board=state.world_from_board + way * DIFFERENCE_S * rates),
        )
        for way in (-0.5, 0.5)
    )
    return np.nan_to_num((earlier - later) / DIFFERENCE_S)


def board_rates(times_s: FloatArray, boards: FloatArray, size_m: float) -> FloatArray:
    """Return the derivative (frame, 4, 4) of board poses per second; NaN where none is known.

    A parabola through the poses within `WINDOW_S`, weighted by distance: the poses of single
    frames are noisy in depth, and a column full of noise takes only part of the step it should.
    Unknown where there are too few poses, or where they lie on no parabola (a board that was put
    down, or a wrong pose).
    """
    count, reach = len(times_s), 1
    while reach < count // 2 and np.median(times_s[reach:] - times_s[:-reach]) < WINDOW_S:
        reach += 1
    normal, right = np.zeros((count, 3, 3)), np.zeros((count, 3, 16))
    flat = boards.reshape(count, 16)
    each = np.arange(count)
    neighbours = []
    for step in range(-reach, reach + 1):
        other = np.clip(each + step, 0, count - 1)
        t = (times_s[other] - times_s) / WINDOW_S
        weight = np.where((other == each + step) & (np.abs(t) < 1.0), (1.0 - t**2) ** 2, 0.0)
        basis = np.stack([np.ones(count), t, t**2], axis=1)
        normal += weight[:, None, None] * basis[:, :, None] * basis[:, None, :]
        right += weight[:, None, None] * basis[:, :, None] * flat[other][:, None, :]
        neighbours.append((other, weight, basis))
    seen = sum(weight > 0 for _, weight, _ in neighbours)
    normal += 1e-9 * np.eye(3)
    fit = np.linalg.solve(normal, right)
    off, total = np.zeros(count), np.zeros(count)
    for other, weight, basis in neighbours:
        miss = np.einsum("fi,fij->fj", basis, fit) - flat[other]
        # How far the origin and the far ends of both sides lie from the parabola.
        far = np.linalg.norm(
            miss.reshape(-1, 4, 4)[:, :3] * [size_m, size_m, 0.0, 1.0], axis=(1, 2)
        )
        off += weight * far**2
        total += weight
    good = (seen >= MIN_POSES) & (np.sqrt(off / np.maximum(total, 1e-12)) < UNEVEN_SHARE * size_m)
    rate = fit[:, 1].reshape(-1, 4, 4) / WINDOW_S
    return np.where(good[:, None, None], rate, np.nan)
