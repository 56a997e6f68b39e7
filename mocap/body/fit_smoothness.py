"""How strongly each joint accelerates at each moment, estimated from the take itself.

A constant that suits a dance flattens a throw, and one that suits a throw leaves a dance noisy.
The acceleration per frame² of a rotation group is Gaussian with variance q(group, axis, time):
an elbow that extends fast still keeps its carrying angle. q maximises the marginal likelihood by
MacKay's fixed point (1992, "Bayesian interpolation"),

    q = sum |a|² / sum g ,

where g in [0, 1] says how well the data determine an acceleration. For a single angle measured in
every frame with variance v, g is the mean over all frequencies w of

    r / (r + (2 - 2 cos w)²) ,   r = q / v :

the share of the signal that a smoother with a second-difference prior lets through. v is taken
from the normal matrix of single frames, so that a twist which the keypoints do not show counts as
undetermined.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.ndimage import uniform_filter1d

from mocap.body.fit_prior_kernels import steps_of
from mocap.body.fit_solver import Problem, State, normals_of
from mocap.core.shapes import Array, FloatArray

# Acceleration is taken as constant within about the length of a strike or of the acceleration
# phase of a throw.
WINDOW_S = 0.2

# Accelerations that the typical value of a group counts for: more flatten bursts, fewer follow
# single outliers.
TYPICAL_WEIGHT = 6.0

# The first guess looks at second differences over this time, where noise is small against motion.
_FIRST_GUESS_S = 0.05

# No joint is quieter than a sleeper's or wilder than a pitcher's shoulder (200 000 deg/s²).
_TURN_LIMITS_RAD_S2 = (1.0, 10_000.0)
_ROOT_LIMITS_M_S2 = (0.1, 300.0)

# Information of single frames changes slowly: this many of them tell it.
_SAMPLED_FRAMES = 40
# What is assumed of a turn that a single frame does not show at all.
_UNKNOWN_RAD = 1.0


@lru_cache(maxsize=1)
def _determined_table() -> tuple[FloatArray, FloatArray]:
    """Return log r and g(r)."""
    frequency = (np.arange(2000) + 0.5) * np.pi / 2000
    stiffness = (2.0 - 2.0 * np.cos(frequency)) ** 2
    ratio = np.logspace(-14, 6, 201)
    share = np.array([np.mean(r / (r + stiffness)) for r in ratio])
    return np.log(ratio), share


def determined(ratio: Array) -> FloatArray:
    """Return g of the ratio of the accelerations' variance to the noise variance."""
    log_ratio, share = _determined_table()
    return np.asarray(np.interp(np.log(np.maximum(ratio, 1e-300)), log_ratio, share))


def first_guess(state: State, fps: float) -> tuple[FloatArray, FloatArray]:
    """Return smoothness weights (frame, group, 3) and (frame,) from a noisy start."""
    stride = max(1, round(_FIRST_GUESS_S * fps))
    frames, groups = state.turns.shape[:2]
    if frames < 2 * stride + 1:
        turn = np.full((frames, groups, 3), (20.0 / fps**2) ** 2)
        root = np.full(frames, (5.0 / fps**2) ** 2)
        return _weights(turn, root, fps)
    turn_energy, root_energy = np.zeros((frames, groups, 3)), np.zeros(frames)
    for first in range(stride):
        steps = steps_of(np.ascontiguousarray(state.turns[first::stride]))
        sparse = np.diff(steps, axis=0) / stride**2
        middle = slice(first + stride, first + stride * (len(sparse) + 1), stride)
        # The start's axes are not to be trusted: all three get the mean.
        turn_energy[middle] = np.mean(sparse**2, axis=-1, keepdims=True)
        root_sparse = np.diff(state.root[first::stride], n=2, axis=0) / stride**2
        root_energy[middle] = np.mean(root_sparse**2, axis=-1)
    return _weights(_smoothed(turn_energy, fps), _smoothed(root_energy, fps), fps)


