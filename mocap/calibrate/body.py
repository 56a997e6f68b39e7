"""Several boards on one rigid body: how they stand to each other is solved, not given.

At first from cameras that see two of them at once, then as unknowns of the adjustment: at the
optimum of all cameras and body poses, one Gauss-Newton step in the six numbers of each board, with
cameras and poses eliminated, dp = (A - C' H^-1 C)^-1 (g - C' H^-1 G). H, G are the normal equations
of the rest; A, g and the coupling C follow from the blocks of single views, since a board that
moves on the body moves its corners as a moving camera would (the adjoint of camera_from_board). A
few such steps, each followed by an adjustment, converge as the whole problem would.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.calibrate import graph, planar
from mocap.calibrate.adjust import (
    NormalEquations,
    RigState,
    exponential,
    free_parameters,
    linearise,
    solve_step,
)
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.refine import Refined, refine_final
from mocap.calibrate.views import BoardViews
from mocap.core.errors import CalibrationError
from mocap.core.shapes import FloatArray
from mocap.core.transform import apply, invert

ROUNDS = 6
# A layout that moves by less than this (metres, radians) has converged: far below the print.
SETTLED = 2e-6


def laid_out(views: BoardViews, lens: FloatArray) -> BoardViews:
    """Return the views with a first idea of how the boards stand on their body.

    Raises:
        CalibrationError: some boards are never seen together with the others.
    """
    poses = planar.planar_poses(views, lens, planar.homographies(views)).best()
    board = views.arrays.view_board[poses.view]
    cameras = len(views.camera_names)
    place = views.view_frame[poses.view] * cameras + views.arrays.view_camera[poses.view]
    from_camera = invert(poses.camera_from_board)
    count = len(views.arrays.board_from_body)
    pairs = []
    for first in range(count):
        for second in range(first + 1, count):
            a, b = np.flatnonzero(board == first), np.flatnonzero(board == second)
            _, in_a, in_b = np.intersect1d(place[a], place[b], return_indices=True)
            if len(in_a):
                pairs.append(
                    graph.consensus(first, second, from_camera[a[in_a]], from_camera[b[in_b]])
                )
    names = tuple(f"board {index + 1}" for index in range(count))
    try:
        tree = graph.spanning_tree(tuple(pairs), names)
    except CalibrationError as error:
        raise CalibrationError(
            "the boards of the body do not hang together: no camera sees some of them at one time "
            "with the others often enough. Turn the body so that two boards face a camera at once."
        ) from error
    return with_layout(views, graph.chain_poses(tree, count))


def with_layout(views: BoardViews, board_from_body: FloatArray) -> BoardViews:
    """Return the views of a body whose boards stand as given (board, 4, 4)."""
    arrays = views.arrays
    each = len(arrays.board_xy) // len(board_from_body)
    local = np.column_stack([arrays.board_xy, np.zeros(len(arrays.board_xy))])
    parts = np.split(local, np.arange(each, len(local), each))
    placed = [apply(invert(pose), part) for pose, part in zip(board_from_body, parts, strict=True)]
    body = np.ascontiguousarray(np.concatenate(placed))
    taken = arrays._replace(body_xyz=body, board_from_body=board_from_body)
    return replace(views, arrays=taken)


def refine_body(views: BoardViews, refined: Refined, plan: LensPlan) -> tuple[BoardViews, Refined]:
    """Return views and rig with the boards where they fit the images best."""
    iterations = refined.iterations
    for _ in range(ROUNDS):
        step = _layout_step(views, refined, plan)
        moved = invert(exponential(step)) @ views.arrays.board_from_body[1:]
        views = with_layout(views, np.concatenate([views.arrays.board_from_body[:1], moved]))
        refined = refine_final(views, refined.state, plan=plan)
        iterations += refined.iterations
        if np.abs(step).max() < SETTLED:
            break
    return views, replace(refined, iterations=iterations)


def _layout_step(views: BoardViews, refined: Refined, plan: LensPlan) -> FloatArray:
    """Return the step (board - 1, 6) of all boards but the first, which is the body's frame."""
    state, board = refined.state, views.arrays.view_board
    camera, frame = views.arrays.view_camera, views.view_frame
    hessian, gradient = _by_view(views, refined)
    from_body = state.camera_from_world[camera] @ state.world_from_board[frame]
    by_body = _adjoint(from_body)
    by_board = _adjoint(from_body @ invert(views.arrays.board_from_body)[board])
    # Moving a board on the body moves its corners like a camera would, by the adjoint.
    to_camera = hessian[:, :, :6] @ by_board
    to_body = np.swapaxes(by_body, 1, 2) @ to_camera[:, :6]
    own = np.swapaxes(by_board, 1, 2) @ to_camera[:, :6]
    pull = np.einsum("vki,vk->vi", by_board, gradient[:, :6])
    here = linearise(views, state, refined.loss, refined.prior)
    free = free_parameters(state, plan)
    unknowns = 6 * (len(views.arrays.board_from_body) - 1)
    left, right = np.zeros((unknowns, unknowns)), np.zeros(unknowns)
    columns: list[NormalEquations] = []
    for index in range(1, len(views.arrays.board_from_body)):
        mine, part = board == index, slice(6 * index - 6, 6 * index)
        left[part, part], right[part] = own[mine].sum(axis=0), pull[mine].sum(axis=0)
        for axis in range(6):
            cameras, boards = (
                np.zeros_like(here.camera_gradient),
                np.zeros_like(here.board_gradient),
            )
            np.add.at(cameras, camera[mine], to_camera[mine, :, axis])
            np.add.at(boards, frame[mine], to_body[mine, :, axis])
            columns.append(replace(here, camera_gradient=cameras, board_gradient=boards))
    solved = [solve_step(views, each, 0.0, free) for each in columns]

    def along(step: tuple[FloatArray, FloatArray], other: NormalEquations) -> float:
        return float(
            np.sum(step[0] * other.camera_gradient) + np.sum(step[1] * other.board_gradient)
        )

    left -= np.array([[along(step, other) for other in columns] for step in solved])
    right -= np.array([along(step, here) for step in solved])
    return np.asarray(np.linalg.solve(left, right).reshape(-1, 6))


def _by_view(views: BoardViews, refined: Refined) -> tuple[FloatArray, FloatArray]:
    """Return J'WJ (view, p, p) and J'We (view, p) of each view, in the parameters of its camera."""
    camera, state = views.arrays.view_camera, refined.state
    arrays = views.arrays._replace(view_camera=np.arange(len(camera), dtype=np.int64))
    spread = RigState(
        np.ascontiguousarray(state.lens[camera]),
        np.ascontiguousarray(state.camera_from_world[camera]),
        state.world_from_board,
    )
    found = linearise(replace(views, arrays=arrays), spread, refined.loss, None)
    return found.camera_hessian, found.camera_gradient


def _adjoint(poses: FloatArray) -> FloatArray:
    """Return the adjoints (n, 6, 6) of transforms (n, 4, 4), order (omega, tau)."""
    rotation, shift = poses[:, :3, :3], poses[:, :3, 3]
    out = np.zeros((len(poses), 6, 6))
    out[:, :3, :3] = out[:, 3:, 3:] = rotation
    out[:, 3:, :3] = np.cross(shift[:, None, :], np.swapaxes(rotation, 1, 2)).swapaxes(1, 2)
    return out
