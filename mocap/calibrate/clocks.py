"""Clocks of cameras as unknowns of the board adjustment, beside poses, lenses and boards.

Corners are interpolated at the instants of the reference camera by the clocks believed so far. A
camera whose offset is wrong by delta shows the board delta later than it should: its residuals are
v delta, v the image velocity of each corner. So an offset is one more column of the linearised
adjustment, and a drift the same column times the time since the middle. Solved together with the
poses nothing is left that they could take up; afterwards corners are interpolated anew.

The derivation is in docs/maths/calibration.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate.adjust import (
    Loss,
    RigState,
    adjust,
    free_parameters,
    moved,
    orthonormal,
    residuals,
)
from mocap.calibrate.clock_system import ClockStep, ClockSystem, board_rates
from mocap.calibrate.lenses.plan import OWN_LENSES, LensWish, lens_plan
from mocap.calibrate.refine import TUKEY_SIGMAS, lens_prior, noise_sigma
from mocap.calibrate.solve import CalibrationResult
from mocap.calibrate.still import merge_still
from mocap.calibrate.views import pack_views
from mocap.core.board import Board
from mocap.core.camera import Camera
from mocap.core.clocks import CameraClock, Clocks
from mocap.core.detections import Corners
from mocap.core.lens import TUKEY
from mocap.core.shapes import BoolArray, FloatArray, IntArray

# Of search, for each set of unknowns.
MAX_ROUNDS, CONVERGED_S = 10, 2e-5
# Of cameras and boards alone in each round, before all move together.
ITERATIONS = 4
# The board alone is right within some 10 ms; a larger step comes from views that do not belong.
LONGEST_STEP_S = 0.02
# Neighbouring corners share what print, lens model and interpolation leave: standard deviations as
# if they did not are too small by this, and never below the floor.
SHARED = 2.0
SIGMA_FLOOR_S = 2e-4
# A drift is taken when it stands out of its noise and moves a camera this far in the recording.
DRIFT_SIGMAS, LEAST_DRIFT_S = 5.0, 1e-3


@dataclass(frozen=True, eq=False)
class AdjustedClocks:
    """Where the adjustment ended.

    Attributes:
        clocks: with the offsets, drifts and standard deviations found; `said["calibration"]` too.
        sigma_px: noise of the corners at these clocks.
        rounds: linearisations.
        converged: whether the last step was below 0.02 ms.
    """

    clocks: Clocks
    sigma_px: float
    rounds: int
    converged: bool


@dataclass(frozen=True, eq=False)
class _Point:
    """Where the search stands: clocks, and the rig with its boards by frame number."""

    clocks: Clocks
    state: RigState
    frames: IntArray


def adjust_clocks(
    corners_at: Callable[[Clocks], Sequence[Corners]],
    instants_s: FloatArray,
    clocks: Clocks,
    board: Board,
    start: CalibrationResult,
    *,
    lenses: Sequence[Camera] = (),
    lens: LensWish = OWN_LENSES,
    held: Sequence[str] = (),
) -> AdjustedClocks:
    """Return the clocks at which the whole rig fits best.

    Args:
        corners_at: the corners of all cameras, in the rig's order, at the instants of the
            reference by some clocks.
        instants_s: (frame,) those instants on the common clock, by frame number.
        clocks: right within some 10 ms.
        board: with the square measured on the print.
        start: the calibration at these clocks.
        lenses: as for `calibrate`.
        lens: as for `calibrate`.
        held: cameras whose clock stays as it is, beside the reference.
    """
    cameras = start.calibration.cameras
    state = RigState(
        np.stack([each.lens for each in cameras]),
        np.stack([each.camera_from_world for each in cameras]),
        start.world_from_board,
    )
    names = start.calibration.names
    free = np.array([name not in held and name != clocks.reference for name in names])
    point = _Point(clocks, state, start.frames)
    problem = _Problem(corners_at, instants_s, board, lenses, lens)
    found = problem.solved(point, np.stack([free, np.zeros_like(free)], axis=1))
    if free.any():
        drifted = problem.solved(found.point, np.stack([free, free], axis=1))
        drifting = free & drifted.drifts(instants_s)
        if drifting.any():
            found = problem.solved(found.point, np.stack([free, drifting], axis=1))
    return AdjustedClocks(found.named(free), found.sigma_px, found.rounds, found.converged)


@dataclass(frozen=True, eq=False)
class _Found:
    """Where a search ended.

    Attributes:
        point: as said.
        sigma: (camera, 2) standard deviations of offset (s) and drift; NaN for what was held.
        sigma_px: noise of the corners.
        rounds: linearisations.
        converged: whether the last step was small.
    """

    point: _Point
    sigma: FloatArray
    sigma_px: float
    rounds: int
    converged: bool

    def drifts(self, instants_s: FloatArray) -> BoolArray:
        """Return which cameras (camera,) drift: beyond their noise, and by what can be seen."""
        drift = 1e-6 * np.array([each.drift_ppm for each in self.point.clocks.cameras])
        clear = np.abs(drift) > DRIFT_SIGMAS * np.nan_to_num(self.sigma[:, 1], nan=np.inf)
        seen = np.abs(drift) * np.ptp(instants_s[self.point.frames]) > LEAST_DRIFT_S
        return np.asarray(clear & seen)

    def named(self, free: BoolArray) -> Clocks:
        """Return the clocks with how well they are known."""
        cameras = []
        for clock, unknown, sigma in zip(self.point.clocks.cameras, free, self.sigma, strict=True):
            if unknown:
                clock = replace(
                    clock,
                    sigma_s=max(float(sigma[0]), SIGMA_FLOOR_S),
                    sigma_drift_ppm=1e6 * float(sigma[1]),
                    said={**clock.said, "calibration": clock.offset_s},
                )
            cameras.append(clock)
        return replace(self.point.clocks, cameras=tuple(cameras))


@dataclass(frozen=True, eq=False)
class _Problem:
    """What stays the same in all rounds; see `adjust_clocks`."""

    corners_at: Callable[[Clocks], Sequence[Corners]]
    instants_s: FloatArray
    board: Board
    lenses: Sequence[Camera]
    lens: LensWish

    def solved(self, point: _Point, unknown: BoolArray) -> _Found:
        """Search from a point; `unknown` (camera, 2) says which offsets and drifts move."""
        rounds = 0
        while True:
            point, step, middle_s, sigma_px = self._round(point, unknown)
            point = replace(point, clocks=_stepped(point.clocks, step.clocks, middle_s))
            rounds += 1
            settled = float(np.abs(step.clocks[:, 0]).max()) < CONVERGED_S
            if settled or rounds == MAX_ROUNDS:
                return _Found(point, SHARED * step.sigma, sigma_px, rounds, settled)

    def _round(self, point: _Point, unknown: BoolArray) -> tuple[_Point, ClockStep, float, float]:
        """Return the point with its cameras and boards after one step, the step of the clocks to
        go, the common instant about which they drift, and the noise in pixels.
        """
        once, _ = merge_still(self.corners_at(point.clocks))
        views = pack_views(once, self.board)
        known = np.isin(views.frames, point.frames)
        views = views.keep_frames(known)
        place = np.searchsorted(point.frames, views.frames)
        state = replace(point.state, world_from_board=point.state.world_from_board[place])
        times = self.instants_s[views.frames]
        middle = 0.5 * float(times[0] + times[-1])
        sigma_px = noise_sigma(residuals(views, state))
        plan = lens_plan(views, self.lenses, self.lens)
        state = adjust(
            views,
            state,
            Loss(TUKEY, TUKEY_SIGMAS * sigma_px),
            prior=lens_prior(views, state.lens, sigma_px, plan),
            free=free_parameters(state, plan),
            max_iterations=ITERATIONS,
            min_gain=sigma_px**2,
        ).state
        size_m = float(np.linalg.norm(np.ptp(views.arrays.board_xy, axis=0)))
        rates = board_rates(times, state.world_from_board, size_m)
        # Where the board's velocity is not known no clock can answer for what is seen: such frames
        # must not hold the cameras to a wrong one.
        known = np.isfinite(rates[:, 0, 3])
        part = replace(state, world_from_board=state.world_from_board[known])
        step = ClockSystem(
            views.keep_frames(known),
            part,
            rates[known],
            (times - middle)[known],
            unknown,
            plan,
            noise_sigma(residuals(views, state)),
        ).solved()
        after = moved(part, step.cameras, step.boards)
        boards = state.world_from_board.copy()
        boards[known] = after.world_from_board
        state = orthonormal(replace(after, world_from_board=boards))
        return _Point(point.clocks, state, views.frames), step, middle, sigma_px


def _stepped(clocks: Clocks, step: FloatArray, middle_s: float) -> Clocks:
    """Return the clocks after steps (camera, 2) of offset and drift about a common instant."""
    cameras = []
    for clock, (offset, drift) in zip(clocks.cameras, step, strict=True):
        limited = float(np.clip(offset, -LONGEST_STEP_S, LONGEST_STEP_S))
        if clock.camera != clocks.reference:
            cameras.append(_moved_clock(clock, limited, 1e6 * float(drift), middle_s))
        else:
            cameras.append(clock)
    return replace(clocks, cameras=tuple(cameras))


def _moved_clock(
    clock: CameraClock, offset_s: float, drift_ppm: float, middle_s: float
) -> CameraClock:
    """Return a clock that is `offset_s` later at a common instant, and drifts by so much more."""
    local = float(clock.local(np.array(middle_s)))
    return replace(
        clock,
        offset_s=middle_s + offset_s - local,
        middle_s=local,
        drift_ppm=clock.drift_ppm + drift_ppm,
    )
