"""Writers of animation and biomechanics formats.

Each writer takes a core type and a path, writes the file atomically and returns sentences the
user should read (an empty tuple when there is nothing to say). `mocap.export.formats`
is the table of formats, `WRITERS` finds a writer by suffix, and `mocap.export.job.export_take`
writes a whole take.
"""

from __future__ import annotations

from mocap.export import bvh, c3d, csv, fbx, glb, mot, npz, trc, usd
from mocap.export.formats import Holds, writers_of

SKELETON_WRITERS = writers_of(Holds.SKELETON)
"""Writers of a `SkeletonMotion`."""

CHARACTER_WRITERS = writers_of(Holds.CHARACTER)
"""Writers of one or several `mocap.export.character.character.Character`."""

POINTS_WRITERS = writers_of(Holds.POINTS)
"""Writers of `Points3D`."""

WRITERS = {**SKELETON_WRITERS, **CHARACTER_WRITERS, **POINTS_WRITERS}

__all__ = [
    "CHARACTER_WRITERS",
    "POINTS_WRITERS",
    "SKELETON_WRITERS",
    "WRITERS",
    "bvh",
    "c3d",
    "csv",
    "fbx",
    "glb",
    "mot",
    "npz",
    "trc",
    "usd",
]
