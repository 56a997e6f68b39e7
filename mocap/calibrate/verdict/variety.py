"""Has the board been shown in enough ways to calibrate a lens and a rig from it?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate.adjust import RigState
from mocap.core.board import Board
from mocap.core.shapes import FloatArray

# Below this spread of its directions a board moved in a plane: all views say the same of a lens.
PLANAR_DEG = 5.0
# A board whose middle stays within this share of its own size was hardly moved.
UNMOVED_SHARE = 0.5


@dataclass(frozen=True)
class Variety:
    """How the board moved: root mean square spread of its directions and of its middle."""

    tilt_deg: float
    travel_m: float
    board_m: float

    @property
    def planar(self) -> bool:
        """Whether the board kept its direction all the time."""
        return self.tilt_deg < PLANAR_DEG

    @property
    def unmoved(self) -> bool:
        """Whether the board stayed where it was."""
        return self.travel_m < UNMOVED_SHARE * self.board_m


def board_variety(state: RigState, board: Board) -> Variety:
    """Return how a board moved in the frames that were used; still frames count once."""
    points = board.corner_points()
    middle = np.append(points.mean(axis=0), 1.0)
    places = (state.world_from_board @ middle)[:, :3]
    size = float(np.linalg.norm(points.max(axis=0) - points.min(axis=0)))
    return Variety(_spread_deg(state.world_from_board[:, :3, 2]), _spread(places), size)


def _spread_deg(directions: FloatArray) -> float:
    """Return the root mean square angle of unit vectors (n, 3) to their main axis, in degrees.

    The axis has no sign: the back of a two-sided board is as good as its front.
    """
    _, _, axes = np.linalg.svd(directions, full_matrices=False)
    cosine = np.abs(directions @ axes[0])
    return float(np.rad2deg(np.sqrt(np.mean(np.arccos(np.clip(cosine, 0.0, 1.0)) ** 2))))


def _spread(places: FloatArray) -> float:
    """Return the root mean square distance of points (n, 3) from their middle."""
    off = places - np.median(places, axis=0)
    return float(np.sqrt(np.mean(np.sum(off**2, axis=1))))
