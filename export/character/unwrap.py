"""Texture coordinates of a skin in a T-pose: its front in the left half, its back in the right.

The body is looked at from before and from behind, as a pattern is cut; a face belongs to the half
it looks to, so that none is stretched over the seam.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.shapes import FloatArray, IntArray

SKIN_COLOUR = (0.72, 0.62, 0.54)
"""Of the neutral material: RGB, 0 to 1."""

# Textures bleed over edges: the halves keep so much of the picture free around them.
_MARGIN = 0.01


@dataclass(frozen=True, eq=False)
class Unwrapped:
    """Texture coordinates of the corners of faces.

    Attributes:
        places: (place, 2) u to the right, v upwards, in [0, 1].
        corners: (face, 3) place of every corner.
        vertices: (place,) the vertex that lies there.
    """

    places: FloatArray
    corners: IntArray
    vertices: IntArray


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
    return Unwrapped(every[used], index.reshape(wanted.shape), used % len(mesh.vertices))


@dataclass(frozen=True, eq=False)
class CutMesh:
    """A skin cut along the seam, for formats that keep one texture coordinate a vertex.

    Attributes:
        vertices: (corner,) the vertex of the whole skin: all of them in their order, then a second
            time those on the seam.
        places: (corner, 2) texture coordinates, u to the right, v upwards.
        faces: (face, 3) into both.
    """

    vertices: IntArray
    places: FloatArray
    faces: IntArray


def cut_open(mesh: SkinnedMesh) -> CutMesh:
    """Return a skin that faces -Y in its rest pose, cut between its front and its back."""
    picture = unwrapped(mesh)
    count = len(mesh.vertices)
    first = np.full(count, -1)
    order = np.arange(len(picture.vertices))
    # The last assignment wins: reversed, each vertex has its first place.
    first[picture.vertices[::-1]] = order[::-1]
    again = np.flatnonzero(first[picture.vertices] != order)
    row = np.zeros(len(order), dtype=np.int64)
    row[first[first >= 0]] = np.flatnonzero(first >= 0)
    row[again] = count + np.arange(len(again))
    # A vertex of no face lies anywhere in the picture.
    places = np.concatenate([picture.places[np.maximum(first, 0)], picture.places[again]])
    vertices = np.concatenate([np.arange(count), picture.vertices[again]])
    return CutMesh(vertices, places, row[picture.corners])
