"""Bony landmarks: points of the body that are fixed to a joint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import FloatArray, check_shapes, check_unique


@dataclass(frozen=True, eq=False)
class BonyLandmarks:
    """Points fixed to the joints of one person's skeleton.

    Attributes:
        names: as `mocap.body.anatomical_markers` calls them: C7, CLAV, LASI, ...
        joints: (landmark,) the joint that carries each.
        offsets: (landmark, 3) metres from that joint in the rest pose, world axes.
    """

    names: tuple[str, ...]
    joints: tuple[str, ...]
    offsets: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and names."""
        check_shapes(self, names="landmark", joints="landmark", offsets="landmark 3")
        check_unique(self, "names", self.names)

    def offset(self, name: str) -> FloatArray:
        """Return the offset (3,) of a landmark from its joint."""
        return self.offsets[self.names.index(name)]

    def positions(
        self, motion: SkeletonMotion, names: Sequence[str] | None = None
    ) -> dict[str, FloatArray]:
        """Return where (the named) landmarks of a moving skeleton are (frame, 3), metres, by name.

        Raises:
            ValueError: the skeleton lacks a joint that carries one.
        """
        return self.carried(motion.joint_names, *motion.forward_kinematics(), names)

    def carried(
        self,
        joint_names: Sequence[str],
        centres: FloatArray,
        rotations: FloatArray,
        names: Sequence[str] | None = None,
    ) -> dict[str, FloatArray]:
        """Return the same of joints at `centres` (frame, joint, 3), turned by `rotations` (frame,
        joint, 3, 3)."""
        chosen = self.names if names is None else tuple(names)
        rows = [self.names.index(name) for name in chosen]
        carriers = [joint_names.index(self.joints[row]) for row in rows]
        turned = (rotations[:, carriers] @ self.offsets[rows, :, None])[..., 0]
        return dict(zip(chosen, np.moveaxis(centres[:, carriers] + turned, 1, 0), strict=True))
