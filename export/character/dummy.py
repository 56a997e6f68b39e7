"""A skin for skeletons that have none: a slim double pyramid along every bone.

Some programs show bones only with a skin, or make no armature without one (Blender's glTF importer
makes empties).
"""

from __future__ import annotations

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import FloatArray, IntArray

# Half width of a bone as a share of its length, widest at this share of it.
_WIDTH, _WIDEST = 0.08, 0.2
# A joint without a child gets a short bone the way its own came.
_TIP_M = 0.03
_NO_LENGTH_M = 1e-6

# Corners: near end, four around, far end.
_FACES = np.array(
    [[0, 2, 1], [0, 3, 2], [0, 4, 3], [0, 1, 4], [5, 1, 2], [5, 2, 3], [5, 3, 4], [5, 4, 1]]
)


def dummy_mesh(motion: SkeletonMotion) -> SkinnedMesh:
    """Return double pyramids along the bones of a skeleton at rest; each follows one joint."""
    rest = motion.rest_positions()
    corners: list[FloatArray] = []
    faces: list[IntArray] = []
    owners: list[int] = []
    for joint, start in enumerate(rest):
        for end in _ends(motion, rest, joint):
            if np.linalg.norm(end - start) < _NO_LENGTH_M:
                continue
            faces.append(_FACES + 6 * len(corners))
            corners.append(_corners(start, end))
            owners.append(joint)
    return SkinnedMesh(
        vertices=np.concatenate(corners),
        faces=np.concatenate(faces),
        joints=np.repeat(owners, 6)[:, None],
        weights=np.ones((6 * len(owners), 1)),
    )


def _ends(motion: SkeletonMotion, rest: FloatArray, joint: int) -> list[FloatArray]:
    """Return where the bones of a joint end."""
    children = [rest[child] for child, parent in enumerate(motion.parents) if parent == joint]
    if children:
        return children
    offset = motion.rest_offsets[joint]
    length = float(np.linalg.norm(offset))
    way = offset / length if length > _NO_LENGTH_M else np.array([0.0, 0.0, 1.0])
    return [rest[joint] + _TIP_M * way]


def _corners(start: FloatArray, end: FloatArray) -> FloatArray:
    """Return the six corners (6, 3) of one bone."""
    along = end - start
    length = np.linalg.norm(along)
    across = np.eye(3)[np.abs(along).argmin()]
    first = np.cross(along, across)
    first = first / np.linalg.norm(first) * _WIDTH * length
    second = np.cross(along / length, first)
    middle = start + _WIDEST * along
    around = [middle + first, middle + second, middle - first, middle - second]
    return np.stack([start, *around, end])
