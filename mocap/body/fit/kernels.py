"""Where the keypoints of a posed body are, and their normal equations (numba).

The unknowns of a frame are the root's position and one small turn for each rotation group; a
group is one joint, or several that turn alike (the spine bends evenly). Moving joint a by exp(w)
from the right moves a point X that hangs below it by  w -> (G_a w) x (X - p_a), with the global
rotation G_a and the position p_a of the joint; the shape moves it linearly. Only pairs of a
keypoint and a joint above it are visited. The formulas, `used` and `slot`: docs/maths/body.md.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mocap.core.kernels.compiled import kernel, part
from mocap.core.shapes import FloatArray, IntArray


class Tree(NamedTuple):
    """Joints, groups and keypoints as arrays.

    A keypoint is a weighted sum of pieces; a piece is a point fixed to one joint.

    Attributes:
        parents: (joint,) index, -1 for joint 0, which sits at the root's position.
        joint_group: (joint,) rotation group, -1 for joints that do not turn.
        columns: (group, 3) column of each axis among the unknowns, -1 for none.
        root_column: first of the three columns of the root's position, -1 when it is known.
        unknowns: columns of a frame.
        piece_start: (keypoint + 1,) first piece of each keypoint.
        piece_joint: (piece,) the joint it is fixed to.
        piece_weight: (piece,).
        used: (keypoint, column) columns that move a keypoint, ascending, -1 after the last.
        slot: (keypoint, unknown) where a column is in `used`, -1 for none.
    """

    parents: IntArray
    joint_group: IntArray
    columns: IntArray
    root_column: int
    unknowns: int
    piece_start: IntArray
    piece_joint: IntArray
    piece_weight: FloatArray
    used: IntArray
    slot: IntArray


class Shape(NamedTuple):
    """Bones and pieces of one shape, and how the shape moves them, in the zero pose, metres.

    Attributes:
        bones: (joint, 3) from the parent to the joint.
        pieces: (piece, 3) from its joint.
        bones_by_beta: (joint, 3, beta).
        pieces_by_beta: (piece, 3, beta).
    """

    bones: FloatArray
    pieces: FloatArray
    bones_by_beta: FloatArray
    pieces_by_beta: FloatArray


@part
def _pose(
    tree: Tree,
    shape: Shape,
    turns: FloatArray,
    root: FloatArray,
    rotations: FloatArray,
    positions: FloatArray,
    pieces: FloatArray,
) -> None:
    """Write global rotations (joint, 3, 3), positions and pieces of one frame."""
    for j in range(len(tree.parents)):
        p, group = tree.parents[j], tree.joint_group[j]
        for a in range(3):
            if p < 0:
                positions[j, a] = root[a]
                for b in range(3):
                    rotations[j, a, b] = turns[group, a, b] if group >= 0 else 1.0 * (a == b)
                continue
            r0, r1, r2 = rotations[p, a, 0], rotations[p, a, 1], rotations[p, a, 2]
            bone = shape.bones[j]
            positions[j, a] = positions[p, a] + r0 * bone[0] + r1 * bone[1] + r2 * bone[2]
            if group < 0:
                rotations[j, a, 0], rotations[j, a, 1], rotations[j, a, 2] = r0, r1, r2
                continue
            turn = turns[group]
            for b in range(3):
                rotations[j, a, b] = r0 * turn[0, b] + r1 * turn[1, b] + r2 * turn[2, b]
    for k in range(len(tree.piece_joint)):
        j = tree.piece_joint[k]
        x, y, z = shape.pieces[k, 0], shape.pieces[k, 1], shape.pieces[k, 2]
        for a in range(3):
            r = rotations[j, a]
            pieces[k, a] = positions[j, a] + r[0] * x + r[1] * y + r[2] * z


@part
def _keypoint(tree: Tree, pieces: FloatArray, k: int, out: FloatArray) -> None:
    """Write the position of keypoint k."""
    out[:] = 0.0
    for m in range(tree.piece_start[k], tree.piece_start[k + 1]):
        for a in range(3):
            out[a] += tree.piece_weight[m] * pieces[m, a]


@kernel
def keypoints_of(tree: Tree, shape: Shape, turns: FloatArray, root: FloatArray) -> FloatArray:
    """Return the keypoints (frame, keypoint, 3) of turns (frame, group, 3, 3), root (frame, 3)."""
    frames, joints, keypoints = len(root), len(tree.parents), len(tree.piece_start) - 1
    rotations, positions = np.zeros((joints, 3, 3)), np.zeros((joints, 3))
    pieces = np.zeros((len(tree.piece_joint), 3))
    out = np.zeros((frames, keypoints, 3))
    for t in range(frames):
        _pose(tree, shape, turns[t], root[t], rotations, positions, pieces)
        for k in range(keypoints):
            _keypoint(tree, pieces, k, out[t, k])
    return out


@kernel
def point_terms(
    points: FloatArray,
    targets: FloatArray,
    information: FloatArray,
    scale2: float,
    curvature: FloatArray,
    weighted: FloatArray,
) -> float:
    """Write the reweighted information and half gradient of keypoints in space; return the cost.

    The cost is the sum of Cauchy losses s² log(1 + e²/s²), e² = r' information r.

    Args:
        points, targets: (frame, keypoint, 3) of the body and measured, metres.
        information: (frame, keypoint, 3, 3) in 1/m², zero where nothing was measured.
        scale2: s².
        curvature: (frame, keypoint, 3, 3) in 1/m².
        weighted: (frame, keypoint, 3) in 1/m.
    """
    residual = np.zeros(3)
    total = 0.0
    for t in range(points.shape[0]):
        for k in range(points.shape[1]):
            squared = 0.0
            for a in range(3):
                residual[a] = points[t, k, a] - targets[t, k, a]
            for a in range(3):
                for b in range(3):
                    squared += residual[a] * information[t, k, a, b] * residual[b]
            total += scale2 * math.log1p(squared / scale2)
            robust = 1.0 / (1.0 + squared / scale2)
            for a in range(3):
                weighted[t, k, a] = 0.0
                for b in range(3):
                    curvature[t, k, a, b] = robust * information[t, k, a, b]
                    weighted[t, k, a] += curvature[t, k, a, b] * residual[b]
    return total


@part
def _jacobian(
    tree: Tree,
    k: int,
    rotations: FloatArray,
    positions: FloatArray,
    pieces: FloatArray,
    out: FloatArray,
) -> None:
    """Write d keypoint k / d its used columns into `out` (column, 3)."""
    out[:] = 0.0
    if tree.root_column >= 0:
        for a in range(3):
            out[tree.slot[k, tree.root_column + a], a] = 1.0
    for m in range(tree.piece_start[k], tree.piece_start[k + 1]):
        weight = tree.piece_weight[m]
        j = tree.piece_joint[m]
        while j >= 0:
            group = tree.joint_group[j]
            if group >= 0:
                dx = weight * (pieces[m, 0] - positions[j, 0])
                dy = weight * (pieces[m, 1] - positions[j, 1])
                dz = weight * (pieces[m, 2] - positions[j, 2])
                for axis in range(3):
                    column = tree.columns[group, axis]
                    if column < 0:
                        continue
                    gx, gy, gz = (
                        rotations[j, 0, axis],
                        rotations[j, 1, axis],
                        rotations[j, 2, axis],
                    )
                    # (column of G) x (piece - joint): what a turn about this axis does
                    row = out[tree.slot[k, column]]
                    row[0] += gy * dz - gz * dy
                    row[1] += gz * dx - gx * dz
                    row[2] += gx * dy - gy * dx
            j = tree.parents[j]


@part
def _shape_jacobian(
    tree: Tree, shape: Shape, rotations: FloatArray, joints_by_beta: FloatArray, out: FloatArray
) -> None:
    """Write d keypoint / d beta into `out` (keypoint, 3, beta) for the posed frame."""
    betas = out.shape[2]
    for j in range(1, len(tree.parents)):
        p = tree.parents[j]
        for a in range(3):
            r0, r1, r2 = rotations[p, a, 0], rotations[p, a, 1], rotations[p, a, 2]
            for b in range(betas):
                joints_by_beta[j, a, b] = joints_by_beta[p, a, b] + (
                    r0 * shape.bones_by_beta[j, 0, b]
                    + r1 * shape.bones_by_beta[j, 1, b]
                    + r2 * shape.bones_by_beta[j, 2, b]
                )
    out[:] = 0.0
    for k in range(len(tree.piece_start) - 1):
        for m in range(tree.piece_start[k], tree.piece_start[k + 1]):
            j, weight = tree.piece_joint[m], tree.piece_weight[m]
            for a in range(3):
                r0, r1, r2 = rotations[j, a, 0], rotations[j, a, 1], rotations[j, a, 2]
                for b in range(betas):
                    out[k, a, b] += weight * (
                        joints_by_beta[j, a, b]
                        + r0 * shape.pieces_by_beta[m, 0, b]
                        + r1 * shape.pieces_by_beta[m, 1, b]
                        + r2 * shape.pieces_by_beta[m, 2, b]
                    )


@kernel
def data_normals(
    tree: Tree,
    shape: Shape,
    turns: FloatArray,
    root: FloatArray,
    curvature: FloatArray,
    weighted: FloatArray,
    band: FloatArray,
    gradient: FloatArray,
    coupling: FloatArray,
    person_hessian: FloatArray,
    person_gradient: FloatArray,
) -> None:
    """Add the normal equations of all keypoints.

    Args:
        tree, shape, turns, root: as for `keypoints_of`.
        curvature: (frame, keypoint, 3, 3) Gauss-Newton matrix of each keypoint, 1/m²; 0: not seen.
        weighted: (frame, keypoint, 3) half gradient of the cost for each keypoint, 1/m.
        band: (unknown, distance) lower band of the matrix: entry (row, column) of it is at
            [column, row - column]; unknowns frame by frame.
        gradient: (unknown,) half of the cost's gradient.
        coupling: (unknown, person): betas first (none when the shape is known), then others.
        person_hessian, person_gradient: (person, person) and (person,).
    """
    joints, keypoints, betas = len(tree.parents), curvature.shape[1], shape.pieces_by_beta.shape[2]
    rotations, positions = np.zeros((joints, 3, 3)), np.zeros((joints, 3))
    pieces = np.zeros((len(tree.piece_joint), 3))
    jacobian = np.zeros((tree.used.shape[1], 3))
    by_beta, joints_by_beta = np.zeros((keypoints, 3, betas)), np.zeros((joints, 3, betas))
    weighted_beta = np.zeros((3, betas))
    for t in range(len(root)):
        _pose(tree, shape, turns[t], root[t], rotations, positions, pieces)
        if betas > 0:
            _shape_jacobian(tree, shape, rotations, joints_by_beta, by_beta)
        first = t * tree.unknowns
        for k in range(keypoints):
            if curvature[t, k, 0, 0] == 0.0:
                continue
            _jacobian(tree, k, rotations, positions, pieces, jacobian)
            for a in range(3):
                for b in range(betas):
                    weighted_beta[a, b] = (
                        curvature[t, k, a, 0] * by_beta[k, 0, b]
                        + curvature[t, k, a, 1] * by_beta[k, 1, b]
                        + curvature[t, k, a, 2] * by_beta[k, 2, b]
                    )
            _add_keypoint(
                tree.used[k], first, jacobian, curvature[t, k], weighted[t, k], weighted_beta, band,
                gradient, coupling,
            )  # fmt: skip
            for b in range(betas):
                for a in range(3):
                    person_gradient[b] += by_beta[k, a, b] * weighted[t, k, a]
                    for d in range(betas):
                        person_hessian[b, d] += by_beta[k, a, b] * weighted_beta[a, d]


@part
def _add_keypoint(
    used: IntArray,
    first: int,
    jacobian: FloatArray,
    curvature: FloatArray,
    weighted: FloatArray,
    weighted_beta: FloatArray,
    band: FloatArray,
    gradient: FloatArray,
    coupling: FloatArray,
) -> None:
    """Add J' W J, J' W r and J' W J_beta of one keypoint in one frame."""
    for i in range(len(used)):
        if used[i] < 0:
            break
        column = first + used[i]
        j0, j1, j2 = jacobian[i, 0], jacobian[i, 1], jacobian[i, 2]
        gradient[column] += j0 * weighted[0] + j1 * weighted[1] + j2 * weighted[2]
        for b in range(weighted_beta.shape[1]):
            coupling[column, b] += (
                j0 * weighted_beta[0, b] + j1 * weighted_beta[1, b] + j2 * weighted_beta[2, b]
            )
        w0 = j0 * curvature[0, 0] + j1 * curvature[1, 0] + j2 * curvature[2, 0]
        w1 = j0 * curvature[0, 1] + j1 * curvature[1, 1] + j2 * curvature[2, 1]
        w2 = j0 * curvature[0, 2] + j1 * curvature[1, 2] + j2 * curvature[2, 2]
        # `used` is ascending: from i on the partner lies on or below the diagonal.
        for m in range(i, len(used)):
            if used[m] < 0:
                break
            band[column, used[m] - used[i]] += (
                w0 * jacobian[m, 0] + w1 * jacobian[m, 1] + w2 * jacobian[m, 2]
            )
