"""What is known of a pose without keypoints: anatomy and smoothness, as normal equations (numba).

Anatomy: the twist and the swing of a joint are Gaussian about a mean, and softly bounded.
Smoothness: the change of the step between frames, a = log(R_t' R_t+1) - log(R_t-1' R_t), and the
second difference of the root's position are Gaussian with zero mean. Derivatives:
docs/maths/body.md.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mocap.body.fit.kernels import Tree
from mocap.body.fit.rotation_kernels import (
    inverse_right_jacobian,
    relative_rotvec,
    swing_twist,
    turn_right,
)
from mocap.core.kernels.compiled import kernel, part
from mocap.core.shapes import FloatArray, IntArray


class Anatomy(NamedTuple):
    """Prior of each rotation group, in its own axes; radians and 1/rad².

    Attributes:
        twist_axis: (group,) axis of the bone, -1 for a group without prior.
        mean, weight: (group, 3) Gaussian part.
        low, high, limit_weight: (group, 3) soft bounds and how hard they are.
        constant: (group, 3) number of the person's constant that is added to the mean, -1 for
            none: an elbow's carrying angle is not known, but it stays what it is.
        constant_weight: (constant,) of each constant's square, 1/rad².
    """

    twist_axis: IntArray
    mean: FloatArray
    weight: FloatArray
    low: FloatArray
    high: FloatArray
    limit_weight: FloatArray
    constant: IntArray
    constant_weight: FloatArray


@part
def _off_mean(anatomy: Anatomy, constants: FloatArray, g: int, axis: int, value: float) -> float:
    """Return the distance from the mean; a twist goes round and is never further than half a turn.

    A thrower's upper arm turns to 170 degrees and beyond: the cut must lie opposite to the mean.
    """
    off = value - anatomy.mean[g, axis]
    if anatomy.constant[g, axis] >= 0:
        off -= constants[anatomy.constant[g, axis]]
    if axis == anatomy.twist_axis[g]:
        if off > math.pi:
            return off - 2.0 * math.pi
        if off < -math.pi:
            return off + 2.0 * math.pi
    return off


@part
def _beyond(anatomy: Anatomy, g: int, axis: int, off: float) -> float:
    """Return how far a distance from the mean lies outside of the bounds, signed.

    The bounds move with a person's constant.
    """
    if off > anatomy.high[g, axis] - anatomy.mean[g, axis]:
        return off - (anatomy.high[g, axis] - anatomy.mean[g, axis])
    if off < anatomy.low[g, axis] - anatomy.mean[g, axis]:
        return off - (anatomy.low[g, axis] - anatomy.mean[g, axis])
    return 0.0


@kernel
def anatomy_cost(anatomy: Anatomy, turns: FloatArray, constants: FloatArray) -> float:
    """Return the cost of turns (frame, group, 3, 3) and a person's constants in radians."""
    quaternion, value, jacobian = np.zeros(4), np.zeros(3), np.zeros((3, 3))
    total = 0.0
    for c in range(len(constants)):
        total += anatomy.constant_weight[c] * constants[c] ** 2
    for t in range(turns.shape[0]):
        for g in range(turns.shape[1]):
            if anatomy.twist_axis[g] < 0:
                continue
            swing_twist(turns[t, g], anatomy.twist_axis[g], quaternion, value, jacobian)
            for axis in range(3):
                off = _off_mean(anatomy, constants, g, axis, value[axis])
                beyond = _beyond(anatomy, g, axis, off)
                total += anatomy.weight[g, axis] * off * off
                total += anatomy.limit_weight[g, axis] * beyond * beyond
    return total


@kernel
def anatomy_normals(
    tree: Tree,
    anatomy: Anatomy,
    turns: FloatArray,
    constants: FloatArray,
    band: FloatArray,
    gradient: FloatArray,
    coupling: FloatArray,
    person_hessian: FloatArray,
    person_gradient: FloatArray,
) -> float:
    """Add the normal equations of the anatomy; return its cost.

    Arrays as in `data_normals`; the last columns of those of the person are the constants.
    """
    quaternion, value, jacobian = np.zeros(4), np.zeros(3), np.zeros((3, 3))
    betas = coupling.shape[1] - len(constants)
    total = 0.0
    for c in range(len(constants)):
        total += anatomy.constant_weight[c] * constants[c] ** 2
        person_hessian[betas + c, betas + c] += anatomy.constant_weight[c]
        person_gradient[betas + c] += anatomy.constant_weight[c] * constants[c]
    for t in range(turns.shape[0]):
        first = t * tree.unknowns
        for g in range(turns.shape[1]):
            if anatomy.twist_axis[g] < 0:
                continue
            swing_twist(turns[t, g], anatomy.twist_axis[g], quaternion, value, jacobian)
            for axis in range(3):
                off = _off_mean(anatomy, constants, g, axis, value[axis])
                beyond = _beyond(anatomy, g, axis, off)
                soft, hard = anatomy.weight[g, axis], anatomy.limit_weight[g, axis]
                total += soft * off * off + hard * beyond * beyond
                weight = soft + (hard if beyond != 0.0 else 0.0)
                pull = soft * off + hard * beyond
                constant = anatomy.constant[g, axis]
                if constant >= 0:
                    person_gradient[betas + constant] -= pull
                    person_hessian[betas + constant, betas + constant] += weight
                for i in range(3):
                    column = tree.columns[g, i]
                    if column < 0:
                        continue
                    if constant >= 0:
                        coupling[first + column, betas + constant] -= weight * jacobian[axis, i]
                    gradient[first + column] += pull * jacobian[axis, i]
                    for m in range(i, 3):
                        other = tree.columns[g, m]
                        if other >= 0:
                            band[first + column, other - column] += (
                                weight * jacobian[axis, i] * jacobian[axis, m]
                            )
    return total


