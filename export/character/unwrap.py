"""Texture coordinates of a skin in a T-pose: its front in the left half, its back in the right.

The body is looked at from before and from behind, as a pattern is cut; a face belongs to the half
it looks to, so that none is stretched over the seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.shapes import FloatArray, IntArray

# Textures bleed over edges: the halves keep so much of the picture free around them.
_MARGIN = 0.01


@dataclass(frozen=True, eq=False)
class Unwrapped:
    """Texture coordinates of the corners of faces.

    Attributes:
        places: (place, 2) u to the right, v upwards, in [0, 1].
        corners: (face, 3) place of every corner.
    """

    places: FloatArray
    corners: IntArray


def unwrapped(mesh: SkinnedMesh) -> Unwrapped:
    """Return texture coordinates of a skin that faces -Y in its rest pose."""
    corners = mesh.vertices[mesh.faces]
    looks = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 1]
    back = (looks > 0.0).astype(np.int64)
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    size = np.where(high > low, high - low, 1.0)
    x, z = ((mesh.vertices - low) / size)[:, [0, 2]].T
    halves = np.stack([x, 1.0 - x])  # seen from behind, left and right change
    u = np.array([[0.0], [0.5]]) + _MARGIN + (0.5 - 2.0 * _MARGIN) * halves
    v = _MARGIN + (1.0 - 2.0 * _MARGIN) * z
    every = np.stack([u, np.tile(v, (2, 1))], axis=-1).reshape(-1, 2)
    wanted = back[:, None] * len(mesh.vertices) + mesh.faces
    used, index = np.unique(wanted, return_inverse=True)
    return Unwrapped(every[used], index.reshape(wanted.shape))