class AccelerationScale:
    """Estimates smoothness weights again and again as the fit improves."""

    def __init__(self, fps: float) -> None:
        """Prepare for a take at `fps`."""
        self._fps = fps
        self._variance: FloatArray | None = None

    def __call__(self, problem: Problem, state: State) -> tuple[FloatArray, FloatArray]:
        """Return the next weights (frame, group, 3) in 1/rad² and (frame,) in 1/m²."""
        if len(state.root) < 3:
            return problem.turn_weight, problem.root_weight
        if self._variance is None:
            self._variance = _single_frame_variance(problem, state)
        tree = problem.layout.tree
        acceleration = np.zeros_like(problem.turn_weight)
        acceleration[1:-1] = np.diff(steps_of(state.turns), axis=0)
        turn = 1.0 / problem.turn_weight
        for group, axis in zip(*np.nonzero(tree.columns >= 0), strict=True):
            column = tree.columns[group, axis]
            turn[:, group, axis] = self._updated(
                acceleration[:, group, axis] ** 2,
                turn[:, group, axis],
                self._variance[:, column : column + 1],
            )
        root = 1.0 / problem.root_weight
        if tree.root_column >= 0:
            moved = np.zeros(len(state.root))
            moved[1:-1] = np.sum(np.diff(state.root, n=2, axis=0) ** 2, axis=-1)
            columns = slice(tree.root_column, tree.root_column + 3)
            root = self._updated(moved, root, self._variance[:, columns])
        return _weights(turn, root, self._fps)

    def _updated(self, energy: FloatArray, prior: FloatArray, variance: FloatArray) -> FloatArray:
        """Return the next q (frame,) of energies (frame,) of axes with variances (frame, axis)."""
        share = np.sum(determined(prior[:, None] / variance), axis=1)
        share[0] = share[-1] = 0.0
        share = np.maximum(share, 1e-9)
        typical = energy.sum() / share.sum()
        window = _window(self._fps)
        total = window * np.maximum(_smoothed(energy, self._fps), 0.0)
        count = window * np.maximum(_smoothed(share, self._fps), 0.0)
        return np.asarray((total + TYPICAL_WEIGHT * typical) / (count + TYPICAL_WEIGHT))


def _single_frame_variance(problem: Problem, state: State) -> FloatArray:
    """Return what a single frame knows: variance (frame, unknown) in rad² or m²."""
    frames, unknowns = len(state.root), problem.layout.tree.unknowns
    normals = normals_of(problem, state, smoothness=False)
    band = normals.band.reshape(frames, unknowns, -1)
    sampled = np.unique(np.linspace(0, frames - 1, min(frames, _SAMPLED_FRAMES)).astype(int))
    blocks = np.zeros((len(sampled), unknowns, unknowns))
    for column in range(unknowns):
        below = band[sampled, column, : unknowns - column]
        blocks[:, column:, column] = below
        blocks[:, column, column:] = below
    diagonal = np.arange(unknowns)
    blocks[:, diagonal, diagonal] += 1.0 / _UNKNOWN_RAD**2
    variance = np.linalg.inv(blocks)[:, diagonal, diagonal]
    at = np.arange(frames)
    return np.stack([np.interp(at, sampled, column) for column in variance.T], axis=1)


def _window(fps: float) -> int:
    """Return the window length in frames: odd and at least three."""
    return 2 * max(1, round(0.5 * WINDOW_S * fps)) + 1


def _smoothed(values: FloatArray, fps: float) -> FloatArray:
    return np.asarray(uniform_filter1d(values, _window(fps), axis=0, mode="nearest"))


def _weights(turn: FloatArray, root: FloatArray, fps: float) -> tuple[FloatArray, FloatArray]:
    """Return weights of variances per frame², within what people can do."""
    low, high = ((limit / fps**2) ** 2 for limit in _TURN_LIMITS_RAD_S2)
    root_low, root_high = ((limit / fps**2) ** 2 for limit in _ROOT_LIMITS_M_S2)
    return 1.0 / np.clip(turn, low, high), 1.0 / np.clip(root, root_low, root_high)
