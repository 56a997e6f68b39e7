"""What is read back from a file to check it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray, check_shapes


@dataclass(frozen=True, eq=False)
class ReadScene:
    """Nodes of a file at the times of its keys, metres, Z up.

    Attributes:
        joint_names: names of the nodes.
        times_s: (frame,) seconds.
        positions: (frame, joint, 3).
        vertices: (vertex, 3) of the first skin in each frame that was asked for.
    """

    joint_names: tuple[str, ...]
    times_s: FloatArray
    positions: FloatArray
    vertices: tuple[FloatArray, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, joint_names="joint", times_s="frame", positions="frame joint 3")

    @property
    def fps(self) -> float:
        """Frames per second; NaN for a single frame."""
        if len(self.times_s) < 2:
            return float("nan")
        return float((len(self.times_s) - 1) / (self.times_s[-1] - self.times_s[0]))

    def joints(self, names: tuple[str, ...]) -> FloatArray:
        """Return the positions (frame, len(names), 3) of some joints."""
        return np.asarray(self.positions[:, [self.joint_names.index(name) for name in names]])
