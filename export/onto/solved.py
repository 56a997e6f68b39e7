"""What goes into retargeting beside the motion, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

from mocap.core.shapes import BoolArray, FloatArray


@dataclass(frozen=True, eq=False)
class Standing:
    """When the feet of the person stand, on which floor.

    Attributes:
        standing: (frame, side, part): left, right; heel, ball.
        floor_m: height of the floor.
    """

    standing: BoolArray
    floor_m: float


@dataclass(frozen=True, eq=False)
class Solved:
    """What the nodes of a rig do.

    Attributes:
        fps: frames per second.
        turns: (frame, 3, 3) of the animated rotation of each moving node.
        moves: (frame, 3) translations, file units, of nodes that travel.
        positions: (frame, node, 3) where all nodes are, metres, Z up.
        scale: how many times as long as the person's the legs are.
        drift_mm: by "before" and "after" the lock: the median over stances of how far heel or
            ball slide; NaN without stances.
    """

    fps: float
    turns: dict[int, FloatArray]
    moves: dict[int, FloatArray]
    positions: FloatArray
    scale: float
    drift_mm: dict[str, float]

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.positions)
