"""A moving skeleton: what animation formats hold."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.shapes import FloatArray, check_shapes, check_unique


@dataclass(frozen=True, eq=False)
class SkeletonMotion:
    """A skeleton with constant bones and one rotation per joint and frame; world Z up, metres.

    The rest pose (all local rotations identity) is a T-pose: a joint's rest position is its
    parent's plus `rest_offsets`. All joint frames are parallel to the world in the rest pose.

    Attributes:
        joint_names: parents come before their children; joint 0 is the root.
        parents: (joint,) index of the parent, -1 for the root.
        rest_offsets: (joint, 3) from the parent, metres, in the rest pose; 0 for the root.
        local_rotations_wxyz: (frame, joint, 4) rotation of the joint in its parent's frame.
        root_positions: (frame, 3) of the root joint in the world, metres.
        fps: frames per second.
    """

    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    rest_offsets: FloatArray
    local_rotations_wxyz: FloatArray
    root_positions: FloatArray
    fps: float

    def __post_init__(self) -> None:
        """Check shapes, names and that parents come first."""
        check_shapes(
            self,
            joint_names="joint",
            parents="joint",
            rest_offsets="joint 3",
            local_rotations_wxyz="frame joint 4",
            root_positions="frame 3",
        )
        check_unique(self, "joint_names", self.joint_names)
        if self.parents[0] != -1 or any(
            not 0 <= parent < joint for joint, parent in enumerate(self.parents) if joint
        ):
            raise ValueError("SkeletonMotion.parents: joint 0 is the root, parents come first")

    def part(self, frames: slice) -> SkeletonMotion:
        """Return some frames."""
        return replace(
            self,
            local_rotations_wxyz=self.local_rotations_wxyz[frames],
            root_positions=self.root_positions[frames],
        )

    def forward_kinematics(self) -> tuple[FloatArray, FloatArray]:
        """Return world positions (frame, joint, 3) and world rotations (frame, joint, 3, 3)."""
        local = matrix_from_quaternion_wxyz(self.local_rotations_wxyz)
        positions = np.zeros((*local.shape[:2], 3))
        rotations = np.zeros_like(local)
        positions[:, 0], rotations[:, 0] = self.root_positions, local[:, 0]
        for joint, parent in enumerate(self.parents):
            if parent < 0:
                continue
            rotations[:, joint] = rotations[:, parent] @ local[:, joint]
            offset = rotations[:, parent] @ self.rest_offsets[joint]
            positions[:, joint] = positions[:, parent] + offset
        return positions, rotations

    def rest_positions(self) -> FloatArray:
        """Return the joints (joint, 3) in the rest pose, root at the origin, metres."""
        positions = np.zeros_like(self.rest_offsets)
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                positions[joint] = positions[parent] + self.rest_offsets[joint]
        return positions
