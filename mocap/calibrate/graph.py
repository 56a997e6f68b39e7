"""Where the cameras stand to each other: pairs that saw the board together, joined to one tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate.planar import PlanarPoses
from mocap.calibrate.views import BoardViews
from mocap.core.errors import CalibrationError
from mocap.core.shapes import FloatArray
from mocap.core.transform import invert

# Two frames agree on the pose between two cameras when the rotations differ by less than this and
# the translations by less than this share of the distance to the board: single-view poses of a
# board are no better than some degrees.
AGREE_RAD = 0.06
AGREE_DISTANCE = 0.06
# Frames of one pair that are compared with each other, evenly spread: a bound on the square.
MAX_FRAMES_PER_PAIR = 150
# With fewer agreeing frames a pair cannot be told from chance.
MIN_AGREEING_FRAMES = 3


@dataclass(frozen=True, eq=False)
class Pair:
    """Two cameras that saw the board together.

    Attributes:
        first, second: camera indices.
        shared: frames in which both have a usable view.
        support: frames that agree on the relative pose.
        second_from_first: (4, 4).
    """

    first: int
    second: int
    shared: int
    support: int
    second_from_first: FloatArray


def camera_pairs(views: BoardViews, poses: PlanarPoses) -> tuple[Pair, ...]:
    """Return the relative pose of every pair of cameras with a common frame, by consensus."""
    best = poses.best()
    table = np.full((len(views.camera_names), views.frame_count), -1, dtype=np.int64)
    table[views.arrays.view_camera[best.view], views.view_frame[best.view]] = np.arange(
        len(best.view)
    )
    pairs = []
    for first in range(len(table)):
        for second in range(first + 1, len(table)):
            frames = np.flatnonzero((table[first] >= 0) & (table[second] >= 0))
            if len(frames):
                a = best.camera_from_board[table[first, frames]]
                b = best.camera_from_board[table[second, frames]]
                pairs.append(consensus(first, second, a, b))
    return tuple(pairs)


def consensus(first: int, second: int, a: FloatArray, b: FloatArray) -> Pair:
    """Return the relative pose most frames agree on; `a` and `b` are camera_from_board (n, 4, 4).

    Every frame proposes its own relative pose and collects the frames that agree with it; the
    largest such group is averaged.
    """
    shared = len(a)
    if shared > MAX_FRAMES_PER_PAIR:
        chosen = np.linspace(0, shared - 1, MAX_FRAMES_PER_PAIR).astype(np.int64)
        a, b = a[chosen], b[chosen]
    relative = b @ invert(a)
    rotation, shift = relative[:, :3, :3], relative[:, :3, 3]
    trace = np.einsum("iab,jab->ij", rotation, rotation)
    distance = np.linalg.norm(a[:, :3, 3], axis=1) + np.linalg.norm(b[:, :3, 3], axis=1)
    apart = np.linalg.norm(shift[:, None] - shift[None], axis=-1)
    agree = trace > 1.0 + 2.0 * np.cos(AGREE_RAD)
    agree &= apart < AGREE_DISTANCE * 0.5 * (distance[:, None] + distance[None])
    group = agree[np.argmax(agree.sum(axis=1))]
    u, _, vt = np.linalg.svd(rotation[group].mean(axis=0))
    mean = np.eye(4)
    mean[:3, :3] = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    mean[:3, 3] = np.median(shift[group], axis=0)
    support = round(float(group.sum()) * shared / len(a))
    return Pair(first, second, shared, support, mean)


def spanning_tree(pairs: tuple[Pair, ...], names: tuple[str, ...]) -> tuple[Pair, ...]:
    """Return the pairs that join all cameras with the most agreeing frames (Prim's algorithm).

    Raises:
        CalibrationError: when the pairs leave the rig in groups; the message names them.
    """
    reached = {0}
    tree: list[Pair] = []
    usable = [pair for pair in pairs if pair.support >= MIN_AGREEING_FRAMES]
    while len(reached) < len(names):
        bridges = [p for p in usable if (p.first in reached) != (p.second in reached)]
        if not bridges:
            raise CalibrationError(_disconnected(pairs, reached, names))
        strongest = max(bridges, key=lambda pair: pair.support)
        tree.append(strongest)
        reached |= {strongest.first, strongest.second}
    return tuple(tree)


def _disconnected(pairs: tuple[Pair, ...], reached: set[int], names: tuple[str, ...]) -> str:
    """Return the message that names the two groups and what to record."""
    here = ", ".join(f"'{names[i]}'" for i in sorted(reached))
    there = ", ".join(f"'{name}'" for i, name in enumerate(names) if i not in reached)
    across = [p for p in pairs if (p.first in reached) != (p.second in reached)]
    if not across:
        seen = "no frame shows the board to a camera of both groups"
    else:
        best = max(across, key=lambda pair: (pair.support, pair.shared))
        seen = (
            f"the best pair, '{names[best.first]}' and '{names[best.second]}', shares "
            f"{best.shared} frames of which {best.support} agree; at least "
            f"{MIN_AGREEING_FRAMES} must"
        )
    return (
        f"the rig falls into two groups: {here} and {there}; {seen}. Record the board again where "
        "a camera of each group sees it at the same time, at least 20 different poses, and check "
        "that the videos start together."
    )


def chain_poses(tree: tuple[Pair, ...], cameras: int) -> FloatArray:
    """Return camera_from_world (camera, 4, 4) along the tree; the world is the first camera."""
    poses = np.tile(np.eye(4), (cameras, 1, 1))
    known = {0}
    for pair in tree:  # Prim's order: one end of each pair is known already
        if pair.first in known:
            poses[pair.second] = pair.second_from_first @ poses[pair.first]
        else:
            poses[pair.first] = invert(pair.second_from_first) @ poses[pair.second]
        known |= {pair.first, pair.second}
    return poses
