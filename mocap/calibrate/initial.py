"""A first state of the rig, robust enough to start the adjustment from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate import graph, planar
from mocap.calibrate.adjust import Loss, RigState, board_costs
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.planar import PlanarPoses
from mocap.calibrate.views import BoardViews
from mocap.core.lens import CAUCHY
from mocap.core.shapes import BoolArray, FloatArray
from mocap.core.transform import invert

# First states are some 10 px off; at this scale a good board pose still beats a flipped one.
CHOICE_LOSS = Loss(CAUCHY, 20.0)


@dataclass(frozen=True, eq=False)
class InitialEstimate:
    """A start for the adjustment.

    Attributes:
        views: those of the frames whose board got a pose.
        state: lenses without distortion, camera poses along the tree, board poses.
        pairs: all camera pairs with common frames.
        tree: those that joined the rig.
        focal_assumed: (camera,) no view was tilted enough to estimate the focal length.
    """

    views: BoardViews
    state: RigState
    pairs: tuple[graph.Pair, ...]
    tree: tuple[graph.Pair, ...]
    focal_assumed: BoolArray


def initial_estimate(views: BoardViews, plan: LensPlan | None = None) -> InitialEstimate:
    """Return a first state with the lenses that a plan knows.

    Raises:
        CalibrationError: when the rig is not connected.
    """
    found = planar.homographies(views)
    lens, assumed = planar.initial_lenses(views, found)
    if plan is not None:
        lens, assumed = plan.applied(lens), assumed & ~plan.given
    poses = planar.planar_poses(views, lens, found)
    pairs = graph.camera_pairs(views, poses)
    tree = graph.spanning_tree(pairs, views.camera_names)
    cameras = graph.chain_poses(tree, len(lens))
    has_pose = np.zeros(views.frame_count, dtype=bool)
    has_pose[views.view_frame[poses.view]] = True
    empty = RigState(lens, cameras, np.tile(np.eye(4), (views.frame_count, 1, 1)))
    state, _ = choose_boards(views, empty, poses, CHOICE_LOSS)
    kept = replace(state, world_from_board=state.world_from_board[has_pose])
    return InitialEstimate(views.keep_frames(has_pose), kept, pairs, tree, assumed)


def choose_boards(
    views: BoardViews, state: RigState, poses: PlanarPoses, loss: Loss
) -> tuple[RigState, FloatArray]:
    """Give each frame the single-view pose that explains all its views best.

    Returns the state and the cost (frame,) of the chosen poses; frames without any pose keep the
    one they have, at infinite cost.
    """
    candidates = invert(state.camera_from_world)[views.arrays.view_camera[poses.view]]
    candidates = candidates @ poses.camera_from_board
    frame = views.view_frame[poses.view]
    costs = board_costs(views, state, frame, candidates, loss)
    order = np.lexsort((costs, frame))
    frames, first = np.unique(frame[order], return_index=True)
    boards = state.world_from_board.copy()
    boards[frames] = candidates[order[first]]
    best = np.full(views.frame_count, np.inf)
    best[frames] = costs[order[first]]
    return replace(state, world_from_board=boards), best
