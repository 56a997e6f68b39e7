"""Travel and heading of a body as the motion of one bone on the floor (root motion).

Game engines move a character by a single bone at its feet. The bone stays on the floor under the
pelvis and turns about the vertical only; what is left (height, lean) stays in the pelvis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import FloatArray

ROOT_NAME = "root"

# Upside down, a body has no heading; the last one is kept. Half the cosine of 179.9 degrees.
_NO_HEADING = 1e-3


@dataclass(frozen=True, eq=False)
class RootMotion:
    """A root bone and the pelvis in it.

    Attributes:
        positions: (frame, 3) of the root bone in the world, on the floor, metres.
        heading_wxyz: (frame, 4) turn of the root bone about the vertical.
        pelvis_positions: (frame, 3) of the pelvis in the root bone's frame, metres.
        pelvis_wxyz: (frame, 4) turn of the pelvis in the root bone's frame.
    """

    positions: FloatArray
    heading_wxyz: FloatArray
    pelvis_positions: FloatArray
    pelvis_wxyz: FloatArray


def root_motion(motion: SkeletonMotion) -> RootMotion:
    """Split the motion of the first joint into a root bone and the rest.

    The heading is the twist about the vertical in the swing-twist decomposition of the pelvis
    rotation: (w, 0, 0, z), normalised.
    """
    pelvis = np.asarray(motion.local_rotations_wxyz[:, 0], dtype=np.float64)
    pelvis = pelvis / np.linalg.norm(pelvis, axis=1, keepdims=True)
    twist = pelvis[:, [0, 3]]
    size = np.linalg.norm(twist, axis=1)
    known = size > _NO_HEADING
    last = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    twist = np.where((last >= 0)[:, None], twist[last], [1.0, 0.0])
    cosine, sine = (twist / np.linalg.norm(twist, axis=1, keepdims=True)).T
    zero = np.zeros_like(cosine)
    w, x, y, z = pelvis.T
    # Heading turned back, times the pelvis: (c, 0, 0, -s) * (w, x, y, z).
    rest = [
        cosine * w + sine * z,
        cosine * x + sine * y,
        cosine * y - sine * x,
        cosine * z - sine * w,
    ]
    floor = motion.root_positions * np.array([1.0, 1.0, 0.0])
    return RootMotion(
        positions=floor,
        heading_wxyz=np.stack([cosine, zero, zero, sine], axis=1),
        pelvis_positions=motion.root_positions - floor,
        pelvis_wxyz=np.stack(rest, axis=1),
    )
