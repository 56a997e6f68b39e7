"""How strongly each joint accelerates at each moment, estimated from the take itself.

A constant that suits a dance flattens a throw, and one that suits a throw leaves a dance noisy.
The acceleration per frame² of a rotation group is Gaussian with variance q(group, axis, time):
an elbow that extends fast still keeps its carrying angle. q maximises the marginal likelihood by
MacKay's fixed point (1992, "Bayesian interpolation"),

    q = sum |a|² / sum g ,

where g = 1 - v / q in [0, 1] says how well the data determine an acceleration whose posterior
variance is v. v is exact: it comes from the inverse of the whole take's normal matrix, so that a
twist which the keypoints do not show counts as undetermined.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from mocap.body.fit.prior_kernels import steps_of
from mocap.body.fit.solver import Problem, State, Step
from mocap.body.fit.uncertainty import acceleration_variances
from mocap.core.shapes import FloatArray

# Acceleration is taken as constant within this time: about twice the acceleration phase of a throw.
# Half of it follows noise, peaks of throws are then 1 % worse.
WINDOW_S = 0.25

# Accelerations that the typical value of a group counts for: more flatten bursts, fewer follow
# single outliers.
TYPICAL_WEIGHT = 2.0

# The first guess looks at second differences over this time, where noise is small against motion.
_FIRST_GUESS_S = 0.05

# No joint is quieter than a sleeper's or wilder than a pitcher's shoulder (200 000 deg/s²).
_TURN_LIMITS_RAD_S2 = (1.0, 10_000.0)
_ROOT_LIMITS_M_S2 = (0.1, 300.0)


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

    def __call__(
        self, problem: Problem, state: State, before: State, step: Step | None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the next weights (frame, group, 3) in 1/rad² and (frame,) in 1/m².

        Variances are those of the state before the last step, which may have told them or its
        factor: they depend on the weights and hardly on the state.
        """
        if len(state.root) < 3:
            return problem.turn_weight, problem.root_weight
        variance = step.variances if step is not None else None
        if variance is None:
            variance = acceleration_variances(problem, before, step.lower if step else None)
        tree = problem.layout.tree
        acceleration = np.zeros_like(problem.turn_weight)
        acceleration[1:-1] = np.diff(steps_of(state.turns), axis=0)
        turn = 1.0 / problem.turn_weight
        for group, axis in zip(*np.nonzero(tree.columns >= 0), strict=True):
            column = tree.columns[group, axis]
            energy = acceleration[:, group, axis] ** 2
            turn[:, group, axis] = self._updated(energy, variance[:, column], turn[:, group, axis])
        root = 1.0 / problem.root_weight
        if tree.root_column >= 0:
            moved = np.zeros(len(state.root))
            moved[1:-1] = np.mean(np.diff(state.root, n=2, axis=0) ** 2, axis=-1)
            columns = slice(tree.root_column, tree.root_column + 3)
            root = self._updated(moved, np.mean(variance[:, columns], axis=1), root)
        return _weights(turn, root, self._fps)

    def _updated(self, energy: FloatArray, variance: FloatArray, prior: FloatArray) -> FloatArray:
        """Return the next q (frame,) of energies |a|², variances v and the last q, all (frame,)."""
        share = np.clip(1.0 - variance / prior, 1e-6, 1.0)
        share[0] = share[-1] = 1e-6
        typical = energy.sum() / share.sum()
        window = _window(self._fps)
        total = window * np.maximum(_smoothed(energy, self._fps), 0.0)
        count = window * np.maximum(_smoothed(share, self._fps), 0.0)
        found = (total + TYPICAL_WEIGHT * typical) / (count + TYPICAL_WEIGHT)
        # One step leaves the share (1 - g) / 4 of the logarithm's error: Newton adds it.
        known = (count + TYPICAL_WEIGHT * share.mean()) / (window + TYPICAL_WEIGHT)
        left = 0.25 * (1.0 - np.minimum(known, 1.0))
        return np.asarray(prior * (found / prior) ** (1.0 / (1.0 - left)))


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