@kernel
def steps_of(turns: FloatArray) -> FloatArray:
    """Return the steps log(R_t' R_t+1) (frame - 1, group, 3) in radians."""
    frames, groups = turns.shape[0], turns.shape[1]
    out = np.zeros((max(frames - 1, 0), groups, 3))
    for t in range(frames - 1):
        for g in range(groups):
            relative_rotvec(turns[t, g], turns[t + 1, g], out[t, g])
    return out


@kernel
def smoothness_cost(
    turns: FloatArray, root: FloatArray, turn_weight: FloatArray, root_weight: FloatArray
) -> float:
    """Return the cost of the accelerations.

    Args:
        turns: (frame, group, 3, 3).
        root: (frame, 3).
        turn_weight: (frame, group, 3) in 1/rad², of the acceleration centred on a frame.
        root_weight: (frame,) in 1/m².
    """
    steps = steps_of(turns)
    total = 0.0
    for t in range(1, turns.shape[0] - 1):
        for a in range(3):
            change = root[t + 1, a] - 2.0 * root[t, a] + root[t - 1, a]
            total += root_weight[t] * change * change
            for g in range(turns.shape[1]):
                change = steps[t, g, a] - steps[t - 1, g, a]
                total += turn_weight[t, g, a] * change * change
    return total


@kernel
def smoothness_normals(
    tree: Tree,
    turns: FloatArray,
    root: FloatArray,
    turn_weight: FloatArray,
    root_weight: FloatArray,
    band: FloatArray,
    gradient: FloatArray,
) -> float:
    """Add the normal equations of the accelerations; return their cost."""
    steps = steps_of(turns)
    before, after = np.zeros((3, 3)), np.zeros((3, 3))
    jacobians = np.zeros((3, 3, 3))  # frame - 1, frame, frame + 1
    total = 0.0
    if tree.root_column >= 0:
        total += _root_smoothness(tree, root, root_weight, band, gradient)
    for t in range(1, turns.shape[0] - 1):
        for g in range(turns.shape[1]):
            if tree.columns[g, 0] < 0 and tree.columns[g, 1] < 0 and tree.columns[g, 2] < 0:
                continue
            inverse_right_jacobian(steps[t - 1, g], before)
            inverse_right_jacobian(steps[t, g], after)
            weight = turn_weight[t, g]
            # A step R_t' R_t+1 ends with frame t+1 (the right Jacobian) and begins with frame t,
            # reversed (minus the left one, which is the transpose of the right one).
            for a in range(3):
                change = steps[t, g, a] - steps[t - 1, g, a]
                total += weight[a] * change * change
                for b in range(3):
                    jacobians[0, a, b] = before[b, a]
                    jacobians[1, a, b] = -after[b, a] - before[a, b]
                    jacobians[2, a, b] = after[a, b]
            _add_smoothness(
                tree, t, g, weight, steps[t, g], steps[t - 1, g], jacobians, band, gradient
            )
    return total


@part
def _root_smoothness(
    tree: Tree, root: FloatArray, weight: FloatArray, band: FloatArray, gradient: FloatArray
) -> float:
    stencil = (1.0, -2.0, 1.0)
    total = 0.0
    for t in range(1, len(root) - 1):
        for a in range(3):
            change = root[t + 1, a] - 2.0 * root[t, a] + root[t - 1, a]
            total += weight[t] * change * change
            for p in range(3):
                row = (t - 1 + p) * tree.unknowns + tree.root_column + a
                gradient[row] += weight[t] * stencil[p] * change
                for q in range(p, 3):
                    band[row, (q - p) * tree.unknowns] += weight[t] * stencil[p] * stencil[q]
    return total


@part
def _add_smoothness(
    tree: Tree,
    t: int,
    g: int,
    weight: FloatArray,
    step: FloatArray,
    step_before: FloatArray,
    jacobians: FloatArray,
    band: FloatArray,
    gradient: FloatArray,
) -> None:
    """Add one acceleration of one group: three frames, up to three axes each."""
    for p in range(3):
        for i in range(3):
            column = tree.columns[g, i]
            if column < 0:
                continue
            at = (t - 1 + p) * tree.unknowns + column
            for a in range(3):
                gradient[at] += weight[a] * jacobians[p, a, i] * (step[a] - step_before[a])
            for q in range(p, 3):
                for m in range(3):
                    other = tree.columns[g, m]
                    if other < 0 or (q == p and m < i):
                        continue
                    product = 0.0
                    for a in range(3):
                        product += weight[a] * jacobians[p, a, i] * jacobians[q, a, m]
                    distance = (q - p) * tree.unknowns + other - column
                    band[at, distance] += product


@kernel
def moved(tree: Tree, turns: FloatArray, change: FloatArray) -> FloatArray:
    """Return turns (frame, group, 3, 3) after the changes (frame, unknown)."""
    out = np.zeros(turns.shape)
    w = np.zeros(3)
    for t in range(turns.shape[0]):
        for g in range(turns.shape[1]):
            for i in range(3):
                column = tree.columns[g, i]
                w[i] = change[t, column] if column >= 0 else 0.0
            turn_right(turns[t, g], w[0], w[1], w[2], out[t, g])
    return out
