"""From a first state to the best one: robust stages, boards set free when they are stuck."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate import planar
from mocap.calibrate.adjust import (
    LensPrior,
    Loss,
    RigState,
    adjust,
    board_costs,
    free_parameters,
    lens_parameters,
    residuals,
)
from mocap.calibrate.initial import choose_boards
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.views import BoardViews
from mocap.core.lens import CAUCHY, TUKEY
from mocap.core.shapes import FloatArray, IntArray

# The first state is wrong by some 10 px everywhere; then wrong corners must lose their say.
COARSE_LOSS = Loss(CAUCHY, 20.0)
FINE_LOSS = Loss(CAUCHY, 2.0)
# Tukey's biweight at 6 sigma keeps 99.9 % of the efficiency of least squares and ignores the rest.
TUKEY_SIGMAS = 6.0
# Median of a Rayleigh distribution in units of the standard deviation per axis.
RAYLEIGH_MEDIAN = 1.1774
# Below this noise estimate, perfect synthetic data would let Tukey reject everything.
MIN_SIGMA_PX = 0.02
# A board whose median error stays above this after the fine stage sits in the wrong one of its two
# planar poses.
STUCK_PX = 4.0
STUCK_ROUNDS = 2
# Stages before the last stop when an iteration lowers the cost by less than this share.
ROUGH_GAIN = 1e-3
# The last one stops at this gain in units of sigma²; a change of 1 is one standard deviation.
FINAL_GAIN = 0.01

# Weak knowledge about any lens (standard deviations). With few corners and little depth the data
# alone leave principal point and focal length open; with good data these priors do not matter.
FOCAL_SD_SHARE = 0.2
# Square pixels: fx and fy of real cameras differ by a fraction of a percent.
ASPECT_SD_SHARE = 0.005
# Centring of sensor and lens, as a share of the longer image side: 10 px at 1280.
PRINCIPAL_POINT_SD_SHARE = 0.008
K1_SD, K2_SD, TANGENTIAL_SD, K3_SD = 0.5, 0.5, 0.01, 0.2
# Numerator and denominator of a rational lens nearly cancel: single coefficients are large.
RATIONAL_SD = 5.0
# Coefficients of the angle: a quarter moves the edge of a 120 degree lens by a fifth.
FISHEYE_SD = 0.25


@dataclass(frozen=True, eq=False)
class Refined:
    """An adjusted rig: its state, pixel noise per axis, prior and iterations spent."""

    state: RigState
    sigma_px: float
    prior: LensPrior
    iterations: int
    converged: bool

    @property
    def loss(self) -> Loss:
        """The final robust loss."""
        return Loss(TUKEY, TUKEY_SIGMAS * self.sigma_px)


def lens_prior(
    views: BoardViews, lens: FloatArray, sigma_px: float, plan: LensPlan | None = None
) -> LensPrior:
    """Return the weak prior of all lenses (camera, 13) around their focal lengths.

    What a plan knows of a lens, with its standard deviations, comes on top.
    """
    centers, sides = planar.image_scales(views)
    focal, numbers = lens[:, :2].mean(axis=1), lens_parameters(lens)
    mean = np.zeros((len(focal), numbers))
    mean[:, 0] = mean[:, 1] = focal
    mean[:, 2:4] = centers
    information = np.zeros((len(focal), numbers, numbers))
    same, different = (FOCAL_SD_SHARE * focal) ** -2.0, (ASPECT_SD_SHARE * focal) ** -2.0
    # ((fx + fy)/2 - f)² / sd² + (fx - fy)² / sd²
    information[:, 0, 0] = information[:, 1, 1] = 0.25 * same + different
    information[:, 0, 1] = information[:, 1, 0] = 0.25 * same - different
    center = (PRINCIPAL_POINT_SD_SHARE * sides) ** -2.0
    information[:, 2, 2] = information[:, 3, 3] = center
    information[:, range(4, numbers), range(4, numbers)] = (
        _coefficient_sd(lens)[:, : numbers - 4] ** -2.0
    )
    if plan is not None and np.isfinite(plan.sd).any():
        known = np.nan_to_num(plan.known[:, :numbers])
        extra = plan.sd[:, :numbers] ** -2.0
        # Two Gaussians: the weights add up, the mean moves to where both pull alike.
        pull = np.einsum("cij,cj->ci", information, mean) + extra * known
        information[:, range(numbers), range(numbers)] += extra
        mean = np.linalg.solve(information, pull[..., None])[..., 0]
    return LensPrior(mean, information, sigma_px)


def _coefficient_sd(lens: FloatArray) -> FloatArray:
    """Return how large the eight coefficients (camera, 8) of each lens usually are."""
    standard = np.array([K1_SD, K2_SD, TANGENTIAL_SD, TANGENTIAL_SD, K3_SD, 1.0, 1.0, 1.0])
    rational = np.full(8, RATIONAL_SD)
    rational[2:4] = TANGENTIAL_SD
    table = np.stack([standard, rational, np.full(8, FISHEYE_SD)])
    return np.asarray(table[lens[:, 12].astype(np.int64)])


def noise_sigma(errors_px: FloatArray) -> float:
    """Return the robust standard deviation per axis of residual vectors (n, 2)."""
    length = np.hypot(errors_px[:, 0], errors_px[:, 1])
    return max(float(np.nanmedian(length)) / RAYLEIGH_MEDIAN, MIN_SIGMA_PX)


def refine_from_start(
    views: BoardViews, state: RigState, *, plan: LensPlan | None = None
) -> Refined:
    """Adjust a first state: Cauchy 20 px, Cauchy 2 px, stuck boards, then Tukey."""
    free = free_parameters(state, plan)
    iterations = 0

    def rough(state: RigState, loss: Loss) -> RigState:
        nonlocal iterations
        fit = adjust(
            views,
            state,
            loss,
            prior=lens_prior(views, state.lens, 1.0, plan),
            free=free,
            max_iterations=12,
            min_gain_share=ROUGH_GAIN,
        )
        iterations += fit.iterations
        return fit.state

    state = rough(rough(state, COARSE_LOSS), FINE_LOSS)
    for _ in range(STUCK_ROUNDS):
        state, changed = free_stuck_boards(views, state)
        if not changed:
            break
        state = rough(state, FINE_LOSS)
    final = refine_final(views, state, plan=plan)
    return replace(final, iterations=final.iterations + iterations)


def refine_final(
    views: BoardViews,
    state: RigState,
    *,
    plan: LensPlan | None = None,
    gain: float = FINAL_GAIN,
) -> Refined:
    """Adjust a good state to the optimum of the Tukey loss.

    Stops when an iteration lowers the cost by less than `gain` sigma²: the optimum is then nearer
    than the noise can tell.
    """
    free = free_parameters(state, plan)
    sigma = noise_sigma(residuals(views, state))
    prior = lens_prior(views, state.lens, sigma, plan)
    loss = Loss(TUKEY, TUKEY_SIGMAS * sigma)
    fit = adjust(
        views, state, loss, prior=prior, free=free, max_iterations=60, min_gain=gain * sigma**2
    )
    return Refined(fit.state, sigma, prior, fit.iterations, fit.converged)


def free_stuck_boards(views: BoardViews, state: RigState) -> tuple[RigState, int]:
    """Try both planar poses of every view of badly fitting frames; return state and changes."""
    error = view_medians(views, residuals(views, state))
    worst = np.zeros(views.frame_count)
    np.maximum.at(worst, views.view_frame, error)
    stuck = worst > STUCK_PX
    if not stuck.any():
        return state, 0
    part = views.keep_frames(stuck)
    poses = planar.planar_poses(part, state.lens, planar.homographies(part))
    own = replace(state, world_from_board=state.world_from_board[stuck])
    chosen, cost = choose_boards(part, own, poses, COARSE_LOSS)
    old = board_costs(
        part, own, np.arange(part.frame_count, dtype=np.int64), own.world_from_board, COARSE_LOSS
    )
    better = cost < old
    boards = state.world_from_board.copy()
    boards[np.flatnonzero(stuck)[better]] = chosen.world_from_board[better]
    return replace(state, world_from_board=boards), int(better.sum())


def view_medians(views: BoardViews, errors_px: FloatArray) -> FloatArray:
    """Return the median error length (view,) in pixels; infinite where a corner is behind."""
    length = np.nan_to_num(np.hypot(errors_px[:, 0], errors_px[:, 1]), nan=np.inf)
    return group_median(length, views.arrays.view_start)


def group_median(values: FloatArray, starts: IntArray) -> FloatArray:
    """Return medians (group,) of consecutive groups of values that start at `starts` (group + 1).

    The lower of the two middle values where a group has an even size.
    """
    count = np.diff(starts)
    group = np.repeat(np.arange(len(count)), count)
    order = np.lexsort((values, group))
    return np.asarray(values[order][starts[:-1] + (count - 1) // 2])
